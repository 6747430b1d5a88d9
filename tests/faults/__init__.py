"""Processes killed on purpose."""
