"""The partners of the demo: who they are, when they joined, and what they report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from interfaces.demo.lots import Lots
from interfaces.demo.messages import Book, Data, add_months

END = date(2026, 12, 31)
"""The last day of the year that the demo tells."""

DEPARTMENTS = ("75", "69", "33", "13", "31", "44", "59", "67", "35", "06", "34", "38", "92", "2A")
CROSS_BORDER = ("01", "74")
"""Departments by the Swiss border, where some clients pay in francs."""

KINDS = (("referral", 70), ("reseller", 17), ("tech", 10), ("oem", 3))


@dataclass(frozen=True, slots=True)
class Group:
    """Partners of one kind of success: how many, when they join, and ranges for the rest.

    ``certified`` is the chance in a thousand of taking the certification; ``comarketing`` is what
    each of a partner's investments costs, in cents (none: it makes none).
    """

    size: int
    joined: tuple[date, date]
    clients_2025: tuple[int, int]
    clients_2026: tuple[int, int]
    certified: int = 0
    nps: tuple[int, int] = (25, 60)
    portfolio: tuple[int, int] = (50, 190)
    comarketing: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Partner:
    """A partner with its plans; ``fades``: it brings its clients of 2025 before that day."""

    partner_id: str
    kind: str
    department: str
    enrolled: date
    portfolio: int
    clients_2025: int
    clients_2026: int
    founding: bool = False
    sponsor_id: str | None = None
    certified: date | None = None
    nps: tuple[tuple[date, int], ...] = ()
    comarketing: tuple[tuple[date, int], ...] = ()
    fades: date | None = None
    ended: date | None = None
    signed: date | None = None

    @property
    def cross_border(self) -> bool:
        """Whether some of its clients pay in Swiss francs."""
        return self.department in CROSS_BORDER


_PILOT = (date(2025, 1, 6), date(2025, 3, 21))
_SECOND = (date(2025, 4, 1), date(2025, 10, 31))
_GROWTH = (date(2026, 1, 5), date(2026, 3, 20))
_LATER = (date(2026, 1, 5), date(2026, 9, 15))

GROUPS = (
    # The founding group: the pilot of early 2025.
    Group(1, _PILOT, (34, 34), (128, 128), 1000, (52, 68), (320, 320), (300_000, 350_000)),
    Group(1, _PILOT, (38, 38), (60, 60), 1000, (50, 60), (260, 260)),
    Group(1, _PILOT, (26, 26), (78, 78), 1000, (48, 66), (180, 180)),
    Group(1, _PILOT, (13, 13), (4, 4), 1000, (44, 52), (95, 95)),
    Group(1, _PILOT, (18, 18), (62, 62), 1000, (46, 64), (170, 170)),
    Group(1, _PILOT, (9, 9), (26, 26), 0, (35, 60), (120, 120)),
    Group(1, _PILOT, (15, 15), (48, 48), 1000, (30, 36), (150, 150)),
    Group(1, _PILOT, (4, 4), (8, 8)),
    Group(1, _PILOT, (11, 11), (12, 12), 1000, (45, 58)),
    Group(1, _PILOT, (3, 3), (5, 5)),
    # Those who came after: the strongest first.
    Group(2, (date(2025, 4, 1), date(2025, 5, 15)), (16, 22), (105, 120), 1000, (50, 66),
          (210, 400), (260_000, 320_000)),
    Group(6, _SECOND, (9, 14), (40, 60), 1000, (42, 66), (90, 240)),
    Group(6, _SECOND, (3, 8), (16, 30), 500),
    Group(6, _GROWTH, (0, 0), (25, 40), 900, (42, 66), (80, 260)),
    Group(16, _LATER, (0, 0), (8, 20), 450),
    Group(12, _LATER, (0, 0), (2, 8)),
    Group(2, _LATER, (0, 0), (0, 1)),
)  # fmt: skip

FOUNDERS = 10
"""The first partners are the founding group."""

SPONSORED = {14: 1, 20: 1, 27: 3, 31: 11, 33: 1, 36: 5, 41: 12, 48: 3}
"""Sponsored partner → its sponsor, by number; each sponsor has joined before."""

TERRITORY, BRAND = 11, 12
"""Strategic partners, by number: one holds its department, one sells under its own brand."""


def partners() -> tuple[Partner, ...]:
    """All partners, in the order of their ids."""
    numbered = enumerate((group for group in GROUPS for _ in range(group.size)), start=1)
    return tuple(_particular(number, _partner(number, group)) for number, group in numbered)


def tell(partner: Partner, book: Book) -> None:
    """Everything that is told about a partner itself, clients apart."""
    for day, type_, data in _facts(partner):
        if day <= END:
            book.tell(day, type_, {"partner_id": partner.partner_id, **data})


def _partner(number: int, group: Group) -> Partner:
    lots = Lots(f"partner/{number}")
    enrolled = lots.day(*group.joined)
    sponsor = SPONSORED.get(number)
    certified = None
    if lots.chance(group.certified):
        certified = enrolled + timedelta(days=lots.whole(30, 75))
    return Partner(
        partner_id=name(number),
        kind=lots.weighted(KINDS),
        department=lots.pick(CROSS_BORDER) if number in (16, 29) else lots.pick(DEPARTMENTS),
        enrolled=enrolled,
        portfolio=lots.whole(*group.portfolio),
        clients_2025=lots.whole(*group.clients_2025),
        clients_2026=lots.whole(*group.clients_2026),
        founding=number <= FOUNDERS,
        sponsor_id=None if sponsor is None else name(sponsor),
        certified=certified,
        nps=tuple(_scores(lots, enrolled, group.nps)),
        comarketing=tuple(_investments(lots, enrolled, group.comarketing)),
    )


def _particular(number: int, partner: Partner) -> Partner:
    """The partners that the year is told by: rise, fall, a low score, an agreement that ends."""
    match number:
        case 2:  # Strategic early in 2025; a year later the co-marketing is missing.
            spent = ((date(2025, 3, 18), 320_000), (date(2025, 4, 9), 230_000))
            partner = replace(partner, comarketing=spent, fades=date(2025, 6, 15))
        case 4:  # Certified in its first months, then little: a review takes the level away.
            partner = replace(partner, fades=date(2025, 6, 30))
        case 7:  # Everything but the score, which rises above 40 in May 2026.
            better = ((date(2026, 5, 12), 47), (date(2026, 9, 8), 51))
            earlier = tuple(score for score in partner.nps if score[0] < date(2026, 5, 1))
            partner = replace(partner, nps=(*earlier, *better))
        case 9:  # Certified, and kept by its review.
            partner = replace(partner, fades=date(2025, 8, 31))
        case 10:  # The agreement ends for good.
            partner = replace(partner, ended=date(2026, 9, 15))
        case 22:  # The agreement ends, and is signed again two months later.
            partner = replace(partner, ended=date(2026, 4, 10), signed=date(2026, 6, 12))
    return partner


def tell_privileges(partners: Sequence[Partner], book: Book) -> None:
    """What strategic partners ask for: a department of its own, a brand and what it then owes."""
    held, branded = partners[TERRITORY - 1], partners[BRAND - 1]
    book.tell(
        date(2026, 3, 2),
        "partner.territory_granted",
        {"partner_id": held.partner_id, "department": held.department},
    )
    who = {"partner_id": branded.partner_id}
    book.tell(date(2026, 7, 1), "partner.white_label_granted", who)
    for month in range(8, 13):
        paid: Data = {**who, "amount": 700_000, "currency": "EUR", "reference": f"w-2026-{month}"}
        book.tell(date(2026, month, 20), "wholesale.settled", paid)


def name(number: int) -> str:
    """The opaque id of a partner."""
    return f"p-{number:03d}"


def _scores(lots: Lots, enrolled: date, span: tuple[int, int]) -> Iterator[tuple[date, int]]:
    day = enrolled + timedelta(days=lots.whole(45, 80))
    while day <= END:
        yield day, lots.whole(*span)
        day = add_months(day, 4)


def _investments(
    lots: Lots, enrolled: date, amount: tuple[int, int] | None
) -> Iterator[tuple[date, int]]:
    if amount is None:
        if lots.chance(300):
            yield lots.day(enrolled, END), lots.whole(4, 18) * 10_000
        return
    day = enrolled + timedelta(days=lots.whole(60, 120))
    while day <= END:
        yield day, lots.whole(*amount)
        day = add_months(day, 5)


def _facts(partner: Partner) -> Iterator[tuple[date, str, Data]]:
    lots = Lots(f"facts/{partner.partner_id}")
    enrolment: dict[str, str | int | bool] = {
        "kind": partner.kind,
        "department": partner.department,
        "portfolio": partner.portfolio,
    }
    if partner.founding:
        enrolment["founding"] = True
    if partner.sponsor_id is not None:
        enrolment["sponsor_id"] = partner.sponsor_id
    yield partner.enrolled, "partner.enrolled", enrolment
    if partner.certified is not None:
        data: Data = {"certification": f"expert-{partner.certified.year}"}
        yield partner.certified, "partner.certified", data
    for day, score in partner.nps:
        yield day, "partner.nps_reported", {"score": score}
    for day, amount in partner.comarketing:
        spent: Data = {"amount": amount, "currency": "EUR"}
        yield day, "partner.comarketing_invested", spent
    counted = add_months(partner.enrolled, 10)
    grown = partner.portfolio + lots.whole(0, 25)
    yield counted, "partner.portfolio_reported", {"clients": grown}
    if partner.ended is not None:
        yield partner.ended, "partner.agreement_ended", {"reason": "notice"}
    if partner.signed is not None:
        yield partner.signed, "partner.agreement_signed", {"term_months": 12}
    yield from _engagement(partner, lots)


def _engagement(partner: Partner, lots: Lots) -> Iterator[tuple[date, str, Data]]:
    courses = ("product-basics", "first-pitch", "e-invoicing-2026", "certifying-day")
    for number in range(lots.whole(1, len(courses))):
        day = partner.enrolled + timedelta(days=7 + 24 * number)
        yield day, "training.completed", {"course": courses[number]}
    resources = ("slides", "flyer-a5", "email-templates", "video-demo", "posts")
    day = partner.enrolled
    while day <= END:
        yield day, "portal.visited", {}
        if lots.chance(350):
            yield day, "resource.downloaded", {"resource": lots.pick(resources)}
        day += timedelta(days=lots.whole(6, 28))
