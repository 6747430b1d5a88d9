"""The facts that the model has seen, with their place, and questions to the whole list of them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar

from events.base import Fact
from events.billing import ClientFact, DemoHeld, TrialEnded, TrialStarted
from events.partners import (
    LeadCaptured,
    LeadConverted,
    PartnerAgreementEnded,
    PartnerAgreementSigned,
    PartnerCertified,
    PartnerComarketingInvested,
    PartnerEnrolled,
    PartnerNpsReported,
    PartnerPortfolioReported,
    ReferralRegistered,
)
from tests.model.days import day_of
from tests.model.journal import Message

F = TypeVar("F", bound=Fact)
T = TypeVar("T")


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


class Facts(list[Seen]):
    """Facts in recording order, and answers that were given about them, until there is another.

    The model asks the same of the whole list again and again.
    """

    def __init__(self) -> None:
        super().__init__()
        self._answers: dict[Hashable, Any] = {}

    def append(self, seen: Seen) -> None:
        """Add one to the end."""
        self._answers.clear()
        super().append(seen)

    def remove(self, seen: Seen) -> None:
        """Take one out that was retracted."""
        self._answers.clear()
        super().remove(seen)

    def answer(self, question: Hashable, find: Callable[[], T]) -> T:
        """The answer to a question, found once."""
        if question not in self._answers:
            self._answers[question] = find()
        found: T = self._answers[question]
        return found


def of_type(facts: Iterable[Seen], cls: type[F]) -> Sequence[tuple[Seen, F]]:
    """The facts of one type, in recording order, each with its data."""

    def find() -> tuple[tuple[Seen, F], ...]:
        each = ((seen, seen.message.data) for seen in facts)
        return tuple((seen, data) for seen, data in each if isinstance(data, cls))

    return facts.answer(cls, find) if isinstance(facts, Facts) else find()


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


def stopped_on(facts: list[Seen], partner_id: str, day: date) -> date | None:
    """The day from which an agreement that is not in force on a day has not been (D4.4).

    None if it is in force, or the partner is not enrolled by then.
    """
    enrolled = enrolment(facts, partner_id)
    if enrolled is None or day < enrolled[0].day or in_force(facts, partner_id, day):
        return None
    return min(
        seen.day
        for seen, data in of_type(facts, PartnerAgreementEnded)
        if data.partner_id == partner_id
        and enrolled[0].day <= seen.day <= day
        and all(
            not in_force(facts, partner_id, between)
            for between in _days_of_agreements(facts, partner_id)
            if seen.day <= between <= day
        )
    )


def _days_of_agreements(facts: list[Seen], partner_id: str) -> set[date]:
    """The days on which something is said about a partner's agreement."""
    words = [*of_type(facts, PartnerAgreementSigned), *of_type(facts, PartnerAgreementEnded)]
    return {seen.day for seen, data in words if data.partner_id == partner_id}


_RETRACTABLE = (
    ClientFact,
    DemoHeld,
    TrialStarted,
    TrialEnded,
    ReferralRegistered,
    LeadCaptured,
    LeadConverted,
    PartnerCertified,
    PartnerNpsReported,
    PartnerPortfolioReported,
    PartnerComarketingInvested,
)


def is_retractable(fact: Fact) -> bool:
    """Whether a fact is about a client, a claim or a lead, or a partner's report (D9.5)."""
    return isinstance(fact, _RETRACTABLE)
