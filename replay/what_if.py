"""Another programme over the real history: what each partner would have earned, and the difference.

The whole log is decided again in memory, with other terms in the place of those adopted. Nothing
is written. The present lines and the others are summed apart and must meet the balances.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from psycopg import Connection, sql
from psycopg.rows import tuple_row

from events.base import Decision
from events.finance import ProgrammeAdopted
from events.lines import Line
from events.partner_decisions import TierChanged
from ledger.engine.calendar import month_of
from ledger.errors import Corrupt, NotReady, Refused
from ledger.policy.programme import Programme
from ledger.store.mapper import money_of
from projections import DEFAULT_NAMES, Names
from replay.as_of import AsOf, Replay
from replay.rerun import Log, Rerun, reading
from replay.rerun.books import NO_MONEY
from replay.rerun.rerun import Progress

_PRESENT = """
SELECT
    partner_id,
    kind,
    convert_from(state, 'UTF8')::jsonb ->> 'rule',
    to_char(day, 'YYYY-MM'),
    currency,
    SUM(amount)
FROM {events}
WHERE position <= %s
    AND kind IN (
        'commission', 'margin', 'waiver', 'bonus', 'contest', 'reward', 'override', 'prize',
        'prize_in_kind', 'credit', 'adjustment', 'margin_adjustment', 'opening'
    )
GROUP BY 1, 2, 3, 4, 5
"""


class Heading(NamedTuple):
    """What lines are summed by: their month is that of S."""

    partner_id: str
    kind: str
    rule: str
    month: str
    currency: str

    @property
    def in_balance(self) -> bool:
        """Whether the amounts are in the partner's balance."""
        return self.kind not in NO_MONEY


Sums = Counter[Heading]
"""Minor units by heading."""

Steps = Mapping[str, Mapping[date, str]]
"""By partner the tier from each of its first days on."""


class TierDifference(NamedTuple):
    """A stretch of days on which a partner's tier would be another one.

    It goes from ``day`` to the eve of ``end``, None for no end; a tier is None before any is known.
    """

    partner_id: str
    day: date
    end: date | None
    present: str | None
    what_if: str | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """The lines as they are and as they would be, in minor units, with the place that was read.

    ``tiers`` are those that differ, by partner and day.
    """

    at: AsOf
    programme: str
    from_day: date | None
    present: Sums
    what_if: Sums
    tiers: tuple[TierDifference, ...]

    def headings(self) -> Iterator[Heading]:
        """Every heading that has lines in either, in order."""
        yield from sorted(self.present.keys() | self.what_if.keys())

    def totals(self) -> dict[str, tuple[int, int]]:
        """By currency what is in balances now, and what would be."""
        found: dict[str, tuple[int, int]] = {}
        for heading in self.headings():
            if heading.in_balance:
                present, other = found.get(heading.currency, (0, 0))
                found[heading.currency] = (
                    present + self.present[heading],
                    other + self.what_if[heading],
                )
        return found


def compare(
    connection: Connection[Any],
    programme: Programme,
    from_day: date | None = None,
    *,
    names: Names = DEFAULT_NAMES,
    progress: Progress | None = None,
) -> Comparison:
    """Decide the ledger again with ``programme`` in force from a day on, or on every day.

    It takes the place of the adopted programme of its name, else of the one first adopted. Raises
    NotReady while a run is open, Refused for what cannot be decided again, Corrupt where sums do
    not meet the balances. ``connection`` must be idle; it only reads.
    """
    with reading(connection):
        return _compare(connection, names, Terms(programme, from_day), progress)


def _compare(
    connection: Connection[Any], names: Names, terms: Terms, progress: Progress | None
) -> Comparison:
    replay = Replay(connection, names)
    at = replay.resolve()
    log = Log(connection, at.position, names)
    log.check_complete()
    terms.replace(log.adoptions())
    other = _Decided()
    Rerun(log, other.add, terms.instead_of).decide(progress)
    comparison = Comparison(
        at,
        terms.name,
        terms.from_day,
        _present(connection, names, at.position),
        other.sums,
        tuple(_differing(_tiers(replay, at), other.tiers)),
    )
    _tie_out(replay, comparison, other.balances)
    return comparison


