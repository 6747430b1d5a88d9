"""One partner in one month, with all that a run recorded now would decide its earnings on."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date
from functools import cached_property
from typing import Any

from psycopg import sql
from psycopg.rows import tuple_row

from events.base import Event
from events.codec import decode_state
from events.lines import AdjustmentPosted, CommissionPosted, OverridePosted
from ledger.engine.calendar import ONE_DAY, end_of_month, month_of
from ledger.engine.counted import CountedClient, Counts
from ledger.engine.draft import programme_on
from ledger.engine.evolve import evolve
from ledger.engine.sponsorship import Booked
from ledger.engine.state import Ledger, Partner, Run
from ledger.engine.tiers import decide_tiers
from ledger.errors import Refused
from ledger.policy.versions import Adopted
from projections.figures import COUNTED_CLIENTS
from replay.as_of import AsOf, Replay
from replay.asking import Asking
from replay.entities import ledger_at, partners_at
from replay.measuring import Measures


class PartnerAtHand:
    """A partner by what was known at a place, and the run that would then be decided.

    The run goes through the day after the month, or through L where that is later; it is only
    thought of. The partner has the tiers that the run would decide. Raises Refused for one that is
    not enrolled.
    """

    def __init__(self, replay: Replay, partner_id: str, first: date, at: AsOf) -> None:
        self.replay, self.at = replay, at
        self.partner_id = partner_id
        self.first, self.last = first, end_of_month(first)
        known = ledger_at(replay, at)
        self.accrued_through = known.accrued_through
        following = self.last + ONE_DAY
        through = max(following, self.accrued_through or following)
        self.run = Run(at.position, through, self.accrued_through, known.last_run)
        self.known: Ledger = known
        """The ledger as it stands."""
        self.ledger: Ledger = known._replace(
            accrued_through=through, last_run=self.run.position, open_run=self.run
        )
        """The ledger as it would stand while the run is open."""
        self.partners = partners_at(replay, at)
        enrolled = self.partners.get(partner_id)
        if enrolled is None or enrolled.enrolment is None:
            raise Refused(
                f"no partner {partner_id!r} is enrolled; check the id with: commissions tiers"
            )
        self._ask = Asking(replay, at, date.max)
        self.partner: Partner = self._with_tiers(enrolled)

    @property
    def month(self) -> str:
        """The month that is asked about, ``YYYY-MM``."""
        return month_of(self.first)

    def counts(self, partner_id: str) -> Counts:
        """How many clients of a partner count on each day."""
        return Counts(self._counting.get(partner_id, {}))

    def version(self, day: date) -> Adopted:
        """The programme version in force for the partner on a day."""
        return programme_on(self.ledger, self.partner, day)

    @cached_property
    def clients(self) -> Sequence[tuple[int, CountedClient]]:
        """The partner's clients that count in the month, each with its ordinal, in order."""
        before = self.counts(self.partner_id).through(self.first - ONE_DAY)
        found = self._counted(self.partner_id, self.first, self.last)
        return list(enumerate(found, start=before + 1))

    def counted_client(self, partner_id: str, day: date, ordinal: int) -> CountedClient:
        """The client of an ordinal of some partner, which counts on a day."""
        before = self.counts(partner_id).through(day - ONE_DAY)
        return list(self._counted(partner_id, day, day))[ordinal - before - 1]

    def booked(self, *classes: type[Event], days: tuple[date, date] | None = None) -> list[Booked]:
        """The partner's own decisions of some classes; with a first and last day of theirs."""
        return self.read(
            "partner_id = %(partner)s AND topic = ANY(%(topics)s)"
            " AND day BETWEEN %(first)s AND %(last)s",
            partner=self.partner_id,
            topics=[cls.topic() for cls in classes],
            first=days[0] if days else date.min,
            last=days[1] if days else date.max,
        )

    def commissions(self, partner_id: str) -> list[Booked]:
        """The commissions of another partner with an S in the month, by position."""
        return self.read(
            "partner_id = %(partner)s AND topic = %(topic)s AND kind = 'commission'"
            " AND day BETWEEN %(first)s AND %(last)s",
            partner=partner_id,
            topic=CommissionPosted.topic(),
            first=self.first,
            last=self.last,
        )

    def accounts(self, clients: Collection[str]) -> dict[str, list[Booked]]:
        """Commissions, shares and take-backs of clients, by position."""
        found: dict[str, list[Booked]] = {client_id: [] for client_id in clients}
        classes = (CommissionPosted, OverridePosted, AdjustmentPosted)
        for one in self.read(
            "client_id = ANY(%(clients)s) AND kind IS NOT NULL AND topic = ANY(%(topics)s)",
            clients=sorted(clients),
            topics=[cls.topic() for cls in classes],
        ):
            found[one.event.__dict__["client_id"]].append(one)
        return found

    def read(self, condition: str, **values: object) -> list[Booked]:
        """Decisions that meet a condition, by position."""
        query = sql.SQL(
            "SELECT position, topic, state FROM {} WHERE {} AND position <= %(known)s"
            " ORDER BY position"
        ).format(self.replay.names.events, sql.SQL(condition))
        values["known"] = self.at.position
        with self.replay.connection.cursor(row_factory=tuple_row, binary=True) as cursor:
            rows = cursor.execute(query, values).fetchall()
        return [Booked(position, decode_state(topic, state)) for position, topic, state in rows]

    @cached_property
    def _counting(self) -> Mapping[str, Mapping[date, int]]:
        return Measures(self.replay, self.at, self.known).counting_days()

    def _with_tiers(self, partner: Partner) -> Partner:
        """The partner with the tiers that the run would decide first (D8.1)."""
        counts = self.counts(partner.partner_id)
        for change in decide_tiers(self.ledger, self.run, partner, counts):
            folded = evolve(change.stream, partner, change)
            assert isinstance(folded, Partner)
            partner = folded
        return partner

    def _counted(self, partner_id: str, since: date, day: date) -> Iterator[CountedClient]:
        """A partner's clients that count from one day to another, in order."""
        for row in self._ask(COUNTED_CLIENTS, since=since, day=day):
            if row["partner_id"] == partner_id:
                members: Any = {name: row[column] for name, column in _MEMBERS.items()}
                yield CountedClient(**members)


_MEMBERS = {
    "client_id": "client_id",
    "counted_on": "counted_on",
    "activated_at": "first_activated_at",
    "claim": "claim",
    "claimed_on": "claimed_on",
    "activation": "activation",
}
"""The members of a counted client, each with the column that it stands in."""
