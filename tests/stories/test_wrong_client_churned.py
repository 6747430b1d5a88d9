"""The churn of the wrong client is retracted after its month was accrued."""

from __future__ import annotations

from tests.stories.telling import TWO_PERSONS, Story, activated, churned, enrolled, referred


def test_the_churn_of_the_wrong_client_is_retracted(story: Story) -> None:
    """Both clients come right in the next run, and the closed month's statement stays as it was."""
    story.tells(
        enrolled("2026-04-01", "p-martin"),
        referred("2026-04-02", "p-martin", "c-loyal"),
        referred("2026-04-02", "p-martin", "c-gone"),
        activated("2026-04-10", "c-loyal", 10_000),
        activated("2026-04-10", "c-gone", 5_000),
    )
    story.does("accrue", "--through", "2026-04-30")
    story.does("close", "2026-04")
    # c-gone has left on 2 May; the message names c-loyal.
    (wrong,) = story.tells(churned("2026-05-02", "c-loyal"))
    story.does("accrue", "--through", "2026-05-31")
    story.does("close", "2026-05")
    may = story.statement("p-martin", "2026-05")
    assert story.lines("p-martin")[2:] == [("commission", "2026-05-10", "2026-05-10", 1_000)]

    # In June it is found out. Two persons retract the churn, and billing tells the right one.
    story.does("retract", "/billing", wrong, "--reason", "wrong_client", *TWO_PERSONS)
    story.tells(churned("2026-05-02", "c-gone"))
    story.does("accrue", "--through", "2026-06-30")

    # May of c-loyal is posted into June, 20 % of 100.00. May of c-gone, 20 % of 50.00, is not taken
    # back: the programme promises that, and the waiver shows what it costs.
    assert story.lines("p-martin")[3:] == [
        ("waiver", "2026-05-10", "2026-06-01", 1_000),
        ("commission", "2026-05-10", "2026-06-01", 2_000),
        ("commission", "2026-06-10", "2026-06-10", 2_000),
    ]
    assert story.balance("p-martin")["payable"] == 3_000 + 1_000 + 2_000 + 2_000
    assert story.statement("p-martin", "2026-05") == may
    # The retracted message is still there, and its key stays used.
    assert story.does("ingest", (story.folder / "told-5.jsonl").as_posix()).status == 0
    story.does("accrue", "--through", "2026-06-30")
    assert story.balance("p-martin")["payable"] == 8_000
    story.is_sound()
