"""Random stories of the whole programme: every type of fact that a rule reads, every command.

Three partners, four clients, two departments. What the programme says is drawn too, its choices
among it, so that a handful of facts reaches every rule.
"""

from __future__ import annotations

from datetime import date
from typing import Literal

from hypothesis import strategies as st
from pydantic import JsonValue

from events.base import Fact
from events.billing import (
    ClientActivated,
    ClientChurned,
    ClientPlanChanged,
    InvoicePaid,
    InvoiceRefunded,
)
from events.partners import (
    LeadCaptured,
    LeadConverted,
    PartnerCertified,
    PartnerEnrolled,
    PartnerNpsReported,
    PartnerTerritoryGranted,
    PartnerWhiteLabelGranted,
    PartnerWhiteLabelRevoked,
    ReferralRegistered,
    WholesaleSettled,
)
from events.values import TIERS
from ledger.policy.parts import Controls
from ledger.policy.programme import Programme
from tests.model.commands import (
    Accrue,
    Adopt,
    Approve,
    Assign,
    AssignProgramme,
    Close,
    Command,
    CorrectPartner,
    Hold,
    Open,
    OpenPartner,
    Pay,
    Release,
    Retract,
)
from tests.model.days import month_of
from tests.model.seen import is_retractable
from tests.properties.stories import (
    ANY_FACT,
    CUTOFFS,
    DAYS,
    AdjustLine,
    Placed,
    Story,
    Telling,
    clients,
    currencies,
    days,
    early,
    new_prices,
    placed,
    plain_commands,
    prices,
    terms,
)
from tests.rules.programmes import tier_terms

partners = st.sampled_from(["p1", "p1", "p2", "p3"])
departments = st.sampled_from([None, "69", "75", "75"])
_GAINED: dict[str, JsonValue] = {"prize": "trip", "value": 3_000}


_QUALIFYING = st.sampled_from([0, 0, 0, 10, 31])
"""Of one programme always the same, of two seldom."""

_QUICK: dict[str, JsonValue] = {
    "tier": [
        tier_terms("referent", year_1="0.125"),
        tier_terms(
            "certified",
            requires={"certification": True},
            commitment={"counted_clients_per_year": 1},
        ),
        tier_terms(
            "strategic",
            requires={"portfolio_above": 200},
            commitment={"counted_clients_per_year": 2},
            year_1="0.30",
            later="0.175",
        ),
    ]
}
"""Tiers that a report or two reach."""


_PARTS: list[str | None] = [
    "sponsorship",
    "white_label",
    "territory",
    "per_ten",
    "leaderboard",
    "ambassadors",
    "badges",
    "contests",
]
"""What a programme may do without."""


@st.composite
def programmes(draw: st.DrawFn, name: str, rate: str, each: int, qualifying: int = 0) -> Programme:
    """A programme with every part, seldom without one; most of its choices are the reference's."""
    plain = terms(name, first_year=rate, qualifying=qualifying)
    parts: dict[str, JsonValue] = draw(st.sampled_from([_QUICK, _QUICK, {}])) | {
        "per_ten": {"each": each, "amount": 500, "from": draw(st.sampled_from(TIERS))},
        "contest": [
            {
                "code": "sprint",
                "start": "2024-01-10",
                "end": draw(st.sampled_from(["2024-02-10", "2024-02-29", "2024-03-31"])),
                "amount": 700,
                "first_place": _GAINED,
            }
        ],
        "sponsorship": {
            "reward": 900,
            "active_clients": draw(st.sampled_from([1, 1, 2])),
            "override": "0.05",
            "client_year": draw(st.sampled_from([1, 1, 2])),
        },
        "leaderboard": {"prizes": [300, 200]},
        "ambassadors": {"places": 1, "above": draw(st.integers(0, 1)), "amount": 4_000},
        "badges": {
            "pioneer": 1,
            "rocket": {"clients": 2, "months": 1},
            "diamond": 2,
            "centurion": 3,
        },
        "white_label": {"share": draw(st.sampled_from(["0.40", "0.40", "0.40", "0"]))},
        "territory": {"months": draw(st.sampled_from([1, 24]))},
    }
    whole = Programme.from_document({**plain.document(), **parts})
    lacking = draw(st.sampled_from([None] * 24 + _PARTS))
    chosen = draw(_choices(whole))
    if lacking is not None:
        chosen = chosen.model_copy(update={lacking: () if lacking == "contests" else None})
    return chosen


