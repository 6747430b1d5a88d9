"""A posted period against what it is worth: a difference, what is waived, what is taken back (D9).

P is what is posted, V what the period is worth now, U what it would be worth had nothing been
retracted; the worth of 0 is that of a period which is not due to the same partner.
"""

from __future__ import annotations

from typing import NamedTuple


class Worth(NamedTuple):
    """What a period is worth to its partner: an amount, on a base; both in minor units."""

    amount: int = 0
    base: int = 0


NOTHING = Worth()


class Compared(NamedTuple):
    """What a run owes a posted period, in minor units, each at least 0, and on which base.

    ``missing`` is posted (D9.1), ``given`` is waived, of a margin taken back (D9.2, D13), ``taken``
    rested on retracted facts and is taken back (D9.5). Of a commission nothing is owed where the
    amount is 0, of a margin where the base is 0, too.
    """

    missing: Worth = NOTHING
    given: Worth = NOTHING
    taken: Worth = NOTHING


def compare_margin(posted: Worth, now: Worth, unretracted: Worth) -> Compared:
    """Compare P of a margin with V and U, both ways, and its base as well (D13).

    The partner owes base − margin: what moves the base alone, by a cent that rounds away or under
    a brand that keeps nothing, moves that. At one rate the greater base has no smaller amount.
    """
    if now > posted:
        return Compared(missing=Worth(now.amount - posted.amount, now.base - posted.base))
    kept = min(posted, max(now, unretracted))
    return Compared(
        given=Worth(posted.amount - kept.amount, posted.base - kept.base),
        taken=Worth(kept.amount - now.amount, kept.base - now.base),
    )


def compare(posted: Worth, waived: int, now: Worth, unretracted: Worth) -> Compared:
    """Compare P, less what was waived of it, with V and U."""
    if now.amount > posted.amount:
        missing = Worth(now.amount - posted.amount, max(0, now.base - posted.base))
        return Compared(missing=missing)
    kept = now if now.amount >= unretracted.amount else unretracted
    given = max(0, posted.amount - kept.amount - waived)
    taken = max(0, posted.amount - now.amount - waived - given)
    return Compared(
        given=Worth(given, max(0, posted.base - kept.base)),
        taken=Worth(taken, max(0, min(posted.base, kept.base) - now.base)),
    )
