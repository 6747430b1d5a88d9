"""What is open of a month refuses its close, or is listed in it (D16.2), on the real ledger."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from events.codec import decode_state
from events.errors import Rejection
from events.finance import PeriodClosed
from ledger.dead_letters import Incoming, KafkaRecord
from ledger.errors import Refused
from replay.verify import verify
from tests.model.journal import Message
from tests.rules.commands import retract
from tests.rules.dsl import Given, Scenario
from tests.rules.facts import accrue, activated, churned, enrolled, referred
from tests.rules.ledger_adapter import RealLedger, open_ledger
from tests.rules.ledger_views import integer_of

YEAR = (enrolled("2026-01-01"), activated("2026-01-10", partner="p1"))


@pytest.fixture
def ledger() -> Iterator[RealLedger]:
    """A new ledger, verified at the end."""
    with open_ledger() as opened:
        yield opened


@pytest.fixture
def story(ledger: RealLedger) -> Scenario:
    """One client, nothing accrued yet."""
    return Given(ledger)(*YEAR)


def refusal(ledger: RealLedger, month: str = "2026-01") -> str:
    """Why a month is not closed; nothing was recorded."""
    before = ledger._select("SELECT position FROM ledger.ledger_head")
    with pytest.raises(Refused) as refused:
        ledger.application.close(month)
    assert ledger._select("SELECT position FROM ledger.ledger_head") == before
    return str(refused.value)


def closed(ledger: RealLedger, month: str = "2026-01", *, acknowledge: bool = True) -> PeriodClosed:
    """The event of a month's close."""
    position = ledger.application.close(month, acknowledge=acknowledge).position
    (row,) = ledger._select(f"SELECT topic, state FROM ledger.events WHERE position = {position}")
    event = decode_state(str(row["topic"]), bytes(row["state"]))  # type: ignore[call-overload]
    assert isinstance(event, PeriodClosed)
    return event


def position_of(ledger: RealLedger, message: Message) -> int:
    """Where a message was recorded."""
    query = f"SELECT position FROM ledger.events WHERE event_id = '{message.id}'"
    return integer_of(ledger._select(query)[0]["position"])


def reject(ledger: RealLedger, payload: bytes) -> None:
    """Tell the ledger something that is no message."""
    wrong = Rejection("wrong_data", "data.price", "no such price")
    ledger.application.record([Incoming("file:1", payload, rejection=wrong)])


def test_nothing_is_open_and_nothing_is_listed(story: Scenario, ledger: RealLedger) -> None:
    """Whether it was acknowledged or not; a claim that repeats what holds was answered."""
    story.when(referred("2026-01-12", "c1", "p1"), accrue("2026-01-31"))
    event = closed(ledger, acknowledge=False)
    assert (event.letters, event.unresolved) == (None, None)


def test_d16_2_a_fact_without_effect_refuses_the_close(story: Scenario, ledger: RealLedger) -> None:
    """It is listed, once: the next month's close does not ask for it again."""
    ghost = churned("2026-01-20", "c9")
    story.when(ghost, accrue("2026-02-28"))
    assert refusal(ledger).startswith(
        "2026-01 is not closed, as something up to its end is open: 1 unresolved; "
    )
    assert closed(ledger).unresolved == (position_of(ledger, ghost),)
    assert closed(ledger, "2026-02", acknowledge=False).unresolved is None


def test_d16_2_what_is_settled_is_not_asked_for(story: Scenario, ledger: RealLedger) -> None:
    """A fact that was retracted has no effect to wait for."""
    ghost = churned("2026-01-20", "c9")
    story.when(ghost, accrue("2026-01-31"), retract(ghost.id))
    assert closed(ledger, acknowledge=False).unresolved is None


def test_d16_2_facts_of_later_days_are_not_of_the_month(
    story: Scenario, ledger: RealLedger
) -> None:
    """They are asked for when their month is closed; late ones of a closed month, too."""
    later, late = churned("2026-02-01", "c9"), churned("2026-01-02", "c8")
    story.when(later, accrue("2026-02-28"))
    assert closed(ledger, acknowledge=False).unresolved is None
    story.when(late)
    assert "2 unresolved" in refusal(ledger, "2026-02")
    listed = [position_of(ledger, one) for one in (later, late)]
    assert closed(ledger, "2026-02").unresolved == tuple(listed)


