"""The same questions of an archive, by an engine that is chosen: in this process, or a cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from interfaces.cli.asked import QUERIES
from interfaces.cli.command import LazyGroup
from interfaces.cli.session import Session

_ASKED = {
    **QUERIES,
    "kpi": "interfaces.cli.kpi:kpi",
    "recompute": "interfaces.cli.recompute:recompute",
}


@click.group(cls=LazyGroup, lazy=_ASKED)
@click.option(
    "--engine",
    type=click.Choice(["duckdb", "spark"]),
    default="duckdb",
    show_default=True,
    help="DuckDB on this machine, or Apache Spark on the cluster of --master.",
)
@click.option(
    "--master",
    default="local[*]",
    show_default=True,
    metavar="MASTER",
    help="Where Spark runs, as Spark writes it.",
)
@click.option(
    "--archive",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    required=True,
    help="The archive, on Spark under a path that every worker sees.",
)
@click.pass_context
def replay(
    ctx: click.Context, *, engine: Literal["duckdb", "spark"], master: str, archive: Path
) -> None:
    """Ask an archive as of any place, or decide it again, with DuckDB or on a Spark cluster."""
    session = ctx.ensure_object(Session)
    session.archive, session.engine, session.master = archive, engine, master
