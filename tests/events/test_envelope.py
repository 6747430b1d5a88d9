"""The door: each rule of the wire, and what bad input gets."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events.billing import ClientActivated
from events.catalogue import COMMANDS, DECISIONS, FACTS
from events.codec import content_hash, decode_state, encode
from events.envelope import MAX_BYTES, Message, decode
from events.errors import Rejection
from tests.events.strategies import data_of

NOW = datetime(2026, 2, 1, 12, tzinfo=UTC)
ACTIVATED = {"client_id": "c-1", "plan": "pro", "price": 5900, "currency": "EUR"}
MEMBERS: dict[str, Any] = {
    "specversion": "1.0",
    "id": "m-1",
    "source": "/billing",
    "type": "client.activated",
    "time": "2026-01-31T09:30:00+01:00",
    "data": ACTIVATED,
}


def told(**changes: Any) -> Message:
    """A message with some members changed; None takes one away."""
    members = {name: value for name, value in (MEMBERS | changes).items() if value is not None}
    return decode(json.dumps(members).encode(), NOW)


def decoded(payload: bytes) -> Message | Rejection:
    """What comes of a payload."""
    try:
        return decode(payload, NOW)
    except Rejection as rejection:
        return rejection


def why(payload: bytes) -> tuple[str, str]:
    """Error class and member of a rejection."""
    outcome = decoded(payload)
    assert isinstance(outcome, Rejection)
    assert outcome.message
    assert str(outcome).startswith(outcome.code)
    return outcome.code, outcome.member


def why_not(**changes: Any) -> tuple[str, str]:
    """The same for a message with some members changed; None takes one away."""
    members = {name: value for name, value in (MEMBERS | changes).items() if value is not None}
    return why(json.dumps(members).encode())


def test_a_message_becomes_a_fact() -> None:
    """Everything that the ledger stores of it, in one value."""
    message = told()

    assert message.data == ClientActivated(
        client_id="c-1", subscription_id="c-1", plan="pro", price=5900, currency="EUR"
    )
    assert (message.source, message.id, message.topic) == ("/billing", "m-1", "client.activated/1")
    assert message.effective_at == datetime(2026, 1, 31, 8, 30, tzinfo=UTC)
    assert message.state == (
        b'{"client_id":"c-1","currency":"EUR","interval":"month","plan":"pro","price":5900,'
        b'"subscription_id":"c-1"}'
    )
    assert message.content == content_hash(
        message.topic, message.state, message.effective_at, "/billing", "m-1"
    )


@pytest.mark.parametrize(
    "again",
    [
        {"time": "2026-01-31T08:30:00.0000009Z"},
        {"data": dict(reversed(ACTIVATED.items()))},
        {"data": ACTIVATED | {"subscription_id": "c-1", "interval": "month"}},
        {"data": ACTIVATED | {"subscription_id": None, "partner_id": None}},
        {"dataschema": "https://billing.example/schemas/client.activated/1"},
        {"subject": "c-1", "traceparent": "00-1-2-01", "partitionkey": 7, "x": {"a": [1.5]}},
        {"datacontenttype": "application/json"},
    ],
)
def test_the_same_content_whatever_the_bytes(again: dict[str, Any]) -> None:
    """Type, version, instant and data after defaults; the envelope's extras are no content."""
    assert told(**again).content == told().content
    assert told(**again).state == told().state


@pytest.mark.parametrize(
    "other",
    [
        {"id": "m-2"},
        {"source": "/crm"},
        {"time": "2026-01-31T08:30:00.000001Z"},
        {"type": "client.plan_changed"},
        {"data": ACTIVATED | {"price": 5901}},
        {"data": ACTIVATED | {"subscription_id": "s-1"}},
    ],
)
def test_other_content(other: dict[str, Any]) -> None:
    """Whatever is told differently hashes differently."""
    assert told(**other).content != told().content


@pytest.mark.parametrize("version", [None, "0.3", "1", "1.0.2", 1.0, ["1.0"]])
def test_specversion(version: object) -> None:
    """CloudEvents 1.0 and no other."""
    assert why_not(specversion=version) == ("not_cloudevent", "specversion")


@pytest.mark.parametrize("value", [None, "", 7, ["a"], {}, True])
@pytest.mark.parametrize("name", ["id", "source"])
def test_the_key_is_two_strings(name: str, value: object) -> None:
    """Both are required."""
    assert why_not(**{name: value}) == ("not_cloudevent", name)


def test_the_key_has_a_greatest_length() -> None:
    """128 characters and 256, counted as characters."""
    assert told(id="é" * 128).id == "é" * 128
    assert told(source="/" * 256).source == "/" * 256
    assert why_not(id="x" * 129) == ("not_cloudevent", "id")
    assert why_not(source="x" * 257) == ("not_cloudevent", "source")


@pytest.mark.parametrize("value", [None, "", 7, ["client.activated"]])
def test_type_is_a_string(value: object) -> None:
    """Without one it is no CloudEvent."""
    assert why_not(type=value) == ("not_cloudevent", "type")


