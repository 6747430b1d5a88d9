"""An application of the library, wired by its own settings, on the ledger's recorder."""

from __future__ import annotations

from typing import Any

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from psycopg.conninfo import conninfo_to_dict


class Dog(Aggregate):
    """The library's own example."""

    @event("Registered")
    def __init__(self, name: str) -> None:
        self.name = name
        self.tricks: list[str] = []

    @event("TrickAdded")
    def add_trick(self, trick: str) -> None:
        """Learn one more."""
        self.tricks.append(trick)


def test_an_application_of_the_library(database_url: str) -> None:
    """The factory constructs the recorder, makes its tables, and aggregates come back."""
    found: dict[str, Any] = conninfo_to_dict(database_url)
    environment = {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "APPLICATION_RECORDER_TOPIC": "ledger.store.recorder:LedgerRecorder",
        "POSTGRES_DBNAME": found["dbname"],
        "POSTGRES_HOST": found.get("host", ""),
        "POSTGRES_PORT": str(found.get("port", "5432")),
        "POSTGRES_USER": found.get("user", ""),
        "POSTGRES_PASSWORD": str(found.get("password") or ""),
    }
    for _ in range(2):  # the second finds the tables
        with Application[Any](environment) as application:
            dog = Dog(name="Fido")
            dog.add_trick("roll over")
            application.save(dog)
            dog.add_trick("fetch")
            application.save(dog)
            assert application.repository.get(dog.id).tricks == ["roll over", "fetch"]
            last = application.recorder.max_notification_id()
            assert last is not None
            names = [n.topic.rsplit(".", 1)[-1] for n in application.notification_log.select(1, 9)]
    assert last == 6
    assert names == ["Registered", "TrickAdded", "TrickAdded"] * 2
