"""Why a partner earned nothing beside its clients' lines, told on hand-written stories (D10–D12).

::

    month      January     February    March       April
    quarter    |------------ 2024Q1 -------------|-- 2024Q2 ...
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from pydantic import JsonValue

from ledger.engine.calendar import month_of
from ledger.errors import Refused
from replay.as_of import Replay
from replay.explaining.awards import AWARD_REASONS, Award
from replay.explaining.beside import Beside, why_no_more
from tests.model.journal import Message
from tests.properties.every_rule import stories_of_every_rule
from tests.properties.play import play
from tests.properties.stories import Story
from tests.rules.commands import assign, correct, open_ledger, retract
from tests.rules.dsl import Given, Scenario
from tests.rules.facts import accrue, activated, certified, close, ended, enrolled, referred
from tests.rules.ledger_adapter import RealLedger, _database
from tests.rules.ledger_adapter import open_ledger as new_ledger
from tests.rules.looking import looking
from tests.rules.programmes import plain, programme, quick

BESIDE = {"bonus", "contest", "prize", "prize_in_kind", "reward", "override"}
BONUS: JsonValue = {"each": 2, "amount": 500, "from": "certified"}
SPRINT: JsonValue = {
    "code": "sprint",
    "start": "2024-01-01",
    "end": "2024-01-31",
    "amount": 700,
    "first_place": {"prize": "trip", "value": 9_000},
}
SPONSORSHIP: JsonValue = {"reward": 1_000, "active_clients": 2, "override": "0.05"}
BOARD: JsonValue = {"prizes": [300, 200]}
AMBASSADORS: JsonValue = {"places": 2, "above": 1, "amount": 4_000}


class Asked:
    """A real ledger that is told a story, and then asked."""

    def __init__(self, ledger: RealLedger, connection: psycopg.Connection) -> None:
        self.given, self.ledger, self.replay = Given(ledger), ledger, Replay(connection)

    def why(self, month: str, partner: str = "p1") -> Beside:
        """All awards, which must agree with the engine, and with the lines that there are."""
        found = why_no_more(self.replay, partner, month, self.replay.resolve())
        assert found.agrees, found
        posted = sum(
            line.amount
            for line in self.ledger.lines()
            if line.kind in BESIDE
            and line.partner_id == partner
            and month_of(line.service_date) == month
        )
        assert sum(award.posted for award in found.awards) == posted
        return found

    def of(self, kind: str, month: str, partner: str = "p1") -> list[Award]:
        """The awards of a kind."""
        return [award for award in self.why(month, partner).awards if award.kind == kind]

    def the(self, kind: str, month: str, partner: str = "p1") -> Award:
        """The one award of a kind."""
        (award,) = self.of(kind, month, partner)
        return award


@pytest.fixture
def asked() -> Iterator[Asked]:
    """A new ledger, and the questions."""
    with new_ledger() as ledger, looking(_database()) as connection:
        yield Asked(ledger, connection)


def names(award: Award) -> list[str]:
    """The names of its reasons."""
    return [reason.name for reason in award.reasons]


def numbers(award: Award) -> dict[str, object]:
    """What its first reason measured."""
    return {ground.name: ground.value for ground in award.reasons[0].grounds}


def clients(day: str, *ids: str, partner: str = "p1") -> list[Message]:
    """Clients that a partner claims and that count on a day."""
    return [
        message
        for client in ids
        for message in (referred(day, client, partner), activated(day, client))
    ]


# --- bonuses -------------------------------------------------------------------------------------


def test_a_bonus_by_its_tier_and_its_count(asked: Asked) -> None:
    """One client is too few; the second comes while a referent; the fourth while certified."""
    story = asked.given(
        enrolled("2024-01-01"), *clients("2024-01-10", "a"), programme=quick(per_ten=BONUS)
    )
    story.when(accrue("2024-01-31"))
    too_few = asked.the("bonus", "2024-01")
    assert (names(too_few), too_few.posted) == (["too_few_clients"], 0)
    assert numbers(too_few) == {"in the month": 1, "counted": 1, "next": 2}
    story.when(*clients("2024-02-10", "b"))
    waits = asked.the("bonus", "2024-02")
    assert (names(waits), waits.about) == (["tier_too_low", "not_reached"], "client 2")
    story.when(accrue("2024-02-29"))
    declined = asked.the("bonus", "2024-02")
    assert names(declined) == ["tier_too_low"]
    assert numbers(declined) == {"tier": "referent", "from": "certified", "b": date(2024, 2, 10)}
    assert declined.reasons[0].grounds[0].position is not None
    story.when(certified("2024-02-20"), *clients("2024-03-10", "c", "d"), accrue("2024-03-10"))
    reached = asked.the("bonus", "2024-03")
    assert (names(reached), reached.expected) == (["not_reached"], 500)
    story.when(accrue("2024-03-11"))
    paid = asked.the("bonus", "2024-03")
    assert (names(paid), paid.posted, paid.expected) == (["posted"], 500, 0)


def test_a_bonus_without_an_agreement_is_not_judged(asked: Asked) -> None:
    """Nor one of a day before the opening."""
    terms = quick(per_ten={**BONUS, "from": "referent"})  # type: ignore[dict-item]
    asked.given(
        enrolled("2024-01-01"),
        ended("2024-02-01"),
        *clients("2024-01-10", "a", "b"),
        referred("2024-01-20", "c"),
        activated("2024-02-10", "c"),
        referred("2024-01-20", "d"),
        activated("2024-02-10", "d"),
        open_ledger("2024-02-01"),
        accrue("2024-02-29"),
        programme=terms,
    )
    assert names(asked.the("bonus", "2024-01")) == ["before_opening"]
    assert names(asked.the("bonus", "2024-02")) == ["agreement_ended"]


# --- contests and places -------------------------------------------------------------------------


def test_a_contest_by_the_claims_of_its_clients(asked: Asked) -> None:
    """One inside, one outside, one that finance assigned; each client is named."""
    asked.given(
        enrolled("2024-01-01"),
        enrolled("2024-01-01", "p2"),
        referred("2023-12-20", "early", "p1"),
        referred("2024-01-05", "given", "p2"),
        assign("2024-01-06", "p1", "given"),
        activated("2024-01-10", "early"),
        activated("2024-01-10", "given"),
        *clients("2024-01-12", "inside"),
        accrue("2024-01-31"),
        programme=programme(contest=[SPRINT]),
    )
    contest = asked.the("contest", "2024-01")
    assert names(contest) == ["posted", "assigned"]
    assert (contest.posted, contest.expected) == (700, 0)
    assert [ground.name for ground in contest.reasons[0].grounds] == ["inside"]
    assert names(asked.the("contest", "2024-01", "p2")) == ["no_clients"]


def test_a_claim_outside_the_contest(asked: Asked) -> None:
    """Its day, and the claim's position."""
    asked.given(
        enrolled("2023-12-01"),
        referred("2023-12-20", "c1", "p1"),
        activated("2024-01-10"),
        accrue("2024-01-31"),
        programme=programme(contest=[SPRINT]),
    )
    contest = asked.the("contest", "2024-01")
    assert names(contest) == ["claim_outside"]
    assert numbers(contest) == {"c1": date(2023, 12, 20)}
    assert asked.of("contest", "2024-03") == []


