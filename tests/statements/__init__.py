"""Statements of closed months: the same bytes for ever, in every form."""
