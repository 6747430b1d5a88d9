"""The command: measures, prints a table, and writes the figures as JSON if asked."""

from __future__ import annotations

import json
import os
import platform
import signal
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import psutil
import psycopg

from benchmarks import (
    accrual,
    archive,
    as_of,
    engine,
    ingest,
    kafka,
    memory,
    rebuild,
    recompute,
    verify,
)
from benchmarks.figures import Report
from benchmarks.ledgers import server
from benchmarks.scales import SCALES, Run
from ledger.collecting import collect_seldom

MEASUREMENTS: dict[str, Callable[[Run], None]] = {
    "ingest": ingest.measure,
    "engine": engine.measure,
    "recompute": recompute.measure,
    "verify": verify.measure,
    "rebuild": rebuild.measure,
    "as-of": as_of.measure,
    "archive": archive.measure,
    "accrual": accrual.measure,
    "memory": memory.measure,
    "kafka": kafka.measure,
}


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--only",
    multiple=True,
    type=click.Choice(list(MEASUREMENTS)),
    help="A measurement to make; may be given again. All by default.",
)
@click.option(
    "--scale",
    type=click.Choice(list(SCALES)),
    default="small",
    show_default=True,
    help="How much: small in some minutes, full as the targets are stated; tiny only shows"
    " that it works.",
)
@click.option(
    "--clients",
    type=click.IntRange(min=100),
    help="The larger number of active clients of accrual, in place of the scale's: a million takes"
    " some 10 GiB of disk.",
)
@click.option(
    "--database",
    "url",
    metavar="URL",
    help="A PostgreSQL whose role may create databases; by default one of its own is started.",
)
@click.option(
    "--json",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the figures of every run there too.",
)
def main(
    only: tuple[str, ...], scale: str, clients: int | None, url: str | None, file: Path | None
) -> None:
    """Measure the ledger beside limits of the same run: medians, and least to most."""
    # Servers and databases of the run are cleaned up when it is ended, too.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    collect_seldom()
    report = Report()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="commissions-bench-")))
        address = stack.enter_context(server(url))
        sizes = SCALES[scale]
        if clients is not None:
            sizes = replace(sizes, accrual_clients=(sizes.accrual_clients[0], clients))
        run = Run(address, folder, sizes, report, stack.enter_context(ExitStack()))
        conditions = _conditions(address, scale)
        for name, value in conditions.items():
            click.echo(f"{name}: {value}")
        for name, measure in MEASUREMENTS.items():
            if not only or name in only:
                measure(run)
    if file is not None:
        known = {"conditions": conditions, "figures": report.records()}
        file.write_text(json.dumps(known, indent=2) + "\n", encoding="utf-8")


def _conditions(url: str, scale: str) -> dict[str, str]:
    """What the figures depend on."""
    with psycopg.connect(url) as connection:
        settings = {}
        for name in ("server_version", "fsync", "synchronous_commit", "shared_buffers"):
            row = connection.execute("SELECT current_setting(%s)", (name,)).fetchone()
            settings[name] = "" if row is None else str(row[0])
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return {
        "scale": scale,
        "at": datetime.now(UTC).strftime("%Y-%m-%d %H:%MZ"),
        "machine": f"{os.cpu_count()} cores, {psutil.virtual_memory().total // 2**30} GiB,"
        f" {platform.system()} {platform.machine()}",
        "load before (1, 5, 15 minutes)": load,
        "python": platform.python_version(),
        "postgresql": f"{settings['server_version']}, fsync {settings['fsync']},"
        f" synchronous_commit {settings['synchronous_commit']},"
        f" shared_buffers {settings['shared_buffers']}",
    }


if __name__ == "__main__":
    main()
