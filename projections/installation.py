"""Installs the read models in a database that has the ledger's schema."""

from __future__ import annotations

from typing import Any

import psycopg

from projections.names import DEFAULT_NAMES, Names
from projections.projector import Projector


def install(database: psycopg.Connection[Any] | str, names: Names = DEFAULT_NAMES) -> None:
    """Make or upgrade projections, views, functions and grants, in one transaction.

    ``database`` is an idle connection or an address for psycopg. Migrate the ledger first. One
    query, for whatever role, when all stands already.
    """
    if isinstance(database, str):
        with psycopg.connect(database) as connection:
            install(connection, names)
        return
    with database.transaction(), database.cursor() as cursor:
        Projector(names).install(cursor)
