"""A month-end, a quarter-end and their payouts, with one transfer returned."""

from __future__ import annotations

from typing import Any

from tests.stories.telling import TWO_PERSONS, Story, activated, enrolled, referred

CERTIFIED, REFERENT = "p-legrand", "p-martin"


def settled(day: str, payout: dict[str, Any]) -> tuple[str, str, dict[str, Any]]:
    """The bank says that a payout arrived."""
    said = {name: payout[name] for name in ("partner_id", "payout_id", "amount", "currency")}
    return day, "payout.settled", said


def month_end(story: Story, month: str, last: str) -> None:
    """What finance does at the end of each month."""
    story.does("accrue", "--through", last)
    story.does("close", month)
    story.does("payouts", "run", "--cutoff", last)


def test_a_quarter_ends_and_one_transfer_comes_back(story: Story) -> None:
    """The certified are paid each month, referents each quarter; what comes back is owed again."""
    story.does("open", "--day", "2026-04-01", *TWO_PERSONS)
    story.tells(enrolled("2026-03-02", CERTIFIED), enrolled("2026-03-02", REFERENT))
    since = ("--tier", "certified", "--since", "2026-03-15")
    story.does("open-partner", CERTIFIED, *since, *TWO_PERSONS)
    story.tells(
        referred("2026-04-02", CERTIFIED, "c-1"),
        activated("2026-04-05", "c-1", 10_000),
        referred("2026-04-03", REFERENT, "c-2"),
        activated("2026-04-08", "c-2", 10_000),
    )

    # April: 25 % of 100.00 is sent to the certified partner; the referent waits.
    month_end(story, "2026-04", "2026-04-30")
    assert [row["partner_id"] for row in story.rows("payouts", "list")] == [CERTIFIED]
    assert story.payout(CERTIFIED, "2026-04-30")["amount"] == 2_500
    story.tells(settled("2026-05-04", story.payout(CERTIFIED, "2026-04-30")))
    month_end(story, "2026-05", "2026-05-31")
    story.tells(settled("2026-06-03", story.payout(CERTIFIED, "2026-05-31")))

    # June ends the quarter: the referent is paid three months at 20 %.
    month_end(story, "2026-06", "2026-06-30")
    sent = story.payout(REFERENT, "2026-06-30")
    assert sent["amount"] == 3 * 2_000
    # The close has ranked the quarter: one client each, the earlier first. The prizes of EUR 2,000
    # and 1,000 are for its last day and are posted after it.
    assert [
        (row["rank"], row["partner_id"], row["clients"])
        for row in story.rows("leaderboard", "--quarter", "2026Q2")
    ] == [(1, CERTIFIED, 1), (2, REFERENT, 1)]
    assert ("prize", "2026-06-30", "2026-07-01", 200_000) in story.lines(CERTIFIED)
    assert ("prize", "2026-06-30", "2026-07-01", 100_000) in story.lines(REFERENT)

    # The referent's transfer arrives, and four days later the bank sends it back.
    story.tells(
        settled("2026-07-02", sent),
        settled("2026-07-02", story.payout(CERTIFIED, "2026-06-30")),
    )
    assert story.balance(REFERENT)["paid"] == 6_000
    failed = {name: sent[name] for name in ("partner_id", "payout_id")}
    story.tells(("2026-07-06", "payout.failed", {**failed, "reason": "account_closed"}))
    returned = story.payout(REFERENT, "2026-06-30")
    assert (returned["status"], returned["settled_amount"]) == ("failed", 6_000)
    assert story.balance(REFERENT) == {
        "earned": 6_000 + 100_000,
        "adjusted": 0,
        "paid": 0,
        "in_flight": 0,
        "payable": 106_000,
    }

    # It goes with the next quarter: what came back, the prize, three more months.
    for month, last in (
        ("2026-07", "2026-07-31"),
        ("2026-08", "2026-08-31"),
        ("2026-09", "2026-09-30"),
    ):
        month_end(story, month, last)
    assert story.payout(REFERENT, "2026-09-30")["amount"] == 6_000 + 100_000 + 3 * 2_000
    assert story.payout(CERTIFIED, "2026-07-31")["amount"] == 200_000 + 2_500
    story.is_sound()
