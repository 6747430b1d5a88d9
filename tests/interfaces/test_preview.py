"""``commissions preview``, and the words for days that a run is given."""

from __future__ import annotations

from datetime import date, timedelta

from interfaces.cli.session import today_in
from tests.interfaces.commands import Commands


def test_sums_and_lines_of_what_a_run_would_decide(billing: Commands) -> None:
    """The billing file is accrued through June: what July adds, and nothing is written."""
    before = billing.position()
    told = billing.done("preview", "--through", "2026-07-31", "--format", "json")
    assert told.json["as_of"]["position"] == before
    lines = billing.done("preview", "--through", "2026-07-31", "--lines", "--format", "json").rows
    for total in told.rows:
        alike = [
            line
            for line in lines
            if all(line[name] == total[name] for name in ("partner_id", "what", "rule", "currency"))
        ]
        assert total["count"] == len(alike)
        if total["amount"] is not None:
            assert total["amount"] == sum(line["amount"] for line in alike)
    assert billing.position() == before
    billing.done("accrue", "--through", "2026-07-31", "--ahead")
    posted = billing.done("history", "--all", "--format", "json").rows
    new = [line for line in posted if line["position"] > (before or 0)]
    assert sum(line["amount"] for line in new) == sum(
        row["amount"] for row in told.rows if row["amount"] is not None
    )


def test_nothing_to_decide(billing: Commands) -> None:
    """A second run of the same day has nothing to add."""
    table = billing.done("preview", "--through", "2026-06-30").out
    assert "a run through 2026-06-30 would decide nothing" in table


def test_a_day_before_the_last_accrued_one_is_refused(billing: Commands) -> None:
    """As the run itself is."""
    assert "accrued through 2026-06-30 already" in billing.refused(
        "preview", "--through", "2026-06-29"
    )


def test_today_and_yesterday_are_days_of_the_ledger(adopted: Commands) -> None:
    """The words are resolved at the door: the day is what is recorded."""
    today: date = today_in("Europe/Paris")
    told = adopted.done("accrue", "--through", "yesterday", "--format", "json").json
    assert told["through"] in {(today - timedelta(days=n)).isoformat() for n in (0, 1)}
    told = adopted.done("accrue", "--through", "today", "--format", "json").json
    assert told["through"] in {(today + timedelta(days=n)).isoformat() for n in (0, 1)}
    adopted.done("preview", "--through", "today")
    adopted.refused("accrue", "--through", "tomorrow", status=2)
