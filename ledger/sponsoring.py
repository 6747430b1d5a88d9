"""What a partner earns its sponsor in a run, decided after the partner's own lines (D11)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date
from functools import cached_property
from typing import Any, Protocol

from psycopg import Cursor, sql
from psycopg.rows import tuple_row

from events.base import Decision
from events.codec import decode_state
from events.lines import AdjustmentPosted, CommissionPosted, OverridePosted
from ledger.engine.counted import Counts
from ledger.engine.sponsorship import (
    Active,
    Booked,
    active_on,
    decide_override,
    decide_reward,
    shared_base,
)
from ledger.engine.state import Ledger, Partner, Run
from ledger.entities import Entities
from ledger.ports import CountedModels

PAGE = 1_000
"""Lines read at a time."""

_SPONSORS = 5_000
"""Sponsors kept at hand."""


class Books(Protocol):
    """What is asked of sponsors and of what is booked, by this run too."""

    def sponsor(self, partner_id: str) -> Partner:
        """A sponsor as of the run."""

    @property
    def rewarded(self) -> AbstractSet[str]:
        """The sponsored partners that have brought their reward."""

    def lines(self, partner_id: str, after: int, active: date) -> Iterator[Sequence[Booked]]:
        """A partner's commissions after a position with S after a day, some at a time."""

    def accounts(self, clients: Collection[str]) -> Mapping[str, Sequence[Booked]]:
        """Shares and take-backs of clients by position, with the lines of those taken back."""


class Sponsoring:
    """Decides the reward and the shares of one sponsored partner after another."""

    def __init__(
        self, ledger: Ledger, run: Run, models: CountedModels, books: Books, cursor: Cursor[Any]
    ) -> None:
        self._ledger, self._run, self._books = ledger, run, books
        self._models, self._cursor = models, cursor

    def active(self, partner: Partner, counts: Counts) -> Active | None:
        """When a sponsored partner became active; None if it did not up to the run's day."""
        if partner.sponsor is None:
            return None
        active = active_on(self._ledger, partner, counts)
        return active if active is not None and active.day <= self._run.through else None

    def reward(self, partner: Partner, active: Active, counts: Counts) -> Sequence[Decision]:
        """The reward that an active partner brings once, whoever its sponsor is (D11.1, D9.6)."""
        if partner.partner_id in self._books.rewarded:
            return ()
        client = None
        if active.ordinal is not None:
            place = counts.place_of(active.ordinal)
            [client] = self._models.at_places(self._cursor, self._run, partner.partner_id, [place])
        sponsor = self._sponsor(partner)
        line = decide_reward(self._ledger, self._run, partner, sponsor, active.day, client)
        return () if line is None else (line,)

    def has_news(self, partner: Partner) -> bool:
        """Whether the tie or the sponsor's agreement is new since the run before.

        Then lines of earlier runs may be without a share that is due.
        """
        tie, sponsor, before = partner.sponsor, self._sponsor(partner), self._run.previous_run
        assert tie is not None
        told = [tie.position, *(report.position for report in sponsor.agreement)]
        if sponsor.enrolment is not None:
            told.append(sponsor.enrolment.position)
        return max(told) > before

    def shares(
        self, partner: Partner, active: Active, *, of_this_run: bool
    ) -> Iterator[Sequence[Decision]]:
        """The shares of the partner's lines that have none, some at a time.

        ``of_this_run``: none is missing of earlier runs. The lines must be booked already.
        """
        tie, sponsor = partner.sponsor, self._sponsor(partner)
        assert tie is not None
        after = max(tie.lines_after, self._run.position if of_this_run else 0)
        decided: dict[str, list[Booked]] = {}
        for lines in self._books.lines(partner.partner_id, after, active.day):
            accounts = self._books.accounts({_client_of(booked) for booked in lines})
            shared = {
                one.event.line
                for account in accounts.values()
                for one in account
                if isinstance(one.event, OverridePosted)
            }
            found: list[Decision] = []
            for booked in lines:
                if booked.position in shared:
                    continue
                client_id = _client_of(booked)
                account = accounts.get(client_id, ())
                base = shared_base(booked, [*account, *decided.get(client_id, ())])
                if base is None:
                    continue
                line = decide_override(self._ledger, self._run, sponsor, booked, base)
                if line is not None:
                    found.append(line)
                    if any(_takes_back(one) for one in account):
                        decided.setdefault(client_id, []).append(Booked(0, line))
            yield found

    def _sponsor(self, partner: Partner) -> Partner:
        assert partner.sponsor is not None
        return self._books.sponsor(partner.sponsor.sponsor_id)


