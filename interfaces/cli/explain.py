"""From a line to why, and from a line that is not there: ``commissions explain``."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence

import click

from events.controls import CommandProposed
from interfaces.cli.command import Command
from interfaces.cli.missing import beside_text, missing_text
from interfaces.cli.options import DAY, MONTH, Place, Whole, known_options
from interfaces.cli.output import to_json
from interfaces.cli.session import Session
from interfaces.money import Locale, format_money
from replay.explaining.beside import why_no_more
from replay.explaining.explanation import Explanation, explain
from replay.explaining.four_eyes import FourEyes
from replay.explaining.missing import why_nothing
from replay.explaining.told import Told
from replay.written import plain

_WIDTH = 96
_SUMMED_UP = (
    *("client_id", "subscription_id", "partner_id", "plan", "price", "amount", "tier", "to_tier"),
    *("reason", "through", "month", "operator", "via", "invoice_id"),
)

_TOLD_ELSEWHERE = frozenset(
    {"partner_id", "client_id", "rule", "programme_version", "day", "posting_date", "document"}
)
"""Members that the heading or a part of its own has; an adopted document is told by its hash."""


@click.command("explain", cls=Command)
@click.argument("event", metavar="[POSITION]", type=Whole(1), required=False)
@click.option("--client", "client_id", metavar="CLIENT", help="Why nothing was paid for it.")
@click.option(
    "--partner",
    "partner_id",
    metavar="PARTNER",
    help="Why it has no bonus, prize, reward or share of a month.",
)
@click.option(
    "--period",
    metavar="DAY|YYYY-MM",
    help="Of a client the day, or one in the period; of a partner the month.",
)
@click.option(
    "--subscription",
    "subscription_id",
    metavar="SUBSCRIPTION",
    help="Of this one alone; of all of the client's by default.",
)
@known_options
@click.option(
    "--format",
    "format_",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="For people, or for programs: one JSON object; money in minor units.",
)
@click.pass_obj
def explain_command(
    session: Session,
    *,
    event: int | None,
    client_id: str | None,
    partner_id: str | None,
    period: str | None,
    subscription_id: str | None,
    place: Place,
    format_: str,
) -> int:
    """Why the event of POSITION is as it is, or why a client or partner earned nothing.

    Of an event: rule, programme, inputs, arithmetic, links. With --client and --period DAY: why
    nothing was paid for that day. With --partner and --period YYYY-MM: each bonus, contest, prize,
    reward and share of the month, or why there is none. Each reason has a name and the events that
    it rests on. Exit status 1 if the arithmetic, done again, does not come to what was recorded, or
    the reasons do not agree with the engine.
    """
    asked = [event is not None, client_id is not None, partner_id is not None]
    named = event is not None or period is not None
    if sum(asked) != 1 or not named or (event is not None and (period or subscription_id)):
        raise click.UsageError(
            "give a POSITION, or --client CLIENT and --period DAY, or --partner PARTNER and"
            " --period YYYY-MM"
        )
    if partner_id is not None and subscription_id is not None:
        raise click.UsageError("--subscription is of a client; leave it out")
    day = DAY.convert(period or "", None, None) if client_id is not None else None
    month = MONTH.convert(period or "", None, None) if partner_id is not None else None
    with session.replay() as replay:
        at = replay.resolve(**place)
        if event is not None:
            found = explain(replay, event, at)
            document, lines = found.document(), _text(found, session.locale)
            agrees = found.agrees is not False
        elif client_id is not None and day is not None:
            missing = why_nothing(replay, client_id, subscription_id, day, at)
            document, lines = missing.document(), missing_text(missing, session.locale)
            agrees = missing.agrees
        else:
            assert partner_id is not None
            assert month is not None
            beside = why_no_more(replay, partner_id, month, at)
            document, lines = beside.document(), beside_text(beside, session.locale)
            agrees = beside.agrees
    session.line.add(position=at.position if event is None else event)
    if format_ == "json":
        sys.stdout.write(f"{to_json({'as_of': at.answer(), **document})}\n")
    else:
        sys.stdout.write("".join(f"{line}\n" for line in lines))
    return 0 if agrees else 1


def _text(found: Explanation, locale: Locale) -> Iterator[str]:
    yield from _heading(found.event, locale)
    if found.arithmetic is None:
        yield from _members(found.event, locale)
    if found.rule is not None:
        yield f"\nRule {found.rule.number}: {found.rule.title}"
        yield from _wrapped(found.rule.text)
        for key, said in found.clauses.items():
            yield f"    {key} = {', '.join(said) or 'not in this programme'}"
    if found.adoption is not None:
        data = found.adoption.data
        since = f"from {data['from']}" if data.get("from") else "from the beginning"
        yield f"\nProgramme {found.event.data['programme_version']}, {since}"
        yield f"    adopted at position {found.adoption.position}, SHA-256 {data['sha256']}"
    if found.inputs:
        yield "\nDecided on"
        for each in found.inputs:
            money = each.name == "base"
            value = _money(each.value, found.event, locale) if money else each.value
            place = "" if each.position is None else f"position {each.position}"
            yield f"    {each.name:12} {value!s:24} {place}".rstrip()
    yield from _events("Facts", found.facts, locale)
    if found.decided_by is not None:
        yield from _events("Decided by", [found.decided_by], locale)
    if found.approval is not None:
        yield from _approval(found.approval)
    yield from _arithmetic(found, locale)
    if len(found.period) > 1:
        yield from _events("Lines of the same period", found.period, locale)
    is_line = found.arithmetic is not None
    title = "Later events that name it" if is_line else "What rests on it"
    yield from _events(title, found.linked, locale)


def _heading(event: Told, locale: Locale) -> Iterator[str]:
    data = event.data
    title = f"{event.kind or event.type}"
    if "amount" in data and "currency" in data:
        title = f"{title} of {_money(data['amount'], event, locale)}"
    for name, word in (("partner_id", "partner"), ("client_id", "client")):
        if data.get(name) is not None:
            title = f"{title}, {word} {data[name]}"
    yield f"Position {event.position}: {title}"
    if "service_end" in data:
        told = f"for {event.day} to {data['service_end']}, subscription {data['subscription_id']}"
        yield f"    {told}, posted {data['posting_date']}"
    elif event.day is not None:
        posted = f", posted {data['posting_date']}" if "posting_date" in data else ""
        yield f"    for {event.day}{posted}"
    whence = f", as message {event.id} of {event.source}" if event.source else ""
    yield f"    recorded {plain(event.recorded_at)} in {event.stream}{whence}"


def _members(event: Told, locale: Locale) -> Iterator[str]:
    """What an event that is no line says beside its heading; of a proposal, what is proposed."""
    title, hidden = "What it says", _TOLD_ELSEWHERE
    if event.type == CommandProposed.type:
        title, hidden = "What is proposed", frozenset({"document"})
        event = event._replace(data=event.data["members"])
    said = [
        f"    {name:12} {_shown(name, event, locale)}"
        for name, value in event.data.items()
        if name not in hidden and value not in (None, [], {})
    ]
    if said:
        yield f"\n{title}"
    yield from said


def _approval(found: FourEyes) -> Iterator[str]:
    """Both operators with their events, and the persons that the command itself names."""
    proposal, answer, command = found
    yield f"\nFour eyes: {found.type}, {found.status}"
    yield _by("proposed", proposal)
    if answer is not None:
        because = f", {answer.data['reason']}" if "reason" in answer.data else ""
        yield f"{_by(found.status, answer)}{because}"
    if command is not None:
        yield f"    {'took effect':12} {'':24} position {command.position}"
    said = proposal.data["members"]
    if "requested_by" in said:
        persons = f"{said['requested_by']}, who asked, and {said['approved_by']}, who agreed"
        yield f"    it names {persons}"


def _by(what: str, event: Told) -> str:
    return f"    {what:12} {'by ' + str(event.data['operator']):24} position {event.position}"


def _arithmetic(found: Explanation, locale: Locale) -> Iterator[str]:
    if found.arithmetic is None:
        return
    yield "\nArithmetic, in minor units"
    if found.rate is not None:
        yield f"    rate: {found.rate}"
    for step in found.arithmetic.steps:
        shown = _money(step.gives, found.event, locale)
        yield f"    {step.what}: {step.gives} ({shown})"
    recorded = _money(found.event.data["amount"], found.event, locale)
    if found.agrees is None:
        yield "    what it is worth follows from all facts: commissions recompute decides it again"
    elif found.agrees:
        yield f"    which is what was recorded: {recorded}"
    else:
        yield f"    WHICH IS NOT what was recorded: {recorded}; run: commissions verify"


def _events(title: str, events: Iterable[Told], locale: Locale) -> Iterator[str]:
    shown = list(events)
    if shown:
        yield f"\n{title}"
    for told in shown:
        what = told.kind or told.type
        parts = [
            f"{name} {_shown(name, told, locale)}"
            for name in _SUMMED_UP
            if told.data.get(name) is not None
        ]
        whence = f"{told.source} {told.id}" if told.source else ""
        line = f"    {told.position:>9}  {plain(told.day):10}  {what:22}  {', '.join(parts)}"
        yield f"{line}  [{whence}]" if whence else line


def _shown(name: str, told: Told, locale: Locale) -> object:
    value = told.data[name]
    if name in {"price", "amount", "net_amount", "tax_amount"}:
        return _money(value, told, locale)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _money(amount: object, told: Told, locale: Locale) -> str:
    currency = told.data.get("currency")
    if not isinstance(amount, int) or currency is None:
        return str(amount)
    return format_money(amount, str(currency), locale)


def _wrapped(text: str) -> Sequence[str]:
    paragraphs = text.strip().split("\n\n")
    return [
        line
        for paragraph in paragraphs
        for line in textwrap.wrap(
            " ".join(paragraph.split()), _WIDTH, initial_indent="    ", subsequent_indent="    "
        )
    ]
