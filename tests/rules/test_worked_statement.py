"""A partner's first quarter, line by line, with its arithmetic written out.

p1 is a founding partner, sponsored by p9, under the reference programme of 2026 as it stands in the
package. It brings ten clients in January, during the sprint, is certified by the tenth, wins the
sprint and the quarter, and is paid by month from then on.

What it does                                                           what it earns
------------------------------------------------------------------------------------------------
10 January  c01 to c09, €59 a month each, referred in the sprint      9 × 59.00 × 25 % = 9 × 14.75
            (founding: at least 25 % in client year 1)                 9 × 500.00 of the sprint
20 January  c10, €149 a month: the tenth                               149.00 × 25 % = 37.25
            certified from the 21st                                    500.00 of the sprint
                                                                       500.00, the per-ten bonus
31 January  the sprint ends: first place                               a trip of 3,000.00, in kind
10 February c01 to c08 (c09 has left)                                  8 × 14.75
14 February c08 changes to €149                                        nothing (no proration)
20 February c10                                                        37.25
10 March    c01 to c07; c08 at its new price                           7 × 14.75 + 37.25
15 March    finance corrects 12.00 too little                          12.00, adjusted
20 March    c10                                                        37.25
31 March    first of the quarter                                       2,000.00

p9 earns 1,000.00 for its third client (10 January), and 5 % of what is billed after that day:
c10 three times 149.00, c01 to c08 in February, c01 to c07 and the new c08 in March.
"""

from __future__ import annotations

import pytest

from ledger.policy.files import load
from tests.model.journal import Entry
from tests.rules.dsl import (
    Given,
    Scenario,
    bonus,
    by_hand,
    commission,
    contest_line,
    override,
    prize,
    reward,
)
from tests.rules.facts import (
    accrue,
    activated,
    adjust,
    certified,
    changed,
    churned,
    close,
    enrolled,
    nps,
    pay,
    referred,
    settled,
)

NINE = [f"c{number:02}" for number in range(1, 10)]
STARTER, BUSINESS = 5_900, 14_900
"""€59.00 and €149.00 a month."""

OF_STARTER, OF_BUSINESS = 1_475, 3_725
"""25 % of them: 14.75 and 37.25, exact."""

SHARE_OF_STARTER, SHARE_OF_BUSINESS = 295, 745
"""5 % of them: 2.95 and 7.45, exact."""

JANUARY: tuple[Entry, ...] = (
    enrolled("2026-01-02", "p9"),
    enrolled("2026-01-05", "p1", founding=True, sponsor="p9"),
    certified("2026-01-06"),
    nps("2026-01-31", 62),
    nps("2026-01-07", 55),
    *(referred("2026-01-08", client) for client in NINE),
    *(activated("2026-01-10", client, STARTER) for client in NINE),
    activated("2026-01-20", "c10", BUSINESS, partner="p1"),
    accrue("2026-01-31"),
)


def january(given: Given) -> Scenario:
    """The programme of the package, and January."""
    return given(programme=load("izyinbox")).when(*JANUARY)


def february(given: Given) -> Scenario:
    """January is closed and paid, February accrued."""
    story = january(given)
    story.when(
        close("2026-01"), pay("2026-01-31"), settled("2026-02-04", 567_000, cutoff="2026-01-31")
    )
    return story.when(
        churned("2026-02-10", "c09"),
        changed("2026-02-14", BUSINESS, "c08"),
        accrue("2026-02-28"),
    )


def march(given: Given) -> Scenario:
    """February is closed and paid, March accrued and corrected."""
    story = february(given).when(close("2026-02"), pay("2026-02-28"))
    return story.when(accrue("2026-03-31"), adjust(1_200, "2026-03-15"))


def test_january(given: Given) -> None:
    """9 × 14.75 + 37.25 = 170.00; ten times 500.00; the bonus 500.00: 5,670.00 in all."""
    story = january(given)
    story.then(
        *(commission("2026-01-10", OF_STARTER, client_id=c, rate="0.25") for c in NINE),
        commission("2026-01-20", OF_BUSINESS, client_id="c10", rate="0.25"),
        bonus("2026-01-20", "c10", 50_000),
        *(contest_line("2026-01-10", client_id=c) for c in NINE),
        contest_line("2026-01-20", client_id="c10"),
        reward("2026-01-10", 100_000),
        override("2026-01-20", SHARE_OF_BUSINESS, client_id="c10", base=BUSINESS),
    )
    story.then_tiers(("referent", "2026-01-05"), ("certified", "2026-01-21"))
    story.then_badges(("pioneer", "2026-01-10"), ("rocket", "2026-01-20"))
    story.then_balance(earned=9 * 1_475 + 3_725 + 10 * 50_000 + 50_000)
    story.then_balance("p9", earned=100_000 + 745)
    assert 9 * 1_475 + 3_725 + 10 * 50_000 + 50_000 == 567_000


