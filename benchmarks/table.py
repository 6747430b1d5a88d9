"""Prints figures written by ``--json`` as the tables of docs/performance.md: one or more FILEs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from benchmarks.figures import text


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
def main(files: tuple[Path, ...]) -> None:
    """Print the figures of FILES as Markdown, each file's conditions above them."""
    for file in files:
        known = json.loads(file.read_text(encoding="utf-8"))
        click.echo("; ".join(f"{name} {value}" for name, value in known["conditions"].items()))
        group = ""
        for figure in known["figures"]:
            if figure["group"] != group:
                group = figure["group"]
                click.echo(f"\n| {group} | median | least – most | target |\n|---|--:|--:|--:|")
            click.echo(_row(figure))
        click.echo()


def _row(figure: dict[str, Any]) -> str:
    name, unit = figure["name"].replace("  ", "– "), figure["unit"]
    spread = f"{text(figure['min'])} – {text(figure['max'])}" if len(figure["runs"]) > 1 else ""
    target = (figure["target"] or "").replace(">=", "≥").replace("<=", "≤")
    middle = text(figure["median"])
    if figure["met"]:
        middle = f"**{middle}**"
    return f"| {name} | {middle} {unit} | {spread} | {target} |".replace("  ", " ")


if __name__ == "__main__":
    main()
