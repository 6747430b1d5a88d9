"""What a programme file must not say though each of its values is right: it contradicts itself.

Checked when a file is read, not in the document's model: what was adopted once stays readable.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from itertools import pairwise

from events.values import TIERS
from ledger.policy.problems import Problem

Table = Mapping[str, object]

_SCALES = ("requires", "commitment")


def contradictions(document: Mapping[str, object]) -> Iterator[Problem]:
    """Every contradiction of a document, which may be wrong in other ways, too."""
    yield from _contests(_tables(document.get("contest")))
    tiers = _tables(document.get("tier"))
    if tuple(tier.get("name") for tier in tiers) == TIERS:
        for number, (lower, higher) in enumerate(pairwise(tiers), start=1):
            yield from _step(number, lower, higher)


def _contests(contests: list[Table]) -> Iterator[Problem]:
    """Two contests of one code, or of common days: a client would be paid for both (D10.2)."""
    for number, contest in enumerate(contests):
        for earlier, other in enumerate(contests[:number]):
            code = other.get("code")
            if code is not None and contest.get("code") == code:
                reason = f"is the code of contest.{earlier}, too; give each contest its own"
                yield Problem(f"contest.{number}.code", reason)
            days, others = _days(contest), _days(other)
            if days and others and days[0] <= others[1] and others[0] <= days[1]:
                reason = (
                    f"the days overlap with those of contest.{earlier} ({others[0]} to"
                    f" {others[1]}): a client would earn both; move the start or the end"
                )
                yield Problem(f"contest.{number}.start", reason)


def _days(contest: Table) -> tuple[date, date] | None:
    start, end = contest.get("start"), contest.get("end")
    if type(start) is date and type(end) is date and start <= end:
        return start, end
    return None


def _step(number: int, lower: Table, higher: Table) -> Iterator[Problem]:
    """A tier must ask for no less than the one below, and for something more (D6).

    It may pay less: that is a programme's own affair, and what a what-if may want to know.
    """
    below = lower["name"]
    for scale in _SCALES:
        asked, before_it = _table(higher.get(scale)), _table(lower.get(scale))
        for name, amount in asked.items():
            least = before_it.get(name)
            if _is_number(amount) and _is_number(least) and amount < least:  # type: ignore[operator]
                reason = f"asks for less than {below!r} does; write {least} or more, or remove it"
                yield Problem(f"tier.{number}.{scale}.{name}", reason)
    requires, before_it = _table(higher.get("requires")), _table(lower.get("requires"))
    if not any(value and before_it.get(name) != value for name, value in requires.items()):
        reason = f"asks for nothing beyond {below!r}: whoever has that tier would have this one"
        yield Problem(f"tier.{number}.requires", f"{reason}; add a requirement")


def _tables(value: object) -> list[Table]:
    return [_table(one) for one in value] if isinstance(value, list) else []


def _table(value: object) -> Table:
    return value if isinstance(value, Mapping) else {}


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
