"""What a partner lacks for the next level and to keep its own, as of a place (D6)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from events.partner_decisions import Measure
from ledger.engine.calendar import ONE_DAY
from ledger.engine.counted import Counts
from ledger.engine.tiers import Outlook, outlook
from ledger.errors import Refused
from replay.as_of import AsOf, Replay, Row
from replay.entities import last_day_of, ledger_at, partner_at
from replay.measuring import Measures

MEMBERS = (
    "partner_id",
    "tier",
    "since",
    "step",
    "level",
    "requirement",
    "required",
    "measured",
    "missing",
    "met",
    "by",
    "currency",
    "programme_version",
    "day",
)
"""The members of a row; ``currency`` stands where the numbers are money, in minor units."""

_ABOVE = "_above"
"""How the name of a requirement ends that must be exceeded, not reached."""


def outlook_rows(replay: Replay, at: AsOf, partner_id: str) -> list[Row]:
    """A row for each commitment (``step`` keep) and requirement (``reach``), the next level first.

    Of the effective day asked for, else of L. Raises Refused without either, and for a partner not
    enrolled by then.
    """
    ledger = ledger_at(replay, at)
    day = last_day_of(at, ledger)
    if day is None:
        raise Refused(
            "nothing is accrued yet, so there is no day to look from; give one: --effective-at DAY"
        )
    partner = partner_at(replay, at, partner_id)
    if partner.enrolment is None or partner.enrolment.day > day or not partner.tiers:
        raise Refused(
            f"{partner_id} is not enrolled by {day}; give a later day: --effective-at DAY"
        )
    counted = Measures(replay, at, ledger).counting_days().get(partner_id, {})
    found = outlook(ledger, partner, Counts(counted), day)
    currency = ledger.programmes.in_force(found.version.partition("/")[0], day).programme.currency
    return list(_rows(partner_id, found, currency, day))


def missing(measure: Measure) -> int | None:
    """How much more is needed; None where nothing was ever reported."""
    if measure.measured is None:
        return None
    needed = measure.required + measure.name.endswith(_ABOVE)
    return max(0, needed - measure.measured)


def _rows(partner_id: str, found: Outlook, currency: str, day: date) -> Iterator[Row]:
    by = None if found.review is None else found.review - ONE_DAY
    for step, measures, until in (("keep", found.keep, by), ("reach", found.reach, None)):
        for measure in measures:
            yield {
                "partner_id": partner_id,
                "tier": found.tier,
                "since": found.since,
                "step": step,
                "level": measure.level,
                "requirement": measure.name,
                "required": measure.required,
                "measured": measure.measured,
                "missing": missing(measure),
                "met": measure.met,
                "by": until,
                "currency": currency if measure.name.startswith("comarketing") else None,
                "programme_version": found.version,
                "day": day,
            }
