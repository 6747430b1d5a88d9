"""Every command has help, and stands in docs/commands.md."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from interfaces.cli.main import COMMANDS, commissions

DOCUMENT = Path(__file__).parents[2] / "docs" / "commands.md"


def walk(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    """Every command below a group, with its words."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        words = f"{path} {name}"
        if isinstance(command, click.Group):
            yield from walk(command, words)
        else:
            yield words, command


ALL = dict(walk(commissions, "commissions"))


@pytest.mark.parametrize("words", ALL)
def test_every_command_has_help(words: str) -> None:
    """So has each of its options."""
    command = ALL[words]
    assert command.help, words
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, (words, parameter.name)


@pytest.mark.parametrize("words", ALL)
def test_every_command_is_documented(words: str) -> None:
    """In a table, between back quotes."""
    text = DOCUMENT.read_text(encoding="utf-8")
    assert re.search(rf"`{re.escape(words)}[ `]", text), words


def test_no_command_is_documented_that_does_not_exist() -> None:
    """A command that went is gone from the document, too."""
    text = DOCUMENT.read_text(encoding="utf-8")
    for told in re.findall(r"^\| `(commissions [a-z\- ]+)", text, re.MULTILINE):
        words = told.strip()
        assert any(one == words or words.startswith(f"{one} ") for one in ALL), words


def test_queries_take_the_places_and_formats() -> None:
    """Each of the interface's queries, as-of options and --format included."""
    queries = (
        "balances", "history", "tiers", "leaderboard", "statement", "trial-balance", "claims",
        "unresolved", "payouts list", "conflicts", "territories", "kpi",
    )  # fmt: skip
    for query in queries:
        names = {name for param in ALL[f"commissions {query}"].params for name in param.opts}
        assert {"--known-at", "--position", "--effective-at", "--format", "--database"} <= names


def test_commands_are_imported_when_they_are_called() -> None:
    """Each stands in the list by its name."""
    assert {words.split()[1] for words in ALL} == set(COMMANDS)
