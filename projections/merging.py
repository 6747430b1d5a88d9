"""The statement made around read models to fold a range of events into their tables.

Read models that read the same events are folded by one statement: what they read is read, and its
JSON parsed, once for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import groupby
from typing import LiteralString

from psycopg import sql

from projections.definition import EVERYTHING, STATE, StoredProjection, identifiers

Tables = Callable[[StoredProjection], sql.Composable]
"""The table of a read model: the live one, or one beside it."""

Group = tuple[StoredProjection, ...]
"""Read models of the same topics."""

_READ: LiteralString = (
    "position, originator_id, topic, day, partner_id, client_id, kind, currency, amount, in_flight"
)


def groups(stored: Iterable[StoredProjection]) -> tuple[Group, ...]:
    """The neighbours that read the same topics."""
    return tuple(tuple(group) for _, group in groupby(stored, key=lambda each: each.topics))


def merge(
    group: Group,
    tables: Tables,
    events: sql.Composable,
    scope: sql.Composable,
    *,
    small: bool = True,
    empty: bool = False,
) -> sql.Composed:
    """Return the statement that folds the events of ``scope`` into the tables, in key order.

    Of ``empty`` tables nothing is replaced or taken away, so they need no key yet. A ``small``
    range is read first and by itself, whatever the planner believes (OFFSET keeps it from looking
    elsewhere): what an append costs must not grow with the ledger.
    """
    topics = sql.SQL("topic IN ({})").format(
        sql.SQL(", ").join(map(sql.Literal, sorted(group[0].topics)))
    )
    spanned: LiteralString = "(SELECT * FROM {events} WHERE {scope} OFFSET 0) AS spanned"
    plain: LiteralString = "(SELECT * FROM {events} WHERE {scope}) AS spanned"
    parsed = any(each.reads_state for each in group)
    appended = sql.SQL(
        "appended AS (SELECT {columns}, {state} AS state FROM {range} {only})"
    ).format(
        columns=sql.SQL(_READ),
        state=STATE if parsed else sql.SQL("NULL"),
        range=sql.SQL(spanned if small else plain).format(events=events, scope=scope),
        # What reads no JSON says by the columns which events it reads.
        only=sql.SQL("WHERE {}").format(topics) if parsed else sql.SQL(""),
    )
    parts = [appended]
    for each in group:
        parts += _parts(each, tables(each), empty=empty)
    return sql.SQL("WITH {} SELECT").format(sql.SQL(", ").join(parts))


def _parts(
    stored: StoredProjection, table: sql.Composable, *, empty: bool
) -> Iterable[sql.Composed]:
    """What changed, what of it goes, and the merge of what comes."""
    names = {part: sql.Identifier(f"{stored.name}_{part}") for part in ("changed", "gone", "come")}
    yield sql.SQL("{changed} AS MATERIALIZED ({bare})").format(
        changed=names["changed"],
        bare=stored.select(sql.Identifier("appended"), EVERYTHING, {"state": sql.SQL("state")}),
    )
    if stored.removes and not empty:
        yield sql.SQL("{gone} AS ({removal})").format(
            gone=names["gone"], removal=_removal(stored, table, names["changed"])
        )
    yield sql.SQL(
        "{come} AS (INSERT INTO {table} AS standing ({columns}) "
        "SELECT {columns} FROM {changed} {kept} ORDER BY {key} {replaced})"
    ).format(
        come=names["come"],
        table=table,
        columns=identifiers(stored.names),
        changed=names["changed"],
        kept=sql.SQL("WHERE NOT gone" if stored.removes else ""),
        key=identifiers(stored.key),
        replaced=sql.SQL("") if empty else _replacement(stored),
    )


def _replacement(stored: StoredProjection) -> sql.Composed:
    return sql.SQL("ON CONFLICT ({key}) DO UPDATE SET {assignments}{guard}").format(
        key=identifiers(stored.key), assignments=_assignments(stored), guard=_guard(stored)
    )


def _removal(
    stored: StoredProjection, table: sql.Composable, changed: sql.Composable
) -> sql.Composed:
    # LATERAL ... LIMIT 1 keeps the planner from scanning the whole table for a few keys.
    same = sql.SQL(" AND ").join(
        sql.SQL("held.{0} = changed.{0}").format(sql.Identifier(name)) for name in stored.key
    )
    return sql.SQL(
        "DELETE FROM {table} WHERE ctid = ANY (ARRAY("
        "SELECT found.ctid FROM {changed} AS changed CROSS JOIN LATERAL "
        "(SELECT held.ctid FROM {table} AS held WHERE {same} LIMIT 1) AS found "
        "WHERE changed.gone))"
    ).format(table=table, changed=changed, same=same)


def _assignments(stored: StoredProjection) -> sql.Composed:
    form: LiteralString = "{0} = EXCLUDED.{0}"
    if stored.combine == "add":
        form = "{0} = standing.{0} + EXCLUDED.{0}"
    values = (name for name in stored.names if name not in stored.key)
    return sql.SQL(", ").join(sql.SQL(form).format(sql.Identifier(name)) for name in values)


def _guard(stored: StoredProjection) -> sql.Composable:
    if not stored.latest:
        return sql.SQL("")
    return sql.SQL(" WHERE ({new}) >= ({old})").format(
        new=sql.SQL(", ").join(sql.Identifier("excluded", name) for name in stored.latest),
        old=sql.SQL(", ").join(sql.Identifier("standing", name) for name in stored.latest),
    )