def test_a_contests_amount_of_a_client_that_counts_no_more(asked: Asked) -> None:
    """It was posted after the contest's end, and stays though its activation is retracted."""
    story = asked.given(
        enrolled("2024-01-01"),
        referred("2024-01-05", "c1", "p1"),
        activated("2024-03-10", id="never"),
        accrue("2024-03-31"),
        programme=programme(contest=[SPRINT]),
    )
    story.when(retract("never"), accrue("2024-03-31"))
    contest = asked.the("contest", "2024-03")
    assert names(contest) == ["posted"]
    assert (contest.about, contest.posted, contest.expected) == ("sprint", 700, 0)


def test_a_place_before_and_after_its_close(asked: Asked) -> None:
    """The quarter goes on, then its close is waited for, then it has decided."""
    story = asked.given(
        *(enrolled("2024-01-01", f"p{number}") for number in (1, 2, 3)),
        *clients("2024-02-10", "a", "b", "c"),
        *clients("2024-02-10", "d", "e", partner="p2"),
        *clients("2024-02-10", "f", partner="p3"),
        accrue("2024-03-31"),
        close("2024-01"),
        programme=programme(leaderboard=BOARD, ambassadors=AMBASSADORS),
    )
    assert [names(one) for one in asked.of("leaderboard", "2024-02")] == [["not_over"]]
    assert names(asked.the("ambassador", "2024-03")) == ["not_over"]
    waits = asked.the("leaderboard", "2024-03")
    assert (names(waits), waits.about, waits.expected) == (["not_closed"], "2024Q1", 300)
    story.when(close("2024-02"), close("2024-03"))
    won = asked.the("leaderboard", "2024-03", "p2")
    assert (names(won), won.posted, won.expected) == (["posted"], 200, 0)
    lost = asked.the("leaderboard", "2024-03", "p3")
    assert (names(lost), lost.posted) == (["no_prize_for_place"], 0)
    assert numbers(lost) == {"clients": 1, "place 2": 2, "place 1": 3}


def test_a_place_that_wins_nothing_for_other_reasons(asked: Asked) -> None:
    """Nobody of its clients; no agreement on the last day; a first close, which ranks nothing."""
    story = asked.given(
        enrolled("2024-01-01"),
        enrolled("2024-01-01", "p2"),
        ended("2024-06-30"),
        *clients("2024-05-10", "a"),
        accrue("2024-06-30"),
        close("2024-04"),
        programme=programme(leaderboard=BOARD),
    )
    assert names(asked.the("leaderboard", "2024-03")) == ["no_clients", "closed_without"]
    story.when(close("2024-05"), close("2024-06"))
    assert names(asked.the("leaderboard", "2024-06")) == ["agreement_ended"]
    assert names(asked.the("leaderboard", "2024-06", "p2")) == ["no_clients"]