@pytest.mark.parametrize("value", ["client.vanished", "Client.Activated", "client.activated/1"])
def test_an_unknown_type(value: str) -> None:
    """Types are known by their exact name."""
    assert why_not(type=value) == ("unknown_type", "type")


@pytest.mark.parametrize("type_", sorted({key[0] for key in COMMANDS | DECISIONS}))
def test_only_facts_come_by_message(type_: str) -> None:
    """Commands and decisions are the ledger's own."""
    assert why_not(type=type_, data={}) == ("not_a_fact", "type")


@pytest.mark.parametrize(
    "schema", ["client.activated/1", "/client.activated/1", "urn:x:events/client.activated/1"]
)
def test_dataschema_names_the_version(schema: str) -> None:
    """Its end counts, not where it lies."""
    assert told(dataschema=schema).topic == "client.activated/1"


@pytest.mark.parametrize(
    "schema",
    [
        "/client.activated/2",
        "/client.activated/0",
        "/client.activated/01",
        "/client.activated/1/",
        "/client.churned/1",
        "/xclient.activated/1",
        "/client.activated",
        "",
        1,
        "x/" * 1000,
        "/client.activated/9999999",
        "/client.activated/1\n",
    ],
)
def test_an_unknown_version(schema: object) -> None:
    """A version that is not known is not guessed at."""
    assert why_not(dataschema=schema) == ("unknown_version", "dataschema")


@pytest.mark.parametrize(
    "kind", ["application/json", "application/json; charset=utf-8", "Application/vnd.x+json"]
)
def test_data_is_json(kind: str) -> None:
    """Every name of JSON will do."""
    assert told(datacontenttype=kind) == told()


@pytest.mark.parametrize("kind", ["text/xml", "application/jsonp", "json", "", 1])
def test_data_of_another_kind(kind: object) -> None:
    """Anything else is refused."""
    assert why_not(datacontenttype=kind) == ("not_cloudevent", "datacontenttype")


def test_binary_data_is_refused() -> None:
    """The data of a fact is an object."""
    assert why_not(data_base64="e30=") == ("not_cloudevent", "data_base64")


@pytest.mark.parametrize(
    "name", ["Subject", "trace_parent", "trace-id", "", "é", "x" * 99 + "\x1b"]
)
def test_names_of_attributes(name: str) -> None:
    """Lower-case letters and digits; the answer is short and printable."""
    code, member = why_not(**{name: "x"})
    assert code == "not_cloudevent"
    assert len(member) <= 64
    assert member.isprintable()


def test_null_is_an_attribute_that_is_not_there() -> None:
    """As CloudEvents' JSON format says."""
    members = MEMBERS | dict.fromkeys(["dataschema", "datacontenttype", "data_base64", "subject"])
    assert decode(json.dumps(members).encode(), NOW) == told()


@pytest.mark.parametrize(
    "time", [None, 1767225600, "yesterday", "2026-01-31T09:30:00", "2016-12-31T23:59:60Z", ""]
)
def test_time(time: object) -> None:
    """Required, RFC 3339, with an offset, no leap second."""
    assert why_not(time=time) == ("wrong_time", "time")


def test_time_has_a_horizon() -> None:
    """More than 400 days after receipt is a mistyped year; exactly 400 is not; it is a setting."""
    edge = NOW + timedelta(days=400)
    assert told(time=edge.isoformat()).effective_at == edge
    later = edge + timedelta(microseconds=1)
    assert why_not(time=later.isoformat()) == ("wrong_time", "time")
    payload = json.dumps(MEMBERS | {"time": "2036-01-31T09:30:00Z"}).encode()
    assert decode(payload, NOW, horizon_days=4000).effective_at.year == 2036
    with pytest.raises(Rejection, match="more than 30 days"):
        decode(payload, NOW, horizon_days=30)


def test_long_ago_is_fine() -> None:
    """Late is not wrong."""
    assert told(time="1987-01-31T09:30:00Z").effective_at.year == 1987


@pytest.mark.parametrize(
    ("data", "member"),
    [
        (None, "data"),
        ([], "data"),
        ("{}", "data"),
        ({}, "data.client_id"),
        (ACTIVATED | {"price": 59.0}, "data.price"),
        (ACTIVATED | {"price": True}, "data.price"),
        (ACTIVATED | {"price": "5900"}, "data.price"),
        (ACTIVATED | {"price": -1}, "data.price"),
        (ACTIVATED | {"price": 10**15 + 1}, "data.price"),
        (ACTIVATED | {"price": 10**400}, "data.price"),
        (ACTIVATED | {"price": None}, "data.price"),
        (ACTIVATED | {"currency": "ZZZ"}, "data.currency"),
        (ACTIVATED | {"currency": "eur"}, "data.currency"),
        (ACTIVATED | {"interval": "week"}, "data.interval"),
        (ACTIVATED | {"client_id": "a b"}, "data.client_id"),
        (ACTIVATED | {"client_id": "x" * 65}, "data.client_id"),
        (ACTIVATED | {"subscription_id": ""}, "data.subscription_id"),
        (ACTIVATED | {"name": "Durand"}, "data.name"),
        (ACTIVATED | {"bad\x1bname" * 50: 1}, "data." + ("bad\ufffdname" * 50)[:64]),
    ],
)
def test_wrong_data(data: object, member: str) -> None:
    """The member is named, the value never repeated."""
    if data == ACTIVATED | {"price": 10**400}:
        assert why_not(data=data)[0] in {"wrong_data", "not_json"}
    else:
        assert why_not(data=data) == ("wrong_data", member)


