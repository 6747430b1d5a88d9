"""Writes the golden file of each event version that has none yet.

Run it by ``python -m tests.compatibility.record``. A golden file is never written again: what it
says must stay readable, byte for byte. Each holds the event twice, with all of its members and with
the required ones alone.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from events.base import Event, Fact
from events.catalogue import CATALOGUE
from events.codec import content_hash, encode
from events.values import parse_instant

FOLDER = Path(__file__).parent / "golden"
EFFECTIVE_AT = "2026-01-31T08:30:00.123456Z"

_BY_NAME: dict[str, Any] = {
    "about": "client:c-1",
    "amount": 1180,
    "approved_by": "finance.lead",
    "badge": "pioneer",
    "balances": [{"amount": -250, "currency": "EUR"}, {"amount": 99000, "currency": "CHF"}],
    "base": 5900,
    "client_id": "c-1",
    "command": 41,
    "currency": "EUR",
    "cutoff": "2026-01-31",
    "day": "2026-01-01",
    "department": "75",
    "document": {"name": "golden", "rates": {"referent": ["0.20", "0.10"]}, "n": [1, True, "é"]},
    "end": "2028-01-01",
    "expected": 1234,
    "fact": 12,
    "facts": [3, 12],
    "found": 2000,
    "first_activated_at": EFFECTIVE_AT,
    "group": "commission-ledger",
    "id": "m-1",
    "line": 17,
    "month": "2026-01",
    "operator": "finance",
    "partner_id": "p-1",
    "payout_id": "po-20260131-EUR-0123456789abcdef0123",
    "places": [["p-1", 12], ["p-2", 9]],
    "plan": "pro",
    "price": 5900,
    "programme": "golden",
    "programme_version": "golden/1",
    "rate": "0.20",
    "requested_by": "finance.clerk",
    "rule": "D7",
    "sha256": "0123456789abcdef" * 4,
    "source": "/billing",
    "sponsor_id": "p-9",
    "subscription_id": "s-1",
    "topic": "billing.events",
    "time_zone": "Europe/Paris",
}
# Rules between members that a schema cannot say.
_BY_TYPE: dict[str, dict[str, Any]] = {
    "document.read": {
        "document": "statement",
        "first": "2026-01",
        "last": "2026-03",
        "position": 99,
    },
    "command.proposed": {
        "topic": "credit.posted/1",
        "members": {
            "amount": 1180,
            "approved_by": "finance.lead",
            "currency": "EUR",
            "date": "2026-01-31",
            "partner_id": "p-1",
            "reason": "goodwill",
            "requested_by": "finance.clerk",
        },
    },
    "partner.corrected": {"kind": "tech", "founding": True, "cleared": ["sponsor_id"]},
    "demo.held": {"client_id": "c-1"},
    "trial.started": {"client_id": "c-1"},
    "trial.ended": {"client_id": "c-1"},
}


def main() -> int:
    """Write what is missing; answers the exit status."""
    FOLDER.mkdir(exist_ok=True)
    for cls in CATALOGUE.values():
        path = FOLDER / f"{cls.type}.{cls.version}.json"
        if not path.exists():
            path.write_text(_golden(cls), encoding="utf-8")
            sys.stdout.write(f"written: {path.name}\n")
    return 0


def _golden(cls: type[Event]) -> str:
    told = issubclass(cls, Fact)
    source, id_ = ("/golden", "m-1") if told else (None, None)
    schema = cls.model_json_schema()
    amends = _BY_TYPE.get(cls.type, {})
    events = []
    for names in (schema.get("properties", {}), schema.get("required", [])):
        known = {name: amends[name] for name in names if name in amends}
        sampled = {
            name: _sample(name, schema["properties"][name], schema)
            for name in names
            if name not in known
        }
        data = sampled | amends
        # Given or cleared, never both.
        data = {name: value for name, value in data.items() if name not in data.get("cleared", ())}
        state = encode(cls.model_validate_json(json.dumps(data)))
        content = content_hash(cls.topic(), state, parse_instant(EFFECTIVE_AT), source, id_)
        events.append({"data": data, "state": state.decode(), "content": content.hex()})
    whole = {
        "topic": cls.topic(),
        "source": source,
        "id": id_,
        "effective_at": EFFECTIVE_AT,
        "events": events,
    }
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def _sample(name: str, schema: dict[str, Any], root: dict[str, Any]) -> Any:
    """A value that fits: the one known by the member's name, else the plainest of its type."""
    schema = schema["anyOf"][0] if "anyOf" in schema else schema
    schema = root["$defs"][schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    if name in _BY_NAME:
        return _BY_NAME[name]
    choices = schema.get("enum", [schema["const"]] if "const" in schema else [])
    return choices[0] if choices else _plainest(name, schema, root)


def _plainest(name: str, schema: dict[str, Any], root: dict[str, Any]) -> Any:
    match schema["type"]:
        case "object":
            return {key: _sample(key, value, root) for key, value in schema["properties"].items()}
        case "array":
            return [_sample(name, schema["items"], root)]
        case "integer":
            return max(7, schema.get("minimum", 7))
        case "boolean":
            return not schema.get("default", False)
        case _:
            return "2026-01-01" if schema.get("format") == "date" else f"{name.replace('_', '-')}-1"


if __name__ == "__main__":
    raise SystemExit(main())
