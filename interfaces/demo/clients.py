"""The clients of the demo: how each came, what it pays, and what becomes of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from interfaces.demo.lots import Lots
from interfaces.demo.messages import Book, Data, add_months, last_day
from interfaces.demo.network import END, Partner

DIRECT_CLIENTS = 120
"""Clients that no partner brought."""

STALE_CLAIMS = 140
"""Prospects that were claimed and never became clients."""

COLD_LEADS = 420
"""Leads that a partner brought and that became nobody's client."""

SEASON = (135, 100, 110, 95, 85, 90, 60, 35, 145, 130, 120, 80)
"""Activations by month: the contest of January, August's rest, September's e-invoicing duty."""

PRICES = {
    "EUR": {"starter": 59_00, "pro": 149_00, "enterprise": 399_00},
    "CHF": {"starter": 65_00, "pro": 159_00, "enterprise": 429_00},
}
"""A month's price of each plan, in cents; a year costs ten months."""

PLANS = (("starter", 60), ("pro", 33), ("enterprise", 7))
UP = {"starter": "pro", "pro": "enterprise"}
DOWN = {"pro": "starter", "enterprise": "pro"}
REASONS = ("price", "closed", "switched", "unused")


@dataclass(frozen=True, slots=True)
class Client:
    """A client with what it pays at the moment; ``partner`` None: direct."""

    client_id: str
    partner: Partner | None
    activated: date
    plan: str
    currency: str
    interval: str

    @property
    def terms(self) -> dict[str, str | int | bool]:
        """Plan, price, currency and interval, as the wire says them."""
        months = 10 if self.interval == "year" else 1
        return {
            "plan": self.plan,
            "price": PRICES[self.currency][self.plan] * months,
            "currency": self.currency,
            "interval": self.interval,
        }


def clients(partners: Sequence[Partner]) -> tuple[Client, ...]:
    """All clients; their ids count up in the order of their activation."""
    drawn = [
        (day, partner, number)
        for partner in partners
        for number, day in enumerate(_activations(partner))
    ]
    lots = Lots("direct")
    direct = [(lots.day(date(2025, 1, 20), END), None, n) for n in range(DIRECT_CLIENTS)]
    placed = sorted(
        [*drawn, *direct], key=lambda one: (one[0], one[1].partner_id if one[1] else "", one[2])
    )
    return tuple(
        _client(f"c-{number:05d}", partner, day)
        for number, (day, partner, _) in enumerate(placed, start=1)
    )


def tell(client: Client, partners: Sequence[Partner], book: Book) -> None:
    """The whole life of a client, from the first claim to the end of the year."""
    lots = Lots(f"client/{client.client_id}")
    activation: dict[str, str | int | bool] = {"client_id": client.client_id, **client.terms}
    if client.partner is None:
        _tell_direct(client, partners, lots, book)
    else:
        activation |= _tell_claims(client, client.partner, partners, lots, book)
    late = 1 if lots.chance(10) else 0
    # Half past eleven at night in UTC is the next day in Paris: a few are activated then.
    night = lots.chance(15)
    book.tell(client.activated, "client.activated", activation, late=late, at_night=night)
    _tell_usage(client, lots, book)
    _tell_changes(client, lots, book)
    if lots.chance(20):
        second = {
            "client_id": client.client_id,
            "subscription_id": f"{client.client_id}.2",
            **replace(client, plan="starter").terms,
        }
        day = client.activated + timedelta(days=lots.whole(30, 150))
        book.tell(day, "client.activated", second)


def tell_stale_claims(partners: Sequence[Partner], book: Book) -> None:
    """Prospects in the pipeline, some lost after a trial; no activation ever comes."""
    lots = Lots("stale")
    for number in range(1, STALE_CLAIMS + 1):
        partner = lots.pick(partners)
        day = lots.day(partner.enrolled + timedelta(days=3), END)
        prospect = {"client_id": f"x-{number:05d}"}
        claim = {"partner_id": partner.partner_id, **prospect, "via": "portal"}
        book.tell(day, "referral.registered", claim)
        for wait, type_, data in _funnel(lots):
            book.tell(day + timedelta(days=wait), type_, {**prospect, **data})
        if lots.chance(400):
            lost = day + timedelta(days=lots.whole(24, 45))
            book.tell(lost, "trial.ended", {**prospect, "outcome": "lost"})


