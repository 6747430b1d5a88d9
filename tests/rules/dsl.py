"""given(facts…).when(commands…).then(lines…): the language of the rule tests.

``then`` states the whole of the lines that ``when`` brought about: each expected line says what it
must be like in the members that it names. The other words look at the ledger as it stands.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from ledger.errors import LedgerError
from ledger.policy.programme import Programme
from tests.model.commands import Command
from tests.model.journal import Entry, LedgerUnderTest, Message, perform
from tests.model.views import Balance, LineView, PayoutView
from tests.rules.programmes import plain

Expected = dict[str, object]
"""Members of a line by their name in :class:`LineView`."""


def line(kind: str, rule: str, day: str, amount: int, **more: object) -> Expected:
    """A line of S ``day``, of partner p1 and in EUR unless said otherwise."""
    expected: Expected = {
        "kind": kind,
        "rule": rule,
        "service_date": day,
        "amount": amount,
        "partner_id": "p1",
        "currency": "EUR",
        **more,
    }
    for name in ("service_date", "service_end", "posting_date"):
        if name in expected:
            expected[name] = date.fromisoformat(str(expected[name]))
    if "rate" in expected:
        expected["rate"] = Decimal(str(expected["rate"]))
    return expected


def commission(day: str, amount: int, **more: object) -> Expected:
    """The first line of a period of client c1, unless said otherwise."""
    return line("commission", "D7", day, amount, **{"client_id": "c1", **more})


def difference(day: str, amount: int, kind: str = "commission", **more: object) -> Expected:
    """A late difference of a period of client c1."""
    return line(kind, "D9.1", day, amount, **{"client_id": "c1", **more})


def waiver(day: str, amount: int, **more: object) -> Expected:
    """A waiver of a period of client c1."""
    return line("waiver", "D9.2", day, amount, **{"client_id": "c1", **more})


def by_hand(kind: str, day: str, amount: int, **more: object) -> Expected:
    """An adjustment or a credit."""
    return line(kind, "D9.4", day, amount, **more)


def margin(day: str, amount: int, **more: object) -> Expected:
    """The first line of a period of client c1 under the partner's own brand."""
    return line("margin", "D13", day, amount, **{"client_id": "c1", **more})


def take_back(day: str, amount: int, rule: str = "D9.5", **more: object) -> Expected:
    """What a run takes back of a period of client c1; ``amount`` is negative."""
    return line("adjustment", rule, day, amount, **{"client_id": "c1", **more})


def bonus(day: str, client: str, amount: int = 50_000, **more: object) -> Expected:
    """A bonus for a multiple of counted clients, the last of which is named."""
    return line("bonus", "D10.1", day, amount, client_id=client, **more)


def contest_line(day: str, amount: int = 50_000, **more: object) -> Expected:
    """A contest's amount for client c1."""
    return line("contest", "D10.2", day, amount, **{"client_id": "c1", **more})


def reward(day: str, amount: int = 100_000, **more: object) -> Expected:
    """The reward of sponsor p9 for a partner that is active."""
    return line("reward", "D11.1", day, amount, **{"partner_id": "p9", **more})


def override(day: str, amount: int, **more: object) -> Expected:
    """The share of sponsor p9 of a commission on client c1."""
    return line("override", "D11.2", day, amount, **{"partner_id": "p9", "client_id": "c1", **more})


def prize(day: str, amount: int, rule: str = "D12.1", **more: object) -> Expected:
    """A prize of a ranking."""
    return line("prize", rule, day, amount, **more)


def _order(members: Expected) -> tuple[str, ...]:
    names = ("partner_id", "client_id", "service_date", "kind", "subscription_id")
    amount = members["amount"]
    assert isinstance(amount, int)
    return (*(str(members.get(name) or "") for name in names), f"{amount:020}")


