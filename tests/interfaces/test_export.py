"""Exports as commands: what is written, where, and what is refused."""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal
from pathlib import Path

import psycopg
import pyarrow.parquet as pq
from psycopg import sql
from psycopg.rows import dict_row

from projections.definition import identifiers
from projections.finance import VIEWS
from tests.interfaces.commands import Commands


def test_a_journal_to_a_file_or_to_standard_output(billing: Commands, tmp_path: Path) -> None:
    """The same bytes."""
    for kind in ("hledger", "beancount"):
        out = tmp_path / kind
        said = billing.done("export", kind, "--out", out).out
        assert str(out) in said
        assert out.read_text("utf-8") == billing.done("export", kind).out
        assert "partner" in out.read_text("utf-8")


def test_the_french_file_has_the_name_of_the_law(billing: Commands, tmp_path: Path) -> None:
    """SIREN, FEC and the year's last day; open months are told, closed ones validated."""
    told = billing.refused("export", "fec", "--year", "2026", "--out", tmp_path)
    assert "--rate CHF=" in told
    rate = ("--rate", "CHF=0.95")
    books = tmp_path / "books"
    options = ("export", "fec", "--year", "2026", *rate, "--out", books, "--format", "json")
    before = billing.done(*options).json
    assert len(before["open_months"]) == 12
    billing.done("close", "2026-01")
    after = billing.done(*options).json
    path = books / "000000000FEC20261231.txt"
    content = path.read_bytes()
    assert after["file"] == str(path)
    assert after["sha256"] == hashlib.sha256(content).hexdigest()
    assert after["open_months"] == [f"2026-{month:02}" for month in range(2, 13)]
    assert after["debit"] == after["credit"] > 0
    lines = content.decode().removesuffix("\r\n").split("\r\n")[1:]
    assert len(lines) == after["lines"]
    for line in lines:
        members = line.split("\t")
        assert bool(members[15]) == members[3].startswith("202601")


def test_a_programme_without_accounts_has_no_french_file(
    commissions: Commands, tmp_path: Path
) -> None:
    """The refusal names the keys."""
    text = Path(__file__).parents[2] / "ledger" / "policy" / "programmes" / "izyinbox.toml"
    bare = tmp_path / "bare.toml"
    bare.write_text(text.read_text("utf-8").partition("[accounting]")[0], "utf-8")
    commissions.done("programme", "adopt", bare)
    told = commissions.refused("export", "fec", "--year", "2026", "--out", tmp_path)
    assert "accounting.siren, accounting.account, accounting.journal" in told


def test_a_rate_is_written_so(billing: Commands) -> None:
    """Wrong usage."""
    told = billing.refused("export", "fec", "--year", "2026", "--rate", "CHF=x", status=2)
    assert "CHF=1.0432" in told


def test_every_view_of_finance_as_csv_and_as_parquet(billing: Commands, tmp_path: Path) -> None:
    """Both have the rows of the view, CSV as the queries write it; again, the same bytes."""
    for kind in ("csv", "parquet"):
        said = billing.done("export", kind, tmp_path / kind).out
        assert "commission_history" in said
        billing.done("export", kind, tmp_path / f"{kind}-again")
        for name in VIEWS:
            path = tmp_path / kind / f"{name}.{kind}"
            again = tmp_path / f"{kind}-again" / path.name
            assert path.read_bytes() == again.read_bytes()
    for name, query in {
        "partner_balances": ("balances",),
        "commission_history": ("history", "--all"),
        "trial_balance": ("trial-balance",),
    }.items():
        text = (tmp_path / "csv" / f"{name}.csv").read_text("utf-8")
        assert text == billing.done(*query, "--format", "csv").out
    with psycopg.connect(billing.url, row_factory=dict_row) as connection:
        for name, model in VIEWS.items():
            ordered = sql.SQL("SELECT * FROM {} ORDER BY {}").format(
                sql.Identifier("finance", name), identifiers(model.order_by)
            )
            rows = connection.execute(ordered).fetchall()
            assert _read(tmp_path / "parquet" / f"{name}.parquet") == [_whole(row) for row in rows]
    assert _read(tmp_path / "parquet" / "statements.parquet")


def test_parquet_has_the_rows_of_its_place(billing: Commands, tmp_path: Path) -> None:
    """No rows are a file with columns."""
    billing.done("export", "parquet", tmp_path, "--position", 1)
    assert _read(tmp_path / "commission_history.parquet") == []
    schema = pq.read_schema(tmp_path / "commission_history.parquet")
    assert schema.names == list(VIEWS["commission_history"].names)


def _read(path: Path) -> list[dict[str, object]]:
    return [_whole(row) for row in pq.read_table(path).to_pylist()]


def _whole(row: dict[str, object]) -> dict[str, object]:
    """Amounts as integers, JSON as text."""
    return {
        name: int(value)
        if isinstance(value, Decimal)
        else json.dumps(value, sort_keys=True)
        if isinstance(value, list)
        else value
        for name, value in row.items()
    }


def test_a_cut_off_divides_what_reaches_over_the_year_s_end(billing: Commands) -> None:
    """What was accrued through June, at the end of a year of May."""
    found = billing.done("export", "cut-off", "--year-end", "2026-05-31", "--format", "json").rows
    assert {row["section"] for row in found} == {"ahead"}
    for row in found:
        assert row["within"] + row["after"] == row["amount"]
        assert row["service_date"] <= "2026-05-31" < row["service_end"]
    text = billing.done("export", "cut-off", "--year-end", "2020-12-31").out
    assert "nothing reaches over the year's end" in text
