"""The AsyncAPI 3.0 document: what comes in by Kafka, and what the ledger publishes there.

Pure: the document is a function of the catalogue. :mod:`events.schema` writes it, as
``asyncapi.json`` beside the JSON Schemas to which it refers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, get_args

from events.base import Decision, Event, Fact
from events.errors import ErrorClass
from events.published import LEAF_DIGITS, SOURCE, STRUCTURED, schema_id
from events.values import MAX_ID_LENGTH, MAX_SOURCE_LENGTH

Document = dict[str, Any]

FACTS_TOPIC = "commissions.facts"
DECISIONS_TOPIC = "commissions.decisions"
DEAD_LETTERS_TOPIC = "commissions.dead-letters"
"""The topics as the documentation calls them; whoever runs the ledger may name them otherwise."""

VERSION = "1.0.0"
"""The version of the document: the first number changes when a reader has to."""

_JSON_SCHEMA = "application/schema+json;version=2020-12"
_HEADER = {"type": "string"}
_TIME = {"type": "string", "format": "date-time"}
_KAFKA_BINDING = "0.5.0"

_FACTS = """\
What happened, told by a billing system or a CRM. A record is one CloudEvents 1.0 event in JSON, in
structured mode (the whole event in the value) or in binary mode (attributes in `ce_` headers, the
data in the value). The pair of `source` and `id` is the idempotency key, for ever. Key records by
`partner_id`, those of a client without a partner by `client_id`: speed depends on it, no result
does. What is no such event becomes a dead letter and holds nothing up."""

_DECISIONS = """\
Every decision of the ledger, in structured mode, in the order of positions within a partition. The
key is the partner's id, without one the client's, else the stream. At least once: an event that
comes again has the id that it had. Each line, payout and payment is here, so balances are the sums
of what stands in this topic alone."""

_DEAD_LETTERS = """\
Each message that was rejected or quarantined, at least once: the value holds its bytes as they
came, the headers say where it stood and what is wrong with it. An `id` that comes again is the same
letter. It may hold what should not have been sent: give the topic a retention no longer than that
of the ledger's own dead letters."""


def document(events: Iterable[type[Event]], file_of: Callable[[str], str]) -> Document:
    """The document for these events; ``file_of`` names the JSON Schema of a topic."""
    listed = list(events)
    facts: Document = {}
    for cls in listed:
        if issubclass(cls, Fact):
            facts[_name(cls)] = _structured_fact(cls, file_of)
            facts[f"{_name(cls)}_binary"] = _binary_fact(cls, file_of)
    decisions = {_name(cls): _decision(cls, file_of) for cls in listed if issubclass(cls, Decision)}
    letters = {"dead_letter": _dead_letter()}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Commission ledger",
            "version": VERSION,
            "description": "Facts in, decisions out, by Apache Kafka.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "local": {
                "host": "127.0.0.1:9092",
                "protocol": "kafka",
                "description": "The broker of docker-compose.yml.",
            }
        },
        "channels": {
            "facts": _channel(FACTS_TOPIC, _FACTS, facts),
            "decisions": _channel(DECISIONS_TOPIC, _DECISIONS, decisions),
            "dead_letters": _channel(DEAD_LETTERS_TOPIC, _DEAD_LETTERS, letters),
        },
        "operations": {
            "record_facts": _operation("receive", "facts", "Records facts, each once."),
            "publish_decisions": _operation("send", "decisions", "Publishes decisions."),
            "publish_dead_letters": _operation("send", "dead_letters", "Publishes dead letters."),
        },
        "components": {"messages": {**facts, **decisions, **letters}},
    }


def _name(cls: type[Event]) -> str:
    """The name of a message: letters, digits and underscores, which every tool takes."""
    return f"{cls.type.replace('.', '_')}_{cls.version}"


def _channel(address: str, description: str, messages: Iterable[str]) -> Document:
    return {
        "address": address,
        "description": description,
        "servers": [{"$ref": "#/servers/local"}],
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
        "bindings": {"kafka": {"topic": address, "bindingVersion": _KAFKA_BINDING}},
    }


def _operation(action: str, channel: str, summary: str) -> Document:
    return {"action": action, "channel": {"$ref": f"#/channels/{channel}"}, "summary": summary}


def _message(cls: type[Event], content_type: str, headers: Document, payload: Document) -> Document:
    return {
        "name": cls.type,
        "title": cls.topic(),
        "summary": (cls.__doc__ or cls.type).split("\n\n")[0].replace("\n    ", " "),
        "contentType": content_type,
        "headers": headers,
        "payload": {"schemaFormat": _JSON_SCHEMA, "schema": payload},
    }


