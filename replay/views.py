"""What finance reads: that its views and functions are those that this release makes.

Whoever owns them can put others in their place, over events and projections that are sound. Each is
made again as a temporary one, and PostgreSQL is asked whether both are the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from psycopg import Connection, sql
from psycopg.rows import tuple_row

from projections import finance
from projections.names import Names
from replay.findings import Discrepancy

_TEMPORARY = "pg_temp"

_VIEWS = """
SELECT COUNT(*), COUNT(DISTINCT (pg_get_viewdef(view.oid), view.reloptions))
FROM pg_class AS view
INNER JOIN pg_namespace AS schema ON schema.oid = view.relnamespace
WHERE view.relkind = 'v'
    AND view.relname = %(name)s
    AND (schema.nspname = %(schema)s OR schema.oid = pg_my_temp_schema())
"""

_FUNCTIONS = """
SELECT
    COUNT(*),
    COUNT(DISTINCT (
        function.prosrc, function.prolang, function.provolatile, function.prosecdef,
        function.proconfig, function.prorettype, function.proretset, function.proallargtypes,
        function.proargtypes
    ))
FROM pg_proc AS function
INNER JOIN pg_namespace AS schema ON schema.oid = function.pronamespace
WHERE function.proname = %(name)s
    AND (schema.nspname = %(schema)s OR schema.oid = pg_my_temp_schema())
"""


def views(connection: Connection[Any], names: Names) -> Iterator[Discrepancy]:
    """Yield each view and function that is gone, or is another one; nothing is left behind."""
    with (
        connection.transaction(force_rollback=True),
        connection.cursor(row_factory=tuple_row) as cursor,
    ):
        for made in finance.made(names):
            cursor.execute(made.statement(sql.Identifier(_TEMPORARY, made.name)))
            query = _VIEWS if made.kind == "view" else _FUNCTIONS
            cursor.execute(query, {"schema": made.schema, "name": made.name})
            if cursor.fetchone() != (2, 1):
                what = f"the {made.kind} {made.schema}.{made.name} is not as this release makes it"
                yield Discrepancy("views", what)
