"""The pure engine, asked without a database."""
