"""What the demo shows: balances, tiers, a leaderboard, commissions by month, a statement."""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from rich.console import Console

from events.values import TIERS
from interfaces.cli.demo_proof import prove
from interfaces.cli.output import Column, Row, write_table
from interfaces.cli.statement_form import accounts_text
from interfaces.demo.play import OPERATOR, Played
from interfaces.money import Locale, format_count, format_money
from replay.as_of import AsOf, Replay
from replay.statements import Statement, Statements

CURRENCY = "EUR"
MONTH = "2026-12"
QUARTER = "2026Q4"
BAR_CELLS = 24
TOP = 10
STATEMENT_LINES = range(6, 15)
"""A statement of so many lines fits on a screen."""

_EIGHTHS = " ▏▎▍▌▋▊▉"
_LEVELS = "▁▂▃▄▅▆▇█"


def write_report(replay: Replay, played: Played, locale: Locale) -> None:
    """Write the year for a partner manager; the same text on every machine."""
    at = replay.resolve()
    _head("A year of the IzyInbox partner programme, drawn for this demo")
    sys.stdout.write(_summary(played, locale))
    _write_balances(replay, at, locale)
    _write_tiers(replay, at, locale)
    _write_leaderboard(replay, at, locale)
    _write_months(replay, at, locale)
    _write_kinds(replay, at, locale)
    chosen = _short_statement(replay, at)
    if chosen is not None:
        _head(f"A statement: {chosen.partner_id} in {chosen.month}, a closed month")
        # Without the log's root: it covers the instants of recording, another in every run.
        sys.stdout.write(accounts_text(chosen, locale))
        _write_proof(replay, chosen)
    _head("Go on with")
    partner = chosen.partner_id if chosen is not None else "p-001"
    for line in (
        "commissions balances --effective-at 2026-06-30",
        f"commissions history {partner}",
        "commissions tiers --history",
        "commissions payouts list",
        "commissions kpi --programme",
        "commissions dead-letters list",
        *_of_first_line(chosen),
        "commissions verify",
    ):
        sys.stdout.write(f"  {line}\n")


def _write_proof(replay: Replay, chosen: Statement) -> None:
    _head("The same statement, proven to somebody who has nothing but a signed checkpoint")
    for shown in prove(replay, chosen.partner_id, chosen.month, OPERATOR):
        sys.stdout.write(f"  shown: {shown}\n")


def _of_first_line(chosen: Statement | None) -> Sequence[str]:
    lines = [line for account in chosen.accounts for line in account.lines] if chosen else []
    return [f"commissions explain {lines[0]['position']}"] if lines else []


def _summary(played: Played, locale: Locale) -> str:
    def number(count: int) -> str:
        return format_count(count, locale)

    return (
        f"{number(played.accepted)} facts taken in, {number(played.duplicates)} duplicates,"
        f" {number(played.rejected)} rejected; {number(played.lines)} lines decided;"
        f" {number(played.payouts)} payouts; {number(played.months)} months closed\n"
    )


def _write_balances(replay: Replay, at: AsOf, locale: Locale) -> None:
    rows = [row for row in replay.balances(at) if row["currency"] == CURRENCY]
    rows.sort(key=lambda row: (-_whole(row["earned"]), str(row["partner_id"])))
    most = _whole(rows[0]["earned"]) if rows else 0
    top: list[Row] = [{**row, "bar": bar(_whole(row["earned"]), most)} for row in rows[:TOP]]
    _head(f"Balances: the {TOP} partners that earned most, of {len(rows)}")
    columns = (
        Column("partner_id", "partner"),
        Column("earned", kind="money"),
        Column("bar", " "),
        Column("adjusted", kind="money"),
        Column("paid", kind="money"),
        Column("in_flight", kind="money"),
        Column("payable", kind="money"),
    )
    write_table(top, columns, locale)


def _write_tiers(replay: Replay, at: AsOf, locale: Locale) -> None:
    tiers = list(replay.tiers(at))
    counts = Counter(str(row["tier"]) for row in tiers)
    names: Mapping[str, list[str]] = _by_tier(tiers)
    rows: list[Row] = [
        {
            "tier": tier,
            "partners": counts[tier],
            "bar": bar(counts[tier], max(counts.values(), default=0)),
            "who": _some(names[tier]),
        }
        for tier in reversed(TIERS)
    ]
    _head("Tiers")
    columns = (
        Column("tier"),
        Column("partners", kind="count"),
        Column("bar", " "),
        Column("who"),
    )
    write_table(rows, columns, locale)


