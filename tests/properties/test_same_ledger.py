"""What must not matter: how facts are cut into batches, how much is kept at hand, how a run is cut.

Each story is told to the real ledger twice, and the second time otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

from hypothesis import HealthCheck, Phase, given, settings

from events.billing import ClientActivated
from events.partners import PartnerEnrolled
from ledger import deciding, entities
from tests.model.commands import Accrue, Adopt, AssignProgramme
from tests.model.journal import LedgerUnderTest, Message
from tests.properties.every_rule import stories_of_every_rule
from tests.properties.play import decided_otherwise, last_run, lines_of, messages_of, play, tiers_of
from tests.properties.stories import DAYS, Story, stories, terms
from tests.rules.ledger_adapter import RealLedger, open_ledger

_ON_REAL = settings(
    max_examples=max(6, settings().max_examples // 8),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    # Shrinking a story on a database takes minutes.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
_EVENTS = """
    SELECT position, originator_id, originator_version, topic, effective_at, day, source, event_id,
        posting_day, amount,
        CASE WHEN topic <> 'StatementsSealed/1' THEN convert_from(state, 'UTF8') END AS state
    FROM ledger.events ORDER BY position
"""
"""All but what a seal is over: statements name the log's root, of the instants of recording."""


@contextmanager
def tiny(module: Any, **limits: int) -> Iterator[None]:
    """Set limits of a module so low that a handful of facts goes beyond them."""
    with ExitStack() as stack:
        for name, value in limits.items():
            stack.enter_context(mock.patch.object(module, name, value))
        yield


def in_batches(story: Story, size: int) -> Story:
    """The story with no batch larger than a size."""
    cut: Story = []
    for step in story:
        if isinstance(step, list):
            cut += [step[at : at + size] for at in range(0, len(step), size)]
        else:
            cut.append(step)
    return cut


def in_one_batch_before_each_command(story: Story) -> Story:
    """The story with all facts between two commands in one batch."""
    joined: Story = []
    for step in story:
        before = joined[-1] if joined else None
        if isinstance(step, list) and isinstance(before, list):
            joined[-1] = before + step
        else:
            joined.append(step)
    return joined


def journal_of(story: Story) -> list[dict[str, object]]:
    """Every event that a new ledger records when it is told a story, in order."""
    with open_ledger() as ledger:
        play(story, ledger)
        return ledger._select(_EVENTS)


def answers_of(ledger: LedgerUnderTest) -> tuple[object, ...]:
    """What a ledger decided, whatever the positions."""
    return (
        lines_of(ledger),
        tiers_of(ledger),
        sorted(ledger.claims()),
        sorted(ledger.payouts()),
        ledger.balances(),
        ledger.trial_balance(),
        ledger.unresolved(),
    )


@settings(_ON_REAL)
@given(story=stories())
def test_batches_of_any_size_record_the_same_events(story: Story) -> None:
    """One by one, by threes or all at once: event by event the same, at the same positions."""
    story = in_one_batch_before_each_command(story)
    at_once = journal_of(story)
    assert journal_of(in_batches(story, 1)) == at_once
    assert journal_of(in_batches(story, 3)) == at_once


@settings(_ON_REAL)
@given(story=stories())
def test_what_is_kept_at_hand_does_not_matter(story: Story) -> None:
    """A cache that holds next to nothing, or never what others appended, decides the same."""
    plenty = journal_of(story)
    for limits in ({"LIMIT": 1}, {"LIMIT": 3}, {"FAR_BEHIND": 0}):
        with tiny(entities, **limits):
            assert journal_of(story) == plenty


def test_an_assignment_with_next_to_nothing_at_hand() -> None:
    """D7.3: clients that another programme counts later stand otherwise, whatever was at hand."""
    day, noon = DAYS[3], datetime(2024, 1, 30, 12, tzinfo=UTC)
    facts = [
        PartnerEnrolled(partner_id="p1", kind="referral"),
        *(
            ClientActivated(
                client_id=client, subscription_id=client, plan="pro", price=5_900, currency="EUR",
                partner_id="p1",
            )
            for client in ("c1", "c2", "c3")
        ),
    ]  # fmt: skip
    story: Story = [
        Adopt(terms()),
        Adopt(terms("resellers", qualifying=3)),
        [Message(fact, noon + timedelta(seconds=n), f"m-{n}") for n, fact in enumerate(facts)],
        AssignProgramme("p1", "resellers", day),
    ]
    plenty = journal_of(story)
    assert [event["topic"] for event in plenty][-3:] == ["ClientStanding/1"] * 3
    with tiny(entities, LIMIT=1), open_ledger() as ledger:
        play(story[:-1], ledger)
        ledger.reopen()
        play(story[-1:], ledger)
        assert ledger._select(_EVENTS) == plenty


@settings(_ON_REAL)
@given(story=stories() | stories_of_every_rule())
def test_chunks_and_pages_of_a_run_do_not_matter(story: Story) -> None:
    """A commit after each client and a page a client: the same answers to every question."""
    found = []
    for limits in ({}, {"CHUNK_ROWS": 1, "PAGE_CLIENTS": 1}, {"CHUNK_ROWS": 3, "PAGE_CLIENTS": 2}):
        with tiny(deciding, **limits), open_ledger() as ledger:
            play(story, ledger)
            found.append(answers_of(ledger))
    assert found[1:] == found[:1] * 2


def recording_meanwhile(batch: Sequence[Message]) -> Callable[[int, int], None]:
    """A run's progress that, after the first page, records a batch from another process."""
    other, left = RealLedger(), [batch]

    def progress(_done: int, _of: int) -> None:
        if left:
            other.record(left.pop())

    return progress


@settings(_ON_REAL)
@given(story=stories(), later=stories())
def test_facts_recorded_while_a_run_is_open_wait_for_the_next(story: Story, later: Story) -> None:
    """D8.1: the run decides on the events up to its own position; the next takes the others."""
    batch = [
        replace(message, effective_at=message.effective_at.replace(microsecond=n + 1), id=f"x{n}")
        for n, message in enumerate(messages_of(later))
    ]
    through = max(last_run(story), DAYS[12])
    found = []
    for meanwhile in (False, True):
        with tiny(deciding, CHUNK_ROWS=1, PAGE_CLIENTS=1), open_ledger() as ledger:
            play(story, ledger)
            progress = recording_meanwhile(batch) if meanwhile else None
            ledger.application.accrue(through, progress=progress)
            promotions = [change for change in tiers_of(ledger) if change.from_tier]
            after_the_run = (lines_of(ledger), promotions)
            ledger.record(batch)
            play([Accrue(through)], ledger)
            found.append((after_the_run, answers_of(ledger)))
    assert found[0] == found[1]


@settings(_ON_REAL)
@given(story=stories_of_every_rule(), later=stories_of_every_rule())
def test_a_log_with_facts_amid_its_runs_is_decided_again_the_same(
    story: Story, later: Story
) -> None:
    """D18.10: a run on what stood before it, a fact told meanwhile on what stood before that."""
    batch = [
        replace(message, effective_at=message.effective_at.replace(microsecond=n + 1), id=f"x{n}")
        for n, message in enumerate(messages_of(later))
    ]
    with tiny(deciding, CHUNK_ROWS=1, PAGE_CLIENTS=1), open_ledger() as ledger:
        play(story, ledger)
        through = max(last_run(story), DAYS[12])
        ledger.application.accrue(through, progress=recording_meanwhile(batch))
        play([Accrue(through)], ledger)
        assert decided_otherwise() == []
        assert decided_otherwise(part_events=1) == []
