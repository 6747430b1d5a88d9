"""Billing sends a price ten times too high; it is adjusted, then billing corrects it."""

from __future__ import annotations

from tests.stories.telling import TWO_PERSONS, Story, activated, enrolled, referred


def test_a_price_ten_times_too_high_is_adjusted_and_then_corrected(story: Story) -> None:
    """What finance has settled stays settled; the months after it follow the right price."""
    story.tells(
        enrolled("2026-04-01", "p-martin"),
        referred("2026-04-02", "p-martin", "c-1"),
        # 149.00 a month is told as 1,490.00.
        activated("2026-04-10", "c-1", 149_000),
    )
    story.does("accrue", "--through", "2026-04-30")
    (line,) = story.rows("history", "p-martin")
    assert (line["base"], line["rate"], line["amount"]) == (149_000, "0.20", 29_800)

    # Finance sees it: 20 % of 149.00 is 29.80, so 268.20 are too much. Two persons take it back.
    amount = ("--amount", -26_820, "--currency", "EUR", "--reason", "wrong_price")
    story.does("adjust", "--partner", "p-martin", *amount, "--line", line["position"], *TWO_PERSONS)
    assert story.balance("p-martin")["payable"] == 2_980

    # In May billing corrects its price, from the day of the activation on.
    corrected = {"client_id": "c-1", "plan": "pro", "price": 14_900}
    story.tells(("2026-04-10", "client.plan_changed", corrected))
    story.does("accrue", "--through", "2026-05-31")

    # April is finance's: runs post nothing more for it, and list that it differs. May is right.
    assert story.lines("p-martin") == [
        ("commission", "2026-04-10", "2026-04-10", 29_800),
        ("adjustment", "2026-04-30", "2026-04-30", -26_820),
        ("commission", "2026-05-10", "2026-05-10", 2_980),
    ]
    listed = [row for row in story.rows("unresolved") if row["client_id"] == "c-1"]
    assert [row["reason"] for row in listed] == ["adjusted"]
    balance = story.balance("p-martin")
    assert (balance["earned"], balance["adjusted"]) == (29_800 + 2_980, -26_820)
    assert balance["payable"] == 2 * 2_980
    story.is_sound()
