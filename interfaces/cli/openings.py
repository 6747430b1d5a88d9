"""Openings: a ledger that starts for a programme with a past, by two persons."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

import click

from events.values import TIERS, TierName
from interfaces.cli.command import Command
from interfaces.cli.options import AMOUNT, CURRENCY, DAY, IDENTIFIER, format_option, two_persons
from interfaces.cli.output import Format, write_result
from interfaces.cli.proposed import write_proposed
from interfaces.cli.session import Session, today_in
from ledger.engine.approvals import Proposed
from ledger.errors import Refused


class Balance(click.ParamType[tuple[str, int]]):
    """A currency and minor units of either sign, such as ``EUR=12345``."""

    name = "balance"

    def convert(
        self,
        value: str | tuple[str, int],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> tuple[str, int]:
        """Read ``CUR=MINOR``."""
        if isinstance(value, tuple):
            return value
        currency, _, amount = value.partition("=")
        sign = amount.removeprefix("-")
        if not sign.isascii() or not sign.isdigit():
            self.fail(f"{value!r} is no balance; write minor units as EUR=12345", param, ctx)
        return CURRENCY.convert(currency, param, ctx), AMOUNT.convert(amount, param, ctx)


@click.command("open", cls=Command)
@click.option("--day", type=DAY, required=True, help="The first of a month.")
@two_persons
@format_option
@click.pass_obj
def open_(
    session: Session, *, day: date, requested_by: str, approved_by: str, format_: Format
) -> None:
    """Start the ledger, once and before the first run, for a programme that has a past.

    What was before the day is taken as settled: facts of it count, but earn nothing.
    """
    with session.ledger() as ledger:
        tomorrow = today_in(ledger.ledger.time_zone) + timedelta(days=1)
        if day > tomorrow:
            raise Refused(f"{day} is after tomorrow, {tomorrow}; give an earlier day")
        position = ledger.open(day=day, requested_by=requested_by, approved_by=approved_by)
    if isinstance(position, Proposed):
        write_proposed(session, format_, position)
        return
    session.line.add(position=position)
    write_result(
        {"position": position, "day": day},
        format_,
        f"opened on {day}, at position {position}: all months before it are closed",
    )


@click.command("open-partner", cls=Command)
@click.argument("partner", type=IDENTIFIER)
@click.option("--tier", type=click.Choice(TIERS), required=True, help="The tier on that day.")
@click.option("--since", type=DAY, required=True, help="The first day of the tier.")
@click.option(
    "--balance",
    "balances",
    type=Balance(),
    multiple=True,
    metavar="CUR=MINOR",
    help="What is owed to the partner then, in minor units; once for each currency.",
)
@two_persons
@format_option
@click.pass_obj
def open_partner(
    session: Session,
    *,
    partner: str,
    tier: TierName,
    since: date,
    balances: tuple[tuple[str, int], ...],
    requested_by: str,
    approved_by: str,
    format_: Format,
) -> None:
    """Fix the tier and the balances that PARTNER has on the day of the opening."""
    owed: Mapping[str, int] = dict(balances)
    if len(owed) < len(balances):
        raise click.UsageError("give one --balance for each currency")
    with session.ledger() as ledger:
        position = ledger.open_partner(
            partner_id=partner,
            tier=tier,
            since=since,
            balances=owed,
            requested_by=requested_by,
            approved_by=approved_by,
        )
    if isinstance(position, Proposed):
        write_proposed(session, format_, position)
        return
    session.line.add(position=position)
    members = {"position": position, "partner_id": partner, "tier": tier, "since": since}
    write_result(
        {**members, "balances": owed},
        format_,
        f"opened {partner} as {tier} since {since}, at position {position}",
    )
