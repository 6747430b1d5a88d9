"""Closed history as Parquet files: writing, checking, and the same queries over them."""
