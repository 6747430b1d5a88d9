"""What an append assigns and refuses, alone and against other writers."""

from __future__ import annotations

import hashlib
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import pairwise

import psycopg
import pytest
from eventsourcing import persistence as library
from eventsourcing.persistence import StoredEvent, Tracking
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.store.migrations import migrate
from ledger.store.recorder import HeadMoved, LedgerRecorder, Versions
from ledger.store.rows import Row, plain_row
from tests.conftest import drop_database, url_of
from tests.store.conftest import OpenDatastore
from tests.store.ledgers import NOON, append, assert_sound, fact, line, on_ledger


def test_a_row_comes_back_as_it_was_given(recorder: LedgerRecorder) -> None:
    """Every typed column holds what the caller said, and the state to the byte."""
    given_rows = (
        line("p-1", 1180),
        fact("c-1", "m-1", state=b'{"n":1}'),
        plain_row("s", "t", b"\0"),
    )
    assert append(recorder, *given_rows) == (1, 3)
    with recorder.datastore.transaction() as cursor:
        cursor.execute("SELECT * FROM ledger.events ORDER BY position")
        for expected, found in zip(given_rows, cursor.fetchall(), strict=True):
            stored = {**found, "stream": found["originator_id"]}
            assert expected == Row(*(stored[name] for name in Row._fields))


def test_versions_positions_and_the_instant_are_assigned(recorder: LedgerRecorder) -> None:
    """Versions go on from the stream's last, positions from the head's, one instant for all."""
    append(recorder, fact("c-1"), fact("c-2"), fact("c-1"))
    with recorder.datastore.transaction(commit=True) as cursor:
        appended = recorder.append(cursor, [fact("c-1"), fact("c-3")], expected_head=3)
    assert (appended.first, appended.last) == (4, 5)
    assert appended.versions == {"client:c-1": 3, "client:c-3": 1}
    with recorder.datastore.transaction() as cursor:
        assert assert_sound(cursor) == 5
        cursor.execute("SELECT DISTINCT recorded_at FROM ledger.events WHERE position > 3")
        assert [row["recorded_at"] for row in cursor] == [appended.recorded_at]


def test_an_append_after_a_moved_head_is_refused(recorder: LedgerRecorder) -> None:
    """Who decided on position 0 does not append after position 1; nothing is left behind."""
    append(recorder, fact("c-1"), expected_head=0)
    with pytest.raises(HeadMoved, match="at position 1, not 0"):
        append(recorder, fact("c-2"), expected_head=0)
    assert append(recorder, fact("c-2"), expected_head=1) == (2, 2)


def test_two_appends_in_one_transaction(recorder: LedgerRecorder) -> None:
    """The second goes on from the first, with a later instant, and inserts only its own rows."""
    with recorder.datastore.transaction(commit=True) as cursor:
        first = recorder.append(cursor, [fact("c-1"), fact("c-2")], expected_head=0)
        second = recorder.append(cursor, [fact("c-1")], expected_head=2)
        recorder.stage(cursor, [fact("c-3"), fact("c-1")])
        third = recorder.insert_staged(cursor, second.head, [fact("c-3"), fact("c-1")])
    assert first.recorded_at < second.recorded_at < third.recorded_at
    with recorder.datastore.transaction() as cursor:
        assert assert_sound(cursor) == 5


def test_versions_read_long_ago_are_corrected(recorder: LedgerRecorder) -> None:
    """Streams that others appended to since, and streams never asked for, get the right version."""
    append(recorder, fact("c-1"), fact("c-2"))
    with recorder.datastore.transaction() as cursor:
        early = recorder.versions(cursor, ["client:c-1", "client:c-4"])
    assert early == Versions(2, {"client:c-1": 1, "client:c-4": 0})
    append(recorder, fact("c-1"), fact("c-4"), fact("c-3"))
    rows = [fact("c-1"), fact("c-2"), fact("c-3"), fact("c-4"), fact("c-5")]
    with recorder.datastore.transaction(commit=True) as cursor:
        recorder.stage(cursor, rows)
        appended = recorder.insert_staged(cursor, recorder.head(cursor), rows, early)
    assert list(dict(sorted(appended.versions.items())).values()) == [3, 2, 2, 2, 1]
    with recorder.datastore.transaction() as cursor:
        assert_sound(cursor)


