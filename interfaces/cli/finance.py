"""Finance's own lines, by two persons: adjustments and credits."""

from __future__ import annotations

from datetime import date
from typing import TypedDict

import click

from interfaces.cli.command import Command
from interfaces.cli.options import (
    AMOUNT,
    CODE,
    CURRENCY,
    DAY,
    IDENTIFIER,
    Whole,
    format_option,
    two_persons,
)
from interfaces.cli.output import Format, write_result
from interfaces.cli.proposed import write_proposed
from interfaces.cli.session import Session
from interfaces.money import format_money
from ledger.engine.approvals import Proposed


class _Posted(TypedDict):
    partner_id: str
    amount: int
    currency: str


@click.command(cls=Command)
@click.option("--partner", type=IDENTIFIER, required=True, help="The partner.")
@click.option("--amount", type=AMOUNT, required=True, help="Minor units; negative takes away.")
@click.option("--currency", type=CURRENCY, required=True, help="ISO 4217 code.")
@click.option("--reason", type=CODE, required=True, help="A code, never free text.")
@click.option("--line", type=Whole(1), help="The position of the line it corrects.")
@click.option("--date", "day", type=DAY, help="Its date; the last accrued day by default.")
@two_persons
@format_option
@click.pass_obj
def adjust(  # noqa: PLR0913 - one for each option
    session: Session,
    *,
    partner: str,
    amount: int,
    currency: str,
    reason: str,
    line: int | None,
    day: date | None,
    requested_by: str,
    approved_by: str,
    format_: Format,
) -> None:
    """Correct an error by an adjustment, which two persons answer for."""
    with session.ledger() as ledger:
        position = ledger.adjust(
            partner_id=partner,
            amount=amount,
            currency=currency,
            reason=reason,
            line=line,
            day=day,
            requested_by=requested_by,
            approved_by=approved_by,
        )
    posted = _Posted(partner_id=partner, amount=amount, currency=currency)
    _write_posted(session, format_, "adjusted", position, posted)


@click.command(cls=Command)
@click.option("--partner", type=IDENTIFIER, required=True, help="The partner.")
@click.option("--amount", type=AMOUNT, required=True, help="Minor units, above 0.")
@click.option("--currency", type=CURRENCY, required=True, help="ISO 4217 code.")
@click.option("--reason", type=CODE, required=True, help="fee, renewal or goodwill.")
@click.option("--date", "day", type=DAY, help="Its date; the last accrued day by default.")
@two_persons
@format_option
@click.pass_obj
def credit(  # noqa: PLR0913 - one for each option
    session: Session,
    *,
    partner: str,
    amount: int,
    currency: str,
    reason: str,
    day: date | None,
    requested_by: str,
    approved_by: str,
    format_: Format,
) -> None:
    """Grant something extra, which two persons answer for."""
    with session.ledger() as ledger:
        position = ledger.credit(
            partner_id=partner,
            amount=amount,
            currency=currency,
            reason=reason,
            day=day,
            requested_by=requested_by,
            approved_by=approved_by,
        )
    posted = _Posted(partner_id=partner, amount=amount, currency=currency)
    _write_posted(session, format_, "credited", position, posted)


def _write_posted(
    session: Session, format_: Format, done: str, position: int | Proposed, posted: _Posted
) -> None:
    if isinstance(position, Proposed):
        write_proposed(session, format_, position)
        return
    session.line.add(position=position)
    money = format_money(posted["amount"], posted["currency"], session.locale)
    sentence = f"{done} {posted['partner_id']} by {money}, line {position}"
    write_result({"position": position, **posted}, format_, sentence)
