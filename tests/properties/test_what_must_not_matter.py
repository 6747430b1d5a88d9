"""Stories of the whole programme told in two ways that must come to the same.

The order of facts between two runs, runs in between, batches, facts about others, prices: on these
nothing depends but what a rule says.
"""

from __future__ import annotations

from datetime import date

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from events.base import Fact
from events.billing import (
    ClientActivated,
    ClientFact,
    ClientPlanChanged,
    InvoicePaid,
    InvoiceRefunded,
)
from events.partners import (
    PartnerCertified,
    PartnerComarketingInvested,
    PartnerEnrolled,
    PartnerNpsReported,
    PartnerPortfolioReported,
    PartnerWhiteLabelGranted,
    ReferralRegistered,
)
from events.values import parse_instant
from tests.model.commands import Accrue
from tests.model.invoices import payments
from tests.model.journal import LedgerUnderTest, Message
from tests.model.naive import NaiveLedger
from tests.model.periods import all_spells
from tests.model.views import LineView
from tests.properties.engines import every_engine
from tests.properties.every_rule import stories_of_every_rule
from tests.properties.play import lines_of, play, tiers_of
from tests.properties.stories import DAYS, AdjustLine, Step, Story
from tests.rules.adapters import OpenLedger

every_ledger = every_engine(8, 6)


def decided(ledger: LedgerUnderTest) -> tuple[object, ...]:
    """All that runs and closes decided, whatever its order."""
    return (
        lines_of(ledger),
        tiers_of(ledger),
        sorted(ledger.badges()),
        ledger.balances(),
        ledger.trial_balance(),
    )


def told(open_ledger: OpenLedger, story: Story) -> tuple[object, ...]:
    """What a new ledger has decided after a story."""
    with open_ledger() as ledger:
        play(story, ledger)
        return decided(ledger)


# --- the order of arrival ------------------------------------------------------------------------


def client_of(message: Message) -> str | None:
    """The client that a fact is about, if it is about one and nothing else."""
    data = message.data
    return data.client_id if isinstance(data, ClientFact | ReferralRegistered) else None


@st.composite
def clients_apart(draw: st.DrawFn, batch: list[Message]) -> list[Message]:
    """A batch in which facts of different clients have changed places, and no others."""
    found: list[Message] = []
    stretch: list[Message] = []

    def shuffle() -> None:
        places = draw(st.permutations([client_of(message) for message in stretch]))
        queues = {
            client: [message for message in stretch if client_of(message) == client]
            for client in set(places)
        }
        found.extend(queues[client].pop(0) for client in places)
        stretch.clear()

    for message in batch:
        if client_of(message) is None:
            shuffle()
            found.append(message)
        else:
            stretch.append(message)
    shuffle()
    return found


@every_ledger
def test_facts_of_different_clients_in_another_order(
    open_ledger: OpenLedger, limits: settings
) -> None:
    """Between two runs: not a line, tier, badge or balance is another."""

    @settings(limits)
    @given(story=stories_of_every_rule(), data=st.data())
    def check(story: Story, data: st.DataObject) -> None:
        other: Story = [
            data.draw(clients_apart(step)) if isinstance(step, list) else step for step in story
        ]
        assert told(open_ledger, other) == told(open_ledger, story)

    check()


@every_ledger
def test_any_facts_in_another_order(open_ledger: OpenLedger, limits: settings) -> None:
    """D18.8: provided that the same claims, activations, ties, brands and territories win."""

    @settings(limits)
    @given(story=stories_of_every_rule().map(with_one_enrolment_each), data=st.data())
    def check(story: Story, data: st.DataObject) -> None:
        other: Story = [
            data.draw(st.permutations(step)) if isinstance(step, list) else step for step in story
        ]
        assume(winners(story) == winners(other))
        assert told(open_ledger, other) == told(open_ledger, story)

    check()


def with_one_enrolment_each(story: Story) -> Story:
    """The story without the messages that enrol a partner again."""
    first: dict[str, str] = {}

    def stays(message: Message) -> bool:
        if not isinstance(message.data, PartnerEnrolled):
            return True
        return first.setdefault(message.data.partner_id, message.id) == message.id

    return [
        [message for message in step if stays(message)] if isinstance(step, list) else step
        for step in story
    ]


def winners(story: Story) -> list[object]:
    """What won: claims, activations, payments, ties, brands, territories, after each command."""
    model = NaiveLedger()
    found: list[object] = []

    def watch(step: Step) -> None:
        if isinstance(step, list):
            return
        found.append(
            (
                {
                    (client, claim.fact.message.id)
                    for client, claim in model.attribution.standing.items()
                },
                {
                    spell.activation.message.id
                    for client in model.world.client_ids()
                    for spell in all_spells(model.facts, client)
                },
                [
                    (payment.key, payment.client_id, payment.start, payment.currency)
                    for payment in payments(model.facts)
                ],
                sorted(model.sponsors()),
                sorted(model.grants()),
                sorted(
                    (a.message.id, b.message.id)
                    for a in model.facts
                    for b in model.facts
                    if a.position < b.position and same_invoice(a.message.data, b.message.data)
                ),
            )
        )

    play(story, model, watch=watch)
    return found


def same_invoice(one: Fact, other: Fact) -> bool:
    """Whether two facts are payments of one invoice: their order is that of refunds (D8.2)."""
    return (
        isinstance(one, InvoicePaid)
        and isinstance(other, InvoicePaid)
        and one.invoice_id == other.invoice_id
    )


