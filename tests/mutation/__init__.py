"""Mutation testing of ``ledger.engine``: see docs/mutation.md."""
