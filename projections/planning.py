"""The plan of an accrual run: which partners and clients it takes, found by indexes (D8.1)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from importlib.resources import files
from typing import LiteralString

from psycopg import sql

from ledger.engine.calendar import end_of_month
from ledger.engine.contests import Claims
from ledger.engine.state import Run
from projections.names import Names
from projections.registry import STORED

_LONGEST_MONTH = 31

# The first period start of a schedule after L: as many whole steps from its anchor as lead to the
# month of L, and one step more if that start is not after L. PostgreSQL clamps months as D2 says.
_STEPS = """(GREATEST(0, (
    EXTRACT(YEAR FROM %(previous)s::date) * 12 + EXTRACT(MONTH FROM %(previous)s::date)
    - EXTRACT(YEAR FROM {anchor}) * 12 - EXTRACT(MONTH FROM {anchor})
)::int / {months}) * {months})"""
_NEXT_START = """(CASE
    WHEN ({anchor} + make_interval(months => {steps}))::date > %(previous)s::date
    THEN ({anchor} + make_interval(months => {steps}))::date
    ELSE ({anchor} + make_interval(months => {steps} + {months}))::date
END)"""


def _next_start(anchor: LiteralString, months: LiteralString) -> sql.Composed:
    parts = {"anchor": sql.SQL(anchor), "months": sql.SQL(months)}
    return sql.SQL(_NEXT_START).format(**parts, steps=sql.SQL(_STEPS).format(**parts))


# The first day on which the terms of a subscription differ. What a fact took away and what it put
# there are in day order; of two that begin alike only the ends may differ.
_FIRST_CHANGED = """(CASE
    WHEN (terms -> 'before' -> 0) - 'end' = (terms -> 'after' -> 0) - 'end'
    THEN LEAST(
        (terms -> 'before' -> 0 ->> 'end')::date, (terms -> 'after' -> 0 ->> 'end')::date
    )
    ELSE LEAST(
        (terms -> 'before' -> 0 ->> 'start')::date, (terms -> 'after' -> 0 ->> 'start')::date
    )
END)"""

_CHANGED_AGREEMENTS = """
    SELECT DISTINCT partner_id
    FROM {events}
    WHERE topic IN (
            'partner.enrolled/1', 'partner.agreement_signed/1', 'partner.agreement_ended/1',
            -- A margin may be due where a contest has taken the place of a commission.
            'WhiteLabelAccepted/1'
        )
        AND position > %(previous_run)s
        AND position <= %(run)s
"""

# What is sorted fits in memory, mostly; nothing is compiled, nor kept in case that an event is the
# same as another.
_SETTINGS = """
SELECT
    set_config('work_mem', '64MB', TRUE),
    set_config('jit', 'off', TRUE),
    set_config('enable_memoize', 'off', TRUE),
    set_config('client_min_messages', 'warning', TRUE);
"""

# A few clients are looked up one by one, whatever the planner believes: that is what OFFSET is for.
# Of many tables are read as wholes.
_FEW = """
SELECT 10 * count(*) < (SELECT reltuples FROM pg_class WHERE oid = {clients_name}::regclass)
FROM accrual_found
"""
_ONE_BY_ONE = "LATERAL (SELECT * FROM {table} WHERE client_id = {of}.client_id OFFSET 0)"


class Plan:
    """The statements that find what a run takes, on tables of the session's own.

    ``find`` puts the clients into ``accrual_found``, ``are_few`` tells whether they are but a small
    part of all; ``read`` makes ``accrual_candidates`` of them, ``enter`` puts those that a contest
    may be about into ``accrual_entrants``, each with statements for few, and for many.
    """

    def __init__(self, names: Names) -> None:
        tables: dict[str, sql.Composable] = {
            "events": names.events,
            "first_changed": sql.SQL(_FIRST_CHANGED),
            "next_start": _next_start("anchor", "months"),
            "next_review": _next_start("since", "12"),
            "changed_agreements": sql.SQL(_CHANGED_AGREEMENTS).format(events=names.events),
            **{each.name: names.stored(each.name) for each in STORED},
        }
        clients, terms = names.stored("clients"), names.stored("terms")
        self.find = _statement("plan_found", tables)
        self.are_few = sql.SQL(_FEW).format(clients_name=sql.Literal(clients.as_string()))
        self.read: dict[bool, sql.Composed] = {}
        self.enter: dict[bool, sql.Composed] = {}
        partners = _statement("plan_partners", tables, settings="")
        for few in (False, True):
            joined = {
                **tables,
                "partners": partners,
                "clients_of_found": _looked_up(clients, "found") if few else clients,
                "terms_of_taken": _looked_up(terms, "taken") if few else terms,
            }
            self.read[few] = _statement("plan_candidates", joined)
            self.enter[few] = _statement("plan_entrants", joined)


def _statement(
    name: str, known: Mapping[str, sql.Composable], *, settings: LiteralString = _SETTINGS
) -> sql.Composed:
    """What stands in ``<name>.sql`` beside this module, with ``known`` in its braces."""
    text = files("projections").joinpath(f"{name}.sql").read_text(encoding="utf-8")
    return sql.SQL(settings) + sql.SQL(text).format(**known)


def _looked_up(table: sql.Identifier, of: LiteralString) -> sql.Composed:
    return sql.SQL(_ONE_BY_ONE).format(table=table, of=sql.SQL(of))


def parameters(
    run: Run,
    *,
    every_partner: bool,
    claims: Claims,
    accruals: Collection[str],
    compares_all: bool,
    recounted_from: date | None,
    begun_from: date | None,
) -> dict[str, object]:
    """What the plans of a run are bound to."""
    previous = run.previous or date.min
    return {
        "days": days_of_month(previous, run.through),
        "run": run.position,
        "previous_run": run.previous_run,
        "previous": previous,
        "through": run.through,
        "every_partner": every_partner,
        "claimed_from": claims.first,
        "claimed_through": claims.last,
        "activated_through": claims.activated_through,
        "on_invoices": "invoice" in accruals,
        "both_ways": len(accruals) > 1,
        "compares_all": compares_all,
        "recounted_from": recounted_from,
        "begun_from": begun_from,
    }


def days_of_month(after: date, through: date) -> list[int]:
    """The days of the month on which an anchor may have a start in (``after``, ``through``].

    A short month's last day is the start of every anchor of a later day (D2).
    """
    if (through - after).days >= _LONGEST_MONTH:
        return list(range(1, _LONGEST_MONTH + 1))
    days: set[int] = set()
    for ordinal in range(after.toordinal() + 1, through.toordinal() + 1):
        day = date.fromordinal(ordinal)
        is_last = day == end_of_month(day)
        days.update(range(day.day, _LONGEST_MONTH + 1) if is_last else [day.day])
    return sorted(days)
