"""What a grammar reads is what the codec reads and writes, whatever byte is another."""

from __future__ import annotations

import re
from collections.abc import Iterator

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.base import Event
from events.catalogue import TOPICS
from events.codec import decode_state, encode
from events.decisions import ClientStanding, Term
from events.envelope import MAX_BYTES
from events.errors import EventError
from events.finance import ProgrammeAdopted
from events.lines import CommissionPosted
from replay.expressions import DAYS
from replay.grammar import Grammar, Told, grammar_of
from tests.compatibility.test_golden import GOLDEN
from tests.events.strategies import data_of

GRAMMARS: dict[str, Grammar] = {
    topic: grammar for topic, cls in TOPICS.items() if (grammar := grammar_of(cls)) is not None
}
STATES = [
    (golden["topic"], event["state"].encode())
    for golden in GOLDEN
    for event in golden["events"]
    if golden["topic"] in GRAMMARS
]
OTHERS = b'019-,:"\\{}[]aA \x00\x7f\xc3'
"""Bytes that are put in the place of each one."""

OFTEN = {
    "client.activated/1", "client.plan_changed/1", "client.churned/1", "client.usage_reported/1",
    "referral.registered/1", "portal.visited/1", "training.completed/1", "resource.downloaded/1",
    "ReferralAccepted/1", "ClientStanding/1", "CommissionPosted/1", "PartnerAccrued/1",
    "TierChanged/1", "BonusPosted/1", "OverridePosted/1", "ClawbackWaived/1",
}  # fmt: skip
"""Topics that a ledger has very many of."""


def told_by(topic: str, state: bytes) -> Event | None:
    """The event of a state that is canonical, None of any other bytes."""
    try:
        event = decode_state(topic, state)
    except (EventError, ValueError):
        return None
    return event if encode(event) == state else None


def texts(grammar: Grammar, state: bytes) -> Iterator[bytes | None]:
    """What each name of a grammar stands for, found by a parser of JSON."""
    document = orjson.loads(state)
    for name in grammar.names:
        value = document
        for part in name.split("."):
            value = value.get(part)
        match value:
            case None:
                yield None
            case str():
                yield value.encode()
            case list():
                yield orjson.dumps(value)[1:-1]
            case _:
                yield orjson.dumps(value)


def is_told(topic: str, state: bytes, told: Told) -> bool:
    """Whether what was read is what the state says; of an instant it is the day."""
    pairs = zip(told, texts(GRAMMARS[topic], state), strict=True)
    return all(
        one == other or (one is not None and other is not None and other.startswith(one + b"T"))
        for one, other in pairs
    )


def test_what_there_is_very_much_of_has_a_grammar() -> None:
    """Else a ledger is looked through at a tenth of the speed, and nobody would see why."""
    assert GRAMMARS.keys() >= OFTEN


def test_a_class_that_says_more_has_none() -> None:
    """A document may hold anything."""
    assert grammar_of(ProgrammeAdopted) is None


@pytest.mark.parametrize(("topic", "state"), STATES)
def test_golden_events_are_read(topic: str, state: bytes) -> None:
    """Each member that there is, as it is written."""
    told = GRAMMARS[topic].read(state)
    assert told is not None
    assert is_told(topic, state, told)


@pytest.mark.parametrize(("topic", "state"), STATES)
def test_no_other_byte_is_read_that_the_codec_refuses(topic: str, state: bytes) -> None:
    """Each byte another one, left out, and put there twice."""
    read = GRAMMARS[topic].read
    for at, byte in enumerate(state):
        changed = [state[:at] + state[at + 1 :], state[:at] + state[at : at + 1] + state[at:]]
        changed += [state[:at] + bytes([other]) + state[at + 1 :] for other in OTHERS]
        changed.append(state[:at] + bytes([byte ^ 1]) + state[at + 1 :])
        for other in changed:
            told = read(other)
            if told is not None:
                assert told_by(topic, other) is not None, other
                assert is_told(topic, other, told), other


@pytest.mark.parametrize(("topic", "state"), STATES)
def test_no_other_value_is_read_that_the_codec_refuses(topic: str, state: bytes) -> None:
    """Each value empty, of another kind, and out of its limits."""
    read = GRAMMARS[topic].read
    for value in {*re.findall(rb':("[^"]*"|-?[0-9]+|true|false)', state)}:
        for other in (
            b'""',
            b'"x"',
            b"0",
            b"-1",
            b"1.0",
            b"1e3",
            b"-0",
            b"true",
            b"null",
            b"[]",
            b"9" * 18,
            b"9" * 19,
            b"-" + b"9" * 18,
            b'"2026-02-30"',
            b'"XYZ"',
            b'"2"',
        ):
            changed = state.replace(b":" + value, b":" + other)
            told = read(changed)
            if told is not None:
                assert told_by(topic, changed) is not None, changed
                assert is_told(topic, changed, told), changed


