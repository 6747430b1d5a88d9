"""Random stories: facts of few partners and clients on few days, with commands in between.

Days are chosen where rules bite: month ends, leap days, the edges of windows, anniversaries. No two
facts have one instant: what a tie would decide is left out, as D18.8 says.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from hypothesis import strategies as st

from events.base import Fact
from events.billing import ClientActivated, ClientChurned, ClientPlanChanged
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
    PayoutFailed,
    PayoutSettled,
    ReferralRegistered,
)
from ledger.policy.programme import Programme
from tests.model.commands import Accrue, Adjust, Adopt, AssignProgramme, Close, Command, Credit, Pay
from tests.model.days import PARIS, month_of
from tests.model.journal import Message
from tests.model.payments import payout_id
from tests.rules.programmes import programme, tier_terms


@dataclass(frozen=True)
class AdjustLine:
    """An adjustment that names one of the lines that there are, the ``number``-th of them."""

    number: int
    amount: int


Step = list[Message] | Command | AdjustLine
"""Facts told in one batch, or one command."""

Story = list[Step]

DAYS = [
    date.fromisoformat(day)
    for day in [
        "2023-12-31",
        "2024-01-01",
        "2024-01-10",
        "2024-01-30",
        "2024-01-31",
        "2024-02-01",
        "2024-02-10",
        "2024-02-11",
        "2024-02-28",
        "2024-02-29",
        "2024-03-01",
        "2024-03-10",
        "2024-03-30",
        "2024-03-31",
        "2024-04-10",
        "2024-04-30",
        "2024-06-30",
        "2024-12-31",
        "2025-01-31",
        "2025-02-10",
        "2025-02-28",
        "2025-03-31",
    ]
]
CUTOFFS = [date(2024, 1, 31), date(2024, 2, 29), date(2024, 3, 31), date(2024, 6, 30)]

partners = st.sampled_from(["p1", "p2"])
clients = st.sampled_from(["c1", "c1", "c2", "c3"])
currencies = st.sampled_from(["EUR", "EUR", "EUR", "EUR", "CHF"])
prices = st.sampled_from([0, 1, 20, 5_900, 10_000, 10_004, 25_000])
early = st.sampled_from(DAYS[:8])
days = st.sampled_from(DAYS[:16]) | st.sampled_from(DAYS)
subscriptions = st.sampled_from([None, None, None, "s1"])
intervals = st.sampled_from([None, None, None, None, None, "month", "year"])


def terms(name: str = "izyinbox", *, first_year: str = "0.125", qualifying: int = 0) -> Programme:
    """A programme whose windows and thresholds a handful of facts can reach."""
    return programme(
        name=name,
        attribution={"window_days": 40, "late_days": 20},
        activation={"qualifying_days": qualifying},
        payout={"minimum": [{"currency": "CHF", "amount": 1_000}]},
        tier=[
            tier_terms("referent", year_1=first_year),
            tier_terms(
                "certified",
                requires={
                    "counted_clients_12_months": 1,
                    "certification": True,
                    "nps_above": 40,
                },
                commitment={"counted_clients_per_year": 1},
            ),
            tier_terms(
                "strategic",
                requires={
                    "counted_clients_ever": 2,
                    "portfolio_above": 200,
                    "comarketing_12_months": 1_000,
                },
                commitment={"counted_clients_per_year": 2, "comarketing_per_year": 1_000},
                year_1="0.30",
                later="0.175",
            ),
        ],
    )


@st.composite
def _client_facts(draw: st.DrawFn) -> Fact:
    client = draw(clients)
    subscription = draw(subscriptions) or client
    kind = draw(st.sampled_from(["activated", "changed", "churned"]))
    if kind == "activated":
        return ClientActivated(
            client_id=client,
            subscription_id=subscription,
            plan="pro",
            price=draw(prices),
            currency=draw(currencies),
            interval=draw(intervals) or "month",
            partner_id=draw(st.none() | partners),
        )
    if kind == "changed":
        return ClientPlanChanged(
            client_id=client,
            subscription_id=subscription,
            plan="other",
            price=draw(prices),
            currency=draw(st.none() | currencies),
            interval=draw(intervals),
        )
    return ClientChurned(client_id=client, subscription_id=subscription)


@st.composite
def _claim_facts(draw: st.DrawFn) -> Fact:
    client, lead = draw(clients), draw(st.sampled_from(["l1", "l2"]))
    kind = draw(st.sampled_from(["referral", "referral", "lead", "conversion"]))
    if kind == "referral":
        return ReferralRegistered(partner_id=draw(partners), client_id=client)
    if kind == "lead":
        # A lead's id is of its partner, so that a lead is captured by one partner only.
        partner = draw(partners)
        return LeadCaptured(
            lead_id=f"{lead}-{partner}", partner_id=partner, client_id=draw(st.none() | clients)
        )
    return LeadConverted(lead_id=f"{lead}-{draw(partners)}", client_id=client)


@st.composite
def _partner_facts(draw: st.DrawFn) -> Fact:
    partner = draw(partners)
    kind = draw(st.integers(0, 7))
    facts: list[Fact] = [
        PartnerEnrolled(
            partner_id=partner,
            kind="referral",
            founding=draw(st.booleans()),
            portfolio=draw(st.sampled_from([None, 200, 201])),
        ),
        PartnerEnrolled(partner_id=partner, kind="reseller"),
        PartnerAgreementEnded(partner_id=partner),
        PartnerAgreementSigned(partner_id=partner),
        PartnerCertified(partner_id=partner, certification="cert"),
        PartnerNpsReported(partner_id=partner, score=draw(st.sampled_from([40, 41, 90]))),
        PartnerPortfolioReported(partner_id=partner, clients=draw(st.sampled_from([200, 201]))),
        PartnerComarketingInvested(
            partner_id=partner,
            amount=draw(st.sampled_from([500, 1_000])),
            currency=draw(currencies),
        ),
    ]
    return facts[kind]


@st.composite
def _payment_facts(draw: st.DrawFn) -> Fact:
    partner, currency = draw(partners), draw(currencies)
    name = payout_id(draw(partners), draw(currencies), draw(st.sampled_from(CUTOFFS)))
    if draw(st.booleans()):
        return PayoutFailed(partner_id=partner, payout_id=name, reason="iban")
    return PayoutSettled(
        partner_id=partner,
        payout_id=draw(st.none() | st.just(name)),
        amount=draw(st.sampled_from([0, 1_250, 2_500])),
        tax_amount=draw(st.sampled_from([0, 250])),
        currency=currency,
    )


@st.composite
def new_prices(draw: st.DrawFn) -> Fact:
    """A plan change and nothing else: told late and early in the year, it moves what was posted."""
    client = draw(clients)
    return ClientPlanChanged(
        client_id=client, subscription_id=client, plan="other", price=draw(prices)
    )


@st.composite
def _agreements(draw: st.DrawFn) -> Fact:
    """An agreement ends or is signed again."""
    partner = draw(partners)
    if draw(st.integers(0, 2)) == 0:
        return PartnerAgreementSigned(partner_id=partner)
    return PartnerAgreementEnded(partner_id=partner)


Placed = tuple[Fact, date, int]
"""A fact with its day and its hour in Paris."""


def placed(
    facts: st.SearchStrategy[Fact], on: st.SearchStrategy[date]
) -> st.SearchStrategy[Placed]:
    """Facts on days, at an hour of the night, the noon or the evening."""
    return st.tuples(facts, on, st.sampled_from([0, 12, 23]))


ANY_FACT = st.one_of(
    placed(new_prices(), early),
    placed(new_prices(), days),
    placed(_client_facts(), days),
    placed(_client_facts(), days),
    placed(_claim_facts(), days),
    placed(_agreements(), days),
    placed(_partner_facts(), days),
    placed(_payment_facts(), days),
)
"""Any fact that a plain story tells."""


@st.composite
def plain_commands(draw: st.DrawFn) -> Command | AdjustLine:
    """Payouts, closes, adjustments, credits, and other programmes."""
    kind = draw(st.integers(0, 7))
    amount = draw(st.sampled_from([-700, 300]))
    day = draw(st.none() | days)
    commands: list[Command | AdjustLine] = [
        Pay(draw(st.sampled_from(CUTOFFS)), None),
        Pay(draw(st.sampled_from(CUTOFFS)), None),
        Close(month_of(draw(days))),
        AdjustLine(draw(st.integers(0, 20)), amount),
        Adjust(draw(partners), amount, draw(currencies), date=day),
        Credit(draw(partners), abs(amount), date=day),
        Adopt(terms(first_year="0.155"), draw(days)),
        AssignProgramme(draw(partners), "resellers", draw(days)),
    ]
    return commands[kind]


def _at(day: date, hour: int, number: int) -> datetime:
    """An instant of a day in Paris; the number keeps it apart from all others."""
    local = datetime.combine(day, time(hour), PARIS).astimezone(UTC)
    return local + timedelta(seconds=number)


class Telling:
    """A story while it is drawn: its steps, and the messages told so far."""

    def __init__(self, draw: st.DrawFn, story: Story) -> None:
        self.draw = draw
        self.story = story
        self.told: list[Message] = []

    def tell(self, facts: list[Placed]) -> None:
        """Tell facts in one batch, seldom with one that was told before."""
        first = len(self.told)
        batch = [
            Message(fact, _at(day, hour, number), f"m-{number}")
            for number, (fact, day, hour) in enumerate(facts, start=first)
        ]
        self.told += batch
        if self.told and self.draw(st.integers(0, 4)) == 0:
            again = self.draw(st.sampled_from(self.told))
            batch.insert(self.draw(st.integers(0, len(batch))), again)
        if batch:
            self.story.append(batch)


@st.composite
def stories(draw: st.DrawFn) -> Story:
    """Two programmes, a start that mostly leads somewhere, then facts, runs and commands."""
    telling = Telling(draw, [Adopt(terms()), Adopt(terms("resellers", first_year="0.333"))])
    telling.tell(draw(plain_starts()))
    runs = draw(st.lists(st.sampled_from(DAYS[2:]), min_size=1, max_size=4))
    for through in sorted(runs):
        telling.tell(draw(st.lists(ANY_FACT, min_size=1, max_size=8)))
        telling.story.append(Accrue(through))
        telling.story += draw(st.lists(plain_commands(), max_size=2))
    return telling.story


@st.composite
def plain_starts(draw: st.DrawFn) -> list[Placed]:
    """What a partner needs for its tiers, and clients of its own: drawn, so that any may lack."""
    facts: list[Placed] = []
    for partner in ("p1", "p2"):
        if draw(st.integers(0, 3)) == 0:
            continue
        ready: list[Fact] = [
            PartnerEnrolled(
                partner_id=partner, kind="referral", portfolio=300, founding=draw(st.booleans())
            ),
            PartnerCertified(partner_id=partner, certification="cert"),
            PartnerNpsReported(partner_id=partner, score=80),
            PartnerComarketingInvested(partner_id=partner, amount=1_000, currency="EUR"),
        ]
        kept = ready[: draw(st.integers(1, 4))]
        facts += [(fact, draw(st.sampled_from(DAYS[:3])), 0) for fact in kept]
    for client in draw(st.lists(clients, unique=True)):
        day = draw(early)
        data = ClientActivated(
            client_id=client,
            subscription_id=client,
            plan="pro",
            price=draw(prices),
            currency=draw(currencies),
            interval=draw(intervals) or "month",
            partner_id=draw(partners),
        )
        facts.append((data, day, draw(st.sampled_from([0, 23]))))
    return draw(st.permutations(facts))