def test_a_rolled_back_append_leaves_no_gap(recorder: LedgerRecorder) -> None:
    """The next append takes the positions that were given up."""
    with recorder.datastore.transaction(commit=False) as cursor:
        recorder.append(cursor, [fact("c-1")], expected_head=0)
    assert append(recorder, fact("c-2")) == (1, 1)


def test_rows_that_were_not_staged_are_refused(recorder: LedgerRecorder) -> None:
    """What is hashed and what is inserted are the same rows."""
    with recorder.datastore.transaction() as cursor:
        recorder.stage(cursor, [fact("c-1")])
        head = recorder.head(cursor)
        with pytest.raises(library.ProgrammingError, match="stage the rows"):
            recorder.insert_staged(cursor, head, [fact("c-1"), fact("c-2")])
    with pytest.raises(ValueError, match="at least one row"):
        append(recorder)


def test_a_message_is_recorded_once(recorder: LedgerRecorder) -> None:
    """(source, id) is unique for ever; what has no id is not compared."""
    append(recorder, fact("c-1", "m-1"), fact("c-1"), fact("c-1"))
    with pytest.raises(library.IntegrityError, match="events_message_key"):
        append(recorder, fact("c-2"), fact("c-2", "m-1"))
    with recorder.datastore.transaction() as cursor:
        keys = [("urn:billing", "m-1"), ("urn:billing", "m-2"), ("urn:other", "m-1")]
        found = recorder.recorded(cursor, keys)
        assert found == {keys[0]: (1, fact("c-1", "m-1").content)}
        assert assert_sound(cursor) == 3


def test_a_large_batch(recorder: LedgerRecorder) -> None:
    """More events than the library's own insert can take at once."""
    count = 6000
    append(recorder, *(fact(f"c-{n % 700}", f"m-{n}") for n in range(count)))
    stored = [StoredEvent(f"plain-{n}", 1, "topic", b"state") for n in range(count)]
    positions = recorder.insert_events(stored)
    assert positions == list(range(count + 1, 2 * count + 1))
    with recorder.datastore.transaction() as cursor:
        assert assert_sound(cursor) == 2 * count


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=30))
def test_leaves_of_any_stream_name(recorder: LedgerRecorder, stream: str) -> None:
    """A name with quotes, controls or letters beyond ASCII is hashed as RFC 8785 writes it."""
    append(recorder, plain_row(stream, "topic", b""))
    with recorder.datastore.transaction() as cursor:
        assert_sound(cursor)


def test_instants_grow_when_the_clock_stands(recorder: LedgerRecorder, ledger_url: str) -> None:
    """An instant is a microsecond after the last at least, even if the clock went back."""
    with psycopg.connect(ledger_url) as owner:
        owner.execute("UPDATE ledger.ledger_head SET recorded_at = now() + interval '1 hour'")
        row = owner.execute("SELECT recorded_at FROM ledger.ledger_head").fetchone()
        assert row is not None
        ahead = row[0]
    with recorder.datastore.transaction(commit=True) as cursor:
        first = recorder.append(cursor, [fact("c-1")], expected_head=None)
        assert first.recorded_at == ahead + timedelta(microseconds=1)


def test_concurrent_writers_leave_no_gap(
    recorder: LedgerRecorder, ledger_url: str, open_datastore: OpenDatastore
) -> None:
    """Four writers on the same streams, some rolling back: one order, instants that grow."""
    recorders = [on_ledger(open_datastore, ledger_url, role="ledger_writer") for _ in range(4)]

    def write(number: int) -> list[tuple[int, datetime]]:
        seen = []
        for turn in range(20):
            commit = (turn + number) % 5 != 0
            rows = [fact(f"c-{(turn * number + n) % 7}") for n in range(1 + turn % 9)]
            with recorders[number].datastore.transaction(commit=commit) as cursor:
                appended = recorders[number].append(cursor, rows, expected_head=None)
            if commit:
                seen.append((appended.first, appended.recorded_at))
            recorders[number].insert_events([StoredEvent(str(uuid.uuid4()), 1, "t", b"")])
        return seen

    with ThreadPoolExecutor(4) as pool:
        appends = sorted(found for each in pool.map(write, range(4)) for found in each)
    instants = [instant for _, instant in appends]
    assert all(early < late for early, late in pairwise(instants))
    with recorder.datastore.transaction() as cursor:
        assert assert_sound(cursor) > 4 * 20