@pytest.mark.parametrize(("topic", "state"), STATES)
def test_members_out_of_place_are_not_read(topic: str, state: bytes) -> None:
    """In another order, twice, with a blank, with a null, with one more, and with one less."""
    read = GRAMMARS[topic].read
    members = orjson.loads(state)
    first = next(iter(members))
    body = state[1:-1]
    assert read(b"{" + body + b"," + orjson.dumps({first: members[first]})[1:]) is None
    assert read(b"{ " + body + b"}") is None
    assert read(b"{" + body + b',"zzz":1}') is None
    assert read(b"{" + body + b',"zzz":null}') is None
    assert read(state + b"\n") is None
    if len(members) > 1:
        backwards = dict(reversed(members.items()))
        assert read(orjson.dumps(backwards)) is None
    for name in members:
        less = orjson.dumps({each: members[each] for each in members if each != name})
        assert read(less) is None or told_by(topic, less) is not None


@given(data=st.data(), topic=st.sampled_from(sorted(GRAMMARS)))
def test_any_event_is_read_as_it_is_written(data: st.DataObject, topic: str) -> None:
    """Of what a grammar does not read, it says nothing: numbers of any width, other letters."""
    event = TOPICS[topic].model_validate_json(orjson.dumps(data.draw(data_of(TOPICS[topic]))))
    state = encode(event)
    told = GRAMMARS[topic].read(state)
    if told is not None:
        assert is_told(topic, state, told)
        assert told_by(topic, state) == event


@pytest.mark.parametrize("topic", sorted(GRAMMARS))
def test_several_are_read_as_each_by_itself(topic: str) -> None:
    """All at once if all are canonical; else those that are, and where the others stand."""
    grammar = GRAMMARS[topic]
    sound = 3 * [state for each, state in STATES if each == topic]
    assert grammar.read_all(sound).unread == []
    for damage in (b"", b"{", sound[0] + b"\n" + sound[0], sound[0] + b"\n", b"x" + sound[0]):
        for at in (0, 1, len(sound)):
            texts = [*sound[:at], damage, *sound[at:]]
            read, each = grammar.read_all(texts), [grammar.read(text) for text in texts]
            assert read.unread == [at]
            assert [*zip(*read.columns, strict=True)] == [one for one in each if one is not None]


def test_a_line_inside_a_text_stands_for_no_other() -> None:
    """As many lines as texts, and each one sound: yet it is no text that is."""
    topic = CommissionPosted.topic()
    state = next(state for each, state in STATES if each == topic)
    assert GRAMMARS[topic].read_all([state + b"\n" + state, b""]).unread == [0, 1]


def test_days_are_those_of_the_calendar() -> None:
    """The ordinal of a day that there is; the first and the last year have no instants."""
    assert DAYS[b"2024-02-29"] == 738_945
    assert [DAYS[day] for day in (b"2023-02-29", b"0000-01-01", b"0001-01-01", b"9999-12-31")] == [
        0, 0, 0, 0,
    ]  # fmt: skip


def test_only_what_is_wanted_is_told() -> None:
    """And what has to be judged by its text: days, currencies, rates."""
    grammar = Grammar(CommissionPosted, {"partner_id", "run"})
    judged = {"currency", "day", "posting_date", "rate", "service_end", "facts"}
    assert set(grammar.names) == {"partner_id", "run"} | judged


def test_the_values_of_an_array_are_read_one_by_one() -> None:
    """At any depth, each with its own members."""
    state = next(state for topic, state in STATES if topic == ClientStanding.topic())
    grammar = Grammar(ClientStanding, {"price"})
    inside: list[Told] = []
    assert grammar.read(state, inside) is not None
    at = grammar.values[Term].names.index("price")
    prices = [told[at] for told in inside]
    changes = orjson.loads(state)["subscriptions"]
    terms = [term for each in changes for term in (*each["after"], *each["before"])]
    assert prices == [b"%d" % term["price"] for term in terms]


def test_a_day_inside_an_array_is_judged() -> None:
    """As one outside of it is."""
    topic = ClientStanding.topic()
    state = next(state for each, state in STATES if each == topic and b'"start":' in state)
    assert GRAMMARS[topic].read(state) is not None
    assert (
        GRAMMARS[topic].read(state.replace(b'"start":"2026-01-01"', b'"start":"2026-02-30"'))
        is None
    )


def test_a_long_state_is_read_in_one_go() -> None:
    """No text makes an expression try its way through again and again."""
    topic = CommissionPosted.topic()
    state = next(state for each, state in STATES if each == topic)
    facts = b",".join(b"%d" % n for n in range(1, MAX_BYTES // 8))
    long = state.replace(b"[3,12]", b"[" + facts + b"]")
    assert GRAMMARS[topic].read(long) is not None
    assert GRAMMARS[topic].read(long[:-1]) is None
