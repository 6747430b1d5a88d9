"""Rankings and badges (D12)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import click

from interfaces.cli.adopted import programmes, require_adopted
from interfaces.cli.command import Command
from interfaces.cli.options import IDENTIFIER, QUARTER, Place, Whole, as_of_options, format_option
from interfaces.cli.output import Answer, Column, Format, Row, write_answer
from interfaces.cli.queries import PARTNER, Shape, answer
from interfaces.cli.session import Session
from projections.boards import BADGES, LEADERBOARD, STANDINGS
from projections.definition import ReadModel
from replay.as_of import AsOf, Replay

_PUBLIC = ("quarter", "programme", "rank", "partner_id", "clients")
_COLUMNS = {
    "quarter": Column("quarter"),
    "programme": Column("programme"),
    "rank": Column("rank", kind="place"),
    "partner_id": PARTNER,
    "clients": Column("clients", kind="count"),
    "prize": Column("prize", kind="money"),
}
BADGES_SHAPE = Shape(
    BADGES, (PARTNER, Column("badge"), Column("day"), Column("position", kind="place")), "no badge"
)


@click.command(cls=Command)
@click.option("--quarter", type=QUARTER, help="Only this quarter, such as 2026Q1.")
@click.option("--running", is_flag=True, help="The quarter after the last accrued day.")
@click.option("--year", type=Whole(1, 9999), help="All clients counted up to this year's end.")
@click.option("--all-time", is_flag=True, help="All clients ever counted.")
@click.option("--programme", type=IDENTIFIER, help="Only the partners of this programme.")
@click.option("--public", is_flag=True, help="To be shown to all: places, without money.")
@as_of_options
@format_option
@click.pass_obj
def leaderboard(  # noqa: PLR0913 - one for each option
    session: Session,
    *,
    quarter: str | None,
    running: bool,
    year: int | None,
    all_time: bool,
    programme: str | None,
    public: bool,
    place: Place,
    format_: Format,
) -> None:
    """Partners by the clients counted in a quarter, or by all; each programme has its own.

    A ranking that a close has fixed is shown as it was fixed, an open one as of now. Without an
    option: every quarter.
    """
    if sum((quarter is not None, running, year is not None, all_time)) > 1:
        raise click.UsageError("give one of --quarter, --running, --year and --all-time")
    model = STANDINGS if all_time or year is not None else LEADERBOARD

    def ask(replay: Replay, at: AsOf) -> Iterable[Row]:
        if model is STANDINGS:
            return replay.standings(at, year, programme)
        wanted = replay.running_quarter(at) if running else quarter
        return replay.leaderboard(at, wanted, programme)

    with session.replay() as replay:
        at = replay.resolve(**place)
        if programme is not None:
            require_adopted(programmes(replay, replay.resolve()), programme)
        members = _members(model, public=public)
        found = Answer(
            ask(replay, at),
            [_COLUMNS[name] for name in members if name in _COLUMNS],
            members,
            as_of=at.answer(),
            empty="no client is counted in it",
        )
        count = write_answer(found, format_, session.locale)
    session.line.add(rows=count, position=at.position)


def _members(model: ReadModel, *, public: bool) -> Sequence[str]:
    return [name for name in model.names if not public or name in _PUBLIC]


@click.command(cls=Command)
@as_of_options
@format_option
@click.pass_obj
def badges(session: Session, place: Place, format_: Format) -> None:
    """The badges of each partner, with the counting day that reached them."""
    answer(session, place, format_, BADGES_SHAPE, lambda replay, at: replay.badges(at))
