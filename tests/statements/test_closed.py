"""A closed month's statement is the same bytes for ever: golden files, late facts, any machine.

::

    position   1 .. 59         60 .. 98          99 .. 102        103 ...
    closed          2026-04          2026-05           2026-06    late facts, runs, another close
    asked                                              |          | and again: the same bytes
"""

from __future__ import annotations

import hashlib
import json
import re
from datetime import date, timedelta
from pathlib import Path
from random import Random

import psycopg
import pytest

from interfaces.cli.main import main
from interfaces.money import NO_BREAK_SPACE
from replay.as_of import Replay
from replay.statements import Statements
from replay.verify import verify
from tests.e2e.commands import run
from tests.statements.golden_ledger import FORMS, STATEMENTS, asked, golden

_LATE = 1_000
_MACHINES = (
    {
        "TZ": "Asia/Kolkata",
        "LC_ALL": "C",
        "PYTHONHASHSEED": "1",
        "COMMISSIONS_LOCALE": "fr",
        "PGOPTIONS": "-c TimeZone=Asia/Kolkata -c IntervalStyle=sql_standard",
    },
    {
        "TZ": "America/St_Johns",
        "LC_ALL": "fr_FR.ISO-8859-1",
        "PYTHONHASHSEED": "77",
        "PYTHONIOENCODING": "latin-1",
        "PGOPTIONS": "-c TimeZone=America/St_Johns -c lc_monetary=C",
    },
)


def _written(url: str, folder: Path) -> dict[tuple[str, str, str], bytes]:
    """Every statement in every form."""
    found = {}
    for partner, month in STATEMENTS:
        for form in FORMS:
            file = folder / f"{partner}-{month}.{form}"
            command = ["--database", url, *asked(partner, month, form), "--out", str(file)]
            assert main(command) == 0
            found[partner, month, form] = file.read_bytes()
    return found


def _golden() -> dict[tuple[str, str, str], bytes]:
    return {(*which, form): golden(*which, form) for which in STATEMENTS for form in FORMS}


def _late(lots: Random, number: int) -> str:
    """A fact of a closed month: a new client, another plan, an end, a claim, a report, money."""
    client, partner = f"c-{lots.randrange(1, 90)}", lots.choice(["p-alpha", "p-beta"])
    day = date(2026, 4, 1) + timedelta(days=lots.randrange(91))
    price, currency = lots.choice([0, 5_900, 14_900, 99_999]), lots.choice(["EUR", "EUR", "CHF"])
    kind, data = lots.choice(
        [
            (
                "client.activated",
                {
                    "client_id": client,
                    "plan": "pro",
                    "price": price,
                    "currency": currency,
                    "partner_id": partner,
                },
            ),
            ("client.plan_changed", {"client_id": client, "plan": "solo", "price": price}),
            ("client.churned", {"client_id": client}),
            ("referral.registered", {"partner_id": partner, "client_id": client}),
            ("partner.nps_reported", {"partner_id": partner, "score": lots.randrange(-100, 101)}),
            ("payout.settled", {"partner_id": partner, "amount": price, "currency": currency}),
            ("invoice.refunded", {"client_id": "c-1", "invoice_id": "inv-1", "net_amount": 1,
                                  "currency": "EUR"}),
        ]
    )  # fmt: skip
    second = timedelta(seconds=lots.randrange(86_400))
    return json.dumps(
        {
            "specversion": "1.0",
            "id": f"late-{number}",
            "source": "/late",
            "type": kind,
            "time": f"{day}T{second!s:0>8}+02:00",
            "data": data,
        }
    )


def test_the_golden_ledger_gives_the_golden_files(url: str, tmp_path: Path) -> None:
    """Text, JSON and CSV as they were written once; the PDF with the libraries that are locked."""
    assert _written(url, tmp_path) == _golden()


def test_a_thousand_late_facts_change_no_byte(url: str, tmp_path: Path) -> None:
    """D16, D18.9: of three closed months, by runs, adjustments and closes that follow."""
    lots = Random(16)  # noqa: S311 - lots, not secrets
    told = tmp_path / "late.jsonl"
    told.write_text("".join(f"{_late(lots, n)}\n" for n in range(_LATE)), encoding="utf-8")
    persons = ("--requested-by", "ann", "--approved-by", "bob")
    for command in (
        ("rebuild",),
        ("ingest", str(told)),
        ("accrue", "--through", "2026-06-30"),
        ("adjust", "--partner", "p-alpha", "--amount", "-1", "--currency", "EUR", "--reason",
         "error", "--date", "2026-05-01", *persons),
        ("accrue", "--through", "2026-07-31", "--ahead"),
        ("payouts", "run", "--cutoff", "2026-07-31", "--ahead"),
        ("close", "2026-07", "--ahead", "--acknowledge"),
    ):  # fmt: skip
        assert main(["--database", url, *command]) == 0, command
    assert _written(url, tmp_path) == _golden()
    with psycopg.connect(url, autocommit=True) as connection:
        replay = Replay(connection)
        statements = Statements(connection)
        july = statements.of("p-alpha", "2026-07", replay.resolve())
        assert sum(len(account.lines) for account in july.accounts) > 50
        assert [str(finding) for finding in verify(connection)] == []


@pytest.mark.parametrize("machine", _MACHINES, ids=lambda machine: machine["TZ"])
def test_no_machine_writes_other_bytes(url: str, machine: dict[str, str]) -> None:
    """Whatever its time zone, locale, encoding and hash seed say."""
    for form in FORMS:
        which = (
            ("p-beta", "2026-06", form) if form in {"txt", "pdf"} else ("p-alpha", "2026-05", form)
        )
        done = run("--database", url, *asked(*which), more=machine)
        assert done.returncode == 0, done.stderr
        assert done.stdout == golden(*which)


def test_only_the_option_writes_money_otherwise(url: str) -> None:
    """``--locale``: in text and PDF; JSON and CSV are for programs."""
    for form in FORMS:
        which = ("p-alpha", "2026-05", form)
        done = run("--database", url, "--locale", "fr", *asked(*which))
        assert (done.stdout == golden(*which)) == (form in {"json", "csv"})
        if form == "txt":
            assert f"99,75{NO_BREAK_SPACE}€" in done.stdout.decode()


def test_a_pdf_names_its_json() -> None:
    """By SHA-256, below every page and in the document's own words; and the close it rests on."""
    for partner, month in STATEMENTS:
        pdf = golden(partner, month, "pdf")
        digest = hashlib.sha256(golden(partner, month, "json")).hexdigest().encode()
        pages = len(re.findall(rb"/Type /Page\b", pdf))
        assert pdf.count(b"SHA-256 of the JSON  " + digest) == pages
        assert b"/Keywords (SHA-256 of the JSON: " + digest in pdf
        closed = json.loads(golden(partner, month, "json"))["statement"]
        assert closed["root"].encode() in pdf
        assert f"position {closed['position']}".encode() in pdf