def test_d16_2_dead_letters_refuse_the_close(story: Scenario, ledger: RealLedger) -> None:
    """Rejected or quarantined, until they are closed or acknowledged; each with its hash."""
    (told,) = [entry for entry in YEAR if entry.id == YEAR[1].id]
    other = activated("2026-01-11", partner="p1")
    story.when(Message(other.data, other.effective_at, told.id), accrue("2026-01-31"))
    reject(ledger, b"{")
    reject(ledger, b'{"time":"2026-02-01T00:00:00+01:00"}')
    assert "1 rejected, 1 quarantined" in refusal(ledger)
    letters = closed(ledger).letters
    assert letters is not None
    assert [one.kind for one in letters] == ["quarantined", "rejected"]
    hashes = ledger._select("SELECT encode(payload_sha256, 'hex') AS hash FROM ledger.dead_letters")
    assert {one.sha256 for one in letters} < {row["hash"] for row in hashes}


def test_letters_that_changed_or_that_a_close_lists_and_are_gone_are_told(
    story: Scenario, ledger: RealLedger
) -> None:
    """By verify; one that was erased is not: its hash says what it was."""
    story.when(accrue("2026-01-31"))
    for payload in (b"{", b"[", b"("):
        reject(ledger, payload)
    position = ledger.application.close("2026-01", acknowledge=True).position
    _, second, third = (
        row["id"] for row in ledger._select("SELECT id FROM ledger.dead_letters ORDER BY id")
    )
    tampered = "UPDATE ledger.dead_letters SET {} WHERE payload = %s"
    with psycopg.connect(ledger.url, autocommit=True) as owner:
        owner.execute("CREATE TEMPORARY TABLE kept AS TABLE ledger.dead_letters")
        erased = "payload = NULL, erased_at = now(), erased_by = 'ann'"
        owner.execute(tampered.format(erased), [b"{"])
        assert told(ledger) == []
        owner.execute(tampered.format("payload = 'x'"), [b"["])
        assert told(ledger) == [(f"dead letter {second} is not what came in", None)]
        owner.execute("DELETE FROM ledger.dead_letters WHERE id >= %s", [second])
        gone = "dead letter {}, which the close lists, is gone or is another one"
        assert told(ledger) == [(gone.format(n), position) for n in (second, third)]
        owner.execute("DELETE FROM ledger.dead_letters")
        owner.execute("INSERT INTO ledger.dead_letters OVERRIDING SYSTEM VALUE TABLE kept")


def told(ledger: RealLedger) -> list[tuple[str, int | None]]:
    """What verify tells of dead letters."""
    with psycopg.connect(ledger.url) as connection:
        return [
            (each.what, each.position) for each in verify(connection) if each.check == "letters"
        ]


def test_d16_2_a_letter_in_binary_mode_says_its_day_in_a_header(
    story: Scenario, ledger: RealLedger
) -> None:
    """Of a later month it refuses nothing, whatever its data say."""
    story.when(accrue("2026-02-28"))
    wrong = Rejection("wrong_data", "data.price", "no such price")
    data = b'{"time":"2026-01-05T00:00:00Z"}'
    headers = [("ce_time", b"2026-02-05T00:00:00Z"), ("ce_id", b"m-1")]
    kafka = KafkaRecord("facts", 0, 1, headers)
    ledger.application.record([Incoming("kafka:1", data, rejection=wrong, kafka=kafka)])
    assert closed(ledger, acknowledge=False).letters is None
    assert "1 rejected" in refusal(ledger, "2026-02")


def test_d16_2_a_letter_that_was_discarded_is_not_open(story: Scenario, ledger: RealLedger) -> None:
    """Nor one that was taken in after all."""
    story.when(accrue("2026-01-31"))
    reject(ledger, b"{")
    refusal(ledger)
    with ledger.application.transaction() as cursor:
        cursor.execute("UPDATE ledger.dead_letters SET status = 'discarded', closed_at = now()")
    assert closed(ledger, acknowledge=False).letters is None
