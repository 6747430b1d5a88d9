"""Audit: what the ledger knew at an instant, statements, and the check of all of it."""