# --- runs and batches ----------------------------------------------------------------------------


@every_ledger
def test_a_run_that_is_split(open_ledger: OpenLedger, limits: settings) -> None:
    """D18.11: through a day on the way first, with nothing recorded in between."""

    @settings(limits)
    @given(story=stories_of_every_rule(), stops=st.lists(st.sampled_from(DAYS), max_size=4))
    def check(story: Story, stops: list[date]) -> None:
        split: Story = []
        for step in story:
            if isinstance(step, Accrue):
                split += [Accrue(day) for day in sorted(stops) if day < step.through]
            split.append(step)
        assert told(open_ledger, split) == told(open_ledger, story)

    check()


@every_ledger
def test_batches_of_any_size(open_ledger: OpenLedger, limits: settings) -> None:
    """One by one, or by twos: the same."""

    @settings(limits)
    @given(story=stories_of_every_rule(), size=st.integers(1, 2))
    def check(story: Story, size: int) -> None:
        cut: Story = []
        for step in story:
            if isinstance(step, list):
                cut += [step[at : at + size] for at in range(0, len(step), size)]
            else:
                cut.append(step)
        assert told(open_ledger, cut) == told(open_ledger, story)

    check()


# --- facts about others --------------------------------------------------------------------------


@st.composite
def reports(draw: st.DrawFn) -> Message:
    """A fact about p1 that decides about nobody else's clients."""
    facts: list[Fact] = [
        PartnerCertified(partner_id="p1", certification="cert"),
        PartnerNpsReported(partner_id="p1", score=draw(st.sampled_from([0, 90]))),
        PartnerPortfolioReported(partner_id="p1", clients=draw(st.sampled_from([0, 500]))),
        PartnerComarketingInvested(partner_id="p1", amount=5_000, currency="EUR"),
        PartnerWhiteLabelGranted(partner_id="p1"),
    ]
    when = f"{draw(st.sampled_from(DAYS))}T07:07:07.070707Z"
    return Message(draw(st.sampled_from(facts)), parse_instant(when), "added")


def of_others(ledger: LedgerUnderTest) -> tuple[object, ...]:
    """What was decided about everybody but p1, but prizes and what sponsors earn."""

    def is_kept(line: LineView) -> bool:
        return line.partner_id != "p1" and line.kind not in {"prize", "reward", "override"}

    return (
        sorted(line.comparable() for line in ledger.lines() if is_kept(line)),
        [tier for tier in tiers_of(ledger) if tier.partner_id != "p1"],
        [badge for badge in sorted(ledger.badges()) if badge.partner_id != "p1"],
    )


@every_ledger
def test_a_fact_about_one_partner_changes_nothing_of_another(
    open_ledger: OpenLedger, limits: settings
) -> None:
    """But for rankings, sponsors, and territories, which are held to be the same."""

    @settings(limits)
    @given(story=stories_of_every_rule(), added=reports(), data=st.data())
    def check(story: Story, added: Message, data: st.DataObject) -> None:
        place = data.draw(st.integers(2, len(story)))
        story = [step for step in story if not isinstance(step, AdjustLine)]
        more: Story = [*story[:place], [added], *story[place:]]
        models = [NaiveLedger(), NaiveLedger()]
        for model, one in zip(models, (story, more), strict=True):
            play(one, model)
        assume(models[0].territories.holdings == models[1].territories.holdings)
        found = []
        for one in (story, more):
            with open_ledger() as ledger:
                play(one, ledger)
                found.append(of_others(ledger))
        assert found[0] == found[1]

    check()


# --- prices --------------------------------------------------------------------------------------


def with_prices(story: Story, factor: int) -> Story:
    """The story with every price and everything invoiced so many times as large.

    What finance posts by hand stays as it is: it is no share of a price.
    """
    return [
        [_scaled(message, factor) for message in step] if isinstance(step, list) else step
        for step in story
    ]


def _scaled(message: Message, factor: int) -> Message:
    data = message.data
    if isinstance(data, ClientActivated | ClientPlanChanged):
        data = data.model_copy(update={"price": data.price * factor})
    if isinstance(data, InvoicePaid | InvoiceRefunded):
        data = data.model_copy(update={"net_amount": data.net_amount * factor})
    return Message(data, message.effective_at, message.id, message.source)


@every_ledger
def test_prices_ten_times_as_large(open_ledger: OpenLedger, limits: settings) -> None:
    """Shares of prices are ten times as large, to the cent; amounts of the programme stay.

    The prices are thousands, so that no share is rounded.
    """
    shares = {"commission", "margin", "waiver", "override"}

    @settings(limits)
    @given(story=stories_of_every_rule())
    def check(story: Story) -> None:
        found = []
        for factor in (1_000, 10_000):
            with open_ledger() as ledger:
                play(with_prices(story, factor), ledger)
                found.append(
                    sorted(
                        _amounts(line, 10 if factor == 1_000 else 1, shares)
                        for line in ledger.lines()
                    )
                )
        assert found[0] == found[1]

    check()


def _amounts(line: LineView, factor: int, shares: set[str]) -> tuple[str, ...]:
    """A line, with amount and base of a share of a price so many times as large."""
    is_share = line.kind in shares or line.is_take_back
    amount = line.amount * factor if is_share else line.amount
    base = None if line.base is None else line.base * factor
    rest = (line.kind, line.rule, line.partner_id, line.service_date, line.client_id)
    return tuple(str(part) for part in (*rest, amount, base))
