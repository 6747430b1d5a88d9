"""The facts that the model has seen, with their place, and questions to the whole list of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeVar

from events.base import Fact
from events.partners import PartnerAgreementEnded, PartnerAgreementSigned, PartnerEnrolled
from tests.model.days import day_of
from tests.model.journal import Message

F = TypeVar("F", bound=Fact)


@dataclass(frozen=True)
class Seen:
    """A message with its position in the order of recording."""

    position: int
    message: Message

    @property
    def day(self) -> date:
        """Its calendar day (D2)."""
        return day_of(self.message.effective_at)

    @property
    def order(self) -> tuple[datetime, int]:
        """By effective_at, then position: the last of one day stands for it (D2)."""
        return (self.message.effective_at, self.position)


def of_type(facts: Iterable[Seen], cls: type[F]) -> list[tuple[Seen, F]]:
    """The facts of one type, in recording order, each with its data."""
    return [(seen, seen.message.data) for seen in facts if isinstance(seen.message.data, cls)]


def enrolment(facts: Iterable[Seen], partner_id: str) -> tuple[Seen, PartnerEnrolled] | None:
    """The first recorded enrolment of a partner; a second changes nothing (D11)."""
    for seen, data in of_type(facts, PartnerEnrolled):
        if data.partner_id == partner_id:
            return seen, data
    return None


def in_force(facts: list[Seen], partner_id: str, day: date) -> bool:
    """D4.4: whether a partner's agreement is in force on a day.

    From the enrolment day; of the agreements signed and ended on later days (or that one) up to
    the day the last says it, by effective_at, then position.
    """
    enrolled = enrolment(facts, partner_id)
    if enrolled is None or day < enrolled[0].day:
        return False
    words = [
        seen
        for seen in facts
        if isinstance(seen.message.data, PartnerAgreementSigned | PartnerAgreementEnded)
        and seen.message.data.partner_id == partner_id
        and enrolled[0].day <= seen.day <= day
    ]
    if not words:
        return True
    last = max(words, key=lambda seen: seen.order)
    return isinstance(last.message.data, PartnerAgreementSigned)
