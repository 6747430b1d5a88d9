"""The figures of SQL are a plain count over the journal, and of a position always the same."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from random import Random

import psycopg
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from events.base import Fact
from events.billing import (
    ClientActivated,
    ClientChurned,
    ClientNpsReported,
    ClientPlanChanged,
    ClientUsageReported,
    DemoHeld,
    TrialEnded,
    TrialStarted,
)
from events.codec import decode_state
from events.partners import (
    CostRecorded,
    LeadCaptured,
    LeadConverted,
    PartnerAgreementEnded,
    PartnerAgreementSigned,
    PartnerEnrolled,
    PartnerNpsReported,
    PortalVisited,
    ReferralRegistered,
    ResourceDownloaded,
    TrainingCompleted,
)
from events.values import Interval
from ledger.engine.evolve import evolve
from ledger.engine.state import Client, Partner
from ledger.entities import recorded
from replay.as_of import Replay, Row
from replay.entities import ledger_at
from replay.figures import Figures
from replay.measuring import Measures, eve_of_month, whole, year_before
from tests.model import figures as plain
from tests.model.commands import Accrue, Adopt, Assign, Retract
from tests.model.days import PARIS
from tests.model.journal import Message
from tests.properties.play import play
from tests.properties.stories import DAYS, Step, Story, terms
from tests.rules.ledger_adapter import RealLedger, _database, open_ledger
from tests.rules.looking import looking

_ON_REAL = settings(
    max_examples=max(8, settings().max_examples // 8),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
PARTNERS = ("p1", "p2")
CLIENTS = ("c1", "c2", "c3", "c4")
LEADS = ("l1-p1", "l1-p2", "l2-p1", "l2-p2", "l3")
_HALF = 0.5


def _told(lots: Random) -> Fact:
    """A fact that no decision reads, or of a lead."""
    partner, client, lead = lots.choice(PARTNERS), lots.choice(CLIENTS), lots.choice(LEADS)
    about = lots.choice(
        [{"client_id": client}, {"lead_id": lead}, {"client_id": client, "lead_id": lead}]
    )
    facts: list[Fact] = [
        DemoHeld(**about, co_hosted=lots.random() < _HALF),
        TrialStarted(**about),
        TrialEnded(**about, outcome=lots.choice(["won", "lost"])),
        PortalVisited(partner_id=partner),
        TrainingCompleted(partner_id=partner, course=lots.choice("ab")),
        ResourceDownloaded(partner_id=partner, resource="flyer"),
        ClientNpsReported(client_id=client, score=lots.randrange(-100, 101)),
        ClientUsageReported(client_id=client, features_used=lots.randrange(101)),
        CostRecorded(category="tools", amount=7, currency=lots.choice(["EUR", "CHF"])),
        LeadCaptured(lead_id="l3", partner_id=lots.choice([None, *PARTNERS])),
    ]
    # The steps of the funnel more often than the rest.
    return facts[lots.choice([0, 0, 1, 1, 2, 2, *range(3, len(facts))])]


def _lived(lots: Random) -> Fact:
    """A fact of a client's life: claims, plans, prices, intervals, ends; or of its partner."""
    client, partner = lots.choice(CLIENTS), lots.choice(PARTNERS)
    subscription = lots.choice([client, client, f"{client}.2"])
    plan, price = lots.choice("ab"), lots.choice([0, 100, 200, 1_000])
    interval: Interval | None = lots.choice([None, "month", "year"])
    about = {"client_id": client, "subscription_id": subscription}
    changed = {**about, "plan": plan, "price": price}
    chosen = lots.randrange(12)
    facts: list[Fact] = [
        ClientPlanChanged.model_validate({**changed, "interval": interval}),
        ClientPlanChanged.model_validate({**changed, "currency": lots.choice([None, "CHF"])}),
        ClientChurned(**about),
        ReferralRegistered(partner_id=partner, client_id=client),
        LeadCaptured(
            lead_id=f"l1-{partner}",
            partner_id=partner,
            client_id=lots.choice([None, client]),
        ),
        LeadConverted(lead_id=f"l2-{partner}", client_id=client),
        PartnerNpsReported(partner_id=partner, score=lots.randrange(90)),
        lots.choice([PartnerAgreementEnded, PartnerAgreementSigned])(partner_id=partner),
    ]
    if chosen < len(facts):
        return facts[chosen]
    return ClientActivated.model_validate(
        {
            **changed,
            "currency": lots.choice(["EUR", "EUR", "CHF"]),
            "interval": interval or "month",
            "partner_id": lots.choice([None, *PARTNERS]),
        }
    )


