"""Writes the golden ledger and its statements: ``python -m tests.statements.record``.

The ledger is made by commands once, and its rows kept as they were recorded, instants and hashes
included. It is never made again: what its closed months say must stay, byte for byte. A statement
that has no golden file yet is written from the rows that are there; ``--pdf`` writes all PDFs anew,
as a new release of their library may ask for.
"""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import psycopg

from interfaces.cli.main import main
from interfaces.embedded import EmbeddedPostgres
from tests.conftest import create_database, install_schema, url_of
from tests.model.payments import payout_id
from tests.statements.golden_ledger import FORMS, GOLDEN, ROWS, STATEMENTS, asked, load, rows_of

BILLING = Path(__file__).parents[1] / "e2e" / "billing.jsonl"
_CUTOFF = date(2026, 6, 30)
_PERSONS = ("--requested-by", "ann", "--approved-by", "bob")


def _message(name: str, kind: str, time: str, **data: object) -> str:
    told = {"specversion": "1.0", "id": name, "source": "/late", "type": kind}
    return json.dumps({**told, "time": time, "data": data})


def _later() -> Iterator[str]:
    """What is told after April was closed."""
    yield _message(
        "a-1", "client.activated", "2026-04-12T09:00:00+02:00",
        client_id="c-6", plan="pro", price=14_901, currency="EUR", partner_id="p-alpha",
    )  # fmt: skip
    yield _message("a-2", "client.churned", "2026-05-05T09:00:00+02:00", client_id="c-1")


def _settlements() -> Iterator[str]:
    """One as it was sent, one of less, one of no payout."""
    day = "2026-06-30T18:00:00+02:00"
    for name, partner, currency, amount in (
        ("s-1", "p-alpha", "EUR", 19_000),
        ("s-2", "p-beta", "CHF", 11_800),
    ):
        paid = {"amount": amount, "currency": currency, "tax_amount": amount // 5}
        payout = payout_id(partner, currency, _CUTOFF)
        yield _message(name, "payout.settled", day, partner_id=partner, payout_id=payout, **paid)
    yield _message("s-3", "payout.settled", day, partner_id="p-beta", amount=7, currency="EUR")


def _tell(url: str, folder: Path, lines: Iterator[str]) -> None:
    file = folder / "told.jsonl"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    _run(url, "ingest", str(file))


def _run(url: str, *arguments: str) -> None:
    if main(["--database", url, *arguments]) != 0:
        raise SystemExit(f"failed: {' '.join(arguments)}")


def _play(url: str, folder: Path) -> None:
    _run(url, "programme", "adopt", "izyinbox")
    main(["--database", url, "ingest", str(BILLING)])
    _run(url, "accrue", "--through", "2026-04-30")
    _run(url, "close", "2026-04")
    _run(url, "accrue", "--through", "2026-06-30")
    _tell(url, folder, _later())
    _run(url, "accrue", "--through", "2026-06-30")
    _run(
        url, "adjust", "--partner", "p-alpha", "--amount", "-250", "--currency", "EUR",
        "--reason", "error", "--date", "2026-05-20", *_PERSONS,
    )  # fmt: skip
    _run(
        url, "credit", "--partner", "p-beta", "--amount", "500", "--currency", "EUR",
        "--reason", "goodwill", "--date", "2026-06-02", *_PERSONS,
    )  # fmt: skip
    _run(url, "payouts", "run", "--cutoff", _CUTOFF.isoformat())
    _tell(url, folder, _settlements())
    _run(url, "close", "2026-05", "--acknowledge")
    _run(url, "close", "2026-06", "--acknowledge")


def _write(url: str, *, pdfs: bool) -> None:
    for partner, month in STATEMENTS:
        for form in FORMS:
            file = GOLDEN / f"{partner}-{month}.{form}"
            if not file.exists() or (pdfs and form == "pdf"):
                file.unlink(missing_ok=True)
                _run(url, *asked(partner, month, form), "--out", str(file))


def record(*, pdfs: bool) -> None:
    """Write what is not there yet."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        home.chmod(0o711)
        with EmbeddedPostgres(home / "home", durable=False) as server:
            with psycopg.connect(server, autocommit=True) as admin:
                create_database(admin, "golden")
            url = url_of(server, "golden")
            install_schema(url)
            if ROWS.exists():
                load(url)
            else:
                with contextlib.redirect_stdout(sys.stderr):
                    _play(url, home)
                ROWS.write_text("".join(f"{row}\n" for row in rows_of(url)), encoding="utf-8")
            _write(url, pdfs=pdfs)


if __name__ == "__main__":
    record(pdfs="--pdf" in sys.argv)
