"""An event explained: the rule with its text, the programme in force, inputs, arithmetic, links.

Everything is read from events recorded by the position asked for; the arithmetic is done again and
held against what was recorded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ledger.errors import Refused
from ledger.policy.programme import Programme
from ledger.policy.rulebook.parameters import values
from ledger.policy.rulebook.rules import Rule, find
from replay.as_of import AsOf, Replay
from replay.explaining.arithmetic import Arithmetic, of_line, rate_of
from replay.explaining.four_eyes import FourEyes, four_eyes
from replay.explaining.told import PERIOD_LINES, Log, Told, references

MOST_FOLLOWING = 20
"""Of the decisions that rest on an event so many are shown."""


_COMMANDS = ("run", "command", "fact")
"""Members of a decision that may name a command that it came of."""


class Input(NamedTuple):
    """One thing that a line was decided on, its value, and the event that it came from."""

    name: str
    value: object
    position: int | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why an event is as it is; ``agrees`` is None where members alone do not give the amount."""

    event: Told
    rule: Rule | None
    clauses: Mapping[str, Sequence[str]]
    adoption: Told | None
    inputs: tuple[Input, ...]
    facts: tuple[Told, ...]
    decided_by: Told | None
    approval: FourEyes | None
    """Who proposed, and who decided on, the command that it is or came of (D16.1)."""
    rate: str | None
    """Where the rate of a line of a period comes from."""
    arithmetic: Arithmetic | None
    agrees: bool | None
    period: tuple[Told, ...]
    """The lines of the same period, this one included, in their order."""
    linked: tuple[Told, ...]
    """Later events that name this line, or the first decisions that rest on this event."""

    def document(self) -> dict[str, object]:
        """Return it as JSON values: ``docs/explain.md`` names the members."""
        rule, adoption = self.rule, self.adoption
        return {
            "event": _members(self.event),
            "rule": rule
            and {
                "number": rule.number,
                "title": rule.title,
                "text": rule.text.strip(),
                "clauses": {key: list(said) for key, said in self.clauses.items()},
            },
            "programme": adoption
            and {
                "version": self.event.data["programme_version"],
                "position": adoption.position,
                "sha256": adoption.data["sha256"],
                "from": adoption.data.get("from"),
            },
            "inputs": [each._asdict() for each in self.inputs],
            "facts": [_members(each) for each in self.facts],
            "decided_by": self.decided_by and _members(self.decided_by),
            "approval": self.approval and self.approval.document(),
            "arithmetic": self.arithmetic
            and {
                "rate": self.rate,
                "steps": [{"what": s.what, "gives": s.gives} for s in self.arithmetic.steps],
                "amount": self.arithmetic.amount,
                "agrees": self.agrees,
            },
            "period": [_members(each) for each in self.period],
            "linked": [_members(each) for each in self.linked],
        }


def explain(replay: Replay, position: int, at: AsOf) -> Explanation:
    """Explain the event of a position by what was known at a place.

    Raises Refused for a position that is not there by then.
    """
    log = Log(replay.connection, at.position, replay.names)
    event = log.at([position]).get(position)
    if event is None:
        raise Refused(
            f"position {position} is not among what is asked, which ends at {at.position}; give one"
            f" from 1 to {at.position}"
        )
    data = event.data
    named = log.at(references(data))
    adoption = log.adoption(data["programme_version"]) if data.get("programme_version") else None
    rule = find(data["rule"])[0] if "rule" in data else None
    said = values(adoption.data["document"]) if adoption else {}
    is_line = event.kind is not None and event.stream.startswith("account:")
    period = log.lines_of_period(event) if _has_period(event) else []
    arithmetic = agrees = rate = None
    if is_line:
        before = [
            told for told in period if told.position < position and told.stream == event.stream
        ]
        document = adoption.data["document"] if adoption else None
        arithmetic = of_line(event, before, document, named.get(data.get("command") or 0))
        if arithmetic.amount is not None:
            agrees = arithmetic.amount == data["amount"]
        if adoption is not None and event.type in {"CommissionPosted", "MarginPosted"}:
            rate = rate_of(event, Programme.from_document(adoption.data["document"]))
            agrees = False if rate is None else agrees
    command = named.get(data.get("run") or data.get("command") or 0)
    elsewhere = {data.get(name) for name in ("approval", "proposal")}
    if command is not None:
        elsewhere.add(command.position)
    facts = sorted({*data.get("facts", ()), *(named.keys() - elsewhere)})
    asked = [named[each] for each in map(data.get, _COMMANDS) if each in named]
    return Explanation(
        event=event,
        rule=rule,
        clauses={key: said.get(key, ()) for key in rule.parameters} if rule else {},
        adoption=adoption,
        inputs=tuple(_inputs(log, event, named)),
        facts=tuple(named[each] for each in facts if each in named),
        decided_by=command,
        approval=four_eyes(log, [event, *asked]),
        rate=rate,
        arithmetic=arithmetic,
        agrees=agrees,
        period=tuple(period),
        linked=tuple(log.naming(event) if is_line else log.resting_on(event, MOST_FOLLOWING)),
    )


def _has_period(event: Told) -> bool:
    return event.type in PERIOD_LINES and event.data.get("client_id") is not None


def _inputs(log: Log, event: Told, named: Mapping[int, Told]) -> Iterator[Input]:
    """What a line of a period was decided on, each with the event that it came from."""
    data = event.data
    if "base" in data:
        source = _last(named, data.get("facts", ()), ("client.plan_changed", "client.activated"))
        paid = _last(named, data.get("facts", ()), ("invoice.paid",))
        yield Input("base", data["base"], paid or source)
    if "tier" in data and event.day is not None:
        given = log.tier_of(data["partner_id"], event.day)
        yield Input("tier", data["tier"], given and given.position)
    if "client_year" in data:
        first = _last(named, data.get("facts", ()), ("client.activated",))
        yield Input("client year", data["client_year"], first)
    if data.get("client_id") is not None and data.get("facts"):
        claims = ("referral.registered", "lead.captured", "attribution.assigned")
        held = _last(named, data["facts"], claims)
        first = _last(named, data["facts"], ("client.activated",))
        yield Input("holder", data["partner_id"], held or first)


def _last(named: Mapping[int, Told], facts: Sequence[int], types: Sequence[str]) -> int | None:
    """The last of the facts that is of the first type found."""
    for type_ in types:
        found = [each for each in facts if each in named and named[each].type == type_]
        if found:
            return max(found)
    return None


def _members(told: Told) -> dict[str, object]:
    return {
        "position": told.position,
        "type": told.type,
        "stream": told.stream,
        "day": told.day,
        "recorded_at": told.recorded_at,
        "source": told.source,
        "id": told.id,
        "data": told.data,
    }
