"""The statements of sealed months made of the events as they are gone through (D16, D18.9).

A seal is proven if the statements that the events' own words make hash to it. Whatever is not
proven in this way is produced again as statements are (:func:`replay.statements.seal`).
"""

from __future__ import annotations

import json
import pickle
import zlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import lru_cache
from hashlib import sha256
from typing import Any, NamedTuple, TypeAlias

import orjson

from events.course import StatementsSealed
from replay.findings import StoredRow
from replay.statements import SEALED, document_of

Entry: TypeAlias = tuple[int, int, int, bytes | None]
"""A money event of an account: the ordinal of its posting day, its position, the change of what is
payable, and its line in a sealed statement as JSON, None if its month was not sealed after it."""

Account: TypeAlias = tuple[str, str]
"""Partner and currency."""

Entries: TypeAlias = "dict[str, dict[Account, list[Entry]]]"
"""Entries by the month of their posting day, and by account, in order of position."""


class Packed(NamedTuple):
    """The entries of a month in one page, by account: compressed, since lines are much alike.

    ``last`` is their last position.
    """

    last: int
    data: bytes


def packed(entries: Entries) -> dict[str, Packed]:
    """The entries of each month, packed; those of each account are in order of position."""
    return {
        month: Packed(
            max(several[-1][1] for several in accounts.values()),
            zlib.compress(pickle.dumps(dict(accounts)), _FAST),
        )
        for month, accounts in entries.items()
    }


def _unpacked(several: Iterable[Packed]) -> dict[Account, list[Entry]]:
    """The entries of a month by account, of pages in their order."""
    found: dict[Account, list[Entry]] = {}
    for each in several:
        # It was packed by this process, or one that it started.
        of_page = pickle.loads(zlib.decompress(each.data))  # noqa: S301
        for account, entries in of_page.items():
            found.setdefault(account, []).extend(entries)
    return found


_FAST = 1
_OF_COLUMNS = frozenset(
    {"amount", "client_id", "effect", "kind", "position", "posting_date", "service_date", "tax"}
)
OF_STATE = tuple(name for name in SEALED if name not in _OF_COLUMNS)
"""Members of a line that a state says by the same name; the others are of columns."""


class Sealing:
    """Which months were sealed after which position: what decides whether a line is needed."""

    def __init__(self, sealed: Iterable[StatementsSealed] = ()) -> None:
        self._closes = {each.month: each.close for each in sealed}
        self.last = max(self._closes.values(), default=0)
        """The last close: what comes after it is under no seal."""

    def close_of(self, day: int) -> int:
        """The position of the close of a day's month; 0 if it was not sealed."""
        return self._closes.get(month_of(day), 0)

    def entry(self, columns: Columns, effect: int, state: bytes) -> Entry:
        """The entry of an event up to the last close."""
        position, day = columns[0], columns[6]
        if position > self.close_of(day):
            return day, position, effect, None
        return day, position, effect, _line(columns, effect, orjson.loads(state))


Columns: TypeAlias = tuple[int, str, str | None, int, int | None, int, int]
"""Position, kind, client, amount, tax, and the ordinals of day and posting day."""


def columns_of(row: StoredRow) -> Columns | None:
    """The columns of a money event as it was read; None of any other."""
    if None in (row.kind, row.partner_id, row.currency, row.amount, row.day, row.posting_day):
        return None
    assert row.kind is not None
    assert row.amount is not None
    assert row.day is not None
    assert row.posting_day is not None
    days = row.day.toordinal(), row.posting_day.toordinal()
    return row.position, row.kind, row.client_id, int(row.amount), row.tax, *days


