"""The programme document: the reference figures, what is refused, and its canonical bytes."""

from __future__ import annotations

import copy
import hashlib
import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from ledger.policy.files import load
from ledger.policy.problems import ProgrammeInvalid
from ledger.policy.programme import Programme

REFERENCE = load("izyinbox")


def document() -> dict[str, Any]:
    """The reference document, to be changed by a test."""
    return copy.deepcopy(dict(REFERENCE.document()))


def problems(changed: dict[str, Any]) -> dict[str, str]:
    """What is wrong with a changed document, by key."""
    with pytest.raises(ProgrammeInvalid) as refused:
        Programme.from_document(changed)
    return {problem.key: problem.reason for problem in refused.value.problems}


def test_the_reference_has_the_rates_of_the_programme() -> None:
    """D7's table: tiers down, client years across, and the floor of founding partners."""
    table = {
        (tier.name, year, founding): REFERENCE.rate(tier.name, year, founding)
        for tier in REFERENCE.tiers
        for year in (1, 2, 3)
        for founding in (False, True)
    }
    expected: dict[tuple[str, int, bool], Decimal] = {}
    for tier, first, later in (
        ("referent", "0.20", "0.10"),
        ("certified", "0.25", "0.15"),
        ("strategic", "0.25", "0.15"),
    ):
        for founding in (False, True):
            expected[tier, 1, founding] = Decimal("0.25") if founding else Decimal(first)
            expected[tier, 2, founding] = expected[tier, 3, founding] = Decimal(later)
    assert table == expected


def test_a_founding_floor_below_the_tiers_rate_changes_nothing() -> None:
    """The floor is a floor: at least so much, not exactly so much."""
    lower = document()
    lower["founding"]["year_1"] = "0.22"
    programme = Programme.from_document(lower)
    assert programme.rate("certified", 1, founding=True) == Decimal("0.25")
    assert programme.rate("referent", 1, founding=True) == Decimal("0.22")


def test_the_reference_asks_and_pays_what_the_programme_says() -> None:
    """D6's requirements and commitments, D10 to D15's amounts, each in cents."""
    certified, strategic = REFERENCE.tier("certified"), REFERENCE.tier("strategic")
    assert certified.requires.counted_clients_12_months == 10
    assert certified.requires.certification is True
    assert certified.requires.nps_above == 40
    assert certified.commitment.counted_clients_per_year == 10
    assert strategic.requires.counted_clients_ever == 30
    assert strategic.requires.portfolio_above == 200
    assert strategic.requires.comarketing_12_months == 5_000_00
    assert strategic.commitment.counted_clients_per_year == 30
    assert strategic.commitment.comarketing_per_year == 5_000_00
    assert [REFERENCE.cadence(tier.name) for tier in REFERENCE.tiers] == [
        "quarter",
        "month",
        "month",
    ]
    assert REFERENCE.per_ten is not None
    assert (REFERENCE.per_ten.each, REFERENCE.per_ten.amount) == (10, 500_00)
    contest = REFERENCE.contests[0]
    assert (contest.start, contest.end) == (date(2026, 1, 1), date(2026, 1, 31))
    assert contest.amount == 500_00
    assert contest.first_place is not None
    assert contest.first_place.value == 3_000_00
    assert REFERENCE.sponsorship is not None
    assert REFERENCE.sponsorship.reward == 1_000_00
    assert REFERENCE.sponsorship.override == Decimal("0.05")
    assert REFERENCE.leaderboard is not None
    assert REFERENCE.leaderboard.prizes == (2_000_00, 1_000_00, 500_00)
    assert REFERENCE.ambassadors is not None
    assert REFERENCE.ambassadors.amount == 10_000_00
    assert REFERENCE.white_label is not None
    assert REFERENCE.white_label.share == Decimal("0.40")


def test_a_payout_minimum_is_of_its_currency_only() -> None:
    """D15.1: 0 for a currency that the programme does not name."""
    changed = document()
    changed["payout"]["minimum"] = [{"currency": "CHF", "amount": 50_00}]
    programme = Programme.from_document(changed)
    assert (programme.minimum("CHF"), programme.minimum("EUR")) == (50_00, 0)


def test_the_document_comes_back_as_it_went() -> None:
    """What the adoption event carries gives the same programme, bytes and hash again."""
    through_json = json.loads(REFERENCE.canonical())
    again = Programme.from_document(through_json)
    assert again == REFERENCE
    assert again.canonical() == REFERENCE.canonical()
    assert REFERENCE.sha256() == hashlib.sha256(REFERENCE.canonical()).hexdigest()


def test_the_canonical_bytes_hold_no_float_and_no_null() -> None:
    """Rates are strings and amounts integers: nothing in the bytes depends on a reader's floats."""

    def refuse(number: str) -> object:
        raise AssertionError(number)

    text = REFERENCE.canonical().decode()
    json.loads(text, parse_float=refuse, parse_constant=refuse)
    assert "null" not in text
    assert list(json.loads(text)) == sorted(json.loads(text))


