"""The catalogue of rules, with what the programme at hand says of their parameters."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import date

import click

from interfaces.cli.adopted import programmes, require_adopted
from interfaces.cli.command import Command
from interfaces.cli.options import IDENTIFIER, Place, as_of_options, format_option
from interfaces.cli.output import Answer, Column, Format, Row, write_answer
from interfaces.cli.session import Session
from ledger.errors import Refused
from ledger.policy.files import REFERENCE, load
from ledger.policy.programme import Programme
from ledger.policy.rulebook.page import shown
from ledger.policy.rulebook.parameters import values
from ledger.policy.rulebook.rules import Rule, find
from ledger.policy.rulebook.rules import rules as catalogue

MEMBERS = ("rule", "title", "text", "parameters", "examples", "programme_version")
COLUMNS = (Column("rule"), Column("title"), Column("said", "parameters", kind="prose"))

Said = Mapping[str, Sequence[str]]
"""What a programme says of each key, as JSON."""


@click.command(cls=Command)
@click.argument("rule", required=False)
@click.option(
    "--programme",
    metavar="NAME",
    type=IDENTIFIER,
    help="Whose values are shown.  [default: the programme first adopted]",
)
@as_of_options
@format_option
@click.pass_obj
def rules(
    session: Session, rule: str | None, programme: str | None, place: Place, format_: Format
) -> None:
    """The rules, with the values of the programme adopted; RULE (D7) for one in full.

    Without a ledger, and without a place in one, the values are those of the reference programme.
    """
    chosen = catalogue() if rule is None else find(rule)
    version, document, as_of = _in_force(session, programme, place)
    said = values(document.document())
    rows = [_row(each, said, version) for each in chosen]
    if rule is not None and format_ == "table":
        sys.stdout.write("\n".join(_in_full(each, said) for each in chosen))
        sys.stdout.write(f"\n{_whose(version)}\n")
        return
    write_answer(Answer(rows, COLUMNS, MEMBERS, as_of=as_of), format_, session.locale)
    if format_ == "table":
        sys.stdout.write(f"{_whose(version)}\n")


def _in_force(
    session: Session, name: str | None, place: Place
) -> tuple[str | None, Programme, Row | None]:
    """The version of a programme last in force by the place asked for, and what it is as of."""
    from interfaces import bootstrap  # noqa: PLC0415 - see interfaces.cli.session

    asked = name is not None or any(value is not None for value in place.values())
    if session.archive is None and not asked:
        with session.database() as database:
            if not bootstrap.has_programme(database.connection):
                return None, load(REFERENCE), None
    with session.replay() as replay:
        at = replay.resolve(**place)
        adopted = programmes(replay, at)
    name = name or adopted.first
    if name is None:
        raise Refused("no programme was adopted by then; ask for a later position or day")
    require_adopted(adopted, name)
    version = adopted.in_force(name, at.effective_at or date.max)
    return version.version, version.programme, at.answer()


def _row(rule: Rule, said: Said, version: str | None) -> Row:
    return {
        "rule": rule.number,
        "title": rule.title,
        "text": rule.text.strip(),
        "parameters": {
            key: {"meaning": meaning, "values": [json.loads(one) for one in said.get(key, ())]}
            for key, meaning in rule.parameters.items()
        },
        "examples": [example.model_dump() for example in rule.examples],
        "programme_version": version,
        "said": ", ".join(f"{key} = {shown(said.get(key, ()))}" for key in rule.parameters),
    }


def _in_full(rule: Rule, said: Said) -> str:
    """A rule as people read it: its text as written, its parameters, its worked examples."""
    blocks = [f"{rule.number} {rule.title}\n", rule.text]
    blocks.extend(
        f"  {key} = {shown(said.get(key, ()))}\n    {meaning}\n"
        for key, meaning in rule.parameters.items()
    )
    blocks.extend(
        f"  Given {example.given},\n  when {example.when},\n  then {example.then}.\n"
        f"    ({example.test})\n"
        for example in rule.examples
    )
    return "\n".join(blocks)


def _whose(version: str | None) -> str:
    if version is None:
        return f"values of the reference programme {REFERENCE!r}: none has been adopted yet"
    return f"values of {version}"
