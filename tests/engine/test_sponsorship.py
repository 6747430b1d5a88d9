"""D11: when a partner is active, and on what of a line's base a share may be paid, by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from pydantic import JsonValue

from events.base import Event
from events.lines import AdjustmentPosted, CommissionPosted, OverridePosted, RewardPosted
from events.partners import PartnerEnrolled
from ledger.engine.counted import CountedClient, Counts
from ledger.engine.sponsorship import Active, Booked, active_on, decide_reward, shared_base
from ledger.engine.state import Enrolment, Partner, Run, Tie, ledger_of, partner_of
from ledger.policy.programme import Programme
from tests.engine.journal import Journal
from tests.rules.programmes import choosing, programme

JANUARY, FEBRUARY = date(2024, 1, 10), date(2024, 2, 10)


def line(base: int, day: date = JANUARY, of: int | None = None, partner: str = "p1") -> Event:
    """A commission of 20 % on a base; ``of``: a difference of the line there."""
    return CommissionPosted(
        rule="D7" if of is None else "D9.1",
        programme_version="izyinbox/1",
        day=day,
        partner_id=partner,
        posting_date=day,
        amount=base // 5,
        currency="EUR",
        client_id="c1",
        subscription_id="c1",
        service_end=day,
        interval="month",
        client_year=1,
        tier="referent",
        base=base,
        rate=Decimal("0.20"),
        line=of,
    )


def taken(base: int | None, of: int | None, rule: str = "D9.5") -> Event:
    """What was taken back, or adjusted, of the line at a position."""
    return AdjustmentPosted(
        rule=rule,
        day=JANUARY,
        partner_id="p1",
        posting_date=JANUARY,
        amount=-1,
        currency="EUR",
        reason="retracted",
        line=of,
        client_id="c1",
        subscription_id="c1",
        base=base,
    )


def share(base: int, of: int) -> Event:
    """A share of the line at a position."""
    return OverridePosted(
        rule="D11.2",
        programme_version="izyinbox/1",
        day=JANUARY,
        partner_id="p9",
        posting_date=JANUARY,
        amount=base // 20,
        currency="EUR",
        sponsored_id="p1",
        client_id="c1",
        subscription_id="c1",
        base=base,
        rate=Decimal("0.05"),
        line=of,
    )


def base_of(last: Event, *before: Event, after: tuple[Event, ...] = ()) -> int | None:
    """What of the last line a share may be paid on; all stand one after the other from 1 on."""
    account = [Booked(n, event) for n, event in enumerate((*before, last, *after), start=1)]
    return shared_base(account[len(before)], account)


def test_a_line_of_which_nothing_was_taken_back_pays_on_its_base() -> None:
    """Whatever shares there are, and whatever finance adjusted."""
    assert base_of(line(100)) == 100
    assert base_of(line(20, of=1), line(100), share(100, of=1)) == 20
    assert base_of(line(20, of=1), line(100), share(300, of=1)) == 20
    assert base_of(line(20, of=1), line(100), taken(100, of=1, rule="D9.4")) == 20
    assert base_of(line(0)) == 0


@pytest.mark.parametrize(
    ("paid_on", "expected"), [(0, 60), (59, 60), (60, 60), (61, 59), (119, 1), (120, None)]
)
def test_after_a_take_back_on_what_exceeds_the_bases_paid_on(
    paid_on: int, expected: int | None
) -> None:
    """100 posted, 40 of it taken back, 60 posted again: 120 in all, 60 on the line."""
    first = (line(100), share(paid_on, of=1), taken(40, of=1))
    assert base_of(line(60, of=1), *first) == expected


def test_shares_count_wherever_they_stand_and_lines_only_up_to_the_line() -> None:
    """A line or take-back that comes after it has no say; a share of it has."""
    first = (line(100), taken(100, of=1))
    assert base_of(line(50, of=1), *first, after=(line(70, of=1), taken(50, of=3))) == 50
    assert base_of(line(50, of=1), *first, after=(share(30, of=1),)) == 20
    assert base_of(line(50, of=1), *first, after=(share(30, of=3),)) == 20
    assert base_of(line(50, of=1), *first, after=(line(9, of=1), share(30, of=3))) == 20
    assert base_of(line(50, of=1), *first, after=(share(30, of=1), share(5, of=3))) == 15


def test_of_the_same_period_and_partner_alone() -> None:
    """Not what another had of it, nor what was taken back of another month, nor of no line."""
    other, earlier = line(100, partner="p2"), line(100, FEBRUARY)
    of_others = (other, earlier, share(100, of=1), share(100, of=2))
    assert base_of(line(50), *of_others, taken(100, of=1), taken(100, of=2)) == 50
    assert base_of(line(50), *of_others, taken(7, of=None)) == 50
    own = (*of_others, line(100), taken(100, of=5), share(20, of=5))
    assert base_of(line(50, of=5), *own) == 30
    assert base_of(line(50, of=1), line(100), taken(None, of=1), share(110, of=1)) == 40


# --- active --------------------------------------------------------------------------------------


def active(terms: Programme, *counted: tuple[int, int], enrolled: bool = True) -> Active | None:
    """When p1, enrolled on 2 January 2024, is active by clients (day of January, how many)."""
    journal = Journal(terms)
    if enrolled:
        journal.tell(PartnerEnrolled(partner_id="p1", kind="referral"), "2024-01-02")
    partner: Partner = partner_of(journal.state, "p1")
    counts = Counts({date(2024, 1, day): number for day, number in counted})
    return active_on(ledger_of(journal.state), partner, counts)


SPONSORING: dict[str, JsonValue] = {"reward": 1, "active_clients": 3, "override": "0.05"}
TERMS = programme(sponsorship=SPONSORING)


def test_active_by_the_counting_day_of_the_third_client() -> None:
    """Of one day that holds several it is the third of all."""
    assert active(TERMS, (10, 2)) is None
    assert active(TERMS, (10, 2), (12, 1), (14, 1)) == (date(2024, 1, 12), 3)
    assert active(TERMS, (10, 1), (12, 5)) == (date(2024, 1, 12), 3)
    assert active(TERMS, (10, 3)) == (date(2024, 1, 10), 3)


def test_active_from_the_enrolment_on_or_never() -> None:
    """By the programme's choice, without a client; never without terms, or not enrolled."""
    on_enrolment = choosing(TERMS, "sponsorship", trigger="enrolment")
    assert active(on_enrolment) == (date(2024, 1, 2), None)
    assert active(on_enrolment, enrolled=False) is None
    assert active(programme(), (10, 9)) is None


