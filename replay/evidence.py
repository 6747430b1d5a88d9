"""An evidence package: what an auditor needs of some closed months, as files with their hashes.

The package is checked without the ledger (``commissions-verify evidence``): statements are held
against the seal that their close recorded, seal and close against a signed checkpoint.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from psycopg import sql
from psycopg.rows import tuple_row

from ledger.engine.calendar import ONE_DAY, month_of
from ledger.errors import Refused
from projections.definition import ReadModel
from projections.views import PARTNER_BALANCES, TRIAL_BALANCE
from replay.as_of import AsOf, Replay, Row
from replay.statements import Statement, Statements, last_day
from replay.transparency.checkpoints import Checkpoints, StoredCheckpoint
from replay.transparency.proofs import Document, Proofs
from replay.transparency.proofs import to_bytes as to_json
from replay.written import write_rows

FORMAT = "commission-ledger/evidence/1"
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The instant of every file: a zip cannot say an earlier one, and the same bytes need one."""

_COMMANDS = (
    *("programme.adopted", "partner.programme_assigned", "ledger.opened", "partner.opened"),
    *("adjustment.posted", "credit.posted", "fact.retracted", "attribution.assigned"),
    *("partner.corrected", "payout.run", "payout.held", "payout.released", "period.closed"),
    *("decision.resolved", "command.proposed", "proposal.approved", "proposal.rejected"),
)
_COMMAND_MEMBERS = (
    *("operator", "requested_by", "approved_by", "approval", "proposal", "partner_id", "client_id"),
    *("amount", "currency", "reason", "date", "day", "from", "line", "source", "id", "month"),
    *("cutoff", "programme", "number", "topic", "decision"),
    *("kind", "founding", "sponsor_id", "department", "cleared", "tier", "since", "balances"),
)

Forms = Mapping[str, Callable[[Statement], bytes]]
"""How a statement is written, by the ending of its file."""


class File(NamedTuple):
    """A file of the package; ``rows``: how many it holds, None where it is no table."""

    name: str
    content: bytes
    rows: int | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """The months of a package, the first and the last."""

    first: str
    last: str

    def months(self) -> list[str]:
        """Return each month ``YYYY-MM``; Refused where the last is before the first."""
        if last_day(self.last) < last_day(self.first):
            raise Refused(f"{self.last} is before {self.first}; write the earlier month first")
        found = [self.first]
        while found[-1] != self.last:
            found.append(month_of(last_day(found[-1]) + ONE_DAY))
        return found