class StoredBooks:
    """What is booked, read from the events."""

    def __init__(self, entities: Entities, run: Run, cursor: Cursor[Any]) -> None:
        self._entities, self._run, self._cursor = entities, run, cursor
        self._sponsors: dict[str, Partner] = {}

    def sponsor(self, partner_id: str) -> Partner:
        """A sponsor as of the run."""
        found = self._sponsors.get(partner_id)
        if found is None:
            if len(self._sponsors) >= _SPONSORS:
                self._sponsors.clear()
            stream = f"partner:{partner_id}"
            entity = self._entities.folded(self._cursor, [stream], self._run.position).get(stream)
            found = entity if isinstance(entity, Partner) else Partner(partner_id)
            self._sponsors[partner_id] = found
        return found

    @cached_property
    def rewarded(self) -> AbstractSet[str]:
        """The sponsored partners that have brought their reward."""
        rows = self._read(
            "SELECT convert_from(state, 'UTF8')::jsonb ->> 'sponsored_id' FROM {table}"
            " WHERE topic = 'RewardPosted/1'",
            {},
        )
        return {sponsored_id for (sponsored_id,) in rows}

    def lines(self, partner_id: str, after: int, active: date) -> Iterator[Sequence[Booked]]:
        """A partner's commissions after a position with S after a day, some at a time."""
        while True:
            page = self._booked(
                "SELECT position, topic, state FROM {table} WHERE partner_id = %(partner_id)s"
                " AND kind = 'commission' AND position > %(after)s AND day > %(active)s"
                " ORDER BY position LIMIT %(limit)s",
                {"partner_id": partner_id, "after": after, "active": active, "limit": PAGE},
            )
            if page:
                yield page
            if len(page) < PAGE:
                return
            after = page[-1].position

    def accounts(self, clients: Collection[str]) -> Mapping[str, Sequence[Booked]]:
        """Shares and take-backs of clients by position, with the lines of those taken back."""
        found = self._of_clients(clients, ["override", "adjustment"])
        taken = {_client_of(one) for one in found if _takes_back(one)}
        if taken:
            found += self._of_clients(taken, ["commission"])
        accounts: dict[str, list[Booked]] = {}
        for one in sorted(found, key=lambda one: one.position):
            accounts.setdefault(_client_of(one), []).append(one)
        return accounts

    def _of_clients(self, clients: Collection[str], kinds: list[str]) -> list[Booked]:
        return self._booked(
            "SELECT found.* FROM unnest(%(clients)s::text[]) AS wanted CROSS JOIN LATERAL ("
            "SELECT position, topic, state FROM {table} WHERE client_id = wanted"
            " AND kind IS NOT NULL AND kind = ANY(%(kinds)s) OFFSET 0) AS found",
            {"clients": sorted(clients), "kinds": kinds},
        )

    def _booked(self, query: str, parameters: dict[str, object]) -> list[Booked]:
        return [
            Booked(position, decode_state(topic, state))
            for position, topic, state in self._read(query, parameters)
        ]

    def _read(self, query: str, parameters: dict[str, object]) -> list[tuple[Any, ...]]:
        with self._cursor.connection.cursor(row_factory=tuple_row, binary=True) as own:
            own.execute(
                sql.SQL(query).format(table=self._entities.table), parameters, prepare=False
            )
            return own.fetchall()


def _client_of(booked: Booked) -> str:
    event = booked.event
    assert isinstance(event, CommissionPosted | OverridePosted | AdjustmentPosted)
    return event.client_id or ""


def _takes_back(booked: Booked) -> bool:
    return isinstance(booked.event, AdjustmentPosted) and booked.event.rule == "D9.5"