def test_a_rule_between_members_names_data() -> None:
    """A demo is about a client or a lead."""
    assert why_not(type="demo.held", data={}) == ("wrong_data", "data")


def test_a_personal_value_is_not_repeated() -> None:
    """What was put where it does not belong does not spread into logs and dead letters."""
    with pytest.raises(Rejection) as caught:
        told(data=ACTIVATED | {"partner_id": "Jeanne Durand", "currency": "Jeanne"})
    assert "Jeanne" not in str(caught.value)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{",
        b"nonsense",
        b"\xff\xfe",
        b'{"id":"\xff"}',
        b'{"x":NaN}',
        b'{"x":Infinity}',
        b'{"x":"\\ud800"}',
        b'{"x":"\\udc00\\ud800"}',
        b"{'id':1}",
        b'{"id":1,}',
        b'{"x":1}{"x":2}',
        b'{"x":' + b"[" * 5000 + b"]" * 5000 + b"}",
        b'{"x":' + b'{"x":' * 5000 + b"1" + b"}" * 5000 + b"}",
        b'{"x":1' + b"0" * 5000 + b"}",
        b"\x00",
    ],
)
def test_what_is_no_json(payload: bytes) -> None:
    """Broken text, no numbers of JavaScript, lone surrogates, a bottomless pit."""
    assert why(payload) in {("not_json", ""), ("not_cloudevent", "specversion")}


@pytest.mark.parametrize("payload", [b"[]", b"1", b'"x"', b"null", b"true"])
def test_what_is_no_object(payload: bytes) -> None:
    """A batch is not taken: one message is one event."""
    assert why(payload) == ("not_cloudevent", "")


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "a\x00"},
        {"source": "\x00"},
        {"subject": "\x00"},
        {"x": [{"y": ["\x00"]}]},
        {"x": {"\x00": 1}},
        {"data": ACTIVATED | {"plan": "\x00"}},
    ],
)
def test_nul_is_refused(changes: dict[str, Any]) -> None:
    """PostgreSQL cannot store it, wherever it stands."""
    assert why_not(**changes) == ("not_json", "")


def test_a_backslash_before_u0000_is_no_nul() -> None:
    r"""The six characters \u0000 are a text like any other."""
    assert told(id=r"\u0000").id == r"\u0000"


def test_the_last_of_a_repeated_member_counts() -> None:
    """In the envelope and in the data (wire)."""
    payload = json.dumps(MEMBERS).encode()
    twice = payload.replace(b'"id": "m-1"', b'"id": "m-0", "id": "m-1"')
    twice = twice.replace(b'"price": 5900', b'"price": "x", "price": 5900')
    assert twice.count(b'"price"') == twice.count(b'"id"') == 2
    assert decode(twice, NOW) == told()


def test_a_message_has_at_most_a_mebibyte() -> None:
    """One byte more is too large, whatever it holds."""
    payload = json.dumps(MEMBERS).encode()
    full = payload + b" " * (MAX_BYTES - len(payload))
    assert decode(full, NOW) == told()
    assert why(full + b" ") == ("too_large", "")
    assert why(b"\xff" * (MAX_BYTES + 1)) == ("too_large", "")


@pytest.mark.parametrize("cls", FACTS.values(), ids=lambda cls: cls.topic())
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_told_again_from_its_state_it_is_the_same(cls: Any, data: st.DataObject) -> None:
    """Decoding is idempotent: state as data gives the same state and the same content."""
    members = MEMBERS | {"type": cls.type, "data": data.draw(data_of(cls))}
    once = decode(orjson.dumps(members), NOW)

    again = decode(orjson.dumps(members | {"data": orjson.loads(once.state)}), NOW)

    assert again == once
    assert encode(once.data) == once.state
    assert decode_state(once.topic, once.state) == once.data


@settings(max_examples=300, deadline=None)
@given(
    st.binary(max_size=60)
    | st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.text() | st.sampled_from([*MEMBERS]), inner)
        ),
    ).map(lambda value: json.dumps(value).encode())
    | st.fixed_dictionaries(
        {name: st.just(value) | st.text() | st.none() for name, value in MEMBERS.items()}
    ).map(lambda value: json.dumps(value).encode())
)
def test_whatever_comes_is_a_fact_or_a_rejection(payload: bytes) -> None:
    """No input makes the door fall off its hinges."""
    outcome = decoded(payload)

    if isinstance(outcome, Rejection):
        assert outcome.message
        assert (outcome.member + outcome.code).isprintable()
    else:
        assert decode_state(outcome.topic, outcome.state) == outcome.data
