"""The recorder's SQL, with the names of its tables put in.

What looks rows up in the events table is never prepared: a plan made while the table was small
would read all of it, for as long as nothing tells the planner that it has grown.
"""

from __future__ import annotations

from typing import NamedTuple, Self

from psycopg.sql import SQL, Composed, Identifier, Literal

from ledger.store.migrations import Names

COPY_TYPES = (
    "int4",
    "text",
    "text",
    "bytea",
    "timestamptz",
    "date",
    *("text",) * 6,
    *("numeric",) * 2,
    "int8",
    "date",
    "bytea",
)
"""The types of what is staged: an ordinal from 1, then the members of ``rows.Row``."""

_KNOWN = (
    "originator_id, topic, state, effective_at, day, source, event_id, partner_id, client_id, "
    "kind, currency, amount, in_flight, tax, posting_day, content"
)

# The table outlives the transaction and is emptied at its end; an append that comes second in one
# transaction replaces what the first one staged.
_PREPARE_STAGE = """
SET LOCAL lock_timeout = {lock_timeout};
SET LOCAL client_min_messages = warning;
CREATE TEMPORARY TABLE IF NOT EXISTS {staged} (
    ordinal        integer,
    originator_id  text,
    topic          text,
    state          bytea,
    effective_at   timestamptz,
    day            date,
    source         text,
    event_id       text,
    partner_id     text,
    client_id      text,
    kind           text,
    currency       text,
    amount         numeric,
    in_flight      numeric,
    tax            bigint,
    posting_day    date,
    content        bytea
) ON COMMIT DELETE ROWS;
DELETE FROM {staged}
"""

# What is staged behind an append may stand for as long as that may wait, and stand, itself.
_STAY_STAGED = "SET LOCAL idle_in_transaction_session_timeout = {staged_timeout}"

_COPY = "COPY {staged} (ordinal, {known}) FROM STDIN (FORMAT BINARY)"

_READ_HEAD = """
SELECT position, recorded_at, frontier, clock_timestamp() AS clock
FROM {head}
"""

# The clock is read outside the subquery: inside it would be read before the lock is waited for.
_LOCK_HEAD = """
SET LOCAL lock_timeout = {lock_timeout};
SET LOCAL idle_in_transaction_session_timeout = {idle_timeout};
SELECT position, recorded_at, frontier, clock_timestamp() AS clock
FROM (SELECT position, recorded_at, frontier FROM {head} FOR UPDATE) AS locked
"""

# The transaction that takes a turn does nothing else: the server ends it, and so the turn, when its
# client stands still for too long.
_TRY_TURN = """
SET LOCAL lock_timeout = {lock_timeout};
SET LOCAL idle_in_transaction_session_timeout = {idle_timeout};
SELECT pg_try_advisory_xact_lock({turn}) AS taken
"""

_WAIT_FOR_TURN = "SELECT pg_advisory_xact_lock({turn})"

# Rows and head in one statement: the lock is held over one round trip less. Who listens is told by
# it, too. The lock that NOTIFY takes at commit adds no waiting between writers of one ledger: the
# head's stands around it.
_INSERT_STAGED = """
WITH inserted AS (
    INSERT INTO {events} (position, recorded_at, originator_version, leaf, {known})
    SELECT
        %s::bigint + ordinal,
        %s::timestamptz,
        (%s::bigint[])[ordinal],
        substring(%s::bytea FROM 32 * (ordinal - 1) + 1 FOR 32),
        {known}
    FROM {staged}
    RETURNING 1
)
UPDATE {head}
SET position = %s, recorded_at = %s, frontier = %s
RETURNING pg_notify({channel}, ''), (SELECT count(*) FROM inserted) AS inserted
"""

# The library's own events come in small numbers, one by one mostly, without typed columns.
_INSERT_PLAIN = """
INSERT INTO {events} (
    position, recorded_at, originator_version, leaf, originator_id, topic, state, content
)
SELECT
    %s::bigint + plain.ordinal,
    %s::timestamptz,
    plain.version,
    substring(%s::bytea FROM 32 * (plain.ordinal::integer - 1) + 1 FOR 32),
    plain.stream,
    plain.topic,
    plain.state,
    plain.content
FROM unnest(%s::bigint[], %s::text[], %s::text[], %b::bytea[], %b::bytea[])
    WITH ORDINALITY AS plain (version, stream, topic, state, content, ordinal)
"""