def _object(required: Iterable[str], properties: Document) -> Document:
    return {"type": "object", "required": sorted(required), "properties": properties}


def _of_type(cls: type[Event]) -> Document:
    """The attributes of CloudEvents that say what an event is."""
    return {
        "specversion": {"const": "1.0"},
        "type": {"const": cls.type},
        "dataschema": {"type": "string", "pattern": f"(^|/){cls.topic()}$".replace(".", r"\.")},
    }


def _fact_attributes(cls: type[Event]) -> tuple[list[str], Document]:
    """Which attributes a fact needs, and what they are."""
    required = ["specversion", "id", "source", "type", "time"]
    if cls.version != 1:
        required.append("dataschema")
    return required, {
        **_of_type(cls),
        "id": {"type": "string", "minLength": 1, "maxLength": MAX_ID_LENGTH},
        "source": {"type": "string", "minLength": 1, "maxLength": MAX_SOURCE_LENGTH},
        "time": _TIME,
        "datacontenttype": {"type": "string"},
    }


def _structured_fact(cls: type[Event], file_of: Callable[[str], str]) -> Document:
    required, attributes = _fact_attributes(cls)
    headers = _object(["content-type"], {"content-type": _HEADER})
    payload = _object([*required, "data"], {**attributes, "data": {"$ref": file_of(cls.topic())}})
    return _message(cls, "application/cloudevents+json", headers, payload)


def _binary_fact(cls: type[Event], file_of: Callable[[str], str]) -> Document:
    required, attributes = _fact_attributes(cls)
    del attributes["datacontenttype"]
    headers = _object(
        (f"ce_{name}" for name in required),
        {
            "content-type": _HEADER,
            **{f"ce_{name}": schema for name, schema in attributes.items()},
        },
    )
    return _message(cls, "application/json", headers, {"$ref": file_of(cls.topic())})


def _decision(cls: type[Event], file_of: Callable[[str], str]) -> Document:
    headers = _object(
        ["content-type", "position"],
        {
            "content-type": {"const": STRUCTURED},
            "position": {
                "type": "string",
                "pattern": "^[1-9][0-9]*$",
                "description": "The place in the ledger, gap-free over facts and decisions.",
            },
        },
    )
    payload = _object(
        ["specversion", "id", "source", "type", "subject", "time", "dataschema", "data"],
        {
            "specversion": {"const": "1.0"},
            "id": {
                "type": "string",
                "pattern": f"^[1-9][0-9]*-[0-9a-f]{{{LEAF_DIGITS}}}$",
                "description": "Position and the beginning of the leaf: no other event has it.",
            },
            "source": {"const": SOURCE},
            "type": {"const": cls.type},
            "subject": {"type": "string", "description": "The stream."},
            "time": {**_TIME, "description": "When the ledger recorded it."},
            "datacontenttype": {"const": "application/json"},
            "dataschema": {"const": schema_id(cls)},
            "data": {"$ref": file_of(cls.topic())},
        },
    )
    message = _message(cls, "application/cloudevents+json", headers, payload)
    key = {"type": "string", "description": "Partner, else client, else stream."}
    return {**message, "bindings": {"kafka": {"key": key, "bindingVersion": _KAFKA_BINDING}}}


def _dead_letter() -> Document:
    headers = _object(
        ["id", "kind", "origin", "error", "message", "time", "sha256", "payload"],
        {
            "id": {**_HEADER, "description": "Stays the same however often it is sent."},
            "kind": {"enum": ["rejected", "quarantined"]},
            "origin": {**_HEADER, "description": "Where it stood, such as billing.jsonl:12."},
            "topic": {**_HEADER, "description": "Only of what came by Kafka, like the next two."},
            "partition": {"type": "string", "pattern": "^[0-9]+$"},
            "offset": {"type": "string", "pattern": "^[0-9]+$"},
            "error": {"enum": sorted([*get_args(ErrorClass), "other_content"])},
            "member": {**_HEADER, "description": "Which member is wrong, if it is one."},
            "message": {**_HEADER, "description": "What to do; repeats no value of the message."},
            "time": {**_TIME, "description": "When the ledger received it."},
            "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
            "payload": {
                "enum": ["whole", "too_large", "erased"],
                "description": "Whether the value holds the message, or is empty and why.",
            },
        },
    )
    return {
        "name": "dead_letter",
        "title": "A message that was not recorded",
        "summary": "The bytes as they came; whatever somebody sent, hence of any type.",
        "contentType": "application/octet-stream",
        "headers": headers,
    }
