"""The names that schemas, tables and roles have in the database at hand."""

from __future__ import annotations

from dataclasses import dataclass

from psycopg import sql


@dataclass(frozen=True, slots=True)
class Names:
    """Schema, table and role names; the defaults are those of the migrations.

    ``ledger`` holds the events, ``projections`` the stored read models, ``finance`` the views for
    people. ``writer`` may merge; ``reader`` may read ``finance`` and nothing else.
    """

    ledger: str = "ledger"
    events_table: str = "events"
    head_table: str = "ledger_head"
    checkpoints_table: str = "checkpoints"
    subtrees_table: str = "subtrees"
    dead_letters_table: str = "dead_letters"
    projections: str = "projections"
    finance: str = "finance"
    writer: str = "ledger_writer"
    reader: str = "finance_reader"

    @property
    def events(self) -> sql.Identifier:
        """The events table."""
        return sql.Identifier(self.ledger, self.events_table)

    @property
    def head(self) -> sql.Identifier:
        """The table of the one head row."""
        return sql.Identifier(self.ledger, self.head_table)

    @property
    def checkpoints(self) -> sql.Identifier:
        """The table of signed checkpoints."""
        return sql.Identifier(self.ledger, self.checkpoints_table)

    @property
    def subtrees(self) -> sql.Identifier:
        """The table of roots of full Merkle subtrees."""
        return sql.Identifier(self.ledger, self.subtrees_table)

    @property
    def dead_letters(self) -> sql.Identifier:
        """The table of messages that were not recorded."""
        return sql.Identifier(self.ledger, self.dead_letters_table)

    @property
    def registry(self) -> sql.Identifier:
        """The table of the stored projections' versions and positions."""
        return sql.Identifier(self.projections, "projections")

    def stored(self, name: str) -> sql.Identifier:
        """The table of the stored projection ``name``."""
        return sql.Identifier(self.projections, name)


DEFAULT_NAMES = Names()
