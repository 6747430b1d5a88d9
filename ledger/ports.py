"""What the ledger asks of the read side; :mod:`projections` and :mod:`replay` answer."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple, Protocol

from psycopg import Cursor

from events.values import Interval
from ledger.engine.closes import Span, Tally
from ledger.engine.contests import Claims
from ledger.engine.counted import CountedClient
from ledger.engine.invoices import Paid
from ledger.engine.state import Assignment, Run
from ledger.engine.subscriptions import Priced


class StoredTerm(NamedTuple):
    """What a run reads of a term, without the plan; see :class:`~events.decisions.Term`."""

    start: date
    end: date | None
    anchor: date
    interval: Interval
    price: int
    currency: str
    activation: int
    price_fact: int


class Candidate(NamedTuple):
    """A client that an accrual run takes, or a partner's own row (``client_id`` empty).

    ``touched``: its standing, or its partner's agreement, changed since the run before; no period
    up to ``settled_through``, if that is given, can be otherwise than it was.
    ``moved``: its standing changed after this run began, so ``terms`` say nothing; fold its stream.
    ``counted_on`` is of a client that the holder by claims, ``claimed_by``, counts.
    """

    partner_id: str
    client_id: str
    touched: bool
    settled_through: date | None
    moved: bool
    claim: int
    first_activated_on: date | None
    counted_on: date | None
    claimed_by: str | None
    retracted: bool
    terms: Mapping[str, Sequence[Priced]]


class Entrant(NamedTuple):
    """A counted client that a contest may be about; ``posted`` are the contests it is paid for."""

    client: CountedClient
    posted: tuple[str, ...]


class CountedModels(Protocol):
    """What is asked of counted clients, beside how many there are."""

    def at_places(
        self, cursor: Cursor[Any], run: Run, partner_id: str, places: Sequence[tuple[date, int]]
    ) -> list[CountedClient]:
        """The counted clients at places (counting day, n-th of that day), as of the run.

        Clients of one day are ordered by first activation, then by id.
        """

    def entrants(
        self, cursor: Cursor[Any], run: Run, partner_id: str, limit: int
    ) -> Iterator[list[Entrant]]:
        """Counted clients of the plan that a contest may be about, by id, ``limit`` at a time."""


class ReadModels(CountedModels, Protocol):
    """The projections, merged in the appending transaction, and what commands read of them."""

    def merge(
        self, cursor: Cursor[Any], after: int, through: int, topics: Collection[str] | None = None
    ) -> None:
        """Fold the events of positions in (after, through] into every projection."""

    def plan_accrual(
        self,
        cursor: Cursor[Any],
        run: Run,
        *,
        every_partner: bool,
        claims: Claims,
        accruals: Collection[str],
        compares_all: bool,
        recounted_from: date | None = None,
        begun_from: date | None = None,
    ) -> int:
        """Find the candidates of a run, once a session; return how many clients there are.

        ``claims`` says which clients a contest may be about, ``accruals`` the ways in which
        programmes pay (where by both, a payment told is compared with what is posted),
        ``compares_all`` whether a changed price may reach periods before it.
        Clients with a counting day from ``recounted_from`` on are touched, too, and those first
        activated from ``begun_from`` on.
        """

    def candidates(self, cursor: Cursor[Any], after: int, limit: int) -> Sequence[Candidate]:
        """The next candidates of the plan by (partner, client), after so many of them."""

    def counts(
        self, cursor: Cursor[Any], run: Run, partners: Collection[str]
    ) -> dict[str, dict[date, int]]:
        """Counted clients by partner and counting day, as of the run."""

    def any_assigned(self, cursor: Cursor[Any]) -> bool:
        """Whether finance has assigned any client (D3.6)."""

    def assignments(
        self, cursor: Cursor[Any], run: Run, clients: Collection[str]
    ) -> dict[str, list[Assignment]]:
        """Finance's assignments of clients up to the run's day (D3.6), by client and day.

        Their positions are those of finance's commands.
        """

    def payments(
        self, cursor: Cursor[Any], run: Run, touched: Collection[str], others: Collection[str]
    ) -> tuple[dict[str, list[Paid]], list[Paid]]:
        """What clients paid for periods up to the run's day (D8.2), and payments that moved.

        By client: of those touched all payments, of others those that no earlier run can have seen
        or been due. A payment that moved was lowered after the run began: fold its invoice.
        """

    def clients_activated_from(self, cursor: Cursor[Any], partner_id: str, day: date) -> list[str]:
        """The clients that count for a partner, if at all, first activated from a day on, by id."""

    def payables(
        self, cursor: Cursor[Any], cutoff: date, partner_id: str | None = None
    ) -> Iterable[tuple[str, str, int]]:
        """(partner, currency, minor units owed by a cut-off), where positive (D15.1).

        ``partner_id`` narrows it to one partner.
        """

    def tallies(self, cursor: Cursor[Any], span: Span) -> Sequence[Tally]:
        """How many counted clients of a span each partner has (D12), those with none left out."""

    def unresolved(self, cursor: Cursor[Any], through: date) -> list[int]:
        """What waits or had no effect, of days up to one (D16.2): positions, ascending.

        A claim that repeats what holds is answered: it does not wait.
        """

    def assigned_partners(self, cursor: Cursor[Any]) -> list[str]:
        """The partners that were ever put under another programme (D7.3), by id."""


class Place(Protocol):
    """How far a source of messages was read; moved in the transaction that records them."""

    def move(self, cursor: Cursor[Any]) -> None:
        """Move from where a batch began to where it ends.

        Raises :class:`~ledger.errors.Fenced` when the place is not where the batch began, or is
        another's: the transaction is rolled back.
        """


class Seal(Protocol):
    """Hashes the statements of a month that is being closed."""

    def __call__(self, cursor: Cursor[Any], month: str, position: int) -> tuple[int, str]:
        """How many statements there are, and the SHA-256 over their canonical bytes (D16)."""
