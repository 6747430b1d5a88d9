"""The statements of sealed months made of the events as they are gone through (D16, D18.9).

A seal is proven if the statements that the events' own words make hash to it. Whatever is not
proven in this way is produced again as statements are (:func:`replay.statements.seal`).

Each line is bytes, behind a key: sorting lines puts them in the order of statements.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from itertools import chain
from typing import NamedTuple, TypeAlias

import lz4.frame
import orjson

from events.course import StatementsSealed
from replay.findings import StoredRow
from replay.plain import Texts
from replay.statements import SEALED, document_of

Account: TypeAlias = tuple[bytes, bytes]
"""Partner and currency."""

KEY = b"%b\0%b\0%b\0%019d\0"
"""Partner, currency, posting date and position of a line; less than all that ids are made of parts
them."""

Keys: TypeAlias = tuple[Texts, Texts, Texts, tuple[int, ...]]
"""Such keys side by side."""

_PARTS = b"\0"
_BEHIND = b"%b\0%b\1"
"""Where the lines of an account end."""

_BESIDE_ACCOUNT = len(KEY % (b"", b"", b"YYYY-MM-DD", 0))
"""How long the key of a line is, beside its partner and currency."""

# No text in a line has a quote in it that is not escaped.
_EFFECTS = re.compile(rb'"effect":(-?[0-9]++)').findall

_BETWEEN = b"\n"


class Posted:
    """The lines that the events of a page post to a month, keyed; ``last`` is the last position."""

    def __init__(self) -> None:
        self.last = 0
        self.lines: list[bytes] = []

    def packed(self) -> Packed:
        """The same, to be kept until the month is closed."""
        return Packed(self.last, lz4.frame.compress(_BETWEEN.join(sorted(self.lines))))


class Packed(NamedTuple):
    """The lines that a page posts to a month, sorted, and compressed: they are much alike."""

    last: int
    compressed: bytes

    def lines(self) -> list[bytes]:
        """The lines, sorted; there is one at least."""
        lines: bytes = lz4.frame.decompress(self.compressed)
        return lines.split(_BETWEEN)


Months: TypeAlias = defaultdict[str, Posted]
"""What is posted to each month, ``YYYY-MM``."""

_OF_COLUMNS = frozenset(
    {"amount", "client_id", "effect", "kind", "position", "posting_date", "service_date", "tax"}
)
OF_STATE = tuple(name for name in SEALED if name not in _OF_COLUMNS)
"""Members of a line that a state says by the same name; the others are of columns."""


class Sealing:
    """Up to where months were sealed: what decides which lines are needed."""

    def __init__(self, sealed: Iterable[StatementsSealed] = ()) -> None:
        closes = {each.month: each.close for each in sealed}
        self.month = max(closes, default="")
        """The last month that was sealed: what is posted behind it is in no sealed statement."""
        self.last = max(closes.values(), default=0)
        """The last close: what comes after it is under no seal."""


def packed(months: Months, sealing: Sealing) -> dict[str, Packed]:
    """What is posted to months, without those behind the last that was sealed."""
    return {month: each.packed() for month, each in months.items() if month <= sealing.month}


def post(row: StoredRow, effect: int, sealing: Sealing, months: Months) -> None:
    """Add a money event to its month, as its columns have it; ``effect`` is on what is payable.

    Others, and those after the last close, are left out. Raises ValueError for a state that is no
    JSON, or an amount that is no number.
    """
    told = row.partner_id, row.currency, row.posting_day
    if None in (*told, row.kind, row.amount, row.day) or row.position > sealing.last:
        return
    partner, currency, day = (str(each).encode() for each in told)
    line = KEY % (partner, currency, day, row.position) + _line(row, effect)
    posted = months[day[:7].decode()]
    posted.last = max(posted.last, row.position)
    posted.lines.append(line)


def _line(row: StoredRow, effect: int) -> bytes:
    record = orjson.loads(row.state)
    line = {name: record[name] for name in OF_STATE if name in record}
    line["amount"] = int(row.amount or 0)
    if row.client_id is not None:
        line["client_id"] = row.client_id
    line["effect"] = effect
    line["kind"] = row.kind
    line["position"] = row.position
    line["posting_date"] = str(row.posting_day)
    line["service_date"] = str(row.day)
    if row.tax is not None:
        line["tax"] = row.tax
    try:
        return orjson.dumps(line, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:
        # An amount that is wider than 64 bits.
        return json.dumps(line, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


NUMBER, TEXT = b"%b", b'"%b"'
"""How JSON writes a member, of the text of its value."""

Written: TypeAlias = "tuple[bytes, Sequence[bytes | None]]"
"""How a member is written, and the text of its value in each object; None where it has none."""


def keyed(keys: Keys, members: Mapping[str, Written]) -> Iterable[bytes]:
    """Lines side by side: objects of members as JSON, sorted, each behind its key.

    The member of the first name is in all.
    """
    form = KEY + b"{"
    columns: list[Sequence[bytes | int | None]] = [*keys]
    for at, name in enumerate(sorted(members)):
        how, texts = members[name]
        one = b'%b"%b":%b' % (b"," if at else b"", name.encode(), how)
        absent = texts.count(None)
        if not absent:
            form += one
            columns.append(texts)
        elif absent < len(texts):
            form += b"%b"
            columns.append([b"" if text is None else one % text for text in texts])
    return map((form + b"}").__mod__, zip(*columns, strict=True))


class Seals:
    """Follows the accounts up to each close; ``proven`` are the positions of seals that are right.

    ``add`` what each page posts, in order, with the log's roots at the closes up to its end.
    """

    def __init__(self, sealed: Sequence[tuple[int, StatementsSealed]] = ()) -> None:
        self.sealing = Sealing(event for _, event in sealed)
        self._waiting = sorted(sealed, key=lambda one: one[1].close, reverse=True)
        self._open: defaultdict[str, list[Packed]] = defaultdict(list)
        self._payable: dict[Account, int] = {}
        self._through = ""
        self.proven: set[int] = set()

    def add(self, posted: Mapping[str, Packed], through: int, roots: Mapping[int, bytes]) -> None:
        """Take what events at positions up to ``through`` post to each month."""
        for month, of_month in posted.items():
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
        # Those before it that have no seal of their own.
        for month in months[: -1 if event.month in months else None]:
            self._closing(self._open.pop(month))
        digest, partners = sha256(), 0
        for partner, accounts in self._closing(self._open.pop(event.month, [])).items():
            of: dict[str, object] = {"partner_id": partner.decode(), "month": event.month}
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

    def _closing(self, month: Iterable[Packed]) -> dict[bytes, list[SealedAccount]]:
        """The accounts of each partner with the lines of a month, which moves what is payable."""
        written = dict(_by_account(sorted(chain.from_iterable(each.lines() for each in month))))
        found: defaultdict[bytes, list[SealedAccount]] = defaultdict(list)
        for account in sorted(self._payable.keys() | written.keys()):
            partner, currency = account
            opening, lines = self._payable.get(account, 0), written.get(account, b"")
            closing = opening + sum(map(int, _EFFECTS(lines)))
            self._payable[account] = closing
            fragment = orjson.Fragment(b"[%b]" % lines)
            found[partner].append((currency.decode(), opening, fragment, closing))
        return found


def _by_account(lines: Sequence[bytes]) -> Iterator[tuple[Account, bytes]]:
    """The lines of each account, without their keys, as what stands in an array; all are sorted."""
    first = 0
    while first < len(lines):
        partner, currency, _ = lines[first].split(_PARTS, 2)
        behind = bisect_left(lines, _BEHIND % (partner, currency), first)
        of_key = len(partner) + len(currency) + _BESIDE_ACCOUNT
        yield (partner, currency), b",".join([line[of_key:] for line in lines[first:behind]])
        first = behind


SealedAccount: TypeAlias = tuple[str, int, orjson.Fragment, int]
"""Currency, opening balance, lines as they are written, closing balance."""
