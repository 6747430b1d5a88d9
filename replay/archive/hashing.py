"""The hashes that an archive leaves out, as expressions of DuckDB over the columns.

What is hashed is defined in ``events.codec`` (content) and ``ledger.store.rows`` (leaf); here it is
said once more for a database that hashes a million events in the time that Python takes for some
thousands. ``archive --check`` holds these against the Python ones.
"""

from __future__ import annotations

import duckdb

_SHORT = {8: "\\b", 9: "\\t", 10: "\\n", 12: "\\f", 13: "\\r"}
_CONTROLS = {code: _SHORT.get(code, f"\\u{code:04x}") for code in range(1, 32)}

CONTENT = """
unhex(sha256(
    '{"data":' || state
    || ',"effective_at":' || json_instant(effective_at)
    || ',"id":' || json_text(event_id)
    || ',"source":' || json_text(source)
    || ',"topic":' || json_text(topic)
    || '}'
))
"""
"""SHA-256 of RFC 8785 of what an event says, 32 bytes."""

LEAF = f"""
unhex(sha256(
    '\\x00'::BLOB || encode(
        '{{"content":"' || lower(hex({CONTENT}))
        || '","position":' || position
        || ',"recorded_at":' || json_instant(recorded_at)
        || ',"stream":' || json_text(originator_id)
        || ',"version":' || originator_version
        || '}}'
    )
))
"""
"""The Merkle leaf of an event, 32 bytes."""


def install(database: duckdb.DuckDBPyConnection) -> None:
    """Make the functions that the expressions use: values as JSON."""
    database.execute(
        "CREATE MACRO json_instant(instant) AS"
        " COALESCE(strftime(instant, '\"%Y-%m-%dT%H:%M:%S.%fZ\"'), 'null')"
    )
    escaped = "replace(replace(said, '\\', '\\\\'), '\"', '\\\"')"
    with_controls = escaped
    for code, written in _CONTROLS.items():
        with_controls = f"replace({with_controls}, chr({code}), '{written}')"
    database.execute(
        "CREATE MACRO json_text(said) AS CASE"
        " WHEN said IS NULL THEN 'null'"
        " WHEN regexp_matches(said, '[\\x01-\\x1f]') THEN '\"' || " + with_controls + " || '\"'"
        " ELSE '\"' || " + escaped + " || '\"' END"
    )
