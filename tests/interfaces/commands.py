"""Runs commands of the command line within the test's process, and says what came out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from interfaces.cli.main import main

BILLING = Path(__file__).parents[1] / "e2e" / "billing.jsonl"
"""Messages of a billing system, written by hand from the wire's specification."""


@dataclass(frozen=True)
class Outcome:
    """What a command left: exit status, standard output, and standard error without the log."""

    status: int
    out: str
    err: str
    log: list[dict[str, Any]]

    @property
    def json(self) -> dict[str, Any]:
        """The one object on standard output."""
        value = json.loads(self.out)
        assert isinstance(value, dict)
        return value

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows of an answer."""
        rows = self.json["rows"]
        assert isinstance(rows, list)
        return rows


class Commands:
    """Runs commands against one database."""

    def __init__(self, url: str, capture: pytest.CaptureFixture[str]) -> None:
        self.url, self._capture = url, capture

    def __call__(self, *arguments: str | Path | int) -> Outcome:
        """Run ``commissions`` with these arguments."""
        self._capture.readouterr()
        status = main(["--database", self.url, *map(str, arguments)])
        captured = self._capture.readouterr()
        lines = captured.err.splitlines()
        return Outcome(
            status,
            captured.out,
            "\n".join(line for line in lines if not line.startswith("{")),
            [json.loads(line) for line in lines if line.startswith("{")],
        )

    def done(self, *arguments: str | Path | int) -> Outcome:
        """Run a command that must succeed."""
        outcome = self(*arguments)
        assert outcome.status == 0, outcome.err
        return outcome

    def refused(self, *arguments: str | Path | int, status: int = 1) -> str:
        """Run a command that must fail with one line, changing nothing; gives the line."""
        before = self.position()
        outcome = self(*arguments)
        assert outcome.status == status, (outcome.status, outcome.out, outcome.err)
        assert outcome.out == ""
        assert len(outcome.err.splitlines()) == 1
        assert outcome.err.startswith("commissions: ")
        assert self.position() == before
        return outcome.err

    def position(self) -> int | None:
        """The last position of the ledger; None while there is no ledger."""
        outcome = self("balances", "--format", "json")
        if outcome.status:
            return None
        position = outcome.json["as_of"]["position"]
        assert isinstance(position, int)
        return position