_MOVE_HEAD = """
UPDATE {head}
SET position = %s, recorded_at = %s, frontier = %s
RETURNING pg_notify({channel}, '')
"""

# One probe of the primary key for each stream, from its end: a stream may be long.
_VERSIONS = """
SELECT
    wanted.stream,
    coalesce(
        (
            SELECT max(event.originator_version)
            FROM {events} AS event
            WHERE event.originator_id = wanted.stream
        ),
        0
    ) AS version
FROM json_array_elements_text(%s::json) AS wanted (stream)
"""

_CHANGED_VERSIONS = """
SELECT originator_id AS stream, max(originator_version) AS version
FROM {events}
WHERE position > %s AND position <= %s
GROUP BY originator_id
"""

_RECORDED = """
SELECT wanted.source, wanted.event_id, event.position, event.content
FROM ROWS FROM (
    json_array_elements_text(%s::json),
    json_array_elements_text(%s::json)
) AS wanted (source, event_id)
CROSS JOIN LATERAL (
    SELECT position, content
    FROM {events}
    WHERE source = wanted.source AND event_id = wanted.event_id
    -- One look-up each, whatever the planner believes: OFFSET keeps it from joining.
    OFFSET 0
) AS event
"""

_SELECT_EVENTS = """
SELECT originator_id, originator_version, topic, state
FROM {events}
WHERE originator_id = %s
"""

_SELECT_NOTIFICATIONS = """
SELECT position, originator_id, originator_version, topic, state
FROM {events}
WHERE position > %(after)s
    AND (%(stop)s::bigint IS NULL OR position <= %(stop)s)
    AND (%(topics)s::text[] IS NULL OR topic = ANY (%(topics)s))
ORDER BY position
LIMIT %(limit)s
"""

_MAX_POSITION = "SELECT nullif(position, 0) AS max FROM {head}"

_INSERT_TRACKING = """
INSERT INTO {tracking} AS tracked (application_name, notification_id)
VALUES (%(name)s, %(id)s)
ON CONFLICT (application_name) DO UPDATE
SET notification_id = excluded.notification_id
WHERE tracked.notification_id < excluded.notification_id
    AND (NOT %(resumed)s OR tracked.notification_id = %(expected)s::bigint)
RETURNING notification_id
"""


class Statements(NamedTuple):
    """Every statement of one recorder."""

    prepare_stage: Composed
    stay_staged: Composed
    copy: Composed
    read_head: Composed
    lock_head: Composed
    try_turn: Composed
    wait_for_turn: Composed
    insert_staged: Composed
    insert_plain: Composed
    move_head: Composed
    versions: Composed
    changed_versions: Composed
    recorded: Composed
    select_events: Composed
    select_notifications: Composed
    max_position: Composed
    insert_tracking: Composed

    @classmethod
    def of(
        cls, names: Names, channel: str, *, lock_timeout_s: float, idle_timeout_s: float
    ) -> Self:
        """The statements for these tables; ``channel`` is told of each append."""
        parts = {
            "events": names.table(names.events),
            "head": names.table(names.head),
            "tracking": names.table(names.tracking),
            "staged": Identifier("pg_temp", names.derived("staged")),
            "known": SQL(_KNOWN),
            "channel": Literal(channel),
            "lock_timeout": Literal(f"{int(lock_timeout_s * 1000)}ms"),
            "staged_timeout": Literal(f"{int((lock_timeout_s + idle_timeout_s) * 1000)}ms"),
            "idle_timeout": Literal(f"{int(idle_timeout_s * 1000)}ms"),
            "turn": SQL("hashtext('commission-ledger turns'), hashtext({})").format(
                f"{names.schema}.{names.events}"
            ),
        }
        texts = (
            _PREPARE_STAGE,
            _STAY_STAGED,
            _COPY,
            _READ_HEAD,
            _LOCK_HEAD,
            _TRY_TURN,
            _WAIT_FOR_TURN,
            _INSERT_STAGED,
            _INSERT_PLAIN,
            _MOVE_HEAD,
            _VERSIONS,
            _CHANGED_VERSIONS,
            _RECORDED,
            _SELECT_EVENTS,
            _SELECT_NOTIFICATIONS,
            _MAX_POSITION,
            _INSERT_TRACKING,
        )
        return cls(*(SQL(text).format(**parts) for text in texts))
