"""Queries: balances, lines, tiers, the trial balance, claims, what is unresolved."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date

import click

from interfaces.cli.command import Command
from interfaces.cli.options import DAY, IDENTIFIER, Place, as_of_options, format_option
from interfaces.cli.output import Answer, Column, Format, Row, write_answer
from interfaces.cli.session import Session
from ledger.errors import Refused
from projections.definition import ReadModel
from projections.tiers import TIER_HISTORY
from projections.views import (
    CLAIMS,
    CLIENT_LIST,
    COMMISSION_HISTORY,
    CONFLICTS,
    PARTNER_BALANCES,
    RECEIVABLES,
    TERRITORIES,
    TIER_STATUS,
    TRIAL_BALANCE,
    UNRESOLVED,
)
from replay.as_of import AsOf, Replay
from replay.outlook import MEMBERS as OUTLOOK_MEMBERS
from replay.outlook import outlook_rows


@dataclass(frozen=True, slots=True)
class Shape:
    """How a read model is shown: the columns of its table, and what stands there without rows."""

    model: ReadModel
    columns: tuple[Column, ...]
    empty: str


PARTNER = Column("partner_id", "partner")
CLIENT = Column("client_id", "client")
POSITION = Column("position", kind="place")

BALANCES_SHAPE = Shape(
    PARTNER_BALANCES,
    (
        PARTNER,
        Column("earned", kind="money"),
        Column("adjusted", kind="money"),
        Column("paid", kind="money"),
        Column("in_flight", kind="money"),
        Column("payable", kind="money"),
    ),
    "no partner has a money event yet",
)
_ARITHMETIC = (
    Column("kind"),
    Column("rule"),
    CLIENT,
    Column("service_date", "service"),
    Column("posting_date", "posted"),
    Column("base", kind="money"),
    Column("rate", kind="rate"),
    Column("amount", kind="money"),
    Column("programme_version", "programme"),
)
HISTORY_SHAPE = Shape(COMMISSION_HISTORY, (POSITION, *_ARITHMETIC), "no line yet")
HISTORY_OF_ALL_SHAPE = Shape(COMMISSION_HISTORY, (POSITION, PARTNER, *_ARITHMETIC), "no line yet")
TIERS_SHAPE = Shape(
    TIER_STATUS, (PARTNER, Column("tier"), Column("since")), "no partner is enrolled yet"
)
TIER_HISTORY_SHAPE = Shape(
    TIER_HISTORY,
    (
        POSITION,
        PARTNER,
        Column("from_tier", "from"),
        Column("to_tier", "to"),
        Column("effective_day", "on"),
        Column("cause"),
    ),
    "no partner is enrolled yet",
)
OUTLOOK_COLUMNS = (
    Column("tier"),
    Column("step"),
    Column("level"),
    Column("requirement"),
    Column("required", kind="money"),
    Column("measured", kind="money"),
    Column("missing", kind="money"),
    Column("met"),
    Column("by"),
)
TRIAL_BALANCE_SHAPE = Shape(
    TRIAL_BALANCE,
    (
        Column("account"),
        Column("debit", kind="money"),
        Column("credit", kind="money"),
        Column("balance", kind="money"),
    ),
    "nothing is posted yet",
)
RECEIVABLES_SHAPE = Shape(
    RECEIVABLES,
    (
        PARTNER,
        Column("owed", kind="money"),
        Column("settled", kind="money"),
        Column("open", kind="money"),
    ),
    "no partner has sold under its own brand yet",
)
CLIENTS_SHAPE = Shape(
    CLIENT_LIST,
    (
        CLIENT,
        PARTNER,
        Column("first_activated_on", "activated"),
        Column("counted_on", "counted"),
        Column("counted_by", "by"),
        Column("open_subscriptions", "open", kind="count"),
        Column("assigned_from", "assigned"),
        Column("claim", kind="place"),
    ),
    "no client yet",
)
CLAIMS_SHAPE = Shape(
    CLAIMS,
    (POSITION, CLIENT, PARTNER, Column("day"), Column("answer"), Column("reason")),
    "no claim yet",
)
TERRITORIES_SHAPE = Shape(
    TERRITORIES,
    (
        Column("department"),
        PARTNER,
        Column("day", "from"),
        Column("end", "to eve of"),
        Column("answer"),
        Column("reason"),
    ),
    "no department is held",
)
CONFLICTS_SHAPE = Shape(
    CONFLICTS,
    (
        POSITION,
        CLIENT,
        PARTNER,
        Column("day"),
        Column("reason"),
        Column("standing_partner_id", "against"),
        Column("standing_day", "of"),
        Column("standing_type", "by"),
    ),
    "no claim met another partner's",
)
UNRESOLVED_SHAPE = Shape(
    UNRESOLVED, (POSITION, Column("type"), CLIENT, PARTNER, Column("reason")), "nothing waits"
)

Ask = Callable[[Replay, AsOf], Iterable[Row]]


def answer(session: Session, place: Place, format_: Format, shape: Shape, ask: Ask) -> None:
    """Ask the ledger as of a place and write what it says."""
    with session.replay() as replay:
        at = replay.resolve(**place)
        found = Answer(
            ask(replay, at),
            shape.columns,
            shape.model.names,
            as_of=at.answer(),
            empty=shape.empty,
        )
        count = write_answer(found, format_, session.locale)
    session.line.add(rows=count, position=at.position)


def require_partner(replay: Replay, partner_id: str) -> None:
    """Refuse a partner of whom nothing was ever recorded."""
    if not replay.knows_partner(partner_id, replay.resolve()):
        raise Refused(
            f"no partner {partner_id!r} is enrolled; check the id with: commissions tiers"
        )


@click.command(cls=Command)
@as_of_options
@format_option
@click.pass_obj
def balances(session: Session, place: Place, format_: Format) -> None:
    """What each partner earned and was paid, and what is payable, by currency."""
    answer(session, place, format_, BALANCES_SHAPE, lambda replay, at: replay.balances(at))


@click.command(cls=Command)
@click.argument("partner", type=IDENTIFIER, required=False)
@click.option("--all", "everybody", is_flag=True, help="The lines of every partner.")
@as_of_options
@format_option
@click.pass_obj
def history(
    session: Session,
    partner: str | None,
    everybody: bool,  # noqa: FBT001 - click passes flags by name
    place: Place,
    format_: Format,
) -> None:
    """The lines of PARTNER with their arithmetic, by position."""
    if everybody == (partner is not None):
        raise click.UsageError("name one PARTNER, or give --all")

    def ask(replay: Replay, at: AsOf) -> Iterable[Row]:
        if partner is not None:
            require_partner(replay, partner)
        return replay.history(at, partner_id=partner)

    answer(session, place, format_, HISTORY_OF_ALL_SHAPE if everybody else HISTORY_SHAPE, ask)


@click.command(cls=Command)
@click.option("--history", "changes", is_flag=True, help="Every change, one row each.")
@click.option(
    "--explain",
    "partner",
    type=IDENTIFIER,
    metavar="PARTNER",
    help="What PARTNER lacks for the next level, and to keep its own.",
)
@as_of_options
@format_option
@click.pass_obj
def tiers(
    session: Session,
    changes: bool,  # noqa: FBT001 - click passes flags by name
    partner: str | None,
    place: Place,
    format_: Format,
) -> None:
    """The tier of each partner and its first day."""
    if changes and partner is not None:
        raise click.UsageError("give --history or --explain PARTNER, not both")
    if partner is not None:
        _explain(session, partner, place, format_)
    elif changes:
        ask: Ask = lambda replay, at: replay.tier_history(at)  # noqa: E731
        answer(session, place, format_, TIER_HISTORY_SHAPE, ask)
    else:
        answer(session, place, format_, TIERS_SHAPE, lambda replay, at: replay.tiers(at))


def _explain(session: Session, partner: str, place: Place, format_: Format) -> None:
    with session.replay() as replay:
        require_partner(replay, partner)
        at = replay.resolve(**place)
        rows = outlook_rows(replay, at, partner)
        found = Answer(
            rows,
            OUTLOOK_COLUMNS,
            OUTLOOK_MEMBERS,
            as_of=at.answer(),
            empty="the programme asks for nothing",
        )
        count = write_answer(found, format_, session.locale)
    session.line.add(rows=count, position=at.position)


@click.command("trial-balance", cls=Command)
@as_of_options
@format_option
@click.pass_obj
def trial_balance(session: Session, place: Place, format_: Format) -> None:
    """Debits and credits of every account; all of a currency sum to zero."""
    answer(
        session, place, format_, TRIAL_BALANCE_SHAPE, lambda replay, at: replay.trial_balance(at)
    )


@click.command(cls=Command)
@as_of_options
@format_option
@click.pass_obj
def receivables(session: Session, place: Place, format_: Format) -> None:
    """What partners under their own brand owe, paid and still owe, by currency."""
    answer(session, place, format_, RECEIVABLES_SHAPE, lambda replay, at: replay.receivables(at))


@click.command(cls=Command)
@click.option("--partner", type=IDENTIFIER, help="Only the clients that this partner holds.")
@as_of_options
@format_option
@click.pass_obj
def clients(session: Session, partner: str | None, place: Place, format_: Format) -> None:
    """Every client with who holds and counts it, and its open subscriptions."""

    def ask(replay: Replay, at: AsOf) -> Iterable[Row]:
        if partner is not None:
            require_partner(replay, partner)
        return replay.clients(at, partner)

    answer(session, place, format_, CLIENTS_SHAPE, ask)


@click.command(cls=Command)
@as_of_options
@format_option
@click.pass_obj
def claims(session: Session, place: Place, format_: Format) -> None:
    """Every claim of a partner to a client, with its last answer."""
    answer(session, place, format_, CLAIMS_SHAPE, lambda replay, at: replay.claims(at))


@click.command(cls=Command)
@as_of_options
@format_option
@click.pass_obj
def conflicts(session: Session, place: Place, format_: Format) -> None:
    """Claims that lost against what another partner holds, beside that."""
    answer(session, place, format_, CONFLICTS_SHAPE, lambda replay, at: replay.conflicts(at))


@click.command(cls=Command)
@click.option("--on", type=DAY, help="Only the departments held on this day.")
@as_of_options
@format_option
@click.pass_obj
def territories(session: Session, on: date | None, place: Place, format_: Format) -> None:
    """Who holds which department from which day to the eve of which, and who was refused."""
    answer(
        session, place, format_, TERRITORIES_SHAPE, lambda replay, at: replay.territories(at, on)
    )


@click.command(cls=Command)
@as_of_options
@format_option
@click.pass_obj
def unresolved(session: Session, place: Place, format_: Format) -> None:
    """Claims, sponsors, payments and facts that wait, had no effect or are flagged."""
    answer(session, place, format_, UNRESOLVED_SHAPE, lambda replay, at: replay.unresolved(at))