@st.composite
def _choices(draw: st.DrawFn, whole: Programme) -> Programme:
    """The programme with some choices that the reference does not make (not validated).

    Each is seldom made; in one programme of five most are, so that they meet each other.
    """
    plain = draw(st.sampled_from([5, 5, 5, 5, 1]))

    def choice(reference: object, *others: object) -> object:
        return draw(st.sampled_from([reference] * plain + list(others)))

    parts: dict[str, dict[str, object]] = {
        "attribution": {"territory_check": choice("all", "leads_only")},
        "agreement": {"tail": choice("none", 1, "client_lifetime")},
        "client_year": {"restart": choice("never", "reactivation")},
        "per_ten": {"judged": choice("day_after", "counting_day")},
        "sponsorship": {"trigger": choice("active", "enrolment")},
        "white_label": {"basis": choice("kept", "while_strategic")},
    }
    changed = {
        name: getattr(whole, name).model_copy(update=choices) for name, choices in parts.items()
    }
    [contest] = whole.contests
    mode = choice("in_addition", "instead_of_first_year")
    return whole.model_copy(
        update={
            **changed,
            "contests": (contest.model_copy(update={"mode": mode}),),
            "accrual": choice("schedule", "invoice"),
            "rate_basis": choice("service_date", "activation_date"),
            "version_basis": choice("service_date", "activation_date"),
        }
    )


@st.composite
def _grants(draw: st.DrawFn) -> Fact:
    """Brands and territories."""
    partner = draw(partners)
    facts: list[Fact] = [
        PartnerWhiteLabelGranted(partner_id=partner),
        PartnerWhiteLabelGranted(partner_id=partner),
        PartnerWhiteLabelRevoked(partner_id=partner),
        PartnerTerritoryGranted(partner_id=partner, department="75"),
        PartnerTerritoryGranted(partner_id=partner, department=draw(departments) or "75"),
    ]
    return draw(st.sampled_from(facts))


@st.composite
def _claims(draw: st.DrawFn) -> Fact:
    """Claims that name departments, and leads, also without a partner."""
    kind = draw(st.integers(0, 3))
    lead = f"l{draw(st.integers(1, 2))}"
    if kind == 0:
        return ReferralRegistered(
            partner_id=draw(partners), client_id=draw(clients), department=draw(departments)
        )
    if kind == 1:
        return LeadConverted(lead_id=lead, client_id=draw(clients))
    return LeadCaptured(
        lead_id=lead,
        partner_id=draw(st.none() | partners),
        client_id=draw(st.none() | clients),
        department=draw(departments),
    )


@st.composite
def _invoices(draw: st.DrawFn) -> Fact:
    """Payments and refunds of few invoices."""
    client, currency = draw(clients), draw(currencies)
    invoice, payment = (
        f"i{draw(st.integers(1, 3))}-{client}",
        draw(st.sampled_from([None, "x", "y"])),
    )
    if draw(st.integers(0, 2)) == 0:
        return InvoiceRefunded(
            client_id=client,
            invoice_id=invoice,
            payment_id=payment,
            net_amount=draw(prices),
            currency=currency,
        )
    return InvoicePaid(
        client_id=client,
        subscription_id=client,
        invoice_id=invoice,
        payment_id=payment,
        net_amount=draw(prices),
        currency=currency,
        period_start=draw(days),
    )


@st.composite
def _of_partners(draw: st.DrawFn) -> Fact:
    """Enrolments with sponsors, and wholesale settlements."""
    partner = draw(partners)
    if draw(st.integers(0, 2)) == 0:
        return WholesaleSettled(partner_id=partner, amount=1_500, currency=draw(currencies))
    return PartnerEnrolled(
        partner_id=partner,
        kind="referral",
        sponsor_id=draw(st.none() | partners),
        portfolio=draw(st.sampled_from([None, 300])),
    )


_FACTS = st.one_of(
    ANY_FACT,
    ANY_FACT,
    placed(new_prices(), early),
    placed(_grants(), early),
    placed(_grants(), days),
    placed(_claims(), days),
    placed(_claims(), early),
    placed(_invoices(), days),
    placed(_of_partners(), st.sampled_from(DAYS[:3])),
)