def _by_tier(tiers: Iterable[Row]) -> Mapping[str, list[str]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for row in tiers:
        found[str(row["tier"])].append(str(row["partner_id"]))
    return found


def _some(names: Sequence[str], shown: int = 6) -> str:
    more = len(names) - shown
    return ", ".join(names[:shown]) + (f" and {more} more" if more > 0 else "")


def _write_leaderboard(replay: Replay, at: AsOf, locale: Locale) -> None:
    rows = list(replay.leaderboard(at, QUARTER))
    most = _whole(rows[0]["clients"]) if rows else 0
    _head(f"Leaderboard of {QUARTER}: counted clients")
    columns = (
        Column("rank", kind="place"),
        Column("partner_id", "partner"),
        Column("clients", kind="count"),
        Column("bar", " "),
    )
    top: list[Row] = [{**row, "bar": bar(_whole(row["clients"]), most)} for row in rows[:TOP]]
    write_table(top, columns, locale)


def _write_months(replay: Replay, at: AsOf, locale: Locale) -> None:
    """Commissions in euros by the month of their service day."""
    months: Counter[str] = Counter()
    for row in replay.history(at):
        if row["kind"] == "commission" and row["currency"] == CURRENCY:
            months[str(row["service_date"])[:7]] += _whole(row["amount"])
    year = sorted(month for month in months if month.startswith(MONTH[:4]))
    if not year:
        return
    _head("Commissions by month")
    first, last = (format_money(months[month], CURRENCY, locale) for month in (year[0], year[-1]))
    line = sparkline([months[month] for month in year])
    sys.stdout.write(f"{year[0]} {first}  {line}  {last} {year[-1]}\n")


def _write_kinds(replay: Replay, at: AsOf, locale: Locale) -> None:
    """What was decided by each rule: how many lines, and how much in euros."""
    lines: Counter[tuple[str, str]] = Counter()
    amounts: Counter[tuple[str, str]] = Counter()
    for row in replay.history(at):
        if row["currency"] == CURRENCY:
            key = (str(row["kind"]), str(row["rule"]))
            lines[key] += 1
            amounts[key] += _whole(row["amount"])
    _head("Lines by kind and rule (commissions rules D9.2 says what a rule is)")
    columns = (
        Column("kind"),
        Column("rule"),
        Column("lines", kind="count"),
        Column("amount", kind="money"),
    )
    rows: list[Row] = [
        {
            "kind": kind,
            "rule": rule,
            "lines": count,
            "amount": amounts[kind, rule],
            "currency": CURRENCY,
        }
        for (kind, rule), count in sorted(lines.items(), key=lambda of_kind: -of_kind[1])
    ]
    write_table(rows, columns, locale)


def _short_statement(replay: Replay, at: AsOf) -> Statement | None:
    statements = Statements(replay.connection)
    closed = statements.closed_at(MONTH, at.position)
    if closed is None:
        return None
    found: Statement | None = None
    # All of them are read, for the query is open until then.
    for statement in statements.closed(MONTH, closed):
        lengths = [len(account.lines) for account in statement.accounts]
        if found is None and len(lengths) == 1 and lengths[0] in STATEMENT_LINES:
            found = statement
    return found


def bar(value: int, most: int, cells: int = BAR_CELLS) -> str:
    """A bar of up to ``cells`` cells, in steps of an eighth."""
    if value <= 0 or most <= 0:
        return ""
    full, rest = divmod(max(1, value * cells * 8 // most), 8)
    return "█" * full + (_EIGHTHS[rest] if rest else "")


def sparkline(values: Sequence[int]) -> str:
    """One column for each value, the highest for the largest."""
    most = max(values, default=0)
    if most <= 0:
        return _LEVELS[0] * len(values)
    top = len(_LEVELS) - 1
    return "".join(_LEVELS[max(value, 0) * top // most] for value in values)


def _head(title: str) -> None:
    out = sys.stdout
    out.write("\n")
    if out.isatty():
        Console(file=out, highlight=False).print(title, style="bold", markup=False)
    else:
        out.write(f"{title}\n")


def _whole(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError(f"{value!r} is no whole number")
    return value
