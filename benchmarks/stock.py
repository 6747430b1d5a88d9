"""The same work written the stock eventsourcing way, to be compared with.

It is done as its documentation shows it, with what the library offers for speed: aggregates kept at
hand, a projection that is given only the events it wants, one tracking row, one transaction an
event.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from time import monotonic, sleep
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import psycopg
from eventsourcing.application import AggregateNotFoundError, Application
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresDatastore, PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from eventsourcing.utils import get_topic
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from benchmarks.wire import RECEIVED
from events.billing import ClientActivated, ClientPlanChanged
from events.envelope import decode

RATE_PERCENT = 20
_PATIENCE_S = 600.0


class Subject(Aggregate):
    """What facts are told of: a client, a partner; earns its partner a commission."""

    def __init__(self, stream: str, partner_id: str | None) -> None:
        self.stream = stream
        self.partner_id = partner_id
        self.told = 0

    @staticmethod
    def create_id(stream: str, partner_id: str | None = None) -> UUID:  # noqa: ARG004
        """The id of the subject of a stream."""
        return uuid5(NAMESPACE_URL, stream)

    @event("Told")
    def tell(self, type_: str, data: dict[str, Any]) -> None:
        """Record a fact."""
        self.told += bool(type_) and bool(data)

    class Earned(Aggregate.Event):
        """A commission of a partner."""

        partner_id: str
        currency: str
        amount: int

    @event(Earned)
    def earn(self, partner_id: str, currency: str, amount: int) -> None:
        """Record a commission."""


class Subjects(Application[UUID]):
    """The stock ledger: one aggregate a subject, one ``save`` a fact."""

    def tell(self, line: bytes) -> int | None:
        """Record a line of the wire; the id of the commission's notification, if it has one."""
        data = decode(line, RECEIVED).data
        partner_id: str | None = getattr(data, "partner_id", None)
        try:
            subject: Subject = self.repository.get(Subject.create_id(data.stream))
        except AggregateNotFoundError:
            subject = Subject(data.stream, partner_id)
        subject.tell(data.type, data.model_dump(mode="json", exclude_none=True))
        if not isinstance(data, ClientActivated | ClientPlanChanged):
            self.save(subject)
            return None
        amount = data.price * RATE_PERCENT // 100
        subject.earn(subject.partner_id or "direct", data.currency or "EUR", amount)
        return self.save(subject)[-1].notification.id

    def earn(self, lines: Iterable[tuple[str, str, int]]) -> int:
        """Record commissions (partner, currency, minor units), 100 a call; the last's id."""
        subject, last = Subject("history", None), 0
        for number, line in enumerate(lines, start=1):
            subject.earn(*line)
            if number % 100 == 0:
                last = self.save(subject)[-1].notification.id
        return max([last, *(int(done.notification.id) for done in self.save(subject))])


class BalancesView(PostgresTrackingRecorder):
    """Balances by partner and currency in a table, tracked as the library does it."""

    def __init__(self, datastore: PostgresDatastore, **kwargs: Any) -> None:
        super().__init__(datastore, **kwargs)
        table = sql.Identifier(datastore.schema, "balances")
        self.sql_create_statements.append(
            sql.SQL(
                "CREATE TABLE IF NOT EXISTS {} (partner_id text, currency text, earned numeric,"
                " PRIMARY KEY (partner_id, currency))"
            ).format(table)
        )
        self._add = sql.SQL(
            "INSERT INTO {} AS old VALUES (%s, %s, %s) ON CONFLICT (partner_id, currency)"
            " DO UPDATE SET earned = old.earned + EXCLUDED.earned"
        ).format(table)

    def add(self, earned: Subject.Earned, tracking: Tracking) -> None:
        """Add a commission to its balance, and move the tracking, in one transaction."""
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            values = (earned.partner_id, earned.currency, earned.amount)
            cursor.execute(self._add, values, prepare=True)


class Balances(Projection[BalancesView]):
    """Folds commissions into balances."""

    topics = (get_topic(Subject.Earned),)

    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        """Fold one event; only those of ``topics`` come."""
        self.view.add(domain_event, tracking)


def environment(url: str, schema: str) -> dict[str, str]:
    """The library's settings for a schema of a database."""
    known = conninfo_to_dict(url)
    return {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": str(known["dbname"]),
        "POSTGRES_HOST": str(known["host"]),
        "POSTGRES_PORT": str(known.get("port", "5432")),
        "POSTGRES_USER": str(known["user"]),
        "POSTGRES_PASSWORD": str(known.get("password", "")),
        "POSTGRES_SCHEMA": schema,
        "POSTGRES_SINGLE_ROW_TRACKING": "y",
        "AGGREGATE_CACHE_MAXSIZE": "100000",
        "AGGREGATE_CACHE_FASTFORWARD": "n",
    }


@contextmanager
def runner(url: str, schema: str) -> Iterator[ProjectionRunner[Subjects, BalancesView]]:
    """A runner of the balances, which goes on from where its view stands."""
    with ProjectionRunner(
        application_class=Subjects,
        projection_class=Balances,
        view_class=BalancesView,
        env=environment(url, schema),
    ) as running:
        yield running


def wait(running: ProjectionRunner[Subjects, BalancesView], notification: int) -> None:
    """Wait until the balances have a commission, asking more often than the library would."""
    deadline = monotonic() + _PATIENCE_S
    while not running.view.has_tracking_id(running.app_name, notification):
        if running.is_interrupted.is_set() or monotonic() > deadline:
            raise TimeoutError(f"the stock projection stopped before notification {notification}")
        sleep(0.01)


def start_over(url: str, schema: str) -> None:
    """Empty the balances and their tracking: the next runner begins with the first event."""
    with psycopg.connect(url) as connection:
        for table in ("balances", f"{Balances.name.lower()}_tracking"):
            query = sql.SQL("DELETE FROM {}").format(sql.Identifier(schema, table))
            if table != "balances":
                query += sql.SQL(" WHERE application_name <> '__migration__'")
            connection.execute(query)