def test_the_first_place_of_the_sprint(given: Given) -> None:
    """At January's close, in kind: in no balance."""
    story = january(given).when(close("2026-01"))
    story.then(prize("2026-01-31", 300_000, "D10.3", posting_date="2026-02-01"))
    story.then_balance(earned=567_000)


def test_the_first_payout(given: Given) -> None:
    """Certified on 31 January: paid by month. The sponsor, a referent, waits for the quarter."""
    story = january(given).when(close("2026-01"), pay("2026-01-31"))
    story.then_payouts(("2026-01-31", 567_000, "in_flight", 0))
    story.then_balance("p9", earned=100_745)


def test_february(given: Given) -> None:
    """8 × 14.75 + 37.25 = 155.25; the plan change of the 14th changes no period begun."""
    story = february(given)
    story.then(
        *(commission("2026-02-10", OF_STARTER, client_id=c, base=STARTER) for c in NINE[:8]),
        commission("2026-02-20", OF_BUSINESS, client_id="c10"),
        *(override("2026-02-10", SHARE_OF_STARTER, client_id=c) for c in NINE[:8]),
        override("2026-02-20", SHARE_OF_BUSINESS, client_id="c10"),
    )
    story.then_balance(earned=567_000 + 8 * 1_475 + 3_725, paid=567_000)
    assert 8 * 1_475 + 3_725 == 15_525


def test_march_and_the_quarter(given: Given) -> None:
    """7 × 14.75 + 2 × 37.25 = 177.75, 12.00 adjusted; at the close 2,000.00 of the quarter."""
    story = march(given)
    story.then(
        *(commission("2026-03-10", OF_STARTER, client_id=c) for c in NINE[:7]),
        commission("2026-03-10", OF_BUSINESS, client_id="c08", base=BUSINESS),
        commission("2026-03-20", OF_BUSINESS, client_id="c10"),
        *(override("2026-03-10", SHARE_OF_STARTER, client_id=c) for c in NINE[:7]),
        override("2026-03-10", SHARE_OF_BUSINESS, client_id="c08"),
        override("2026-03-20", SHARE_OF_BUSINESS, client_id="c10"),
        by_hand("adjustment", "2026-03-15", 1_200),
    )
    story.when(close("2026-03")).then(prize("2026-03-31", 200_000, posting_date="2026-04-01"))
    story.then_leaderboard("2026Q1", ("p1", 10))
    story.then_balance(
        earned=567_000 + 15_525 + (7 * 1_475 + 2 * 3_725) + 200_000,
        adjusted=1_200,
        paid=567_000,
        in_flight=15_525,
    )
    assert 7 * 1_475 + 2 * 3_725 == 17_775


def test_the_sponsors_quarter(given: Given) -> None:
    """1,000.00 + 3 × 7.45 + 8 × 2.95 + 7 × 2.95 + 7.45 = 1,074.05, paid on 31 March at once."""
    story = march(given).when(close("2026-03"), pay("2026-03-31"))
    assert 100_000 + 3 * 745 + 8 * 295 + 7 * 295 + 745 == 107_405
    story.then_balance("p9", earned=107_405, in_flight=107_405)


def test_marchs_payouts(given: Given) -> None:
    """177.75 + 12.00 on 31 March; the prize is posted on 1 April and goes with the next."""
    story = march(given).when(close("2026-03"), pay("2026-03-31"), accrue("2026-04-30"))
    story.then_payouts(
        ("2026-01-31", 567_000, "settled", 567_000),
        ("2026-02-28", 15_525, "in_flight", 0),
        ("2026-03-31", 18_975, "in_flight", 0),
    )
    story.when(pay("2026-04-30"))
    [april] = [one for one in story.ledger.payouts() if f"{one.cutoff}" == "2026-04-30"]
    assert (april.partner_id, april.amount) == ("p1", 200_000 + 7 * 1_475 + 2 * 3_725)


@pytest.mark.parametrize(
    ("account", "amount"),
    [
        ("commission_expense", 567_000 + 15_525 + 17_775 + 200_000 + 1_200 + 107_405),
        ("partner_payable", -(567_000 + 15_525 + 17_775 + 200_000 + 1_200 + 107_405 - 582_525)),
        ("payouts_in_flight", -15_525),
        ("bank", -567_000),
    ],
)
def test_the_books_of_the_quarter(given: Given, account: str, amount: int) -> None:
    """Everything but the trip is expense; what is not yet sent is payable."""
    march(given).when(close("2026-03")).then_account(account, amount)
