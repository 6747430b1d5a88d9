"""Kafka to PostgreSQL, exactly once in effect: what was read and how far are one commit."""
