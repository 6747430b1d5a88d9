"""A ledger that starts for a programme with a past: what refuses it, what it decides (D8.3)."""

from __future__ import annotations

from datetime import date

from events.base import Decision
from events.finance import PartnerOpened, may_open
from events.lines import AdjustmentPosted
from events.partner_decisions import TierChanged
from events.recorded import Recorded
from ledger.engine.commands import check_known
from ledger.engine.state import Ledger, Partner
from ledger.errors import Refused


def check_opening(ledger: Ledger, day: date) -> None:
    """The ledger may open on a day: the first of a month, once, before the first run.

    No credit may have an earlier date: no line but an adjustment has.
    """
    if not may_open(day):
        raise Refused(
            f"a ledger opens on the first day of a month, which another precedes; {day} is none"
        )
    if ledger.opened_on is not None:
        raise Refused(f"the ledger opened on {ledger.opened_on} already, and opens once")
    if ledger.last_run:
        raise Refused(
            f"the ledger has accrued through {ledger.accrued_through} already; only a new ledger"
            " opens with a past"
        )
    if ledger.credited_from is not None and ledger.credited_from < day:
        raise Refused(
            f"a credit has the date {ledger.credited_from}, before an opening on {day}, and only an"
            " adjustment may; open on an earlier month, or begin a new ledger"
        )


def check_partner_opening(ledger: Ledger, partner: Partner, since: date) -> None:
    """A partner may be opened: enrolled, once, after the ledger and before the first run.

    Its tier begins from the enrolment day on, and on the opening day at the latest.
    """
    name = partner.partner_id
    if ledger.opened_on is None:
        raise Refused("the ledger is not opened; first: commissions open --day YYYY-MM-01")
    if ledger.last_run:
        raise Refused(
            f"the ledger has accrued through {ledger.accrued_through}: too late to open {name};"
            " correct it by: commissions adjust"
        )
    check_known(partner)
    assert partner.enrolment is not None
    # Before the first run nothing but the enrolment and an opening gives a tier.
    if len(partner.tiers) > 1:
        raise Refused(f"{name} is opened already; correct its balance by: commissions adjust")
    if not partner.enrolment.day <= since <= ledger.opened_on:
        raise Refused(
            f"the tier of {name} begins between its enrolment on {partner.enrolment.day} and the"
            f" opening on {ledger.opened_on}; {since} is outside"
        )


def decide_partner_opening(
    ledger: Ledger, event: Recorded, command: PartnerOpened, partner: Partner
) -> list[Decision]:
    """The tier that a partner opens with, from ``since`` on, and a line for each balance."""
    assert ledger.opened_on is not None
    decisions: list[Decision] = [
        TierChanged(
            rule="D8.3",
            day=command.since,
            partner_id=command.partner_id,
            from_tier=partner.tiers[-1].tier,
            to_tier=command.tier,
            cause="opening",
            facts=(event.position,),
        )
    ]
    decisions += [
        AdjustmentPosted(
            rule="D8.3",
            day=ledger.opened_on,
            partner_id=command.partner_id,
            posting_date=ledger.posting_day(ledger.opened_on),
            amount=balance.amount,
            currency=balance.currency,
            reason="opening",
            command=event.position,
        )
        for balance in command.balances
    ]
    return decisions
