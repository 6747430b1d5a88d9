"""The engine alone, and what-if, which decides a log again with it: nothing is written."""

from __future__ import annotations

from collections.abc import Iterable
from time import perf_counter, process_time
from zoneinfo import ZoneInfo

import psycopg

from benchmarks.figures import Report, note
from benchmarks.scales import Run
from benchmarks.wire import RECEIVED, World
from events.base import Event
from events.billing import ClientActivated
from events.codec import decode_state
from events.envelope import Message, decode
from events.finance import ProgrammeAdopted
from events.partners import PartnerEnrolled
from events.recorded import Recorded
from ledger.engine.calendar import day_of
from ledger.engine.evolve import evolve
from ledger.engine.recording import DECIDING, answer
from ledger.engine.state import LEDGER, Overlay
from ledger.policy.files import REFERENCE, load
from projections import DEFAULT_NAMES
from replay.what_if import compare

PARTNERS = 600
ZONE = ZoneInfo("Europe/Paris")

_FEW = 100
_TOLD = 5_000
"""Clients of a partner with few, and those that are told beside its clients and measured."""


def measure(run: Run) -> None:
    """Measure the engine on facts at hand, and what-if on a ledger with a past."""
    _engine(run)
    _large_partner(run)
    _what_if(run)


def _engine(run: Run) -> None:
    """Fold and answer facts of the realistic mix, and of those that decide alone."""
    note("the engine alone")
    world = World(PARTNERS)
    enrolments = _events(world.enrolments(), 1)
    facts = _events(world.mix(run.scale.ingest_facts), 1 + len(enrolments))
    deciding = [event for event in facts if type(event.data) in DECIDING]
    rates: dict[str, list[float]] = {"mix": [], "deciding": []}
    for number in range(run.scale.turns):
        for name, events in (("mix", facts), ("deciding", deciding)):
            state = _adopted()
            _decide(state, enrolments)
            began = process_time()
            _decide(state, events)
            if number >= run.scale.warm_ups:
                rates[name].append(len(events) / (process_time() - began))
    run.report.under("The engine alone, all rules of the reference programme, by CPU")
    run.report.add("facts of the mix, engine alone", "1/s", rates["mix"], at_least=60_000)
    run.report.add("facts that decide, engine alone", "1/s", rates["deciding"])


def _large_partner(run: Run) -> None:
    """New clients of a partner that has few, and of one that has a hundred thousand."""
    many = 2 * run.scale.ingest_facts
    note(f"one partner with {many:,} clients")
    told = min(_TOLD, many)
    ratios = []
    for number in range(run.scale.turns):
        seconds = []
        for clients in (_FEW, many):
            state = _adopted()
            _decide(state, [_told(1, PartnerEnrolled(partner_id="p", kind="referral"))])
            _decide(state, _activations(2, clients))
            facts = _activations(2 + clients, told)
            began = process_time()
            _decide(state, facts)
            seconds.append(process_time() - began)
        if number >= run.scale.warm_ups:
            ratios.append(seconds[1] / seconds[0])
    run.report.under(f"A fact of a partner with {many:,} clients, to one of a partner with {_FEW}")
    run.report.add("CPU per fact, ratio", "", ratios, at_most=1.5)


def _activations(first: int, number: int) -> list[Recorded]:
    """Clients of one partner, from a position on, each with its claim."""
    return [
        _told(
            position,
            ClientActivated(
                client_id=f"c-{position}",
                subscription_id=f"c-{position}",
                plan="growth",
                price=14_900,
                currency="EUR",
                interval="month",
                partner_id="p",
            ),
        )
        for position in range(first, first + number)
    ]


def _told(position: int, data: Event) -> Recorded:
    return Recorded(position, RECEIVED, day_of(RECEIVED, ZONE), data)


def _events(lines: Iterable[bytes], first: int) -> list[Recorded]:
    events = []
    for position, line in enumerate(lines, start=first):
        message = decode(line, RECEIVED)
        assert isinstance(message, Message)
        data: Event = decode_state(message.topic, message.state)
        at = message.effective_at
        events.append(Recorded(position, at, day_of(at, ZONE), data))
    return events


def _adopted() -> Overlay:
    programme = load(REFERENCE)
    adopted = ProgrammeAdopted(
        programme=programme.name,
        number=1,
        document=programme.document(),
        sha256=programme.sha256(),
        time_zone=ZONE.key,
        operator="benchmark",
    )
    state = Overlay({})
    event = Recorded(0, RECEIVED, RECEIVED.date(), adopted)
    ledger = evolve(LEDGER, None, event)
    assert ledger is not None
    state.changed[LEDGER] = ledger
    return state


def _decide(state: Overlay, events: list[Recorded]) -> None:
    """Fold and answer each fact, as recording does with all entities at hand."""
    changed = state.changed
    for event in events:
        data = event.data
        stream = data.stream
        decides = type(data) in DECIDING
        if not decides and stream not in changed:
            continue
        entity = evolve(stream, changed.get(stream), event)
        if entity is not None:
            changed[stream] = entity
        if decides:
            answer(state, event)


def _what_if(run: Run) -> None:
    """What another programme would have paid, over the real history, in memory."""
    history = run.history()
    note(f"what-if over {history.events:,} events")
    programme = load(REFERENCE).model_copy(update={"title": "the same terms under another title"})
    seconds = []
    for number in range(run.scale.turns):
        with psycopg.connect(history.url) as connection:
            began = perf_counter()
            compare(connection, programme, None, names=DEFAULT_NAMES)
        if number >= run.scale.warm_ups:
            seconds.append(perf_counter() - began)
    _figures(run.report, history.events, seconds)


def _figures(report: Report, events: int, seconds: list[float]) -> None:
    report.under(f"What-if over {events:,} events")
    report.add("what-if, time", "s", seconds)
    a_million = [each * 1e6 / events for each in seconds]
    report.add("what-if, time for a million events", "s", a_million, at_most=60)
