"""The store: one append-only events table in PostgreSQL, its recorder, migrations and hashes."""
