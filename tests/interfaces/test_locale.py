"""A ledger in a database of another locale: the same story gives the same bytes."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from unittest import mock

import psycopg
import pytest
from psycopg import errors

from interfaces import bootstrap
from interfaces.settings import load
from ledger import deciding
from projections.finance import VIEWS
from tests.conftest import drop_database, url_of
from tests.interfaces.commands import Commands

LOCALES = {
    "builtin": "LOCALE_PROVIDER builtin LOCALE 'C.UTF-8'",
    "builtin-unicode": "LOCALE_PROVIDER builtin BUILTIN_LOCALE 'PG_UNICODE_FAST' LOCALE 'C'",
    "bytes": "LOCALE_PROVIDER libc LOCALE 'C'",
    "libc": "LOCALE_PROVIDER libc LOCALE 'C.UTF-8'",
    "icu": "LOCALE_PROVIDER icu ICU_LOCALE 'fr-FR' LOCALE 'C'",
    "icu-numeric": "LOCALE_PROVIDER icu ICU_LOCALE 'en-u-kn-true-ks-level1' LOCALE 'C'",
    "french": "LOCALE_PROVIDER libc LOCALE 'fr_FR.UTF-8'",
    "american": "LOCALE_PROVIDER libc LOCALE 'en_US.UTF-8'",
}
NAMES = [
    "Z",
    "a",
    "_a",
    "-a",
    "B",
    "a-b",
    "a_b",
    "ab",
    "a.b",
    "A",
    "z",
    "10",
    "9",
    "aB",
    "Ab",
    "A10",
]
"""Ids whose order by code point is no dictionary's."""

QUERIES = (
    ("balances",),
    ("history", "--all"),
    ("tiers", "--history"),
    ("leaderboard", "--quarter", "2026Q1"),
    ("trial-balance",),
    ("claims",),
    ("unresolved",),
    ("payouts", "list"),
    ("statement", "a-b", "--month", "2026-02"),
)
EVENTS = """
    SELECT position, originator_id, originator_version, topic, state, effective_at, day, content
    FROM ledger.events WHERE topic <> 'StatementsSealed/1' ORDER BY position
"""
"""But a seal: statements name the log's root, which is of the instants of recording."""


@contextmanager
def database(server_url: str, clause: str) -> Iterator[str]:
    """A database with a locale; the test is skipped where the server has no such locale."""
    name = f"locale_{uuid.uuid4().hex}"
    with psycopg.connect(server_url, autocommit=True) as admin:
        try:
            admin.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' {clause}")
        except (
            errors.FeatureNotSupported,
            errors.SyntaxError,
            errors.InvalidParameterValue,
            errors.InvalidObjectDefinition,
            errors.WrongObjectType,
        ) as error:
            pytest.skip(f"this server lacks it: {error}")
    try:
        yield url_of(server_url, name)
    finally:
        with psycopg.connect(server_url, autocommit=True) as admin:
            drop_database(admin, name)


def story() -> Iterator[str]:
    """Partners of difficult names, each with clients of difficult names, all on one day."""
    for number, partner in enumerate(NAMES):
        enrolled = {"partner_id": partner, "kind": "referral"}
        yield message("partner.enrolled", f"2026-01-01T09:00:{number:02d}Z", enrolled)
        waiting = {"partner_id": f"{partner}.later", "client_id": f"{partner}.unknown"}
        yield message("referral.registered", f"2026-01-02T09:00:{number:02d}Z", waiting)
        for group, client in enumerate(NAMES[::5]):
            activated = {
                "client_id": f"{client}.{number}", "plan": "pro", "price": 5900 + number,
                "currency": "EUR", "partner_id": partner,
            }  # fmt: skip
            yield message("client.activated", f"2026-01-31T12:{number:02d}:{group:02d}Z", activated)


def message(type_: str, instant: str, data: Mapping[str, object]) -> str:
    """One line of a file."""
    id_ = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps([type_, instant, data])).hex
    envelope = {"specversion": "1.0", "id": id_, "source": "/billing", "type": type_}
    return json.dumps({**envelope, "time": instant, "data": data})


class Interrupted(BaseException):
    """A run stops in its middle."""


def accrue_interrupted(url: str) -> None:
    """An accrual run that dies after some pages; the next command carries it on."""

    def progress(done: int, _of: int) -> None:
        if done >= 10 * deciding.PAGE_CLIENTS:
            raise Interrupted

    with (
        bootstrap.connect(load(), url) as opened,
        bootstrap.open_ledger(opened) as ledger,
        pytest.raises(Interrupted),
    ):
        ledger.accrue(date(2026, 3, 31), progress=progress)


def told_by(commissions: Commands, file: Path) -> list[object]:
    """Play the story and gather every event and every answer."""
    file.write_text("\n".join(story()), encoding="utf-8")
    commissions.done("programme", "adopt", "izyinbox")
    commissions.done("ingest", file)
    with (
        mock.patch.object(deciding, "PAGE_CLIENTS", 3),
        mock.patch.object(deciding, "CHUNK_ROWS", 4),
    ):
        accrue_interrupted(commissions.url)
        commissions.done("accrue", "--through", "2026-03-31")
    commissions.done("payouts", "run", "--cutoff", "2026-03-31")
    commissions.done("close", "2026-02", "--acknowledge")
    with psycopg.connect(commissions.url) as connection:
        found: list[object] = [list(connection.execute(EVENTS))]
        views = [list(connection.execute(f"TABLE finance.{name}")) for name in sorted(VIEWS)]
    found += [sorted(map(repr, rows)) for rows in views]
    for query in QUERIES:
        rows = commissions.done(*query, "--format", "json").rows
        assert rows, query
        found.append(rows)
    commissions.done("rebuild")
    commissions.done("verify")
    return found


@pytest.fixture
def by_code_point(
    ledger_database_url: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> list[object]:
    """What the ledger in a database like the embedded one tells."""
    return told_by(Commands(ledger_database_url, capsys), tmp_path / "story.jsonl")


@pytest.mark.parametrize("clause", LOCALES.values(), ids=LOCALES.keys())
def test_the_same_story_in_another_locale(
    server_url: str,
    clause: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    """Event by event and answer by answer the same: ids compare by code point (D2)."""
    with database(server_url, clause) as url:
        told = told_by(Commands(url, capsys), tmp_path / "story.jsonl")
    assert told == request.getfixturevalue("by_code_point")


def test_lists_are_in_the_order_of_code_points(by_code_point: list[object]) -> None:
    """D2: where ids decide, a dictionary does not."""
    assert sorted(NAMES) != sorted(NAMES, key=str.casefold)
    balances = by_code_point[1 + len(VIEWS)]
    assert isinstance(balances, list)
    assert [row["partner_id"] for row in balances] == sorted(NAMES)