def test_by_the_versions_of_the_partners_programme() -> None:
    """D7.2, D7.3: of each counting day; by the trigger of the version of the enrolment day."""
    journal = Journal(programme())
    journal.tell(PartnerEnrolled(partner_id="p1", kind="referral"), "2024-01-02")
    other = programme(name="other", sponsorship=SPONSORING)
    at_once = choosing(other, "sponsorship", trigger="enrolment")
    programmes = ledger_of(journal.state).programmes.adopt(programme(name="other"), None)
    ledger = ledger_of(journal.state)
    partner = partner_of(journal.state, "p1")
    under = partner._replace(programmes=((date(2024, 1, 1), "other"),))
    counts = Counts({date(2024, 1, 10): 5, date(2024, 1, 15): 2})
    later = ledger._replace(programmes=programmes.adopt(other, date(2024, 1, 15)))
    assert active_on(later, under, counts) == (date(2024, 1, 15), 6)
    assert active_on(later, partner, counts) is None
    enrolling = ledger._replace(programmes=programmes.adopt(at_once, date(2024, 1, 2)))
    assert active_on(enrolling, under, counts) == (date(2024, 1, 2), None)
    assert active_on(enrolling, partner, counts) is None
    too_late = ledger._replace(programmes=programmes.adopt(at_once, date(2024, 1, 3)))
    assert active_on(too_late, under, counts) == (date(2024, 1, 10), 3)


# --- the reward ----------------------------------------------------------------------------------


def reward(sponsored: Partner, client: CountedClient | None) -> RewardPosted | None:
    """The reward of p9 for a partner active on 10 January, by programmes that pay 1 and 700."""
    journal = Journal(TERMS)
    other = programme(name="other", sponsorship={**SPONSORING, "reward": 700})
    without = programme(name="other")
    programmes = ledger_of(journal.state).programmes.adopt(without, None)
    programmes = programmes.adopt(other, JANUARY).adopt(without, date(2024, 1, 11))
    ledger = ledger_of(journal.state)._replace(programmes=programmes)
    sponsor = Partner("p9", Enrolment(JANUARY, 1, founding=False))
    run = Run(40, date(2024, 1, 31), None, 0)
    return decide_reward(ledger, run, sponsored, sponsor, JANUARY, client)


def test_the_reward_is_that_of_the_sponsored_partners_programme() -> None:
    """D7.3: by the version of the active day; it names the tie and what its client counts by."""
    tied = Partner("p1", Enrolment(JANUARY, 5, founding=False), sponsor=Tie("p9", 5))
    client = CountedClient("c1", JANUARY, datetime(2024, 1, 10, tzinfo=UTC), 7, JANUARY, 8)
    first = reward(tied, client)
    assert first is not None
    assert (first.amount, first.facts, first.programme_version) == (1, (5, 7, 8), "izyinbox/1")
    assert (first.sponsored_id, first.partner_id, first.run) == ("p1", "p9", 40)
    under = tied._replace(programmes=((date(2024, 1, 1), "other"),))
    second = reward(under, None)
    assert second is not None
    assert (second.amount, second.facts, second.programme_version) == (700, (5,), "other/2")
