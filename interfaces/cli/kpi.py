"""The figures of partners and programme."""

from __future__ import annotations

from collections.abc import Sequence

import click

from interfaces.cli.command import Command
from interfaces.cli.options import IDENTIFIER, Place, as_of_options, format_option
from interfaces.cli.output import Answer, Column, Format, write_answer
from interfaces.cli.queries import PARTNER, require_partner
from interfaces.cli.session import Session
from replay.figures import Figures
from replay.sheet import MEMBERS

_FIGURE = (
    Column("group"),
    Column("figure"),
    Column("value", kind="figure"),
    Column("numerator", kind="place"),
    Column("denominator", kind="place"),
)
_DEFINITION = Column("definition", kind="prose")
COLUMNS = (*_FIGURE, _DEFINITION)
COLUMNS_OF_ALL = (PARTNER, *_FIGURE, _DEFINITION)
COLUMNS_OF_PROGRAMME = (
    *_FIGURE[:2],
    PARTNER,
    Column("day"),
    *_FIGURE[2:],
    Column("target", kind="figure"),
    _DEFINITION,
)


@click.command(cls=Command)
@click.argument("partner", type=IDENTIFIER, required=False)
@click.option("--all", "everybody", is_flag=True, help="The figures of every partner.")
@click.option("--programme", is_flag=True, help="The figures of the programme, and its targets.")
@as_of_options
@format_option
@click.pass_obj
def kpi(
    session: Session,
    *,
    partner: str | None,
    everybody: bool,
    programme: bool,
    place: Place,
    format_: Format,
) -> None:
    """The figures of PARTNER, of all partners or of the programme, each with its definition.

    Those of a month or a year end on the day of --effective-at, else on the last day accrued.
    """
    if (partner is not None) + everybody + programme != 1:
        raise click.UsageError("name one PARTNER, or give --all or --programme")
    with session.replay() as replay:
        at = replay.resolve(**place)
        if partner is not None:
            require_partner(replay, partner)
        figures = Figures(replay, at)
        columns: Sequence[Column] = COLUMNS
        if partner is not None:
            rows = figures.of_partner(partner)
        elif everybody:
            rows, columns = figures.of_all(), COLUMNS_OF_ALL
        else:
            rows, columns = figures.of_programme(), COLUMNS_OF_PROGRAMME
        day = "no day: nothing is accrued" if figures.day is None else f"{figures.day}"
        whose = partner or ("all partners" if everybody else "the programme")
        found = Answer(
            rows,
            columns,
            MEMBERS,
            title=f"Figures of {whose}, {day}",
            as_of={**at.answer(), "day": figures.day},
            empty="no partner is enrolled by then",
        )
        count = write_answer(found, format_, session.locale)
    session.line.add(rows=count, position=at.position)