def test_a_subscriber_sees_both_kinds_of_events(
    ledger_url: str, open_datastore: OpenDatastore
) -> None:
    """The library's subscription is woken by a rich append as by a plain one."""
    recorder = on_ledger(open_datastore, ledger_url)
    with recorder.subscribe(gt=0) as subscription:
        append(recorder, fact("c-1"))
        assert next(subscription).topic == "invoice.paid/1"
        recorder.insert_events([StoredEvent("plain", 1, "topic", b"")])
        assert next(subscription).id == 2


def test_the_library_writes_a_stream_that_the_ledger_began(recorder: LedgerRecorder) -> None:
    """Plain events with given versions and assigned ones share a stream's numbering."""
    append(recorder, plain_row("shared", "t", b"1"))
    recorder.insert_events([StoredEvent("shared", 2, "t", b"2")])
    append(recorder, plain_row("shared", "t", b"3"))
    assert [e.state for e in recorder.select_events("shared")] == [b"1", b"2", b"3"]
    with pytest.raises(library.IntegrityError):
        recorder.insert_events([StoredEvent("shared", 3, "t", b"")])


def test_a_zombie_is_refused(
    recorder: LedgerRecorder, ledger_url: str, open_datastore: OpenDatastore
) -> None:
    """Two processes resume at 10; one goes on to 20; the other's batch to 25 overlaps it."""
    recorder.insert_tracking(Tracking("upstream", 10))
    zombie = on_ledger(open_datastore, ledger_url)
    assert zombie.max_tracking_id("upstream") == 10
    recorder.insert_events([], tracking=Tracking("upstream", 20))
    for _ in range(2):
        assert zombie.has_tracking_id("upstream", 20)  # asking is not resuming
        with pytest.raises(library.IntegrityError, match="resume there"):
            zombie.insert_events(
                [StoredEvent("zombie", 1, "t", b"")], tracking=Tracking("upstream", 25)
            )
    assert zombie.max_tracking_id("upstream") == 20
    zombie.insert_events([StoredEvent("zombie", 1, "t", b"")], tracking=Tracking("upstream", 25))


def test_a_zombie_that_found_nothing_is_refused(
    recorder: LedgerRecorder, ledger_url: str, open_datastore: OpenDatastore
) -> None:
    """Who resumed from the very beginning does not go on after another has begun."""
    zombie = on_ledger(open_datastore, ledger_url)
    assert zombie.max_tracking_id("upstream") is None
    recorder.insert_tracking(Tracking("upstream", 5))
    with pytest.raises(library.IntegrityError):
        zombie.insert_tracking(Tracking("upstream", 8))


def test_a_failed_insert_does_not_move_tracking(recorder: LedgerRecorder) -> None:
    """Events and tracking stand or fall together, and the next attempt is not refused."""
    assert recorder.max_tracking_id("upstream") is None
    event = StoredEvent("a", 1, "t", b"")
    recorder.insert_events([event], tracking=Tracking("upstream", 1))
    with pytest.raises(library.IntegrityError):
        recorder.insert_events([event], tracking=Tracking("upstream", 2))
    recorder.insert_events([StoredEvent("a", 2, "t", b"")], tracking=Tracking("upstream", 2))


def test_database_functions_do_not_drop_tracking(
    ledger_url: str, open_datastore: OpenDatastore
) -> None:
    """The option that makes the library forget tracking has no such effect here."""
    recorder = on_ledger(open_datastore, ledger_url, enable_db_functions=True)
    recorder.insert_events([StoredEvent("a", 1, "t", b"")], tracking=Tracking("upstream", 7))
    assert recorder.max_tracking_id("upstream") == 7


def test_multi_row_tracking_is_refused(ledger_url: str, open_datastore: OpenDatastore) -> None:
    """The table is of the library's present kind only."""
    with pytest.raises(library.ProgrammingError, match="single_row_tracking=True"):
        on_ledger(open_datastore, ledger_url, single_row_tracking=False)


