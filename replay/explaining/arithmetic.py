"""The arithmetic of a line, step by step, done again: what it comes to, or why it cannot be told.

Pure. Amounts are integers in minor units; a rate is exact, a product is rounded once, half up (D1).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ledger.engine.money import share
from ledger.policy.programme import Programme
from replay.explaining.told import Told


@dataclass(frozen=True, slots=True)
class Step:
    """One step: what is taken, and what it gives, in minor units."""

    what: str
    gives: int


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """The steps to an amount; ``amount`` is None where the members of the events do not give it."""

    steps: tuple[Step, ...]
    amount: int | None


def of_line(
    line: Told, earlier: Sequence[Told], document: Mapping[str, Any] | None, command: Told | None
) -> Arithmetic:
    """Do the arithmetic of a line again.

    ``earlier``: the lines of its period before it, to the same partner; ``document``: the programme
    version that it names; ``command``: finance's word, of a credit or an adjustment.
    """
    data = line.data
    match line.type:
        case "CommissionPosted" | "MarginPosted" if data.get("line") is None:
            return _product(data["base"], data["rate"], "base × rate, half up")
        case "CommissionPosted" | "MarginPosted":
            return _difference(data, earlier)
        case "ClawbackWaived":
            return _waived(data, earlier)
        case "OverridePosted":
            return _product(data["base"], data["rate"], "base × the sponsor's share, half up")
        case "AdjustmentPosted" | "CreditPosted" if data.get("run") is None:
            return _ordered(command)
        case "AdjustmentPosted":
            return _taken_back(data, earlier)
    return _promised(line, document)


def rate_of(line: Told, programme: Programme) -> str | None:
    """Say where a line's rate comes from.

    None where the programme version that it names has no such rate for its tier and client year.
    """
    data = line.data
    told = Decimal(data["rate"])
    if line.type == "MarginPosted":
        kept = programme.white_label and programme.white_label.share
        ways = {"the share kept under the partner's own brand": kept}
    else:
        tier, year = data["tier"], data["client_year"]
        ways = {
            f"tier {tier} in client year {year}": programme.rate(tier, year, False),  # noqa: FBT003
            "the least of a founding partner": programme.rate(tier, year, True),  # noqa: FBT003
        }
    for what, rate in ways.items():
        if rate == told:
            return f"{data['rate']}, {what}"
    return None


def _product(base: int, rate: str, what: str) -> Arithmetic:
    amount = share(base, Decimal(rate))
    exact = Decimal(base) * Decimal(rate)
    return Arithmetic((Step(f"{what}: {base} × {rate} = {exact.normalize():f}", amount),), amount)


def _difference(data: Mapping[str, Any], earlier: Sequence[Told]) -> Arithmetic:
    """V − P (D9.1): what the period is worth at the first line's rate, less what was posted."""
    posted, base = _posted(earlier)
    if data["base"] == 0:
        return Arithmetic((Step("posted so far", posted),), None)
    due = base + data["base"]
    worth = share(due, Decimal(data["rate"]))
    steps = (
        Step(f"due now: {due} × {data['rate']}, half up", worth),
        Step("posted so far", posted),
        Step("difference: due less posted", worth - posted),
    )
    return Arithmetic(steps, worth - posted)


def _waived(data: Mapping[str, Any], earlier: Sequence[Told]) -> Arithmetic:
    """P − V (D9.2); V follows from the facts named, and is told by the difference."""
    posted, _ = _posted(earlier)
    waived = sum(told.data["amount"] for told in earlier if told.type == "ClawbackWaived")
    worth = posted - waived - data["amount"]
    steps = [Step("posted so far", posted)]
    if waived:
        steps.append(Step("waived before", waived))
    steps.append(Step("worth now, by the facts named", worth))
    return Arithmetic((*steps, Step("not clawed back: posted less worth", data["amount"])), None)


def _taken_back(data: Mapping[str, Any], earlier: Sequence[Told]) -> Arithmetic:
    """What rested on a retracted fact (D9.5), or what a margin was too much (D13)."""
    posted, _ = _posted(earlier)
    steps = (
        Step("posted so far", posted),
        Step("taken back", data["amount"]),
        Step("left", posted + data["amount"]),
    )
    return Arithmetic(steps, None)


def _ordered(command: Told | None) -> Arithmetic:
    if command is None or "amount" not in command.data:
        return Arithmetic((), None)
    amount = int(command.data["amount"])
    return Arithmetic((Step(f"as ordered at position {command.position}", amount),), amount)


def _promised(line: Told, document: Mapping[str, Any] | None) -> Arithmetic:
    """An amount that the programme names as it stands."""
    key, amount = _clause(line, document or {})
    if amount is None:
        return Arithmetic((), None)
    return Arithmetic((Step(f"the programme's {key}", amount),), amount)


def _clause(line: Told, document: Mapping[str, Any]) -> tuple[str, int | None]:
    data = line.data
    if line.type == "BonusPosted":
        return "per_ten.amount", document.get("per_ten", {}).get("amount")
    if line.type == "RewardPosted":
        return "sponsorship.reward", document.get("sponsorship", {}).get("reward")
    contests = {one["code"]: one for one in document.get("contest", ())}
    if line.type == "ContestPosted":
        return f"contest {data['contest']}: amount", contests.get(data["contest"], {}).get("amount")
    prize = str(data.get("prize"))
    if prize.startswith("ambassador-"):
        return "ambassadors.amount", document.get("ambassadors", {}).get("amount")
    for code, contest in contests.items():
        first = contest.get("first_place", {})
        if prize in {code, first.get("prize")} and "value" in first:
            return f"contest {code}: first_place.value", first["value"]
    prizes = document.get("leaderboard", {}).get("prizes", ())
    place = data.get("rank", 0)
    if 0 < place <= len(prizes):
        return f"leaderboard.prizes, place {place}", prizes[place - 1]
    return "", None


def _posted(earlier: Sequence[Told]) -> tuple[int, int]:
    """P and its base: lines and take-backs of the period so far, waivers apart."""
    amount = base = 0
    for told in earlier:
        if told.type == "ClawbackWaived":
            continue
        amount += told.data["amount"]
        taken = told.type == "AdjustmentPosted"
        base += (-1 if taken else 1) * (told.data.get("base") or 0)
    return amount, base