def _batch(placed: Sequence[tuple[Fact, date]], name: str) -> list[Message]:
    """Messages with ids and instants of their own."""
    return [
        Message(
            fact,
            datetime.combine(day, time(9), PARIS).astimezone(UTC) + timedelta(seconds=number),
            f"{name}-{number}",
        )
        for number, (fact, day) in enumerate(placed)
    ]


_DENSE = DAYS[1:16]


def journey(seed: int) -> Story:
    """Two partners and four clients on few days, much told of each; a run in between.

    Drawn from a seed: what hypothesis draws is mostly small, and hardly a price would change twice.
    """
    lots = Random(seed)  # noqa: S311 - lots, not secrets
    enrolled: list[tuple[Fact, date]] = [
        (PartnerEnrolled(partner_id=partner, kind="referral"), DAYS[0]) for partner in PARTNERS
    ]
    placed = [
        (lots.choice([_lived, _lived, _told])(lots), lots.choice(_DENSE))
        for _ in range(lots.randrange(20, 90))
    ]
    half = len(placed) // 2
    return [
        Adopt(terms()),
        [*_batch(enrolled, "p"), *_batch(placed[:half], "y")],
        *_by_finance(lots, "y", half),
        Accrue(lots.choice(_DENSE)),
        _batch(placed[half:], "z"),
        *_by_finance(lots, "z", half),
    ]


def _by_finance(lots: Random, name: str, facts: int) -> list[Step]:
    """Clients that finance gives to a partner or to nobody, and facts that were never true."""
    steps: list[Step] = [
        Assign(lots.choice(CLIENTS), lots.choice([None, *PARTNERS]), lots.choice(_DENSE))
        for _ in range(lots.randrange(3))
    ]
    return steps + [Retract(f"{name}-{lots.randrange(facts)}") for _ in range(lots.randrange(6))]


def _counted(ledger: RealLedger, position: int, until: date) -> plain.Figures:
    """The plain count of the journal up to a position."""
    told: list[plain.Told] = []
    entities: dict[str, object] = {}
    with psycopg.connect(ledger.url) as connection:
        rows = connection.execute(
            "SELECT position, originator_id, topic, state, effective_at, day, source, event_id"
            " FROM ledger.events WHERE position <= %s ORDER BY position",
            (position,),
        ).fetchall()
    for row in rows:
        stream, event = recorded((*row[:3], bytes(row[3]), *row[4:]))
        told.append(plain.Told(row[0], row[5], row[4], decode_state(row[2], bytes(row[3]))))
        entity = evolve(stream, entities.get(stream), event)
        if entity is not None:
            entities[stream] = entity
    clients = {e.client_id: e for e in entities.values() if isinstance(e, Client)}
    partners = {e.partner_id: e for e in entities.values() if isinstance(e, Partner)}
    return plain.Figures(told, clients, partners, until)


