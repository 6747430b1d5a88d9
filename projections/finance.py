"""The schema ``finance``: views for people and BI tools, a function, and the role that reads them.

Views run with the rights of their owner, so the reader needs none on the tables; functions are
SECURITY DEFINER with a fixed search_path.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from importlib.resources import files
from typing import Literal, NamedTuple

from psycopg import sql

from projections import boards
from projections.balances import BALANCES
from projections.boards import LEADERBOARD
from projections.clients import ASSIGNMENTS, CLIENTS, TERMS
from projections.definition import EVERYTHING, ReadModel, fill
from projections.names import Names
from projections.tiers import TIERS
from projections.views import (
    APPROVALS,
    CLIENT_LIST,
    COMMISSION_HISTORY,
    PARTNER_BALANCES,
    RECEIVABLES,
    STATEMENT_LINES,
    STATEMENTS,
    TIER_STATUS,
    TRIAL_BALANCE,
)

VIEWS: dict[str, ReadModel] = {
    "partner_balances": PARTNER_BALANCES,
    "commission_history": COMMISSION_HISTORY,
    "tier_status": TIER_STATUS,
    "leaderboard": LEADERBOARD,
    "statements": STATEMENTS,
    "trial_balance": TRIAL_BALANCE,
    "clients": CLIENT_LIST,
    "receivables": RECEIVABLES,
    "approvals": APPROVALS,
}
"""The views of ``finance`` by name."""

_BALANCES_COMMENT = (
    "Balances as the ledger knew them at an instant (null: now), counting what had happened by a "
    "day (null: everything recorded)."
)
_TIMEOUTS = {"statement_timeout": "5min", "idle_in_transaction_session_timeout": "1min"}


def view_query(model: ReadModel, names: Names) -> sql.Composed:
    """Return the SELECT behind a view: live, over all events or over the stored projections."""
    relations: dict[str, sql.Composable] = {
        stored.name: names.stored(stored.name)
        for stored in (BALANCES, CLIENTS, TERMS, ASSIGNMENTS, TIERS)
    }
    relations["until"] = sql.SQL("NULL")
    if model is STATEMENTS:
        lines = STATEMENT_LINES.select(names.events, EVERYTHING)
        relations["statement_lines"] = sql.SQL("({})").format(lines)
    if model is LEADERBOARD:
        relations |= boards.relations(names.events, EVERYTHING, EVERYTHING)
    if model is TIER_STATUS:
        return sql.SQL("SELECT partner_id, tier, since, position FROM {}").format(
            names.stored(TIERS.name)
        )
    return model.select(names.events, EVERYTHING, relations)


class Made(NamedTuple):
    """A view or a function: what it is, where it is, and how one by any name is made."""

    kind: Literal["view", "function"]
    schema: str
    name: str
    statement: Callable[[sql.Identifier], sql.Composed]


def made(names: Names) -> Iterator[Made]:
    """Yield functions and views, each after those that it uses."""
    for schema, name, statement in (
        (names.projections, "position_at", _position_at),
        (names.finance, "balances_as_of", _balances_as_of),
    ):
        yield Made("function", schema, name, partial(statement, names))
    for name, model in VIEWS.items():
        yield Made("view", names.finance, name, partial(_view, names, model))


def statements(names: Names) -> Iterator[sql.Composed]:
    """Yield the statements that make schema, functions, views and comments; repeatable."""
    schema = sql.Identifier(names.finance)
    yield sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(schema)
    yield sql.SQL("COMMENT ON SCHEMA {} IS {}").format(
        schema, sql.Literal("Read-only views of the commission ledger, for finance and BI tools.")
    )
    for each in made(names):
        yield each.statement(sql.Identifier(each.schema, each.name))
    position_at = sql.Identifier(names.projections, "position_at")
    yield sql.SQL("REVOKE ALL ON FUNCTION {}(timestamptz) FROM PUBLIC").format(position_at)
    balances_as_of = sql.Identifier(names.finance, "balances_as_of")
    signature = sql.SQL("{}(timestamptz, date)").format(balances_as_of)
    yield sql.SQL("REVOKE ALL ON FUNCTION {} FROM PUBLIC").format(signature)
    yield sql.SQL("COMMENT ON FUNCTION {} IS {}").format(signature, sql.Literal(_BALANCES_COMMENT))
    for name, model in VIEWS.items():
        yield from _comments(sql.Identifier(names.finance, name), model)


def _position_at(names: Names, function: sql.Identifier) -> sql.Composed:
    return _file("position_at.sql", {"position_at": function, "events": names.events})


def _balances_as_of(names: Names, function: sql.Identifier) -> sql.Composed:
    position_at = sql.Identifier(names.projections, "position_at")
    # A column of the events is named effective_at, too: in the function it would win over the name.
    scope = sql.SQL("position <= (SELECT {}($1)) AND ($2 IS NULL OR day <= $2)").format(position_at)
    balances = sql.SQL("({})").format(BALANCES.select(names.events, scope))
    query = PARTNER_BALANCES.select(names.events, EVERYTHING, {"balances": balances})
    return _file("balances_as_of.sql", {"balances_as_of": function, "partner_balances": query})


def _view(names: Names, model: ReadModel, view: sql.Identifier) -> sql.Composed:
    return sql.SQL("CREATE OR REPLACE VIEW {} AS {}").format(view, view_query(model, names))


def _comments(view: sql.Identifier, model: ReadModel) -> Iterator[sql.Composed]:
    yield sql.SQL("COMMENT ON VIEW {} IS {}").format(view, sql.Literal(model.comment))
    for column in model.columns:
        yield sql.SQL("COMMENT ON COLUMN {}.{} IS {}").format(
            view, sql.Identifier(column.name), sql.Literal(column.comment)
        )


def _file(name: str, known: dict[str, sql.Composable]) -> sql.Composed:
    return fill(files("projections").joinpath(name).read_text(encoding="utf-8"), known)


def reader_grants(names: Names) -> Iterator[sql.Composed]:
    """Yield what lets the reader read ``finance`` and nothing else, within time limits."""
    parts = {"schema": sql.Identifier(names.finance), "reader": sql.Identifier(names.reader)}
    for grant in (
        "GRANT USAGE ON SCHEMA {schema} TO {reader}",
        "GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {reader}",
        "GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA {schema} TO {reader}",
    ):
        yield sql.SQL(grant).format(**parts)


def writer_grants(names: Names) -> Iterator[sql.Composed]:
    """Yield what lets the writer merge projections and resolve instants."""
    parts = {"schema": sql.Identifier(names.projections), "writer": sql.Identifier(names.writer)}
    for grant in (
        "GRANT USAGE ON SCHEMA {schema} TO {writer}",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {writer}",
        "GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA {schema} TO {writer}",
    ):
        yield sql.SQL(grant).format(**parts)


def reader_limits(names: Names) -> sql.Composed:
    """Return a statement that gives the reader its timeouts where it lacks them.

    Roles belong to the whole cluster: another database may be setting the same at this moment, and
    this user may lack the right to; either way the reader works.
    """
    settings = [
        sql.SQL("ALTER ROLE {} SET {} = {};").format(
            sql.Identifier(names.reader),
            sql.SQL(name),
            sql.Literal(value),
        )
        for name, value in _TIMEOUTS.items()
    ]
    return sql.SQL(
        "DO $limits$ BEGIN "
        "IF EXISTS (SELECT FROM pg_roles WHERE rolname = {reader} AND rolconfig IS NULL) "
        "THEN {settings} END IF; "
        "EXCEPTION WHEN insufficient_privilege OR internal_error OR unique_violation "
        "THEN NULL; END $limits$"
    ).format(reader=sql.Literal(names.reader), settings=sql.SQL(" ").join(settings))