@st.composite
def _returns(draw: st.DrawFn) -> list[Placed]:
    """A client that leaves and comes back, at another price, in another currency or interval."""
    client, on = draw(clients), sorted(draw(st.lists(days, min_size=2, max_size=2)))
    again = ClientActivated(
        client_id=client,
        subscription_id=client,
        plan="pro",
        price=draw(prices),
        currency=draw(currencies),
        interval=draw(st.sampled_from(["month", "month", "year"])),
        partner_id=draw(st.none() | partners),
    )
    churned = ClientChurned(client_id=client, subscription_id=client)
    return [(churned, on[0], draw(st.sampled_from([0, 23]))), (again, on[1], 12)]


@st.composite
def _changes(draw: st.DrawFn) -> list[Placed]:
    """A plan change that names another currency or interval, which may be retracted later."""
    client = draw(clients)
    changed = ClientPlanChanged(
        client_id=client,
        subscription_id=client,
        plan="other",
        price=draw(prices),
        currency=draw(st.sampled_from([None, "EUR", "CHF"])),
        interval=draw(st.sampled_from([None, "month", "year"])),
    )
    return [(changed, draw(days), draw(st.sampled_from([0, 23])))]


def _beside(programmes: list[Programme]) -> st.SearchStrategy[list[Placed]]:
    """What a batch tells beside its facts: what rarely meets what it needs by chance."""
    invoices = st.lists(placed(_invoices(), days), min_size=1, max_size=3)
    on_invoices = any(each.accrual == "invoice" for each in programmes)
    nothing: list[Placed] = []
    usual = invoices if on_invoices else st.just(nothing)
    return st.one_of(usual, usual, st.just(nothing), st.just(nothing), _returns(), _changes())


def _moves(on: list[date]) -> st.SearchStrategy[AssignProgramme]:
    """A partner under another programme, from one of some days on."""
    names = st.sampled_from(["resellers", "resellers", "izyinbox"])
    return st.builds(AssignProgramme, partners, names, st.sampled_from(on))


def _assignments(on: list[date]) -> st.SearchStrategy[Assign]:
    """A client for a partner, or for none, from one of some days on."""
    return st.builds(Assign, clients, st.none() | partners, st.sampled_from(on))


@st.composite
def _commands(draw: st.DrawFn, again: Programme) -> Command | AdjustLine:
    """What finance can do beside runs; much of it is refused."""
    partner = draw(partners)
    sponsor: Literal["sponsor_id"] = "sponsor_id"
    commands: list[st.SearchStrategy[Command | AdjustLine]] = [
        plain_commands(),
        _assignments(DAYS[10:]),
        _moves(DAYS[6:]),
        st.builds(AdjustLine, st.integers(0, 20), st.sampled_from([-700, 300])),
        st.builds(Retract, st.integers(0, 30).map(lambda number: f"m-{number}")),
        st.sampled_from(
            [
                CorrectPartner(partner, sponsor_id=draw(partners)),
                CorrectPartner(partner, founding=draw(st.booleans())),
                CorrectPartner(partner, cleared=(sponsor,)),
            ]
        ),
        st.sampled_from([Hold(partner), Release(partner)]),
        st.builds(Pay, st.sampled_from(CUTOFFS) | days, st.just(partner)),
        st.builds(Close, days.map(month_of)),
        st.builds(Adopt, st.just(again), days),
    ]
    return draw(draw(st.sampled_from(commands)))


@st.composite
def _starts(draw: st.DrawFn) -> list[Placed]:
    """Partners that may tie each other and become strategic, and clients, mostly of the first."""
    first = st.sampled_from(DAYS[:2])
    facts: list[Placed] = []
    for partner in draw(st.sampled_from([["p1"], ["p2", "p1"], ["p3", "p2", "p1"]])):
        sponsor = draw(st.sampled_from([None, "p2", "p3"]))
        enrolled = PartnerEnrolled(
            partner_id=partner,
            kind="referral",
            founding=draw(st.booleans()),
            sponsor_id=None if sponsor == partner else sponsor,
            portfolio=draw(st.sampled_from([300, 300, None])),
        )
        facts.append((enrolled, draw(first), 0))
        if draw(st.integers(0, 3)):
            facts.append((PartnerCertified(partner_id=partner, certification="cert"), DAYS[1], 0))
            facts.append((PartnerNpsReported(partner_id=partner, score=80), DAYS[1], 0))
    for client in draw(st.lists(clients, unique=True, min_size=1)):
        data = ClientActivated(
            client_id=client,
            subscription_id=client,
            plan="pro",
            price=draw(st.sampled_from([5_900, 10_000, 10_004]) | prices),
            currency=draw(currencies),
            interval=draw(st.sampled_from(["month", "month", "month", "year"])),
            partner_id=draw(partners),
            department=draw(departments),
        )
        facts.append((data, draw(early), draw(st.sampled_from([0, 23]))))
    return draw(st.permutations(facts)) if draw(st.integers(0, 3)) == 0 else facts


