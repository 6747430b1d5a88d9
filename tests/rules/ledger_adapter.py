"""The real ledger as a ledger under test: the application on PostgreSQL, read through its views."""

from __future__ import annotations

import atexit
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
from eventsourcing.postgres import PostgresDatastore
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from events.codec import content_hash, encode
from events.envelope import Message as Told
from ledger.application import CommissionLedger
from ledger.commanding.unsettled import unsettled
from ledger.dead_letters import Incoming
from ledger.engine.calendar import end_of_month, first_of_month
from ledger.errors import Refused
from ledger.policy.programme import Programme
from ledger.store.recorder import LedgerRecorder
from projections.accrual import LiveModels
from replay.statements import seal
from replay.verify import verify
from tests.conftest import (
    HOME_VARIABLE,
    SERVER_VARIABLE,
    create_database,
    drop_database,
    install_schema,
    url_of,
)
from tests.model.commands import (
    Adjust,
    Assign,
    Command,
    CorrectPartner,
    Credit,
    Open,
    OpenPartner,
    Retract,
)
from tests.model.journal import Message
from tests.rules.ledger_views import StoredViews, integer_of, line_of
from tests.rules.looking import looking

_TABLES = (
    ("ledger", "events"),
    ("ledger", "dead_letter_retries"),
    ("ledger", "dead_letters"),
    ("projections", "balances"),
    ("projections", "clients"),
    ("projections", "terms"),
    ("projections", "assignments"),
    ("projections", "tiers"),
    ("projections", "payments"),
)
_LITTLE_BYTES = 256 * 1024


@cache
def _database() -> str:
    """One database a process, emptied for each ledger; gone with the process."""
    from interfaces.embedded import EmbeddedPostgres

    stack = ExitStack()
    server = os.environ.get(SERVER_VARIABLE) or stack.enter_context(
        EmbeddedPostgres(Path(os.environ[HOME_VARIABLE]), durable=False)
    )
    name = f"rules_{os.getpid()}"
    with psycopg.connect(server, autocommit=True) as admin:
        drop_database(admin, name)
        create_database(admin, name)
    url = url_of(server, name)
    install_schema(url)

    def leave() -> None:
        # A server of the run's own may be gone already, and its databases with it.
        with (
            suppress(psycopg.OperationalError),
            psycopg.connect(server, autocommit=True) as admin,
        ):
            drop_database(admin, name)
        stack.close()

    atexit.register(leave)
    return url


def _empty(url: str) -> None:
    """Take every event away, as only the owner of a database of tests may."""
    with looking(url) as connection, connection.transaction():
        connection.execute("ALTER TABLE ledger.events DISABLE TRIGGER refuse_change")
        names = [f"{schema}.{name}" for schema, name in _TABLES]
        query = "SELECT pg_relation_size(name) FROM unnest(%s::regclass[]) AS each (name)"
        for table, (size,) in zip(_TABLES, connection.execute(query, (names,)), strict=True):
            _empty_table(connection, sql.Identifier(*table), size)
        connection.execute("ALTER TABLE ledger.events ENABLE ALWAYS TRIGGER refuse_change")
        connection.execute(
            "UPDATE ledger.ledger_head SET position = 0, frontier = '',"
            " recorded_at = '0001-01-01T00:00:00Z'"
        )
        connection.execute("UPDATE projections.projections SET position = 0")


def _empty_table(connection: psycopg.Connection, table: sql.Identifier, size: int) -> None:
    """Truncating makes new files for a table and its indexes: it is for those that have grown."""
    if size > _LITTLE_BYTES:
        connection.execute(sql.SQL("TRUNCATE {} CASCADE").format(table))
    elif size:
        connection.execute(sql.SQL("DELETE FROM {}").format(table))


@cache
def _recorder() -> LedgerRecorder:
    parts = conninfo_to_dict(_database())
    datastore = PostgresDatastore(
        dbname=str(parts["dbname"]),
        host=str(parts.get("host", "")),
        port=str(parts.get("port", 5432)),
        user=str(parts.get("user", "")),
        password=str(parts.get("password", "")),
        schema="ledger",
        originator_id_type="text",
        max_overflow=5,
    )
    atexit.register(datastore.close)
    return LedgerRecorder(datastore, events_table_name="events", tracking_table_name="tracking")


@contextmanager
def open_ledger() -> Iterator[RealLedger]:
    """Give a new, empty real ledger; at the end its invariants must hold (D18)."""
    _empty(_database())
    ledger = RealLedger()
    yield ledger
    ledger.check()


