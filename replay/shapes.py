"""What can be seen of an event of one class without making it: enough to say that all is right.

Most events of a ledger are of few classes, whose typed columns are members, or words of their own.
A :class:`Shape` learns that from :func:`replay.signs.typed_columns` once for each class, and holds
the text of the state against the columns. It accepts an event only if
:class:`~replay.meaning.Meaning` would find nothing; the others are looked through there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from decimal import Decimal
from functools import lru_cache
from typing import TypeAlias

from events.base import Command, Event, Fact
from events.catalogue import TOPICS
from events.decisions import RuledDecision
from events.lines import CommissionPosted, Line, MarginPosted
from ledger.engine.money import share
from replay.accepted import Accepted, Batch, Terrain, ordinals
from replay.expressions import DAYS, MAX_KNOWN, Unspoken
from replay.grammar import Grammar, grammar_of
from replay.links import DECIDED_BY, DEEP, RUN, Key, holds_integers, is_narrower, members_of
from replay.meaning import MOVING, balance_of, payable
from replay.plain import Columns, Texts, differing
from replay.sealed import NUMBER, OF_STATE, TEXT, Written, keyed
from replay.signs import Column, Member, typed_columns

_TYPED = ("partner_id", "client_id", "kind", "currency", "amount", "in_flight", "tax")
"""The typed columns between the stream and the day of posting, in the order of a row."""


Check: TypeAlias = "Callable[[Batch, Terrain], Iterable[int]]"
"""Gives the places of the events with which something is wrong; there is one event at least."""


@lru_cache(maxsize=2 * len(TOPICS))
def shape_of(topic: bytes) -> Shape | None:
    """The shape of a topic, if it has one; made when it is first asked for, since few occur."""
    cls = TOPICS.get(topic.decode())
    if cls is None:
        return None
    try:
        return (LineShape if issubclass(cls, Line) else Shape)(cls)
    except Unspoken:
        return None


class Shape:
    """A class whose columns are members or words of its own."""

    wanted = frozenset({"day"})
    """Members that are looked at, beside columns and positions."""

    def __init__(self, cls: type[Event]) -> None:
        """Raises Unspoken for a class that has to be looked through in the general way."""
        self.cls = cls
        if issubclass(cls, Command) or (issubclass(cls, MOVING) and not issubclass(cls, Line)):
            raise Unspoken(cls.__name__)
        columns = typed_columns(cls)
        links, deep = members_of(cls), DEEP.get(cls, ())
        wanted = {column.name for column in columns if isinstance(column, Member)} | self.wanted
        wanted |= {name for _, name, _ in links} | {path for _, path in deep}
        grammar = grammar_of(cls, wanted | {path.rpartition(".")[2] for _, path in deep})
        if grammar is None:
            raise Unspoken(cls.__name__)
        self._grammar = grammar
        self._stream, *typed, posting = columns
        self._typed = tuple(zip(_TYPED, typed, strict=True))
        self._posting = self._at(posting.name) if isinstance(posting, Member) else None
        self._day = self._at("day") if issubclass(cls, RuledDecision) else None
        self._is_fact = issubclass(cls, Fact)
        self._links = tuple((key, self._at(name)) for key, name, _ in links)
        self._links += tuple((key, self._at(path)) for key, path in deep if path in grammar.names)
        inside = [(key, path) for key, path in deep if path not in grammar.names]
        self._inside = tuple({_held(grammar, key, path): None for key, path in inside})
        self._checks: tuple[Check, ...] = (self._placeless, self._unlike, self._off_days)

    def take(self, rows: Columns, page: Accepted) -> list[int]:
        """Take the events with which nothing is wrong; returns the positions of the others.

        ``rows`` are of the class, in order of position. Hashes are not looked at, and what the
        events name is yet to be looked up.
        """
        if not rows.position:
            return []
        batch = Batch(rows, self._grammar.read_all(rows.state))
        for check in self._checks:
            if batch.rows.position:
                batch.leave(check(batch, page.terrain))
        if batch.rows.position:
            self._note(batch, page)
        return batch.left

    def _unlike(self, batch: Batch, _: Terrain) -> Iterable[int]:
        """Those with another column than their members say, or that name what is not before."""
        rows = batch.rows
        unlike = {*differing(rows.originator_id, self._column(batch, self._stream))}
        for name, column in self._typed:
            unlike.update(differing(getattr(rows, name), self._column(batch, column)))
        for _key, at in self._links:
            unlike.update(batch.beyond(at, rows.position, least=rows.position[0]))
        for _key, at in self._inside:
            positions = rows.position
            unlike.update(p for p, named in batch.inside(at) if named >= positions[p])
        return unlike

    def _column(self, batch: Batch, column: Column) -> Texts:
        """What a column has to be."""
        if not isinstance(column, Member):
            return (column,) * len(batch.rows.position)
        told = batch.told[self._at(column.name)]
        if not column.before:
            return told
        return tuple([None if text is None else column.before + text for text in told])

    def _placeless(self, batch: Batch, _: Terrain) -> Iterable[int]:
        """Those that have no instant, or no day of the calendar."""
        instants, days = batch.rows.effective_at, batch.days
        if not instants.count(None) and min(days) > 0:
            return ()
        places = enumerate(zip(instants, days, strict=True))
        return [place for place, (instant, day) in places if instant is None or day <= 0]

    def _off_days(self, batch: Batch, terrain: Terrain) -> Iterable[int]:
        """Those that are not on the days of their instants and members."""
        rows = batch.rows
        days, posting = batch.days, ordinals(rows.posting_day)
        off = {*differing(posting, self._days(batch, self._posting))}
        if self._day is not None:
            off.update(differing(days, self._days(batch, self._day)))
        if terrain.days is None:
            return off
        if self._is_fact:
            day_of = terrain.days.day_of
            told = tuple([0 if one is None else day_of(one) for one in rows.effective_at])
            return off.union(differing(days, told))
        starts = tuple(map(terrain.days.starts.__getitem__, days))
        return off.union(differing(rows.effective_at, starts))

    def _days(self, batch: Batch, at: int | None) -> tuple[int, ...]:
        """The days that a member says, 0 where nothing does."""
        if at is None:
            return (0,) * len(batch.rows.position)
        return tuple(map(DAYS.__getitem__, batch.told[at]))

    def _note(self, batch: Batch, page: Accepted) -> None:
        """Keep what the events name."""
        for key, at in self._links:
            page.named[key] |= batch.named(at)
        for key, at in self._inside:
            page.named[key].update(named for _, named in batch.inside(at))

    def _at(self, name: str) -> int:
        return self._grammar.names.index(name)


def _held(grammar: Grammar, key: Key, path: str) -> tuple[Key, int]:
    """Where the positions in an event's arrays are, in what their values say."""
    telling = [each for each in grammar.values.values() if each.names]
    if len(telling) != 1:
        raise Unspoken(path)
    return key, telling[0].names.index(path.rpartition(".")[2])