def _line(columns: Columns, effect: int, record: dict[str, Any]) -> bytes:
    position, kind, client, amount, tax, day, posting = columns
    line = {name: record[name] for name in OF_STATE if name in record}
    line["amount"] = amount
    if client is not None:
        line["client_id"] = client
    line["effect"] = effect
    line["kind"] = kind
    line["position"] = position
    line["posting_date"] = _written(posting)
    line["service_date"] = _written(day)
    if tax is not None:
        line["tax"] = tax
    try:
        return orjson.dumps(line, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:
        # An amount that is wider than 64 bits.
        return json.dumps(line, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


NUMBER, TEXT = b"%b", b'"%b"'
"""How JSON writes a member, of the text of its value."""

Written: TypeAlias = "tuple[bytes, Sequence[bytes | None]]"
"""How a member is written, and the text of its value in each object; None where it has none."""


def objects(members: Mapping[str, Written]) -> Iterable[bytes]:
    """The objects of members side by side as JSON, sorted; that of the first name is in all."""
    form = b"{"
    columns: list[Sequence[bytes | None]] = []
    for name in sorted(members):
        how, texts = members[name]
        one = b'%b"%b":%b' % (b"," if columns else b"", name.encode(), how)
        absent = texts.count(None)
        if not absent:
            form += one
            columns.append(texts)
        elif absent < len(texts):
            form += b"%b"
            columns.append([b"" if text is None else one % text for text in texts])
    return map((form + b"}").__mod__, zip(*columns, strict=True))


@lru_cache(maxsize=8192)
def _written(day: int) -> str:
    return date.fromordinal(day).isoformat()


@lru_cache(maxsize=8192)
def month_of(day: int) -> str:
    """The month of an ordinal, as ``YYYY-MM``."""
    return _written(day)[:7]


class Seals:
    """Follows the accounts up to each close; ``proven`` are the positions of seals that are right.

    ``add`` the entries of each page, in order, with the log's roots at the closes up to its end.
    """

    def __init__(self, sealed: Sequence[tuple[int, StatementsSealed]] = ()) -> None:
        self.sealing = Sealing(event for _, event in sealed)
        self._waiting = sorted(sealed, key=lambda one: one[1].close, reverse=True)
        self._open: defaultdict[str, list[Packed]] = defaultdict(list)
        self._payable: dict[Account, int] = {}
        self._through = ""
        self.proven: set[int] = set()

    def add(self, entries: Mapping[str, Packed], through: int, roots: Mapping[int, bytes]) -> None:
        """Take the entries of positions up to ``through``."""
        for month, of_month in entries.items():
            self._open[month].append(of_month)
        while self._waiting and self._waiting[-1][1].close <= through:
            position, event = self._waiting.pop()
            if self._made(event, roots.get(event.close)) == (event.statements, event.sha256):
                self.proven.add(position)

    def _made(self, event: StatementsSealed, root: bytes | None) -> tuple[int, str] | None:
        """How many statements a close made, and the hash over them; None if that is not seen."""
        months = sorted(month for month in self._open if month <= event.month)
        late = any(each.last > event.close for month in months for each in self._open[month])
        if root is None or late or event.month <= self._through:
            return None
        self._through = event.month
        for month in months[: -1 if event.month in months else None]:
            self._post(_unpacked(self._open.pop(month)))
        digest, partners = sha256(), 0
        for partner, accounts in self._closing(_unpacked(self._open.pop(event.month, []))).items():
            of: dict[str, object] = {"partner_id": partner, "month": event.month}
            of["status"] = "closed"
            of |= {"position": event.close, "root": root.hex()}
            document = document_of(of, accounts)
            try:
                digest.update(orjson.dumps(document, option=orjson.OPT_SORT_KEYS))
            except orjson.JSONEncodeError:
                # A total that is wider than 64 bits.
                return None
            partners += 1
        return partners, digest.hexdigest()

    def _post(self, month: Mapping[Account, list[Entry]]) -> None:
        for account, entries in month.items():
            effects = sum(effect for _, _, effect, _ in entries)
            self._payable[account] = self._payable.get(account, 0) + effects

    def _closing(self, month: Mapping[Account, list[Entry]]) -> dict[str, list[SealedAccount]]:
        """The accounts of each partner with the lines of a month, which is posted then."""
        before = dict(self._payable)
        self._post(month)
        found: defaultdict[str, list[SealedAccount]] = defaultdict(list)
        for account, closing in sorted(self._payable.items()):
            lines = sorted(month.get(account, ()))
            written = [orjson.Fragment(line) for *_, line in lines if line is not None]
            partner, currency = account
            found[partner].append((currency, before.get(account, 0), written, closing))
        return found


SealedAccount: TypeAlias = tuple[str, int, list[Any], int]
"""Currency, opening balance, lines as they are written, closing balance."""