class RealLedger(StoredViews):
    """The real ledger as a :class:`~tests.model.journal.LedgerUnderTest`."""

    def __init__(self) -> None:
        self.url = _database()
        self.reopen()

    def reopen(self) -> None:
        """Go on with a ledger that remembers nothing but what is stored."""
        self.application = CommissionLedger(_recorder(), LiveModels(), seal, operator="tester")

    def commands_recorded(self, kind: str) -> int:
        """How many commands of a type are recorded."""
        rows = self._select(
            "SELECT count(*) AS found FROM ledger.events WHERE originator_id = 'ledger'"
            f" AND topic = '{kind}/1'"
        )
        return integer_of(rows[0]["found"])

    def check(self) -> None:
        """Nothing that is verified is wrong."""
        with looking(self.url) as connection:
            assert [str(finding) for finding in verify(connection)] == []

    # --- what goes in ----------------------------------------------------------------------------

    def adopt(self, programme: Programme, from_day: date | None) -> None:
        """Adopt a version of a programme."""
        self.application.adopt(programme, from_day=from_day)

    def assign_programme(self, partner_id: str, programme: str, from_day: date) -> None:
        """Put a partner under another programme."""
        self.application.assign_programme(partner_id, programme, from_day)

    def record(self, messages: Sequence[Message]) -> None:
        """Record facts in one batch."""
        self.application.record([_incoming(message) for message in messages])

    def accrue(self, through: date) -> None:
        """Run an accrual to its end."""
        self.application.accrue(through)

    def close(self, month: str) -> None:
        """Close a month, whatever is open of it."""
        self.application.close(month, acknowledge=True)

    def open_of(self, month: str) -> set[tuple[str, str]]:
        """What is open of a month and was listed by no close: facts, decisions, letters (D16.2)."""
        last = end_of_month(first_of_month(month))
        with self.application.transaction() as cursor:
            found = unsettled(_recorder(), LiveModels(), cursor, self.application.ledger, last)
        ids = self._ids()
        query = "SELECT id, event_id FROM ledger.dead_letters"
        messages = {integer_of(row["id"]): str(row["event_id"]) for row in self._select(query)}
        letters = {("letter", messages[each.id]) for each in found.letters}
        facts = {("fact", ids[at]) for at in found.facts if at in ids}
        return letters | facts | {("decision", str(at)) for at in found.facts if at not in ids}

    def pay(self, cutoff: date, partner_id: str | None) -> None:
        """Run payouts."""
        if partner_id is None:
            self.application.run_payouts(cutoff)
        else:
            self._finance.run_payouts(cutoff, partner_id=partner_id)

    def hold(self, partner_id: str, reason: str) -> None:
        """Suspend a partner's payouts."""
        self._finance.hold(partner_id, reason)

    def release(self, partner_id: str, reason: str) -> None:
        """Resume a partner's payouts."""
        self._finance.release(partner_id, reason)

    def adjust(self, adjustment: Adjust) -> None:
        """Post an adjustment."""
        position = None
        if adjustment.line is not None:
            lines = [row for row in self._history() if row["line"] is None and row["service_end"]]
            named = [row for row in lines if line_of(row).period == adjustment.line]
            if not named:
                raise Refused("no such line")
            position = integer_of(named[0]["position"])
        self.application.adjust(
            partner_id=adjustment.partner_id,
            amount=adjustment.amount,
            currency=adjustment.currency,
            reason=adjustment.reason,
            line=position,
            day=adjustment.date,
            requested_by=adjustment.requested_by,
            approved_by=adjustment.approved_by,
        )

    def credit(self, credit: Credit) -> None:
        """Post a credit."""
        self.application.credit(
            partner_id=credit.partner_id,
            amount=credit.amount,
            currency=credit.currency,
            reason=credit.reason,
            day=credit.date,
            requested_by=credit.requested_by,
            approved_by=credit.approved_by,
        )

    def assign(self, assignment: Assign) -> None:
        """Give a client to a partner, or to none."""
        self._finance.assign(**vars(assignment))

    def retract(self, retraction: Retract) -> None:
        """Void a fact."""
        self._finance.retract(**vars(retraction))

    def correct_partner(self, correction: CorrectPartner) -> None:
        """Replace what an enrolment said."""
        self._finance.correct_partner(**vars(correction))

    def open(self, opening: Open) -> None:
        """Start the ledger for a programme that has a past."""
        self._finance.open(**vars(opening))

    def open_partner(self, opening: OpenPartner) -> None:
        """Fix a partner's tier and balances of the opening."""
        self._finance.open_partner(**vars(opening))

    def proposes(self, command: Command) -> bool:
        """Its own methods see to it."""
        del command
        return False

    def approve(self, number: int, operator: str) -> None:
        """Let a proposal take effect, by another process of another operator."""
        position = self._proposal(number)
        CommissionLedger(_recorder(), LiveModels(), seal, operator=operator).approve(position)

    def reject(self, number: int) -> None:
        """End a proposal."""
        self.application.reject(self._proposal(number), "mistaken")

    def _proposal(self, number: int) -> int:
        rows = self._select("SELECT position FROM finance.approvals ORDER BY position")
        if number > len(rows):
            raise Refused("no such proposal waits")
        return integer_of(rows[number - 1]["position"])

    @property
    def _finance(self) -> Any:
        """The application, whose commands of two persons take their words by name."""
        return self.application


def _incoming(message: Message) -> Incoming:
    topic, state = message.data.topic(), encode(message.data)
    content = content_hash(topic, state, message.effective_at, message.source, message.id)
    told = Told(
        message.source, message.id, topic, message.effective_at, message.data, state, content
    )
    return Incoming(message.id, state, told)
