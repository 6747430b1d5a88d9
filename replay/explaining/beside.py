"""What a partner earned in a month beside its clients' lines, and why not more.

``commissions explain --partner P --period YYYY-MM``. What is due is decided by the engine, as a run
recorded now, or a close, would decide it; the reasons are told beside it and must agree with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from ledger.engine.calendar import first_of_month
from ledger.errors import Refused
from replay.as_of import AsOf, Replay
from replay.explaining.awards import Award, bonuses, contests
from replay.explaining.partner import PartnerAtHand
from replay.explaining.places import places
from replay.explaining.sponsored import sponsored


@dataclass(frozen=True, slots=True)
class Beside:
    """The awards of a partner's month: bonuses, contests, places, rewards and shares."""

    partner_id: str
    month: str
    accrued_through: date | None
    awards: tuple[Award, ...]

    @property
    def agrees(self) -> bool:
        """Whether every award agrees with the engine."""
        return all(award.agrees for award in self.awards)

    def document(self) -> dict[str, object]:
        """Return it as JSON values: ``docs/explain.md`` names the members."""
        return {
            "partner_id": self.partner_id,
            "month": self.month,
            "accrued_through": self.accrued_through,
            "awards": [_members(award) for award in self.awards],
            "agrees": self.agrees,
        }


def why_no_more(replay: Replay, partner_id: str, month: str, at: AsOf) -> Beside:
    """Tell what a partner earned beside its clients' lines in a month, and why nothing else.

    By what was known at a place. Raises Refused for a partner that is not enrolled, and for a place
    on the effective axis: the month says what had happened.
    """
    if at.effective_at is not None:
        raise Refused("leave --effective-at out: the month of --period says what had happened")
    hand = PartnerAtHand(replay, partner_id, first_of_month(month), at)
    awards = (*bonuses(hand), *contests(hand), *places(hand), *sponsored(hand))
    return Beside(partner_id, month, hand.accrued_through, awards)


def _members(award: Award) -> dict[str, object]:
    return {
        **award._asdict(),
        "reasons": [
            {
                "name": each.name,
                "text": each.text,
                "grounds": [ground._asdict() for ground in each.grounds],
            }
            for each in award.reasons
        ],
    }
