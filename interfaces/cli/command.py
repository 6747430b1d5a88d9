"""The class of our commands: common options, one canonical log line, no traceback for a pipe."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping
from typing import Any

import click

from interfaces.cli.options import common_options
from interfaces.cli.session import Session
from interfaces.logging import canonical_line, configure

PIPE_STATUS = 141
"""What a shell shows for a program that SIGPIPE ended."""


class Command(click.Command):
    """A command with ``--database`` and ``--locale``; its return value is the exit status."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """As a click command."""
        super().__init__(*args, **kwargs)
        self.params.extend(common_options())

    def invoke(self, ctx: click.Context) -> object:
        """Run the command within its log line."""
        session = ctx.ensure_object(Session)
        settings = session.settings
        configure(level=settings.log_level, style=settings.log_format)
        session.logged = True
        if settings.log_format == "auto" and sys.stderr.isatty():
            return self._run(ctx)
        with canonical_line(ctx.command_path.partition(" ")[2]) as session.line:
            return self._run(ctx)

    def _run(self, ctx: click.Context) -> object:
        try:
            status = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            # Whoever read has enough; what Python would flush on leaving goes nowhere.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise SystemExit(PIPE_STATUS) from None
        return status


class Group(click.Group):
    """A group of commands, with the options that its commands have, too."""

    command_class = Command

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """As a click group."""
        super().__init__(*args, **kwargs)
        self.params.extend(common_options())


class LazyGroup(Group):
    """A group whose commands are imported when they are called: ``module:attribute`` by name."""

    def __init__(self, *args: Any, lazy: Mapping[str, str], **kwargs: Any) -> None:
        """``lazy`` says where each command is."""
        super().__init__(*args, **kwargs)
        self._lazy = lazy

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click passes it
        """The names of the commands, in the order in which they are told."""
        return list(self._lazy)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002 - click passes it
        cmd_name: str,
    ) -> click.Command | None:
        """Import a command."""
        where = self._lazy.get(cmd_name)
        if where is None:
            return None
        module, _, name = where.partition(":")
        command = getattr(importlib.import_module(module), name)
        if not isinstance(command, click.Command):
            raise TypeError(f"{where} is no command")
        return command
