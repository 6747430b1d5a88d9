"""Projects a partner's income; reads no ledger."""

from __future__ import annotations

import re
import sys
from decimal import Decimal
from fractions import Fraction

import click

from events.values import MAX_MINOR_UNITS, TIERS, TierName
from interfaces.cli.command import Command
from interfaces.cli.options import Whole, format_option
from interfaces.cli.output import Answer, Column, Format, Row, write_answer
from interfaces.cli.programme import read_programme
from interfaces.cli.session import Session
from interfaces.money import Locale, format_rate
from ledger.engine.simulation import Assumptions, Plan, Year, simulate
from ledger.policy.programme import Programme
from replay.ratios import one_decimal

MEMBERS = (
    "year",
    "new_clients",
    "clients",
    "arr",
    "commission_first_year",
    "commission_later",
    "commission",
    "cumulative",
    "currency",
    "rate_first_year",
    "rate_later",
)
COLUMNS = (
    Column("year", kind="place"),
    Column("new_clients", "new clients", kind="count"),
    Column("clients", kind="decimal"),
    Column("arr", "ARR", kind="money"),
    Column("commission_first_year", "in client year 1", kind="money"),
    Column("commission_later", "later", kind="money"),
    Column("commission", kind="money"),
    Column("cumulative", kind="money"),
)


class Mix(click.ParamType[tuple[Plan, ...]]):
    """Plans with their price of a month, in minor units, and their part of the clients."""

    name = "mix"

    def convert(
        self,
        value: str | tuple[Plan, ...],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> tuple[Plan, ...]:
        """Read ``plan=price:count,…``."""
        if not isinstance(value, str):
            return value
        plans: list[Plan] = []
        for text in value.split(","):
            found = re.fullmatch(
                r"([A-Za-z0-9_.\-]{1,64})=(\d{1,16}):(\d{1,9})", text.strip(), re.ASCII
            )
            if found is None or int(found[2]) > MAX_MINOR_UNITS:
                self.fail(
                    f"{text!r} is no plan; write plan=price:count, the price of a month in minor"
                    " units: starter=5900:9,pro=14900:5",
                    param,
                    ctx,
                )
            plans.append(Plan(found[1], int(found[2]), int(found[3])))
        if not sum(plan.clients for plan in plans):
            self.fail("the mix has no clients; give one plan a count above 0", param, ctx)
        return tuple(plans)


class Share(click.ParamType[Decimal]):
    """An exact decimal from 0 to 1."""

    name = "decimal"

    def convert(
        self, value: str | Decimal, param: click.Parameter | None, ctx: click.Context | None
    ) -> Decimal:
        """Read such as ``0.9``."""
        if isinstance(value, str) and not re.fullmatch(
            r"0(\.\d{1,6})?|1(\.0{1,6})?", value, re.ASCII
        ):
            self.fail(
                f"{value!r} is no share; write a decimal from 0 to 1, such as 0.9", param, ctx
            )
        return Decimal(value)


@click.command("simulate", cls=Command)
@click.option(
    "--clients-a-year",
    "clients",
    type=Whole(0, 1_000_000),
    required=True,
    metavar="N",
    help="New clients of each year.",
)
@click.option(
    "--mix",
    type=Mix(),
    required=True,
    metavar="PLAN=PRICE:COUNT,...",
    help="What they pay a month, in minor units, and in which proportions.",
)
@click.option(
    "--retention",
    type=Share(),
    default="1",
    show_default=True,
    metavar="SHARE",
    help="The share of a year's clients that stay for the next.",
)
@click.option("--years", type=Whole(1, 50), default=3, show_default=True, help="How many.")
@click.option(
    "--programme",
    "origin",
    default="izyinbox",
    show_default=True,
    metavar="FILE|izyinbox",
    help="The programme whose rates apply.",
)
@click.option(
    "--tier",
    type=click.Choice(TIERS),
    default=TIERS[0],
    show_default=True,
    help="The level that the partner holds all the time.",
)
@click.option("--founding", is_flag=True, help="A founding partner.")
@format_option
@click.pass_obj
def simulate_command(  # noqa: PLR0913 - click passes options by name
    session: Session,
    *,
    clients: int,
    mix: tuple[Plan, ...],
    retention: Decimal,
    years: int,
    origin: str,
    tier: TierName,
    founding: bool,
    format_: Format,
) -> None:
    """What a partner would earn in commissions, year by year, if it brought the same each year.

    Commissions alone: no bonus, contest or prize. No ledger is read.
    """
    programme = read_programme(origin)
    assumed = Assumptions(clients, mix, retention, tier, founding)
    rows: list[Row] = []
    cumulative = 0
    for year in simulate(programme, assumed, years):
        cumulative += year.commission
        rows.append(_row(programme, assumed, year, cumulative))
    write_answer(Answer(rows, COLUMNS, MEMBERS), format_, session.locale)
    if format_ == "table":
        sys.stdout.write(f"{_sentence(programme, assumed, session.locale)}\n")
    session.line.add(rows=len(rows))


def _row(programme: Programme, assumed: Assumptions, year: Year, cumulative: int) -> Row:
    first, later = _rates(programme, assumed)
    return {
        "year": year.year,
        "new_clients": assumed.clients_a_year,
        "clients": _tenths(year.clients),
        "arr": year.arr,
        "commission_first_year": year.first_year,
        "commission_later": year.later,
        "commission": year.commission,
        "cumulative": cumulative,
        "currency": programme.currency,
        "rate_first_year": str(first),
        "rate_later": str(later),
    }


def _rates(programme: Programme, assumed: Assumptions) -> tuple[Decimal, Decimal]:
    tier, founding = assumed.tier, assumed.founding
    return programme.rate(tier, 1, founding), programme.rate(tier, 2, founding)


def _tenths(clients: Fraction) -> str | None:
    return one_decimal(clients.numerator, clients.denominator)


def _sentence(programme: Programme, assumed: Assumptions, locale: Locale) -> str:
    first, later = (format_rate(rate, locale) for rate in _rates(programme, assumed))
    return (
        f"{programme.name}, {assumed.tier}{', founding' if assumed.founding else ''}: {first} in"
        f" client year 1, {later} later; commissions alone, clients of a year from its first day on"
    )
