"""What can be seen of an event of one class without making it: enough to say that all is right.

Most events of a ledger are of few classes, whose typed columns are members, or words of their own.
A :class:`Shape` learns that from :func:`replay.signs.typed_columns` once for each class, and holds
the text of the state against the columns. It accepts an event only if
:class:`~replay.meaning.Meaning` would find nothing; the others are looked through there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from operator import itemgetter
from typing import TypeAlias

from events.base import Command, Event, Fact
from events.catalogue import TOPICS
from events.decisions import RuledDecision
from events.lines import CommissionPosted, Line, MarginPosted
from ledger.engine.money import share
from replay.course import Terms
from replay.days import Days
from replay.grammar import DAYS, MAX_KNOWN, Grammar, Told, Unspoken, grammar_of
from replay.links import DECIDED_BY, DEEP, RUN, Key, is_narrower, members_of
from replay.meaning import MOVING, balance_of, payable
from replay.plain import FIRST_DAY, PlainRow
from replay.sealed import Entries, Entry, Sealing, month_of
from replay.signs import Column, Member, typed_columns


class Terrain:
    """What holds for the next events, as they are seen here: days are ordinals, 0 if none is."""

    def __init__(self, terms: Terms) -> None:
        self.days = None if terms.time_zone is None else Days.of(terms.time_zone)
        self.opened_on = 0 if terms.opened_on is None else terms.opened_on.toordinal()
        self.closed = 0 if terms.closed_through is None else terms.closed_through.toordinal()


Account: TypeAlias = tuple[type[Event], bytes, bytes]
"""Lines of one class, partner and currency."""


@dataclass(slots=True)
class Sum:
    """What lines come to together, in minor units."""

    amount: int = 0
    base: int = 0


class Accepted:
    """What the accepted events of a page name and move; ``terrain`` is that of the next."""

    def __init__(self, terrain: Terrain) -> None:
        self.terrain = terrain
        self.named: defaultdict[Key, set[int]] = defaultdict(set)
        self.periods: list[int] = []
        """Lines of a period that another line, or an invoice, has to do with."""
        self.entries: defaultdict[tuple[int, bytes, bytes], list[Entry]] = defaultdict(list)
        self.sums: defaultdict[Account, Sum] = defaultdict(Sum)
        # Lines come run by run and partner by partner: what is at hand need not be looked up.
        self.run, self.command = b"", 0
        self.account: Account | None = None
        self.sum = Sum()

    def enter(self, row: PlainRow, line: LineShape, sealing: Sealing) -> None:
        """Add a line to its account, for the statements of sealed months."""
        amount, client = int(row[14]), row[11]
        columns = (
            row[0],
            row[12].decode(),
            None if client is None else client.decode(),
            amount,
            None,
            row[7] + FIRST_DAY,
            row[17] + FIRST_DAY,
        )
        entry = sealing.entry(columns, amount if line.earns else 0, row[5])
        self.entries[row[17], row[10], row[13]].append(entry)

    def accounts(self) -> Entries:
        """The entries by month and account, in order of position."""
        found: Entries = {}
        for (day, partner, currency), entries in self.entries.items():
            month = found.setdefault(month_of(day + FIRST_DAY), {})
            month.setdefault((partner.decode(), currency.decode()), []).extend(entries)
        for month in found.values():
            for entries in month.values():
                entries.sort(key=itemgetter(1))
        return found

    def lines(self) -> Iterator[Event]:
        """One line for all of a class, partner and currency: it moves what these move together."""
        for (cls, partner, currency), total in self.sums.items():
            members = dict.fromkeys(cls.model_fields) | {
                "partner_id": partner.decode(),
                "currency": currency.decode(),
                "amount": total.amount,
            }
            yield cls.holding(members | {"base": total.base} if "base" in members else members)


@cache
def shapes() -> Mapping[bytes, Shape]:
    """The shape of each topic that has one."""
    found: dict[bytes, Shape] = {}
    for topic, cls in TOPICS.items():
        try:
            found[topic.encode()] = (LineShape if issubclass(cls, Line) else Shape)(cls)
        except Unspoken:
            continue
    return found


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
        self._read, self._names = grammar.read, grammar.names
        self._words: tuple[bytes | None, ...] = (None, b"")
        stream, *typed, posting = columns
        self._prefix = stream.before if isinstance(stream, Member) else b""
        self._stream = self._place(stream)
        self._typed = itemgetter(*map(self._place, typed))
        self._posting = self._at(posting.name) if isinstance(posting, Member) else None
        self._day = self._at("day") if issubclass(cls, RuledDecision) else None
        self._is_fact = issubclass(cls, Fact)
        several = [(key, name) for key, name, is_many in links if is_many]
        single = [(key, name) for key, name, is_many in links if not is_many]
        single += [(key, path) for key, path in deep if path in grammar.names]
        self._single = tuple((key, self._at(name)) for key, name in single)
        self._several = tuple((key, self._at(name)) for key, name in several)
        inside = [(key, path) for key, path in deep if path not in grammar.names]
        self._inside = tuple({_held(grammar, key, path): None for key, path in inside})

    def accepts(self, row: PlainRow, page: Accepted) -> bool:
        """Whether nothing is wrong with an event; what it names is yet to be looked up."""
        inside: list[Told] = []
        found = self._read(row[5], inside)
        if found is None:
            return False
        known = found + self._words
        stream = known[self._stream]
        assert stream is not None
        return (
            row[2] == self._prefix + stream
            and row[10:17] == self._typed(known)
            and self._is_on_its_days(row, found, page.terrain)
            and self._names_earlier(row[0], found, page)
            and (not inside or self._hold_earlier(row[0], inside, page))
        )

    def _is_on_its_days(self, row: PlainRow, found: Told, terrain: Terrain) -> bool:
        instant, day, posting = row[6], row[7], row[17]
        if instant is None or day is None:
            return False
        day += FIRST_DAY
        if self._day is not None and DAYS[found[self._day]] != day:
            return False
        if self._posting is None:
            if posting is not None:
                return False
        elif posting is None or DAYS[found[self._posting]] != posting + FIRST_DAY:
            return False
        days = terrain.days
        if days is None:
            return True
        return bool((days.day_of(instant) == day) if self._is_fact else days.starts[day] == instant)

    def _names_earlier(self, position: int, found: Told, page: Accepted) -> bool:
        """Whether all that an event names is before it; the page keeps it."""
        named = page.named
        for key, at in self._single:
            if (text := found[at]) is not None:
                if (one := int(text)) >= position:
                    return False
                named[key].add(one)
        for key, at in self._several:
            if text := found[at]:
                several = [*map(int, text.split(b","))]
                if max(several) >= position:
                    return False
                named[key].update(several)
        return True

    def _hold_earlier(self, position: int, inside: Iterable[Told], page: Accepted) -> bool:
        """The same of what the values in its arrays name."""
        for told in inside:
            for key, at in self._inside:
                if (one := int(told[at] or 0)) >= position:
                    return False
                page.named[key].add(one)
        return True

    def _at(self, name: str) -> int:
        return self._names.index(name)

    def _place(self, column: Column) -> int:
        """Where a column is, in what is told and the words after it."""
        if isinstance(column, Member):
            return self._at(column.name)
        if column not in self._words:
            self._words += (column,)
        return len(self._names) + self._words.index(column)


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
        | {"posting_date", "programme_version", "rate", "run"}
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
        self._facts_key, self._line_key = keys["facts"], keys.get("line", RUN)
        self._grounds = itemgetter(
            *map(self._at, ("day", "posting_date", "run", "facts", "programme_version"))
        )
        self._money = itemgetter(*map(self._at, ("partner_id", "currency", "amount")))
        self._line = self._at("line") if "line" in keys else None
        self._invoice = self._at("invoice_id") if cls in _OF_PERIODS else None
        self._base = self._at("base") if cls is MarginPosted else None
        self.earns = self._earns()
        self._arithmetic = None
        if cls is CommissionPosted:
            self._arithmetic = itemgetter(*map(self._at, ("line", "base", "rate")))

    def _earns(self) -> bool:
        """Whether a line's amount is payable."""
        nothing = dict.fromkeys(self.cls.model_fields)
        told = balance_of(self.cls.holding(nothing | {"amount": 1}))
        return told is not None and payable(told[1]) == 1

    def _names_earlier(self, position: int, found: Told, page: Accepted) -> bool:
        """The same of a line, which needs grounds, and a month and a life that are open."""
        day, posting, run, facts, version = self._grounds(found)
        if run is None or not facts or version is None:
            return False
        if run != page.run:
            page.run, page.command = run, int(run)
            page.named[RUN].add(page.command)
        command, terrain = page.command, page.terrain
        if command >= position:
            return False
        if DAYS[day] < terrain.opened_on or DAYS[posting] <= terrain.closed:
            return False
        if facts.isdigit():
            if (fact := int(facts)) > command:
                return False
            page.named[self._facts_key].add(fact)
        else:
            several = [*map(int, facts.split(b","))]
            if max(several) > command:
                return False
            page.named[self._facts_key].update(several)
        return self._is_of_its_period(position, found, page) and self._comes_to(found, page)

    def _is_of_its_period(self, position: int, found: Told, page: Accepted) -> bool:
        line = None if self._line is None else found[self._line]
        if self._invoice is not None and (line or found[self._invoice]) is not None:
            page.periods.append(position)
        if line is not None:
            if (first := int(line)) >= position:
                return False
            page.named[self._line_key].add(first)
        return True

    def _comes_to(self, found: Told, page: Accepted) -> bool:
        partner, currency, amount = self._money(found)
        if amount.startswith(b"-"):
            return False
        if self._arithmetic is not None:
            line, base, rate = self._arithmetic(found)
            if line is None and _DUE[base, rate] != amount:
                return False
        key = self.cls, partner, currency
        if key != page.account:
            page.account, page.sum = key, page.sums[key]
        page.sum.amount += int(amount)
        if self._base is not None:
            page.sum.base += int(found[self._base] or 0)
        return True


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
