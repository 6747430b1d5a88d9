"""Another programme over the real history: what a ledger would hold that had it from the start."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from pydantic import JsonValue

from ledger.errors import LedgerError, NotReady, Refused
from ledger.policy.parts import Requirements
from ledger.policy.programme import Programme
from replay.what_if import Comparison, Sums, compare
from tests.model.commands import Adopt
from tests.model.journal import Entry
from tests.properties.every_rule import stories_of_every_rule
from tests.properties.play import play
from tests.properties.stories import AdjustLine, Step, Story, stories
from tests.rules.dsl import tell
from tests.rules.facts import (
    accrue,
    activated,
    adjust,
    branded,
    certified,
    changed,
    close,
    credit,
    enrolled,
    portfolio,
    referred,
)
from tests.rules.ledger_adapter import RealLedger, _database, open_ledger
from tests.rules.looking import looking
from tests.rules.programmes import plain, programme, quick

START = (enrolled("2020-01-01"), referred("2024-01-01"), activated("2024-02-01"))


def compared(other: Programme, from_day: date | None = None) -> Comparison:
    """The comparison of the ledger at hand; nothing of it changes."""
    with looking(_database()) as connection:
        before = connection.execute("SELECT * FROM ledger.ledger_head").fetchall()
        found = compare(connection, other, from_day)
        assert connection.execute("SELECT * FROM ledger.ledger_head").fetchall() == before
    return found


def difference(found: Comparison) -> dict[tuple[str, str, str], int]:
    """What differs, by kind, month and currency, for all partners."""
    sums: dict[tuple[str, str, str], int] = {}
    for heading in found.headings():
        key = heading.kind, heading.month, heading.currency
        sums[key] = sums.get(key, 0) + found.what_if[heading] - found.present[heading]
    return {key: amount for key, amount in sums.items() if amount}


def otherwise(story: Story) -> Programme:
    """The programme that a story adopts first, with a year-1 rate and a threshold of its own."""
    first = next(step for step in story if isinstance(step, Adopt)).programme
    lowest = first.tiers[0].model_copy(update={"year_1": Decimal("0.5")})
    sooner = Requirements.model_validate({"counted_clients_12_months": 1})
    certified = first.tiers[1].model_copy(update={"requires": sooner})
    return first.model_copy(update={"tiers": (lowest, certified, *first.tiers[2:])})


def tiers_by_day(ledger: RealLedger) -> dict[str, dict[date, str]]:
    """By partner the tier that begins on each day, the last word on it."""
    found: dict[str, dict[date, str]] = {}
    for step in ledger.tiers():
        found.setdefault(step.partner_id, {})[step.first_day] = step.to_tier
    return found


def tier_on(steps: dict[date, str], day: date) -> str | None:
    """The tier on a day, by the steps up to it."""
    before = [each for each in steps if each <= day]
    return steps[max(before)] if before else None


def instead(story: Story, other: Programme) -> Story:
    """The same story with other terms adopted in the place of the programme of that name."""
    told: Story = []
    begun = False
    for step in story:
        if isinstance(step, Adopt) and step.programme.name == other.name:
            if not begun:
                told.append(Adopt(other, step.from_day))
            begun = True
        else:
            told.append(step)
    return told


@settings(
    max_examples=max(8, settings().max_examples // 4),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    # Shrinking a story on a database takes minutes.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(story=stories() | stories_of_every_rule())
def test_what_would_have_been_is_what_is_where_it_was(story: Story) -> None:
    """The lines of the comparison are those of a ledger with the other terms from the start."""
    steps: list[Step] = [step for step in story if not isinstance(step, AdjustLine)]
    other = otherwise(steps)
    with open_ledger() as ledger:
        play(steps, ledger)
        found = compared(other)
        present = tiers_by_day(ledger)
    with open_ledger() as ledger:
        play(instead(steps, other), ledger)
        expected = compared(other)
        then = tiers_by_day(ledger)
    assert expected.tiers == ()
    for partner_id in present.keys() | then.keys():
        now, other_ = present.get(partner_id, {}), then.get(partner_id, {})
        told = [each for each in found.tiers if each.partner_id == partner_id]
        for day in now.keys() | other_.keys():
            both = tier_on(now, day), tier_on(other_, day)
            on = [(t.present, t.what_if) for t in told if t.day <= day < (t.end or date.max)]
            assert on == ([both] if both[0] != both[1] else [])
    assert +found.what_if == +expected.present
    assert +expected.what_if == +expected.present
    assert _totals(found.what_if) == {c: there for c, (_, there) in found.totals().items() if there}


def _totals(sums: Sums) -> dict[str, int]:
    found: dict[str, int] = {}
    for heading, amount in sums.items():
        if heading.in_balance:
            found[heading.currency] = found.get(heading.currency, 0) + amount
    return {currency: amount for currency, amount in found.items() if amount}


@pytest.fixture
def story() -> Iterator[RealLedger]:
    """One client at €100 a month, accrued through April: three lines of €20."""
    with open_ledger() as ledger:
        ledger.adopt(plain(), None)
        tell(ledger, (*START, accrue("2024-04-30")))
        yield ledger


def richer(rate: str = "0.30", **parts: object) -> Programme:
    """The plain programme with another rate for referents in client year 1."""
    document = plain().document()
    tiers = document["tier"]
    assert isinstance(tiers, list)
    first = tiers[0]
    assert isinstance(first, dict)
    return programme(tier=[{**first, "year_1": rate}, *tiers[1:]], **parts)  # type: ignore[arg-type]


@pytest.mark.usefixtures("story")
def test_the_difference_by_month() -> None:
    """30 % instead of 20 % of €100 are €10 more a month; the totals say so."""
    found = compared(richer())
    assert difference(found) == {
        ("commission", month, "EUR"): 1_000 for month in ("2024-02", "2024-03", "2024-04")
    }
    assert found.totals() == {"EUR": (6_000, 9_000)}


@pytest.mark.usefixtures("story")
def test_from_a_day_on() -> None:
    """What was before the day stays as it is."""
    found = compared(richer(), date(2024, 3, 2))
    assert difference(found) == {("commission", "2024-04", "EUR"): 1_000}


@pytest.mark.usefixtures("story")
def test_a_file_of_another_name_takes_the_place_of_the_first() -> None:
    """So a draft need not be called like the programme that it is to follow."""
    found = compared(richer(name="draft"))
    assert found.programme == plain().name
    assert found.totals() == {"EUR": (6_000, 9_000)}


def test_paid_on_what_clients_paid(story: RealLedger) -> None:
    """D8.2 on a history that was accrued by schedule: nobody has paid anything."""
    found = compared(programme(accrual="invoice"))
    assert found.totals() == {"EUR": (6_000, 0)}
    assert len(story.lines()) == 3


def test_every_kind_of_line_by_its_rule() -> None:
    """Without bonus, contest, sponsorship, prizes and brand each of them is taken out, to the cent.

    What its own brand earned the partner as margins comes back as commissions.
    """
    sprint: JsonValue = {
        "code": "sprint",
        "start": "2024-01-01",
        "end": "2024-03-31",
        "amount": 700,
        "first_place": {"prize": "trip", "value": 9_000},
    }
    rich = quick(
        per_ten={"each": 1, "amount": 500, "from": "referent"},
        contest=[sprint],
        sponsorship={"reward": 1_000, "active_clients": 1, "override": "0.05"},
        leaderboard={"prizes": [300]},
    )
    with open_ledger() as ledger:
        ledger.adopt(rich, None)
        told: tuple[Entry, ...] = (
            enrolled("2023-12-01", "p9"),
            enrolled("2023-12-01", sponsor="p9"),
            certified("2023-12-01"),
            portfolio("2023-12-01", 300),
            accrue("2023-12-31"),
            branded("2024-03-01"),
            referred("2024-01-10"),
            activated("2024-01-10"),
            accrue("2024-03-31"),
            *(close(f"2024-{month:02d}") for month in (1, 2, 3)),
        )
        tell(ledger, told)
        found = compared(quick(white_label=None, territory=None))
        present = {line.kind for line in ledger.lines()}
    by_kind: Counter[str] = Counter()
    for (kind, _, _), amount in difference(found).items():
        by_kind[kind] += amount
    assert present == {
        *("bonus", "contest", "reward", "override", "prize", "commission", "margin"),
    }
    month = 10_000 * 30 // 100
    assert by_kind == {
        "bonus": -500,
        "contest": -700,
        "reward": -1_000,
        "override": -10_000 * 5 // 100,
        "prize": -300,
        "prize_in_kind": -9_000,
        "margin": -10_000 * 40 // 100,
        "commission": month,
    }
    assert found.totals() == {"EUR": (3_000 + 2 * month, 3 * month)}


def test_finance_s_own_lines_stay(story: RealLedger) -> None:
    """An adjusted period is finance's there, too: a late price gives it no difference (D9.4)."""
    tell(
        story,
        (
            adjust(-500, line=("c1", "2024-04-01")),
            credit(700),
            changed("2024-03-15", price=20_000),
            accrue("2024-04-30"),
        ),
    )
    found = compared(richer())
    assert found.totals() == {"EUR": (6_200, 9_200)}
    assert compared(plain()).what_if == found.present


@pytest.mark.usefixtures("story")
def test_what_counts_a_client_cannot_change_from_a_day_on() -> None:
    """D6.1: it is the same in all versions of a programme."""
    other = richer(activation={"qualifying_days": 30})
    with pytest.raises(Refused, match="leave --from out"):
        compared(other, date(2024, 3, 2))
    assert compared(other).totals() == {"EUR": (6_000, 9_000)}


def test_an_open_run_is_finished_first(story: RealLedger) -> None:
    """Half a run is no history to compare with."""
    rename = "UPDATE ledger.events SET topic = %s WHERE topic = %s"
    with looking(_database()) as connection:
        connection.execute("ALTER TABLE ledger.events DISABLE TRIGGER refuse_change")
        connection.execute(rename, ("hidden", "AccrualCompleted/1"))
        with pytest.raises(NotReady, match="run is open"):
            compared(richer())
        connection.execute(rename, ("AccrualCompleted/1", "hidden"))
        connection.execute("ALTER TABLE ledger.events ENABLE ALWAYS TRIGGER refuse_change")
    assert story.lines()


def test_an_empty_ledger_has_no_programme_to_replace() -> None:
    """There is nothing to compare with."""
    with open_ledger(), pytest.raises(LedgerError):
        compared(richer())