class Evidence:
    """Gathers the package of one ledger; only reads."""

    def __init__(self, replay: Replay, forms: Forms) -> None:
        """``forms`` beside the canonical JSON that is sealed: such as text and CSV."""
        self._replay, self._forms = replay, forms
        self._statements = Statements(replay.connection, replay.names)
        self._proofs = Proofs(replay.connection, replay.names)
        self._checkpoints = Checkpoints(replay.connection, replay.names)

    def files(self, asked: Asked, more: Callable[[AsOf], Iterable[File]]) -> Iterator[File]:
        """Yield every file but the manifest; ``more`` adds others as of the last close.

        Raises Refused while a month is open, or no checkpoint holds the last close.
        """
        months = asked.months()
        closes = {month: self._close(month) for month in months}
        last = max(closes[asked.last].values())
        at = self._replay.resolve(position=last)
        checkpoint = self._checkpoint(last)
        yield File("checkpoint.txt", checkpoint.note.encode())
        yield self._log(closes, checkpoint)
        for month in months:
            yield from self._month(month, closes[month]["close"])
        yield from self._programmes(at, checkpoint)
        yield self._commands(at)
        yield self._table("trial-balance.csv", TRIAL_BALANCE, self._replay.trial_balance(at))
        yield self._table("balances.csv", PARTNER_BALANCES, self._replay.balances(at))
        yield self._dead_letters(at)
        yield from more(at)

    def _close(self, month: str) -> dict[str, int]:
        """The positions of a month's close and, if it has one of its own, its seal."""
        head = self._replay.resolve().position
        closed = self._statements.closed_at(month, head)
        if closed is None:
            raise Refused(f"{month} is open, and only closed months are evidence; close it first")
        query = (
            "SELECT position FROM {} WHERE topic = 'StatementsSealed/1' AND originator_id ="
            " 'ledger' AND convert_from(state, 'UTF8')::jsonb @> %s::jsonb"
        )
        found = {"close": closed}
        for (position,) in self._rows(query, json.dumps({"close": closed, "month": month})):
            found["seal"] = position
        return found

    def _checkpoint(self, position: int) -> StoredCheckpoint:
        """The smallest checkpoint that holds a position, as it was last signed."""
        sizes = [one.position for one in self._checkpoints.stored() if one.position >= position]
        found = self._checkpoints.at(min(sizes)) if sizes else None
        if found is None:
            raise Refused(
                f"no checkpoint holds position {position} yet; sign one with: commissions"
                " checkpoint create"
            )
        return found

    def _log(self, closes: Mapping[str, Mapping[str, int]], checkpoint: StoredCheckpoint) -> File:
        size = checkpoint.position
        proven: list[Document] = []
        for month, places in closes.items():
            told: Document = {"month": month}
            for name, position in places.items():
                told[name] = self._proofs.inclusion(position, size)["event"]
            told["consistency"] = self._proofs.growth(places["close"], size)
            proven.append(told)
        return File("closes.json", to_json({"closes": proven}), len(proven))

    def _month(self, month: str, close: int) -> Iterator[File]:
        for statement in self._statements.closed(month, close):
            name = f"statements/{month}/{statement.partner_id}"
            yield File(f"{name}.json", statement.canonical())
            for ending, write in self._forms.items():
                yield File(f"{name}.{ending}", write(statement))

    def _programmes(self, at: AsOf, checkpoint: StoredCheckpoint) -> Iterator[File]:
        query = (
            "SELECT position FROM {} WHERE originator_id = 'ledger' AND topic ="
            " 'programme.adopted/1' AND position <= %s ORDER BY position"
        )
        for (position,) in self._rows(query, at.position):
            event = self._proofs.inclusion(position, checkpoint.position)["event"]
            name = f"{event['data']['programme']}-{event['data']['number']}"
            yield File(f"programmes/{name}.json", to_json(event))

    def _commands(self, at: AsOf) -> File:
        """Every command of finance with who gave it, and the two persons behind it."""
        query = (
            "SELECT position, recorded_at, topic, state FROM {} WHERE originator_id = 'ledger'"
            " AND split_part(topic, '/', 1) = ANY(%s) AND position <= %s ORDER BY position"
        )
        rows: list[Row] = []
        for position, recorded_at, topic, state in self._rows(query, list(_COMMANDS), at.position):
            data = json.loads(state)
            members = {name: data.get(name) for name in _COMMAND_MEMBERS}
            rows.append(
                {"position": position, "recorded_at": recorded_at, "type": topic, **members}
            )
        return table("commands.csv", ("position", "recorded_at", "type", *_COMMAND_MEMBERS), rows)

    def _dead_letters(self, at: AsOf) -> File:
        """Messages that could not be taken, up to the last close, and what became of them."""
        names = (
            *("id", "received_at", "kind", "origin", "error", "message", "source", "event_id"),
            *("payload_sha256", "status", "operator", "closed_at", "reason"),
        )
        query = (
            "SELECT id, received_at, kind, origin, error, message, source, event_id,"
            " encode(payload_sha256, 'hex'), status, operator, closed_at, reason"
            " FROM {} WHERE received_at <= %s ORDER BY id"
        )
        letters = sql.Identifier(self._replay.names.ledger, "dead_letters")
        found = self._rows(query, at.known_at, source=letters)
        return table(
            "dead-letters.csv", names, [dict(zip(names, row, strict=True)) for row in found]
        )

    def _table(self, name: str, model: ReadModel, rows: Iterable[Row]) -> File:
        return table(name, model.names, list(rows))

    def _rows(
        self, query: str, *values: object, source: sql.Identifier | None = None
    ) -> list[tuple[Any, ...]]:
        composed = sql.SQL(query).format(source or self._replay.names.events)
        with self._replay.connection.cursor(row_factory=tuple_row) as cursor:
            return cursor.execute(composed, values).fetchall()


def pack(files: Iterable[File], asked: Asked, queries: Sequence[str]) -> bytes:
    """Write the package: files, ``manifest.json`` and ``SHA256SUMS``; the same bytes each time."""
    found = sorted(files)
    listed = [
        {
            "name": one.name,
            "bytes": len(one.content),
            "sha256": hashlib.sha256(one.content).hexdigest(),
            "rows": one.rows,
        }
        for one in found
    ]
    manifest = {
        "format": FORMAT,
        "from": asked.first,
        "through": asked.last,
        "queries": list(queries),
        "files": listed,
    }
    found.append(File("manifest.json", to_json(manifest)))
    sums = "".join(f"{hashlib.sha256(one.content).hexdigest()}  {one.name}\n" for one in found)
    found.append(File("SHA256SUMS", sums.encode()))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for one in found:
            entry = zipfile.ZipInfo(one.name, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            entry.create_system = 3
            archive.writestr(entry, one.content)
    return out.getvalue()


def table(name: str, members: Sequence[str], rows: Sequence[Row]) -> File:
    """Return rows as a CSV file of the package."""
    out = io.StringIO()
    count = write_rows(rows, members, out)
    return File(name, out.getvalue().encode(), count)
