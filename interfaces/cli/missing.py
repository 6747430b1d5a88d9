"""Why nothing was paid, for people: ``commissions explain --client C --period DAY``.

Of a partner's month: ``--partner P --period YYYY-MM``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from interfaces.money import Locale, format_money
from replay.explaining.awards import Award
from replay.explaining.beside import Beside
from replay.explaining.missing import Answer, Missing
from replay.explaining.reasons import Ground, Reason
from replay.written import plain

_NOT_DECIDED = "    WHICH IS NOT what the engine decides; run: commissions recompute"


def missing_text(found: Missing, locale: Locale) -> Iterator[str]:
    """The lines of an answer: each period with its reasons, then what became of every claim."""
    reached = found.accrued_through
    until = f"accrued through {reached}" if reached else "nothing accrued yet"
    yield f"Client {found.client_id} on {found.day}, {until}"
    for answer in found.answers:
        yield from _answer(answer, locale)
    if found.claims:
        yield "\nClaims to the client"
    for row in found.claims:
        said = f"{row['answer']} {row['reason'] or ''}".rstrip()
        yield f"    {row['position']!s:>9}  {plain(row['day']):10}  {row['partner_id']}: {said}"


def _answer(answer: Answer, locale: Locale) -> Iterator[str]:
    if answer.subscription_id is not None:
        yield f"\nSubscription {answer.subscription_id}{_period(answer)}"
    yield from _reasons(answer.reasons, locale)
    if answer.expected is not None and answer.currency is not None:
        amount = format_money(answer.expected, answer.currency, locale)
        yield f"    by what is known a run that takes it would post {amount}"
    if not answer.agrees:
        yield _NOT_DECIDED


def beside_text(found: Beside, locale: Locale) -> Iterator[str]:
    """The lines of a partner's month: each award with its reasons, and what was left out."""
    reached = found.accrued_through
    until = f"accrued through {reached}" if reached else "nothing accrued yet"
    yield f"Partner {found.partner_id} in {found.month}, {until}"
    for award in found.awards:
        yield from _award(award, locale)
    if not found.awards:
        yield "\nIts programme gives nothing beside its clients' lines, and it sponsors nobody"


def _award(award: Award, locale: Locale) -> Iterator[str]:
    words = " ".join(filter(None, (award.kind.replace("_", " "), award.about)))
    day = f", {award.day}" if award.day else ""
    yield f"\n{words[0].upper()}{words[1:]}{day}"
    yield from _reasons(award.reasons, locale)
    if award.posted and award.currency is not None:
        yield f"    posted {format_money(award.posted, award.currency, locale)}"
    if award.expected and award.currency is not None:
        amount = format_money(award.expected, award.currency, locale)
        yield f"    by what is known a run, or the close, would post {amount}"
    if not award.agrees:
        yield _NOT_DECIDED


def _reasons(reasons: Iterable[Reason], locale: Locale) -> Iterator[str]:
    for reason in reasons:
        yield f"    {reason.name}: {reason.text}"
        for ground in reason.grounds:
            yield _ground(ground, locale)


def _period(answer: Answer) -> str:
    if answer.start is None:
        return ": no period on that day"
    invoice = f", invoice {answer.invoice_id}" if answer.invoice_id else ""
    payment = f", payment {answer.payment_id}" if answer.payment_id else ""
    holder = f", held by {answer.partner_id}" if answer.partner_id else ", held by nobody"
    return f", period {answer.start} to {answer.end}{invoice}{payment}{holder}"


def _ground(ground: Ground, locale: Locale) -> str:
    value = plain(ground.value) or "none"
    if ground.currency is not None and isinstance(ground.value, int):
        value = format_money(ground.value, ground.currency, locale)
    place = "" if ground.position is None else f"position {ground.position}"
    return f"        {ground.name:16} {value:12} {place}".rstrip()
