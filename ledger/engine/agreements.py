"""What an agreement's end leaves due: the tail of commissions (D4.4)."""

from __future__ import annotations

from datetime import date
from typing import Literal

from ledger.engine.calendar import add_months
from ledger.engine.state import Partner


def ended_on(partner: Partner, day: date) -> date | None:
    """The day on which the agreement ended that is not in force on ``day``; None: there was none.

    Of several ends without a signature between them that is the first; of one day the last word
    stands (D2).
    """
    if partner.enrolment is None:
        return None
    first = partner.enrolment.day
    last_words = {
        report.day: report.value
        for report in sorted(partner.agreement)
        if first <= report.day <= day
    }
    ended: date | None = None
    for of_day in sorted(last_words, reverse=True):
        if last_words[of_day]:
            break
        ended = of_day
    return ended


def in_tail(
    tail: Literal["none", "client_lifetime"] | int,
    partner: Partner,
    day: date,
    attributed_on: date | None,
) -> bool:
    """Whether commissions of a client go on after the agreement's end, on a day without one.

    Only of clients attributed before the end; a number is of months from the end on.
    """
    if tail == "none" or attributed_on is None:
        return False
    ended = ended_on(partner, day)
    if ended is None or attributed_on >= ended:
        return False
    return isinstance(tail, str) or day < add_months(ended, tail)