@st.composite
def _openings(draw: st.DrawFn) -> Story:
    """A first run that decides tiers, or, seldom, a ledger with a past."""
    if draw(st.integers(0, 3)):
        return draw(st.sampled_from([[], [Accrue(DAYS[2])], [Accrue(DAYS[3])]]))
    day = draw(st.sampled_from([date(2024, 2, 1), date(2024, 3, 1)]))
    story: Story = [Open(day=day)]
    for partner in draw(st.lists(st.sampled_from(["p1", "p2"]), unique=True)):
        tier = draw(st.sampled_from(TIERS[1:]))
        balances = draw(st.sampled_from([{}, {"EUR": 500}, {"EUR": -300, "CHF": 20}]))
        since = draw(st.sampled_from(DAYS[1:5]))
        story.append(OpenPartner(partner_id=partner, tier=tier, since=since, balances=balances))
    return story


def _retraction(telling: Telling) -> Story:
    """Mostly none; else of something that was told and may be retracted.

    Activations after the first, and changes of currency or interval, more often than the rest.
    """
    told = [message for message in telling.told if is_retractable(message.data)]
    if not told or telling.draw(st.integers(0, 2)):
        return []
    is_of_rare = telling.draw(st.booleans())
    rare = [message for message in told if _is_rare(message.data, telling)] if is_of_rare else []
    return [Retract(telling.draw(st.sampled_from(rare or told)).id)]


def _is_rare(data: Fact, telling: Telling) -> bool:
    """Whether a fact moves what an earlier one of its client said: seldom retracted by chance."""
    if isinstance(data, ClientPlanChanged):
        return data.currency is not None or data.interval is not None
    if not isinstance(data, ClientActivated):
        return False
    activations = [each.data for each in telling.told if isinstance(each.data, ClientActivated)]
    first = next(each for each in activations if each.client_id == data.client_id)
    return data is not first


@st.composite
def _closes(draw: st.DrawFn) -> Story:
    """Closes that follow each other; those that come too early are refused."""
    return draw(
        st.sampled_from(
            [
                [],
                [Close("2024-01"), Close("2024-02"), Close("2024-03")],
                [Close("2024-02"), Close("2024-03"), Close("2024-04")],
                [Close("2024-03")],
                [Close("2024-11"), Close("2024-12"), Close("2025-01")],
            ]
        )
    )


@st.composite
def stories_of_every_rule(draw: st.DrawFn) -> Story:
    """Two programmes, a start, seldom an opening, then facts, runs and other commands."""
    each = draw(st.integers(1, 2))
    qualifying = draw(_QUALIFYING)
    first = draw(programmes("izyinbox", "0.125", each, qualifying))
    second = draw(programmes("resellers", "0.333", each, draw(_QUALIFYING)))
    again = draw(programmes("izyinbox", "0.155", each, qualifying))
    is_separate = draw(st.integers(0, 11)) == 0
    if is_separate:
        second = second.model_copy(update={"controls": Controls(approval="separate")})
    begin: Story = [Adopt(first), Adopt(second)]
    beside = _beside([first, second])
    telling = Telling(draw, begin)
    telling.tell(draw(_starts()))
    telling.story += draw(st.lists(_moves(DAYS[:12]), max_size=1))
    telling.story += draw(_openings())
    telling.story += draw(st.lists(_assignments(DAYS), max_size=2))
    runs = draw(st.lists(st.sampled_from(DAYS[4:]), min_size=1, max_size=4))
    for through in sorted(runs):
        telling.tell(draw(st.lists(_FACTS, min_size=1, max_size=4)) + draw(beside))
        telling.story.append(Accrue(through))
        telling.story += draw(st.lists(_commands(again), max_size=2))
        telling.story += _retraction(telling)
        if is_separate:
            telling.story += [Approve(draw(st.integers(1, 8))) for _ in range(3)]
    telling.story += draw(_closes())
    telling.tell(draw(st.lists(_FACTS, max_size=3)))
    telling.story.append(Accrue(max(runs)))
    return telling.story
