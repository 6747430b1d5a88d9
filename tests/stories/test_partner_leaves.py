"""A partner leaves, its clients go to another; it asks for a statement of the day of a dispute."""

from __future__ import annotations

import json

from tests.stories.telling import TWO_PERSONS, Story, activated, churned, enrolled, referred


def test_a_partner_leaves_and_asks_for_its_statement_as_it_stood(story: Story) -> None:
    """What was earned stays with it, what comes later is the other's, and the past can be shown."""
    story.tells(
        enrolled("2026-04-01", "p-leaving"),
        enrolled("2026-04-01", "p-staying"),
        referred("2026-04-02", "p-leaving", "c-1"),
        referred("2026-04-02", "p-leaving", "c-2"),
        activated("2026-04-10", "c-1", 10_000),
        activated("2026-04-12", "c-2", 5_000),
    )
    story.does("accrue", "--through", "2026-06-30")
    # On the day of the dispute the partner is shown June, which is not closed yet.
    disputed = story.statement("p-leaving", "2026-06")
    position = json.loads(disputed)["as_of"]["position"]

    story.tells(("2026-07-01", "partner.agreement_ended", {"partner_id": "p-leaving"}))
    to = ("--partner", "p-staying", "--from", "2026-07-05", "--reason", "partner_left")
    story.does("assign", "c-1", *to, *TWO_PERSONS)
    # And late news about June: c-2 had left on 1 June.
    story.tells(churned("2026-06-01", "c-2"))
    story.does("accrue", "--through", "2026-07-31")

    # c-1's July is p-staying's: 20 % of 100.00. Nobody's line is c-2's July.
    assert story.lines("p-staying") == [("commission", "2026-07-10", "2026-07-10", 2_000)]
    kinds = [kind for kind, *_ in story.lines("p-leaving")]
    assert kinds == ["commission"] * 6 + ["waiver"]
    # The leaving partner keeps its three months of both; c-2's June is waived, not taken back.
    assert story.balance("p-leaving")["payable"] == 3 * 2_000 + 3 * 1_000
    # Today's June shows the waiver; June as it stood on the day of the dispute does not.
    assert story.statement("p-leaving", "2026-06") != disputed
    assert story.statement("p-leaving", "2026-06", "--position", position) == disputed
    story.is_sound()
