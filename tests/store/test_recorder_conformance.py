"""eventsourcing's own test cases, unedited, on the ledger's recorder: a drop-in for its parent."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID, uuid4

import pytest
from eventsourcing.postgres import PostgresDatastore
from eventsourcing.tests import persistence as library

from ledger.store.recorder import LedgerRecorder
from tests.store.conftest import datastore_of


class OnLedgerRecorder:
    """Makes recorders on a fresh database in schema ``public``, as the library's own tests do."""

    role: ClassVar[str | None] = None
    originator_id_type: ClassVar[str] = "text"
    datastore: PostgresDatastore
    table = "test_events"

    @pytest.fixture(autouse=True)
    def _open(self, database_url: str) -> object:
        if self.role is not None:
            owner = datastore_of(database_url, schema="public")
            LedgerRecorder(owner, events_table_name=self.table).create_table()
            owner.close()
        self.datastore = datastore_of(
            database_url,
            role=self.role,
            schema="public",
            originator_id_type=self.originator_id_type,
        )
        yield
        self.datastore.close()

    def create_recorder(self) -> LedgerRecorder:
        """A recorder whose tables are there; the writer finds them, and makes none."""
        recorder = LedgerRecorder(self.datastore, events_table_name=self.table)
        recorder.create_table()
        return recorder

    def new_originator_id(self) -> UUID | str:
        """An id of the kind that the datastore is opened for."""
        return uuid4() if self.originator_id_type == "uuid" else f"client:{uuid4()}"


class Application(OnLedgerRecorder):
    """Also runs the case that the library leaves to recorders that can notify."""

    def test_insert_subscribe(self) -> None:
        """Subscribers are told of events and receive them."""
        self.optional_test_insert_subscribe()  # type: ignore[attr-defined]


class TestApplicationRecorder(Application, library.ApplicationRecorderTestCase):
    """As the owner."""


class TestApplicationRecorderAsWriter(Application, library.ApplicationRecorderTestCase):
    """As the role that may only insert."""

    role = "ledger_writer"


class TestApplicationRecorderWithUuids(Application, library.ApplicationRecorderTestCase):
    """With the library's default kind of id."""

    originator_id_type = "uuid"


class TestTrackingRecorder(OnLedgerRecorder, library.TrackingRecorderTestCase):
    """As the owner."""


class TestTrackingRecorderAsWriter(OnLedgerRecorder, library.TrackingRecorderTestCase):
    """As the role that may only insert."""

    role = "ledger_writer"


class TestProcessRecorder(OnLedgerRecorder, library.ProcessRecorderTestCase):
    """As the owner."""


class TestProcessRecorderAsWriter(OnLedgerRecorder, library.ProcessRecorderTestCase):
    """As the role that may only insert."""

    role = "ledger_writer"


class TestNonInterleaving(OnLedgerRecorder, library.NonInterleavingNotificationIDsBaseCase):
    """As the owner."""


class TestNonInterleavingAsWriter(OnLedgerRecorder, library.NonInterleavingNotificationIDsBaseCase):
    """As the role that may only insert."""

    role = "ledger_writer"