class Scenario:
    """A ledger in the middle of a story."""

    def __init__(self, ledger: LedgerUnderTest) -> None:
        self.ledger = ledger
        self._before = 0

    def when(self, *entries: Entry) -> Scenario:
        """Tell the ledger more; ``then`` will speak of what this brings about."""
        self._before = len(self.ledger.lines())
        tell(self.ledger, entries)
        return self

    def refuses(self, command: Command) -> Scenario:
        """The ledger refuses a command, and nothing changes."""
        before = _all(self.ledger)
        with pytest.raises(LedgerError):
            perform(self.ledger, command)
        assert _all(self.ledger) == before
        return self

    def then(self, *expected: Expected) -> Scenario:
        """The lines that the last ``when`` brought about are these and no others."""
        lines = self.ledger.lines()[self._before :]
        wanted = sorted(expected, key=_order)
        members = {name for one in wanted for name in one} | {"kind", "amount", "client_id"}
        found = sorted(({n: getattr(one, n) for n in _names(one)} for one in lines), key=_order)
        shown = [{n: one[n] for n in members} for one in found]
        assert len(found) == len(wanted), shown
        for have, want in zip(found, wanted, strict=True):
            assert {name: have[name] for name in want} == want
        return self

    def then_nothing(self) -> Scenario:
        """The last ``when`` brought no line about."""
        return self.then()

    def then_balance(
        self,
        partner: str = "p1",
        currency: str = "EUR",
        *,
        earned: int = 0,
        adjusted: int = 0,
        paid: int = 0,
        in_flight: int = 0,
    ) -> Scenario:
        """A partner's balance now; and postings sum to zero."""
        found = self.ledger.balances().get((partner, currency), Balance())
        assert found == Balance(earned, adjusted, paid, in_flight)
        assert sum(self.ledger.trial_balance().values()) == 0
        return self

    def then_tiers(self, *expected: tuple[str, str], partner: str = "p1") -> Scenario:
        """The tiers of a partner, each with its first day, from its enrolment on."""
        found = [t for t in self.ledger.tiers() if t.partner_id == partner]
        assert [(tier.to_tier, tier.first_day.isoformat()) for tier in found] == list(expected)
        froms = [tier.from_tier for tier in found]
        assert froms == ["", *(tier for tier, _ in expected[:-1])][: len(froms)]
        return self

    def then_claims(self, **answers: str) -> Scenario:
        """The last answers to claims, by message id (``_`` for ``-``): ``rejected too_late``."""
        found = {
            claim.id: f"{claim.answer} {claim.reason}".strip() for claim in self.ledger.claims()
        }
        assert found == {name.replace("_", "-"): answer for name, answer in answers.items()}
        return self

    def then_client(
        self,
        client: str = "c1",
        *,
        holder: str | None,
        first: str | None,
        counted: str | None,
        counted_by: str | None = None,
    ) -> Scenario:
        """How a client stands; ``counted_by`` only where it is not who holds it by a claim."""
        [found] = [one for one in self.ledger.clients() if one.client_id == client]
        if counted_by is not None:
            assert found.counted_by == counted_by
        days = [
            None if d is None else d.isoformat()
            for d in (found.first_activated_on, found.counted_on)
        ]
        assert (found.partner_id, *days) == (holder, first, counted)
        return self

    def then_payouts(self, *expected: tuple[str, int, str, int]) -> Scenario:
        """All payouts of p1 in euros: cut-off, amount, status, settled amount."""
        found = [
            (payout.cutoff.isoformat(), payout.amount, payout.status, payout.settled_amount)
            for payout in sorted(self.ledger.payouts(), key=lambda payout: payout.cutoff)
            if (payout.partner_id, payout.currency) == ("p1", "EUR")
        ]
        assert found == list(expected)
        return self

    def then_payout(self) -> PayoutView:
        """The only payout that there is."""
        [payout] = self.ledger.payouts()
        return payout

    def then_badges(self, *expected: tuple[str, str], partner: str = "p1") -> Scenario:
        """The badges of a partner, each with its day."""
        found = {
            b.badge: b.day.isoformat() for b in self.ledger.badges() if b.partner_id == partner
        }
        assert found == dict(expected)
        return self

    def then_leaderboard(self, quarter: str, *expected: tuple[str, int]) -> Scenario:
        """The places of a quarter: partners with their clients, the first first."""
        places = sorted(self.ledger.leaderboard(quarter))
        assert [(one.partner_id, one.clients) for one in places] == list(expected)
        assert [one.rank for one in places] == list(range(1, len(places) + 1))
        return self

    def then_grants(self, **answers: str) -> Scenario:
        """The answers to brands and territories, by message id: ``rejected held``."""
        found = {one.id: f"{one.answer} {one.reason}".strip() for one in self.ledger.grants()}
        assert found == answers
        return self

    def then_territory(self, day: str, holder: str | None, department: str = "75") -> Scenario:
        """Who holds a department on a day."""
        held = self.ledger.territories_on(date.fromisoformat(day))
        assert held.get(department) == holder
        return self

    def then_sponsors(self, *expected: tuple[str, str, str]) -> Scenario:
        """What became of each partner's sponsor: partner, sponsor, answer."""
        found = [
            (tie.partner_id, tie.sponsor_id, f"{tie.answer} {tie.reason}".strip())
            for tie in sorted(self.ledger.sponsors())
        ]
        assert found == sorted(expected)
        return self

    def then_unresolved(self, *ids: str) -> Scenario:
        """These messages are listed as unresolved."""
        assert set(ids) <= self.ledger.unresolved()
        return self

    def then_resolved(self, *ids: str) -> Scenario:
        """These messages are not listed as unresolved."""
        assert not set(ids) & self.ledger.unresolved()
        return self

    def then_account(self, account: str, amount: int, currency: str = "EUR") -> Scenario:
        """The balance of an account of the trial balance: debit - credit."""
        assert self.ledger.trial_balance().get((account, currency), 0) == amount
        return self


class Given:
    """The first word: a ledger with a programme and what has happened before."""

    def __init__(self, ledger: LedgerUnderTest) -> None:
        self.ledger = ledger

    def __call__(self, *entries: Entry, programme: Programme | None = None) -> Scenario:
        """Adopt a programme (the plain one), then tell the ledger what has happened before."""
        self.ledger.adopt(programme or plain(), None)
        tell(self.ledger, entries)
        return Scenario(self.ledger)


def tell(ledger: LedgerUnderTest, entries: tuple[Entry, ...]) -> None:
    """Tell a ledger entries in their order, facts that follow each other in one batch."""
    batch: list[Message] = []
    for entry in entries:
        if isinstance(entry, Message):
            batch.append(entry)
            continue
        if batch:
            ledger.record(batch)
            batch = []
        perform(ledger, entry)
    if batch:
        ledger.record(batch)


def _names(one: LineView) -> list[str]:
    return list(vars(one))


def _all(ledger: LedgerUnderTest) -> tuple[object, ...]:
    return (
        ledger.lines(),
        ledger.balances(),
        ledger.tiers(),
        ledger.payouts(),
        ledger.claims(),
        ledger.clients(),
        ledger.sponsors(),
        ledger.badges(),
    )