@settings(_ON_REAL, max_examples=max(40, settings().max_examples // 8))
@given(
    seed=st.integers(0, 10**9),
    day=st.none() | st.sampled_from(_DENSE),
    share=st.integers(0, 3),
)
def test_the_figures_are_a_plain_count(seed: int, day: date | None, share: int) -> None:
    """Of each partner and of the programme, as of any position and day."""
    with open_ledger() as ledger, looking(_database()) as connection:
        play(journey(seed), ledger)
        replay = Replay(connection)
        position = replay.resolve().position
        at = replay.resolve(position=max(2, position - share * position // 4), effective_at=day)
        measures = Measures(replay, at, ledger_at(replay, at))
        counted = _counted(ledger, at.position, measures.until)
        for partner_id in PARTNERS:
            _compare_partner(measures, counted, partner_id)
        _compare_stocks(measures, counted)
        if measures.day is not None:
            _compare_windows(measures, counted, measures.day)


def _compare_partner(measures: Measures, counted: plain.Figures, partner_id: str) -> None:
    acquired = measures.acquisition.get((partner_id,))
    found = [
        whole(acquired, name)
        for name in (
            "demos", "co_hosted_demos", "shown", "shown_and_tried", "tried", "tried_and_paid"
        )
    ]  # fmt: skip
    assert tuple(found) == counted.acquisition(partner_id)
    assert whole(acquired, "leads") == counted.leads(partner_id)
    assert whole(acquired, "referrals") == counted.referrals(partner_id)
    last, visits, courses, all_courses, downloads = counted.engagement(partner_id)
    engaged = measures.engagement.get((partner_id,))
    if engaged is not None:
        assert engaged["last_visit"] == last
        assert whole(engaged, "all_courses") == all_courses
    assert [whole(engaged, name) for name in ("visits", "courses", "downloads")] == [
        visits, courses, downloads
    ]  # fmt: skip
    scores = measures.scores.get((partner_id,))
    names = ("score_sum", "scored_clients", "used_sum", "used_clients")
    assert tuple(whole(scores, name) for name in names) == counted.scores(partner_id)
    assert (None if scores is None else scores["reported"]) == counted.reported(partner_id)


def _compare_stocks(measures: Measures, counted: plain.Figures) -> None:
    days = {measures.until, *DAYS[::4]}
    portfolio, network = measures.portfolio(days), measures.network(days)
    total = measures.counted(days)
    for day in days:
        paying = counted.paying(day)
        shown = {
            key: (whole(row, "clients"), whole(row, "arr"))
            for key, row in portfolio[day].items()
            if key[1] is not None
        }
        assert shown == {key: (len(one), sum(one.values())) for key, one in paying.items()}
        for holder in (*PARTNERS, None):
            row = portfolio[day].get((holder, None))
            assert whole(row, "clients") == len(counted.active(holder, day))
        assert network[day] == counted.network(day)
        assert {who: n for (who,), n in total[day].items()} == dict(counted.counted(day))


def _compare_windows(measures: Measures, counted: plain.Figures, day: date) -> None:
    january, before = day.replace(month=1, day=1), year_before(day)
    billed, grown = measures.billed(january, day), measures.expansion(before, day)
    lost = {since: measures.retention(since, day) for since in (eve_of_month(day), before)}
    for holder in (*PARTNERS, None):
        for since, rows in lost.items():
            row = rows.get((holder,))
            found = (whole(row, "clients"), whole(row, "lost"))
            assert found == counted.retention(holder, since, day)
        assert {code: n for (who, code), n in billed.items() if who == holder} == dict(
            counted.billed(holder, january, day)
        )
        upsells, more = counted.expansion(holder, before, day)
        of_one = {code: row for (who, code), row in grown.items() if who == holder}
        assert sum(whole(row, "upsells") for row in of_one.values()) == upsells
        assert {code: whole(row, "expansion") for code, row in of_one.items()} == dict(more)
    assert measures.costs(january, day) == dict(counted.costs(january, day))
    assert sum(
        whole(row, stage)
        for row in measures.pipeline(day, 40)
        for stage in ("claimed", "shown", "in_trial")
    ) == counted.deals(day, 40)


@settings(_ON_REAL, max_examples=max(4, settings().max_examples // 12))
@given(seed=st.integers(0, 10**9))
def test_figures_of_a_position_are_those_told_then(seed: int) -> None:
    """Whatever is recorded afterwards."""
    with open_ledger() as ledger, looking(_database()) as connection:
        replay = Replay(connection)
        then: list[tuple[int, date | None, list[Row]]] = []

        def watch(_: Step) -> None:
            position = replay.resolve().position
            then.extend((position, day, _answers(replay, position, day)) for day in (None, DAYS[9]))

        play(journey(seed), ledger, watch=watch)
        for position, day, rows in then:
            assert _answers(replay, position, day) == rows


def _answers(replay: Replay, position: int, day: date | None) -> list[Row]:
    figures = Figures(replay, replay.resolve(position=position, effective_at=day))
    return [*figures.of_all(), *figures.of_programme()]


@settings(_ON_REAL)
@given(seed=st.integers(0, 10**9))
def test_what_is_projected_comes_true_if_nothing_changes(seed: int) -> None:
    """With no fact of a later day, runs through the year's end post just what was projected."""
    day, end = _DENSE[-1], date(2024, 12, 31)
    with open_ledger() as ledger, looking(_database()) as connection:
        play([*journey(seed), Accrue(day)], ledger)
        replay = Replay(connection)
        figures = Figures(replay, replay.resolve(effective_at=day))
        projected = _money(figures.of_programme(), "commissions_projected")
        play([Accrue(end)], ledger)
        figures = Figures(replay, replay.resolve(effective_at=end))
        assert _money(figures.of_programme(), "commissions_year") == projected


def _money(rows: Iterable[Row], figure: str) -> dict[object, object]:
    return {
        row["currency"]: row["value"] for row in rows if row["figure"] == figure and row["value"]
    }