def test_waiting_for_the_head_ends(ledger_url: str, open_datastore: OpenDatastore) -> None:
    """A writer gives up after the datastore's lock_timeout."""
    holder = on_ledger(open_datastore, ledger_url)
    waiter = on_ledger(open_datastore, ledger_url, lock_timeout=1)
    with holder.datastore.transaction() as held:
        holder.head(held)
        with (
            pytest.raises(psycopg.errors.LockNotAvailable),
            psycopg.connect(ledger_url) as connection,
        ):
            waiter.head(connection.cursor(row_factory=psycopg.rows.dict_row))
        assert waiter.max_notification_id() is None  # reading waits for nobody


def test_idling_under_the_lock_ends(ledger_url: str, open_datastore: OpenDatastore) -> None:
    """A writer that stands still with the head loses its connection, and others go on."""
    frozen = on_ledger(open_datastore, ledger_url, idle_in_transaction_session_timeout=0.2)
    other = on_ledger(open_datastore, ledger_url)

    def overtaken() -> None:
        with frozen.datastore.transaction(commit=True) as cursor:
            frozen.append(cursor, [fact("c-1")], expected_head=0)
            assert append(other, fact("c-2")) == (1, 1)

    with pytest.raises(library.PersistenceError, match="idle-in-transaction timeout"):
        overtaken()
    assert append(frozen, fact("c-1")) == (2, 2)


LOCALES = {
    "icu": "LOCALE_PROVIDER icu ICU_LOCALE 'fr-FR' LOCALE 'C'",
    "french": "LOCALE_PROVIDER libc LOCALE 'fr_FR.UTF-8'",
    "american": "LOCALE_PROVIDER libc LOCALE 'en_US.UTF-8'",
    "bytes": "LOCALE_PROVIDER libc LOCALE 'C'",
}


@pytest.mark.parametrize("clause", LOCALES.values(), ids=LOCALES.keys())
def test_a_database_with_another_locale(
    server_url: str, open_datastore: OpenDatastore, clause: str
) -> None:
    """Ids compare by their bytes, so hashes, keys and order are the same in every locale."""
    name = f"locale_{uuid.uuid4().hex}"
    with psycopg.connect(server_url, autocommit=True) as admin:
        try:
            admin.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' {clause}")
        except (psycopg.errors.FeatureNotSupported, psycopg.errors.WrongObjectType) as error:
            pytest.skip(f"this server lacks it: {error}")
    try:
        url = url_of(server_url, name)
        migrate(url)
        recorder = on_ledger(open_datastore, url)
        names = ["é", "e", "E", "z", "Z", "côte", "coté", "a-b", "a_b", "ab"]
        append(recorder, *(fact(client, client) for client in names))
        append(recorder, *(fact(client) for client in names))
        with recorder.datastore.transaction() as cursor:
            assert assert_sound(cursor) == 2 * len(names)
            cursor.execute("SELECT client_id FROM ledger.events WHERE source <> '' ORDER BY 1")
            assert [row["client_id"] for row in cursor] == sorted(names)
        recorder.datastore.close()
    finally:
        with psycopg.connect(server_url, autocommit=True) as admin:
            drop_database(admin, name)


def test_days_are_stored_not_computed(recorder: LedgerRecorder) -> None:
    """A session in another time zone reads the same days."""
    append(recorder, fact("c-1", minutes=11 * 60 + 59))
    with recorder.datastore.transaction() as cursor:
        cursor.execute("SET LOCAL TimeZone = 'Pacific/Kiritimati'")
        appended = recorder.append(cursor, [fact("c-1")], expected_head=1)
        assert appended.recorded_at.utcoffset() == timedelta(0)
        cursor.execute("SELECT day FROM ledger.events ORDER BY position")
        assert [row["day"] for row in cursor] == [NOON.date()] * 2
        cursor.execute("SELECT leaf FROM ledger.events WHERE position = 2")
        row = cursor.fetchone()
        assert row is not None
        assert len(row["leaf"]) == hashlib.sha256().digest_size
        assert_sound(cursor)
