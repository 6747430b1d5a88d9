"""A programme with three years of history moves in."""

from __future__ import annotations

from tests.stories.telling import TWO_PERSONS, Story, activated, churned, enrolled, referred


def test_a_programme_with_three_years_of_history_moves_in(story: Story) -> None:
    """The past counts for whose clients they are and for how long; it posts nothing again."""
    # The ledger opens on 1 January 2026: what came before was paid by the old system.
    story.does("open", "--day", "2026-01-01", *TWO_PERSONS)
    # The old system's history is told like any other.
    story.tells(
        enrolled("2023-02-01", "p-legrand"),
        ("2023-04-01", "partner.certified", {"partner_id": "p-legrand", "certification": "expert"}),
        referred("2023-05-02", "p-legrand", "c-garage"),
        activated("2023-05-10", "c-garage", 10_000),
        referred("2024-03-01", "p-legrand", "c-bakery"),
        activated("2024-03-04", "c-bakery", 5_900),
        churned("2025-11-20", "c-bakery"),
        referred("2025-09-01", "p-legrand", "c-notary"),
        activated("2025-09-20", "c-notary", 14_900),
        referred("2025-02-01", "p-legrand", "c-clinic"),
        activated("2025-03-01", "c-clinic", 120_000, interval="year"),
    )
    # What the partner was, and what it was still owed: EUR 1,234.50.
    story.does(
        *("open-partner", "p-legrand", "--tier", "certified", "--since", "2024-06-01"),
        *("--balance", "EUR=123450", *TWO_PERSONS),
    )
    story.does("accrue", "--through", "2026-01-31")

    # c-garage is in its third client year: 15 % of 100.00. c-notary is in its first: 25 % of
    # 149.00 = 37.25. c-bakery is gone; c-clinic's year begins on 1 March. Nothing is for 2025.
    assert story.lines("p-legrand") == [
        ("adjustment", "2026-01-01", "2026-01-01", 123_450),
        ("commission", "2026-01-10", "2026-01-10", 1_500),
        ("commission", "2026-01-20", "2026-01-20", 3_725),
    ]
    # The badge of the first client is given, on the day in 2023 on which it was earned.
    assert [(row["badge"], row["day"]) for row in story.rows("badges")] == [
        ("pioneer", "2023-05-10")
    ]
    # A certified partner is paid at the end of each month: the old debt and the new lines.
    story.does("close", "2026-01")
    story.does("payouts", "run", "--cutoff", "2026-01-31")
    assert story.payout("p-legrand", "2026-01-31")["amount"] == 123_450 + 1_500 + 3_725
    # c-clinic pays a year on 1 March, the start of its second client year: 15 % of 1,200.00.
    story.does("accrue", "--through", "2026-03-31")
    assert ("commission", "2026-03-01", "2026-03-01", 18_000) in story.lines("p-legrand")
    story.is_sound()