class LineShape(Shape):
    """A line of a run that names what it rests on."""

    wanted = frozenset(
        {"amount", "base", "currency", "day", "facts", "invoice_id", "line", "partner_id"}
        | {"posting_date", "programme_version", "rate", "run", *OF_STATE}
    )

    def __init__(self, cls: type[Event]) -> None:
        """Raises Unspoken for lines of finance's own, and for any that may move nothing."""
        keys = {name: key for key, name, _ in members_of(cls)}
        if not {"facts", "run"} <= keys.keys() <= {"facts", "line", "run"}:
            raise Unspoken(cls.__name__)
        # Whatever may be its run, of any class, may have decided it (D18.8).
        if keys["run"] != RUN or not is_narrower(RUN, DECIDED_BY):
            raise Unspoken(cls.__name__)
        super().__init__(cls)
        self._run, self._facts = self._at("run"), self._at("facts")
        self._grounds = (self._run, self._facts, self._at("programme_version"))
        self._service, self._posted = self._at("day"), self._at("posting_date")
        self._amount = self._at("amount")
        self._of_period: tuple[int, ...] = ()
        if cls in _OF_PERIODS:
            self._of_period = (self._at("line"), self._at("invoice_id"))
        of_margin = (self._at("base"),) if cls is MarginPosted else ()
        self._money = (self._at("partner_id"), self._at("currency"), self._amount, *of_margin)
        self._terms: tuple[int, ...] = ()
        if cls is CommissionPosted:
            self._terms = tuple(map(self._at, ("line", "base", "rate", "amount")))
        self._earns = self._is_payable()
        self._sealed = tuple(
            (name, NUMBER if holds_integers(cls.model_fields[name].annotation) else TEXT)
            for name in OF_STATE
            if name in self._grammar.names
        )
        self._checks = (self._groundless, *self._checks, self._untimely, self._unsound)

    def _is_payable(self) -> bool:
        """Whether a line's amount is payable."""
        nothing = dict.fromkeys(self.cls.model_fields)
        told = balance_of(self.cls.holding(nothing | {"amount": 1}))
        return told is not None and payable(told[1]) == 1

    def _groundless(self, batch: Batch, _: Terrain) -> Iterable[int]:
        """Those that do not name a run, facts and a version of a programme."""
        missing: set[int] = set()
        for at in self._grounds:
            if not all(batch.told[at]):
                missing.update(place for place, text in enumerate(batch.told[at]) if not text)
        return missing

    def _untimely(self, batch: Batch, terrain: Terrain) -> Iterable[int]:
        """Those of a day before the opening or a closed month, or on facts after their run."""
        untimely: set[int] = set()
        for at, first in ((self._service, terrain.opened_on), (self._posted, terrain.closed + 1)):
            if min(map(DAYS.__getitem__, {*batch.told[at]})) < first:
                days = enumerate(self._days(batch, at))
                untimely.update(place for place, day in days if day < first)
        runs = batch.told[self._run]
        least = min(batch.named(self._run)) + 1
        limits = (int(run or 0) + 1 for run in runs)
        return untimely.union(batch.beyond(self._facts, limits, least=least))

    def _unsound(self, batch: Batch, _: Terrain) -> Iterable[int]:
        """Those of less than nothing, or of another amount than their share comes to."""
        unsound: set[int] = set()
        amounts = batch.told[self._amount]
        if b"-" in b"".join(filter(None, amounts)):
            unsound.update(at for at, one in enumerate(amounts) if one and one.startswith(b"-"))
        if self._terms:
            terms = [*zip(*(batch.told[at] for at in self._terms), strict=True)]
            wrong = {each for each in {*terms} if each[0] is None and _DUE[each[1:3]] != each[3]}
            if wrong:
                unsound.update(place for place, each in enumerate(terms) if each in wrong)
        return unsound

    def _note(self, batch: Batch, page: Accepted) -> None:
        """Keep what they move, too, and what is to be held against other lines."""
        super()._note(batch, page)
        rows = batch.rows
        if any(any(batch.told[at]) for at in self._of_period):
            told = zip(*(batch.told[at] for at in self._of_period), strict=True)
            of_period = zip(rows.position, told, strict=True)
            page.periods += [position for position, texts in of_period if any(texts)]
        moved = Counter(zip(*(batch.told[at] for at in self._money), strict=True))
        for (partner, currency, amount, *base), count in moved.items():
            assert partner is not None
            assert currency is not None
            total = page.sums[self.cls, partner, currency]
            total.amount += count * int(amount or 0)
            total.base += count * sum(map(int, filter(None, base)))
        if rows.position[0] <= page.sealing.last:
            page.post(rows, batch.told[self._posted], self._lines(batch))

    def _lines(self, batch: Batch) -> Iterable[bytes]:
        """Each as a sealed statement has it, behind its key."""
        rows = batch.rows
        members: dict[str, Written] = {
            "amount": (NUMBER, rows.amount),
            "client_id": (TEXT, rows.client_id),
            "effect": (NUMBER, rows.amount if self._earns else (b"0",) * len(rows.amount)),
            "kind": (TEXT, rows.kind),
            "position": (NUMBER, tuple(map(b"%d".__mod__, rows.position))),
            "posting_date": (TEXT, batch.told[self._posted]),
            "service_date": (TEXT, batch.told[self._service]),
            "tax": (NUMBER, rows.tax),
        }
        members |= {name: (form, batch.told[self._at(name)]) for name, form in self._sealed}
        keys = rows.partner_id, rows.currency, batch.told[self._posted], rows.position
        return keyed(keys, members)


_OF_PERIODS = (CommissionPosted, MarginPosted)
"""Lines of which a period has one that is its first (D18.3)."""


class _Due(dict[tuple[bytes, bytes], bytes]):
    """Shares by base and rate, each as it is written; prices are few."""

    def __missing__(self, key: tuple[bytes, bytes]) -> bytes:
        base, rate = key
        due = b"%d" % share(int(base), Decimal(rate.decode()))
        if len(self) < MAX_KNOWN:
            self[key] = due
        return due


_DUE = _Due()