def test_defaults_are_written_out_and_hashed() -> None:
    """A later default changes no adopted programme: what was left out is in its bytes."""
    shorter = document()
    del shorter["attribution"], shorter["rate_basis"], shorter["contest"][0]["mode"]
    assert Programme.from_document(shorter).sha256() == REFERENCE.sha256()


def test_a_programme_cannot_be_changed() -> None:
    """It is a value: frozen down to its parts, and usable as a key."""
    with pytest.raises(ValidationError, match="frozen"):
        REFERENCE.title = "another"  # type: ignore[misc]
    with pytest.raises(ValidationError, match="frozen"):
        REFERENCE.attribution.window_days = 1  # type: ignore[misc]
    assert hash(REFERENCE) == hash(Programme.from_document(document()))


@pytest.mark.parametrize(
    ("path", "value", "built"),
    [
        ("attribution.territory_check", "nobody", "'all' or 'leads_only'"),
        ("rate_basis", "invoice_date", "'service_date' or 'activation_date'"),
        ("version_basis", "invoice_date", "'service_date' or 'activation_date'"),
        ("proration", "daily", "'none'"),
    ],
)
def test_a_choice_without_a_rule_is_refused_by_name(path: str, value: object, built: str) -> None:
    """Refused, not ignored: the key is named, and what can be chosen."""
    changed = document()
    _put(changed, path, value)
    found = problems(changed)
    assert list(found) == [path]
    assert built in found[path]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("rate_basis", "activation_date"),
        ("version_basis", "activation_date"),
        ("attribution.window_days", 0),
        ("attribution.late_days", 365),
        ("activation.qualifying_days", 30),
    ],
)
def test_a_choice_with_a_rule_is_taken(path: str, value: object) -> None:
    """The choices that are built change the document and its hash."""
    changed = document()
    _put(changed, path, value)
    assert Programme.from_document(changed).sha256() != REFERENCE.sha256()


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        ("tier.0.year_1", "1.01", 'is "1.01": a rate is'),
        ("tier.0.year_1", "-0.1", "a rate is"),
        ("tier.0.year_1", 0.2, "a rate is"),
        ("tier.0.year_1", 1, "a rate is"),
        ("founding.year_1", "20%", "a rate is"),
        ("per_ten.amount", -1, "is -1; write 0 or more"),
        ("per_ten.amount", 500.0, "a whole number"),
        ("per_ten.amount", True, "is true; write a whole number"),
        ("per_ten.amount", "500", "a whole number without quotes"),
        ("per_ten.each", 0, "is 0; write 1 or more"),
        ("attribution.window_days", -1, "write 0 or more"),
        ("currency", "EURO", "did you mean 'EUR'?"),
        ("contest.0.end", "2025-12-31", "before its start"),
        ("contest.0.end", "2026-02-30", "day"),
        ("title", "two\nlines", "one line of 1 to 200 characters"),
        ("name", "izy inbox", "1 to 64 letters"),
        ("tier.1.requires.clients", 10, "nothing that the ledger records of a partner"),
        ("bonus", {}, "no key of a programme"),
    ],
)
def test_a_wrong_value_is_refused_by_name(path: str, value: object, reason: str) -> None:
    """One wrong value, one problem, under its own key."""
    changed = document()
    _put(changed, path, value)
    found = problems(changed)
    assert list(found) == [path]
    assert reason in found[path]


@pytest.mark.parametrize("order", [(0, 1), (0, 2, 1), (0, 1, 1, 2), (0, 0, 1, 2), ()])
def test_tiers_missing_repeated_or_out_of_order_are_refused(order: tuple[int, ...]) -> None:
    """The levels are three, and their order is a rule."""
    changed = document()
    changed["tier"] = [changed["tier"][place] for place in order]
    assert "in this order" in problems(changed)["tier"]


def test_the_lowest_tier_has_no_requirements() -> None:
    """Every partner starts there (D6), so that what it asked would be ignored."""
    changed = document()
    changed["tier"][0]["requires"] = {"portfolio_above": 50}
    assert "where every partner starts" in problems(changed)["tier"]


def test_a_contest_code_or_a_minimum_twice_is_refused() -> None:
    """One code names one contest, one currency has one minimum."""
    changed = document()
    changed["contest"] *= 2
    changed["payout"]["minimum"] = [{"currency": "EUR", "amount": 1}] * 2
    assert set(problems(changed)) == {"contest", "payout.minimum"}


def test_all_problems_are_told_at_once() -> None:
    """A wrong rate does not hide a wrong order of tiers, nor a wrong amount a wrong end."""
    changed = document()
    changed["tier"].reverse()
    changed["tier"][0]["later"] = "2"
    changed["contest"][0] |= {"end": "2025-01-01", "amount": -5}
    del changed["title"]
    assert set(problems(changed)) == {
        "tier",
        "tier.0.later",
        "contest.0.end",
        "contest.0.amount",
        "title",
    }


def _put(changed: dict[str, Any], path: str, value: object) -> None:
    *parents, last = path.split(".")
    place: Any = changed
    for part in parents:
        place = place[int(part)] if isinstance(place, list) else place[part]
    place[last] = value
