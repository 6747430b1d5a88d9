"""White labels, decided when a grant is recorded (D13).

Readings:

- The brand on a day is what the last word up to it says, by effective_at, then position: an
  accepted grant, or a revocation, which needs no answer.
- A partner that is not enrolled by the grant's day is not strategic.
- A grant is answered though the programme has no white label; then no margin comes of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from tests.model.seen import Seen
from tests.model.views import GrantView


@dataclass
class Brands:
    """All words about brands that have an effect, and all answers."""

    words: list[tuple[str, Seen, bool]] = field(default_factory=list)
    """Partner, fact, and whether the brand is granted by it."""
    answers: list[GrantView] = field(default_factory=list)

    def grant(self, partner_id: str, seen: Seen, *, is_strategic: bool) -> None:
        """Answer a grant."""
        if not is_strategic:
            self.answers.append(GrantView(seen.message.id, partner_id, "rejected", "not_strategic"))
            return
        self.answers.append(GrantView(seen.message.id, partner_id, "accepted"))
        self.words.append((partner_id, seen, True))

    def revoke(self, partner_id: str, seen: Seen) -> None:
        """Hear a revocation."""
        self.words.append((partner_id, seen, False))

    def holds(self, partner_id: str, day: date) -> bool:
        """Whether a partner has the brand on a day."""
        words = [
            (seen, on) for who, seen, on in self.words if who == partner_id and seen.day <= day
        ]
        return bool(words) and max(words, key=lambda word: word[0].order)[1]