def test_ambassadors_and_a_contests_first_place(asked: Asked) -> None:
    """Two clients are more than one; the first place of the contest is worth a trip."""
    asked.given(
        enrolled("2024-01-01"),
        enrolled("2024-01-01", "p2"),
        *clients("2024-01-10", "a", "b"),
        *clients("2024-01-10", "c", partner="p2"),
        accrue("2024-12-31"),
        *(close(f"2023-{month:02d}") for month in (12,)),
        *(close(f"2024-{month:02d}") for month in range(1, 13)),
        programme=programme(contest=[SPRINT], ambassadors=AMBASSADORS),
    )
    assert asked.the("first_place", "2024-01").posted == 9_000
    assert names(asked.the("first_place", "2024-01", "p2")) == ["no_prize_for_place"]
    assert asked.the("ambassador", "2024-12").posted == 4_000
    few = asked.the("ambassador", "2024-12", "p2")
    assert names(few) == ["too_few_for_place"]
    assert numbers(few)["clients"] == 1


# --- sponsorship ---------------------------------------------------------------------------------


def sponsored(asked: Asked, *entries: object) -> Scenario:
    """p9 sponsors p1, which is active with its second client."""
    return asked.given(
        enrolled("2024-01-01", "p9"),
        enrolled("2024-01-01", sponsor="p9"),
        *clients("2024-01-10", "a"),
        *entries,  # type: ignore[arg-type]
        programme=programme(sponsorship=SPONSORSHIP),
    )


def test_a_reward_by_the_clients_of_the_sponsored_partner(asked: Asked) -> None:
    """One of two, then posted; the first line's day is not after the active day."""
    story = sponsored(asked, accrue("2024-01-31"))
    waits = asked.the("reward", "2024-01", "p9")
    assert (names(waits), waits.about) == (["not_active"], "p1")
    assert numbers(waits) == {"counted": 1, "takes": 2}
    assert names(asked.the("override", "2024-01", "p9")) == ["not_active"]
    story.when(*clients("2024-02-05", "b"), accrue("2024-02-29"))
    paid = asked.the("reward", "2024-02", "p9")
    assert (names(paid), paid.posted) == (["posted"], 1_000)
    assert names(asked.the("override", "2024-01", "p9")) == ["before_active"]
    shares = asked.the("override", "2024-02", "p9")
    assert (names(shares), shares.posted) == (["posted", "before_active"], 500)
    assert asked.of("reward", "2024-03", "p9") == []


def test_a_sponsor_without_an_agreement(asked: Asked) -> None:
    """Neither reward nor shares, of days on which there is none."""
    sponsored(asked, ended("2024-02-01", "p9"), *clients("2024-02-05", "b"), accrue("2024-02-29"))
    assert names(asked.the("reward", "2024-02", "p9")) == ["agreement_ended"]
    shares = asked.the("override", "2024-02", "p9")
    assert names(shares) == ["agreement_ended", "before_active"]


def test_a_share_of_a_later_client_year_and_of_a_later_sponsor(asked: Asked) -> None:
    """Lines before the correction earn the new sponsor nothing; nor does client year 2."""
    asked.given(
        enrolled("2024-01-01", "p9"),
        enrolled("2024-01-01"),
        *clients("2024-01-10", "a", "b"),
        accrue("2024-02-29"),
        correct(sponsor="p9"),
        accrue("2025-01-31"),
        programme=programme(sponsorship=SPONSORSHIP),
    )
    assert names(asked.the("override", "2024-02", "p9")) == ["before_tie"]
    assert names(asked.the("override", "2025-01", "p9")) == ["later_year"]
    assert asked.the("override", "2024-03", "p9").posted == 1_000


# --- all of it -----------------------------------------------------------------------------------


def test_a_partner_that_is_not_enrolled_is_refused(asked: Asked) -> None:
    """So is a day: the month says what had happened."""
    asked.given(enrolled("2024-01-01"))
    with pytest.raises(Refused, match="no partner 'p7' is enrolled"):
        asked.why("2024-01", "p7")
    at = asked.replay.resolve(effective_at=date(2024, 1, 1))
    with pytest.raises(Refused, match="leave --effective-at out"):
        why_no_more(asked.replay, "p1", "2024-01", at)


def test_a_programme_without_any_of_it(asked: Asked) -> None:
    """There is nothing to ask for."""
    asked.given(enrolled("2024-01-01"), *clients("2024-01-10", "a"), programme=plain())
    assert asked.why("2024-01").awards == ()


@settings(
    max_examples=6,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(story=stories_of_every_rule())
def test_reasons_agree_with_the_engine_whatever_was_told(story: Story) -> None:
    """Of every partner and month with a line; what is posted are the lines that there are."""
    with new_ledger() as ledger, looking(_database()) as connection:
        play(story, ledger)
        asked = Asked(ledger, connection)
        partners = {step.partner_id for step in ledger.tiers()}
        months = {month_of(line.service_date) for line in ledger.lines()}
        for partner_id in sorted(partners):
            for month in sorted(months)[:6]:
                for award in asked.why(month, partner_id).awards:
                    assert {reason.name for reason in award.reasons} <= AWARD_REASONS.keys()