def tell_cold_leads(partners: Sequence[Partner], book: Book) -> None:
    """Leads without a client: many see a demonstration, fewer try, most of these are lost."""
    lots = Lots("cold")
    for number in range(1, COLD_LEADS + 1):
        partner = lots.pick(partners)
        day = lots.day(partner.enrolled + timedelta(days=3), END)
        lead = {"lead_id": f"k-{number:05d}"}
        told: Data = {"partner_id": partner.partner_id, "employees": lots.whole(3, 60)}
        book.tell(day, "lead.captured", {**lead, **told})
        if not lots.chance(750):
            continue
        (shown, demo, how), (tried, trial, _) = _funnel(lots)
        book.tell(day + timedelta(days=shown), demo, {**lead, **how})
        if not lots.chance(400):
            continue
        began = day + timedelta(days=tried)
        book.tell(began, trial, lead)
        if lots.chance(850):
            ended = began + timedelta(days=lots.whole(5, 16))
            book.tell(ended, "trial.ended", {**lead, "outcome": "lost"})


def _activations(partner: Partner) -> Iterator[date]:
    """The days on which a partner's clients are activated, by season, after its enrolment."""
    lots = Lots(f"activations/{partner.partner_id}")
    begin = partner.enrolled + timedelta(days=10)
    for year, count in ((2025, partner.clients_2025), (2026, partner.clients_2026)):
        end = last_day(year, 12)
        past = year < END.year
        if past and partner.fades is not None:
            end = partner.fades
        if not past and partner.ended is not None and partner.signed is None:
            end = partner.ended - timedelta(days=20)
        first = max(begin, date(year, 1, 2))
        months = [(month, SEASON[month - 1]) for month in range(first.month, end.month + 1)]
        for _ in range(count):
            month = lots.weighted(months)
            yield lots.day(max(first, date(year, month, 1)), min(end, last_day(year, month)))


def _client(client_id: str, partner: Partner | None, activated: date) -> Client:
    lots = Lots(f"terms/{client_id}")
    francs = partner is not None and partner.cross_border and lots.chance(400)
    return Client(
        client_id=client_id,
        partner=partner,
        activated=activated,
        plan=lots.weighted(PLANS),
        currency="CHF" if francs else "EUR",
        interval="year" if lots.chance(110) else "month",
    )


def _tell_claims(
    client: Client, partner: Partner, partners: Sequence[Partner], lots: Lots, book: Book
) -> dict[str, str | int | bool]:
    """How the client came to its partner; gives what the activation itself says of it."""
    first = partner.enrolled + timedelta(days=3)
    claimed = max(first, client.activated - timedelta(days=lots.whole(4, 70)))
    who = {"partner_id": partner.partner_id, "client_id": client.client_id}
    way = lots.weighted((("referral", 68), ("lead", 14), ("activation", 16), ("expired", 2)))
    if way == "activation":
        return {"partner_id": partner.partner_id}
    if way == "lead":
        lead = {"lead_id": f"l-{client.client_id[2:]}"}
        captured: Data = {"partner_id": partner.partner_id, "employees": lots.whole(5, 90)}
        book.tell(claimed, "lead.captured", {**lead, **captured})
        converted = max(claimed + timedelta(days=1), client.activated - timedelta(days=2))
        won = {**lead, "client_id": client.client_id}
        book.tell(min(converted, client.activated), "lead.converted", won)
        return {}
    if way == "expired" and client.activated - timedelta(days=230) > first:
        claimed = client.activated - timedelta(days=lots.whole(190, 230))
    via = lots.weighted((("link", 5), ("portal", 4), ("inbound", 1)))
    book.tell(claimed, "referral.registered", {**who, "via": via})
    if lots.chance(30):
        rival = lots.pick(partners)
        later = min(claimed + timedelta(days=lots.whole(1, 12)), client.activated)
        if rival.enrolled < later and rival is not partner:
            second = {**who, "partner_id": rival.partner_id, "via": "portal"}
            book.tell(later, "referral.registered", second)
    if lots.chance(450):
        _tell_trial(client, claimed, lots, book)
    return {}


