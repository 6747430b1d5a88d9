"""The console script before the command line is there."""

from __future__ import annotations

import sys
from importlib.metadata import entry_points
from types import ModuleType

import pytest

from interfaces.cli import start


class Interrupted(ModuleType):
    """A module while which is read somebody presses Ctrl-C."""

    def __getattr__(self, name: str) -> object:
        """Nothing of it is there."""
        raise KeyboardInterrupt


def test_an_interruption_while_modules_are_read_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not a traceback, and the status of Ctrl-C."""
    monkeypatch.setitem(sys.modules, "interfaces.cli.main", Interrupted("interfaces.cli.main"))
    assert start.main() == 130
    assert capsys.readouterr().err == "commissions: interrupted before it began\n"


def test_the_script_runs_the_command_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With its arguments, its output and its status."""
    (script,) = entry_points(group="console_scripts", name="commissions")
    monkeypatch.setattr(sys, "argv", ["commissions", "balances", "--format", "xml"])
    assert script.load()() == 2
    assert "'xml' is not one of" in capsys.readouterr().err
