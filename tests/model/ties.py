"""Ties of partners to their sponsors, decided when an enrolment or correction is recorded (D11).

Readings:

- *Enrolled on a later day*: the sponsor's enrolment day is after that of the sponsored partner,
  also when the tie comes of a correction.
- A correction of the sponsor ends the tie that was before it, also when the new one is rejected or
  waits; a correction that takes the sponsor away leaves none.
- Of an enrolment's tie a sponsor earns on all lines, those posted before its own enrolment was told
  included; of a corrected one on lines posted after the tie was decided (D9.6).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from tests.model.seen import Seen, enrolment
from tests.model.views import TieView


@dataclass(frozen=True)
class Tie:
    """What a partner says of its sponsor, with the answer.

    ``position`` orders what waits; ``lines_before`` is how many lines were posted when the tie of a
    correction was decided: these earn the sponsor nothing.
    """

    partner_id: str
    sponsor_id: str
    position: int
    corrected: bool = False
    answer: str = "waiting"
    reason: str = ""
    lines_before: int = 0


@dataclass
class Ties:
    """The present tie of each partner that names a sponsor."""

    ties: dict[str, Tie] = field(default_factory=dict)

    def sponsor(self, partner_id: str) -> Tie | None:
        """The tie of a partner that was accepted, if any."""
        tie = self.ties.get(partner_id)
        return tie if tie is not None and tie.answer == "accepted" else None

    def name(self, tie: Tie, facts: list[Seen], lines: int) -> None:
        """A partner names its sponsor; ``lines`` is how many lines are posted."""
        self.ties[tie.partner_id] = tie
        self._decide(tie.partner_id, facts, lines)

    def clear(self, partner_id: str) -> None:
        """A partner has no sponsor."""
        self.ties.pop(partner_id, None)

    def enrolled(self, partner_id: str, facts: list[Seen], lines: int) -> None:
        """Decide the ties that waited for a partner, in recording order."""
        waiting = [tie for tie in self.ties.values() if tie.sponsor_id == partner_id]
        for tie in sorted(waiting, key=lambda tie: tie.position):
            if tie.answer == "waiting":
                self._decide(tie.partner_id, facts, lines)

    def _decide(self, partner_id: str, facts: list[Seen], lines: int) -> None:
        tie = self.ties[partner_id]
        own, sponsor = enrolment(facts, partner_id), enrolment(facts, tie.sponsor_id)
        assert own is not None
        if sponsor is None:
            return
        reason = ""
        if tie.sponsor_id == partner_id:
            reason = "self"
        elif sponsor[0].day > own[0].day:
            reason = "unknown_sponsor"
        elif self._leads_to(tie.sponsor_id, partner_id):
            reason = "cycle"
        self.ties[partner_id] = replace(
            tie,
            answer="rejected" if reason else "accepted",
            reason=reason,
            lines_before=lines if tie.corrected else 0,
        )

    def _leads_to(self, partner_id: str, goal: str) -> bool:
        """Whether a partner's sponsors, one above the other, come to another partner."""
        while (tie := self.sponsor(partner_id)) is not None:
            partner_id = tie.sponsor_id
            if partner_id == goal:
                return True
        return False

    def views(self) -> list[TieView]:
        """What became of the sponsor of each partner."""
        return [TieView(t.partner_id, t.sponsor_id, t.answer, t.reason) for t in self.ties.values()]