class Terms:
    """Which adoptions stand in the place of those recorded."""

    def __init__(self, programme: Programme, from_day: date | None) -> None:
        self._programme, self.from_day = programme, from_day
        self.name = programme.name
        self._begun = False

    def replace(self, adoptions: list[ProgrammeAdopted]) -> None:
        """Say which programme goes: that of the same name, else the first adopted."""
        if not adoptions:
            raise NotReady("no programme is adopted yet, so there is nothing to compare with")
        if self.name not in {adopted.programme for adopted in adoptions}:
            self.name = adoptions[0].programme
        if self.from_day is None:
            return
        first = next(adopted for adopted in adoptions if adopted.programme == self.name)
        days = Programme.from_document(first.document).activation.qualifying_days
        if self._programme.activation.qualifying_days != days:
            raise Refused(
                f"activation.qualifying_days is {days} in {self.name} and the same in all of its"
                " versions; leave --from out to have the programme in force on every day"
            )

    def instead_of(self, adopted: ProgrammeAdopted) -> Iterator[ProgrammeAdopted]:
        """What is adopted in the place of an adoption, in order."""
        if adopted.programme != self.name:
            yield adopted
            return
        if self._is_kept(adopted):
            yield adopted
        if not self._begun:
            self._begun = True
            yield adopted.model_copy(
                update={
                    "document": {**self._programme.document(), "name": self.name},
                    "sha256": self._programme.sha256(),
                    "from_day": self.from_day or adopted.from_day,
                }
            )

    def _is_kept(self, adopted: ProgrammeAdopted) -> bool:
        if self.from_day is None:
            return False
        return not self._begun or (
            adopted.from_day is not None and adopted.from_day < self.from_day
        )


class _Decided:
    """Sums lines as they are decided: by heading, and apart from that by partner; keeps tiers."""

    def __init__(self) -> None:
        self.sums: Sums = Counter()
        self.tiers: defaultdict[str, dict[date, str]] = defaultdict(dict)
        self.balances: Counter[tuple[str, str]] = Counter()

    def add(self, _: int, decision: Decision) -> None:
        """Take a decision; what is no line and no tier is left out."""
        if isinstance(decision, TierChanged):
            self.tiers[decision.partner_id][decision.day] = decision.to_tier
        if not isinstance(decision, Line):
            return
        kind = money_of(decision)[0]
        assert kind is not None
        partner_id, currency = decision.partner_id, decision.currency
        self.sums[Heading(partner_id, kind, decision.rule, month_of(decision.day), currency)] += (
            decision.amount
        )
        if kind not in NO_MONEY:
            self.balances[partner_id, currency] += decision.amount


def _present(connection: Connection[Any], names: Names, position: int) -> Sums:
    with connection.cursor(row_factory=tuple_row, binary=True) as cursor:
        cursor.execute(sql.SQL(_PRESENT).format(events=names.events), (position,))
        return Counter({Heading(*row[:-1]): int(row[-1]) for row in cursor})


def _tiers(replay: Replay, at: AsOf) -> Steps:
    found: defaultdict[str, dict[date, str]] = defaultdict(dict)
    for row in replay.tier_history(at):
        day = row["effective_day"]
        assert isinstance(day, date)
        found[str(row["partner_id"])][day] = str(row["to_tier"])
    return found


def _differing(present: Steps, other: Steps) -> Iterator[TierDifference]:
    """Where two histories of tiers differ, stretch by stretch."""
    for partner_id in sorted(present.keys() | other.keys()):
        now, then = present.get(partner_id, {}), other.get(partner_id, {})
        open_: TierDifference | None = None
        tiers: tuple[str | None, str | None] = None, None
        for day in sorted(now.keys() | then.keys()):
            tiers = now.get(day, tiers[0]), then.get(day, tiers[1])
            if open_ is not None and tiers != (open_.present, open_.what_if):
                yield open_._replace(end=day)
                open_ = None
            if open_ is None and tiers[0] != tiers[1]:
                open_ = TierDifference(partner_id, day, None, *tiers)
        if open_ is not None:
            yield open_


def _tie_out(replay: Replay, found: Comparison, balances: Counter[tuple[str, str]]) -> None:
    """Present total + difference = what-if total, each against sums made in another way."""
    told: Counter[tuple[str, str]] = Counter()
    for row in replay.balances(found.at):
        key = str(row["partner_id"]), str(row["currency"])
        told[key] += int(str(row["earned"])) + int(str(row["adjusted"]))
    for of, sums, expected in (("now", found.present, told), ("then", found.what_if, balances)):
        summed: Counter[tuple[str, str]] = Counter()
        for heading, amount in sums.items():
            if heading.in_balance:
                summed[heading.partner_id, heading.currency] += amount
        for key in summed.keys() | expected.keys():
            if summed[key] != expected[key]:
                raise Corrupt(
                    f"the lines of {key[0]} in {key[1]} {of} sum to {summed[key]}, its balance says"
                    f" {expected[key]}; run: commissions verify"
                )