def _tell_trial(client: Client, claimed: date, lots: Lots, book: Book) -> None:
    prospect = {"client_id": client.client_id}
    for wait, type_, data in _funnel(lots):
        day = min(claimed + timedelta(days=wait), client.activated)
        book.tell(day, type_, {**prospect, **data})
    book.tell(client.activated, "trial.ended", {**prospect, "outcome": "won"})


def _tell_direct(client: Client, partners: Sequence[Partner], lots: Lots, book: Book) -> None:
    """A few direct clients are claimed late: some in time for D3.3d, some not."""
    if not lots.chance(150):
        return
    partner = lots.pick(partners)
    claimed = client.activated - timedelta(days=lots.whole(2, 9))
    if partner.enrolled < claimed:
        claim = {"partner_id": partner.partner_id, "client_id": client.client_id, "via": "import"}
        book.tell(claimed, "referral.registered", claim, late=lots.whole(1, 2))


def _tell_usage(client: Client, lots: Lots, book: Book) -> None:
    """What the product reports: use each quarter, a score now and then."""
    who = {"client_id": client.client_id}
    used = lots.whole(25, 85)
    day = client.activated + timedelta(days=30)
    while day <= END:
        used = min(100, max(5, used + lots.whole(-12, 14)))
        book.tell(day, "client.usage_reported", {**who, "features_used": used})
        day = add_months(day, 3)
    if lots.chance(300):
        asked = client.activated + timedelta(days=lots.whole(60, 200))
        score = {"score": lots.whole(-20, 100)}
        book.tell(asked, "client.nps_reported", {**who, **score})


def _tell_changes(client: Client, lots: Lots, book: Book) -> None:
    """Month by month: a better plan, a smaller one, a yearly one, the end, or a return."""
    month = 0
    while (start := add_months(client.activated, month)) <= END:
        month += 1
        chosen = lots.weighted(
            (("", 958), ("up", 22), ("down", 5), ("year", 3), ("churned", 10), ("due", 2))
        )
        # "due": on the very day on which a period begins, where the rules say which price holds.
        day = start if chosen == "due" else start + timedelta(days=lots.whole(2, 26))
        if not chosen or day <= client.activated:
            continue
        if chosen == "churned":
            back = _tell_churn(client, day, lots, book)
            if back is None:
                return
            month += (back.year - start.year) * 12 + back.month - start.month + 1
            continue
        changed = _change(client, chosen)
        if changed != client:
            client = changed
            late = lots.whole(1, 2) if lots.chance(80) else 0
            data: Data = {"client_id": client.client_id, **client.terms}
            book.tell(day, "client.plan_changed", data, late=late)


def _change(client: Client, chosen: str) -> Client:
    match chosen:
        case "down":
            return replace(client, plan=DOWN.get(client.plan, client.plan))
        case "year":
            return replace(client, interval="year")
        case _:
            return replace(client, plan=UP.get(client.plan, client.plan))


def _tell_churn(client: Client, day: date, lots: Lots, book: Book) -> date | None:
    """The end of a client; gives the day on which it comes back, if it does."""
    who: dict[str, str | int | bool] = {"client_id": client.client_id}
    late = lots.whole(1, 2) if lots.chance(120) else 0
    data = {**who, "reason": lots.pick(REASONS)}
    book.tell(day, "client.churned", data, late=late)
    if not lots.chance(280):
        return None
    back = day + timedelta(days=lots.whole(20, 110))
    book.tell(back, "client.activated", {**who, **client.terms})
    return back


def _funnel(lots: Lots) -> Iterator[tuple[int, str, Data]]:
    """A demo, then a trial: days after the claim."""
    yield lots.whole(1, 8), "demo.held", {"co_hosted": lots.chance(350)}
    yield lots.whole(9, 20), "trial.started", {}
