"""Why nothing was paid for a day of a client, told on hand-written stories.

::

    day        10 Jan      10 Feb      29 Feb      10 Mar     31 Mar
    c1         |-- S ------|-- S ------------------|-- S -----------   billed by month from 10 Jan
    runs                                L
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import psycopg
import pytest
from pydantic import JsonValue

from interfaces.cli.output import to_json
from ledger.errors import Refused
from replay.as_of import Replay
from replay.explaining.missing import Answer, Missing, why_nothing
from replay.explaining.reasons import Reason
from tests.rules.commands import assign, open_ledger, retract
from tests.rules.dsl import Given
from tests.rules.facts import (
    accrue,
    activated,
    branded,
    certified,
    changed,
    churned,
    ended,
    enrolled,
    invoiced,
    portfolio,
    referred,
    refunded,
    signed,
)
from tests.rules.ledger_adapter import _database
from tests.rules.ledger_adapter import open_ledger as new_ledger
from tests.rules.looking import looking
from tests.rules.programmes import choosing, plain, programme, quick, tier_terms

ENROLLED = enrolled("2024-01-01")
HELD = (ENROLLED, activated("2024-01-10", partner="p1"))
INVOICES = programme(accrual="invoice")
"""The plain programme, paid on what clients paid."""

SPRINT = programme(
    contest=[
        {
            "code": "sprint",
            "start": "2024-01-01",
            "end": "2024-01-31",
            "amount": 500,
            "mode": "instead_of_first_year",
        }
    ]
)


class Asked:
    """A real ledger that is told a story, and then asked."""

    def __init__(self, given: Given, connection: psycopg.Connection) -> None:
        self.given, self.replay = given, Replay(connection)

    def why(
        self,
        day: str,
        client: str = "c1",
        *,
        sub: str | None = None,
        position: int | None = None,
    ) -> Missing:
        """All answers, which must agree with the engine, and be JSON."""
        at = self.replay.resolve(position=position)
        found = why_nothing(self.replay, client, sub, date.fromisoformat(day), at)
        assert found.agrees, found
        assert to_json(found.document())
        return found

    def names(self, day: str, client: str = "c1", *, sub: str | None = None) -> list[str]:
        """The names of the reasons, in their order."""
        return [
            each.name
            for answer in self.why(day, client, sub=sub).answers
            for each in answer.reasons
        ]

    def the(self, name: str, day: str, client: str = "c1") -> Reason:
        """The one reason of a name."""
        (found,) = (
            reason
            for answer in self.why(day, client).answers
            for reason in answer.reasons
            if reason.name == name
        )
        return found

    def types(self, reason: Reason) -> list[str]:
        """The types of the events that a reason rests on."""
        found = []
        for ground in reason.grounds:
            row = self.replay.connection.execute(
                "SELECT topic FROM ledger.events WHERE position = %s", (ground.position,)
            ).fetchone()
            found.append(row[0].partition("/")[0] if row else "")
        return found


@pytest.fixture
def asked() -> Iterator[Asked]:
    """A new ledger, and the questions."""
    with new_ledger() as ledger, looking(_database()) as connection:
        yield Asked(Given(ledger), connection)


def only(missing: Missing) -> Answer:
    """The one answer."""
    (answer,) = missing.answers
    return answer


def test_a_client_that_nobody_told_of(asked: Asked) -> None:
    """Named as such; one that was only claimed was never activated."""
    asked.given(ENROLLED, referred("2024-01-05", "c2"))
    assert asked.names("2024-01-10") == ["unknown_client"]
    assert asked.names("2024-01-10", "c2") == ["not_activated"]


def test_a_subscription_that_nobody_told_of(asked: Asked) -> None:
    """Those that there are are named."""
    asked.given(*HELD, activated("2024-02-01", sub="s2"))
    (answer,) = asked.why("2024-02-01", sub="s3").answers
    assert answer.reasons[0].name == "unknown_subscription"
    assert "c1, s2" in answer.reasons[0].text
    assert asked.names("2024-02-01", sub="s2") == ["not_reached"]


def test_what_is_posted_names_its_line(asked: Asked) -> None:
    """For any day of the period, from its first to its last."""
    asked.given(*HELD).when(accrue("2024-02-29"))
    for day in ("2024-01-10", "2024-02-09"):
        answer = only(asked.why(day))
        assert (answer.start, answer.end) == (date(2024, 1, 10), date(2024, 2, 9))
        (posted,) = answer.reasons
        assert posted.name == "posted"
        assert posted.grounds[0].value == 2_000
        assert asked.types(posted)[0] == "CommissionPosted"


def test_a_day_that_no_run_has_reached(asked: Asked) -> None:
    """L and its run are named; before a first run there is none."""
    story = asked.given(*HELD)
    assert asked.the("not_reached", "2024-01-10").grounds[0].value is None
    story.when(accrue("2024-02-29"))
    waits = asked.the("not_reached", "2024-03-10")
    assert waits.grounds[0].value == date(2024, 2, 29)
    assert asked.types(waits) == ["accrual.run"]
    assert only(asked.why("2024-03-10")).expected == 2_000


def test_a_day_without_the_subscription(asked: Asked) -> None:
    """Before its start; and after its end, which begins at the churn's own day."""
    asked.given(*HELD, churned("2024-02-10")).when(accrue("2024-02-29"))
    early = asked.the("before_activation", "2024-01-09")
    assert asked.types(early) == ["client.activated"]
    late = asked.the("churned", "2024-02-10")
    assert asked.types(late) == ["client.activated", "client.churned"]
    assert asked.names("2024-02-09") == ["posted"]


def test_between_an_end_and_a_return(asked: Asked) -> None:
    """Both are named."""
    asked.given(*HELD, churned("2024-01-20"), activated("2024-03-05")).when(accrue("2024-03-31"))
    assert asked.names("2024-02-15") == ["churned", "before_activation"]


def test_an_end_of_the_whole_client_is_named_for_each_subscription(asked: Asked) -> None:
    """The churn names none, and ends s2."""
    asked.given(ENROLLED, activated("2024-01-10", sub="s2", partner="p1"), churned("2024-02-01"))
    assert asked.types(asked.the("churned", "2024-02-15")) == ["client.activated", "client.churned"]


def test_an_activation_that_was_retracted(asked: Asked) -> None:
    """What was posted stands until the next run takes it back; of a later day nothing was."""
    story = asked.given(ENROLLED, activated("2024-01-10", partner="p1", id="wrong"))
    story.when(accrue("2024-01-31"), retract("wrong"))
    assert asked.names("2024-01-15") == ["posted"]
    assert asked.names("2024-02-15") == ["retracted", "not_activated"]
    story.when(accrue("2024-01-31"))
    assert asked.names("2024-01-15") == ["taken_back", "not_activated", "retracted"]
    assert asked.types(asked.the("retracted", "2024-01-15")) == ["client.activated"]


def test_one_of_two_subscriptions_that_was_retracted(asked: Asked) -> None:
    """The client goes on; the period that was taken back says what is missing now."""
    story = asked.given(*HELD, activated("2024-01-12", sub="s2", id="wrong"))
    story.when(accrue("2024-01-31"), retract("wrong"), accrue("2024-01-31"))
    assert asked.names("2024-01-15") == ["posted", "taken_back", "retracted", "not_activated"]


def test_a_direct_client(asked: Asked) -> None:
    """Nobody ever claimed it."""
    asked.given(ENROLLED, activated("2024-01-10")).when(accrue("2024-01-31"))
    assert asked.names("2024-01-10") == ["no_claim"]


def test_a_claim_that_came_too_late(asked: Asked) -> None:
    """With the reason that it was told."""
    story = asked.given(ENROLLED, activated("2024-01-10")).when(accrue("2024-03-31"))
    story.when(referred("2024-01-05"))
    rejected = asked.the("claim_rejected", "2024-01-10")
    assert "too_late" in rejected.text
    assert asked.types(rejected) == ["referral.registered"]


def test_a_claim_that_lapsed_or_waits(asked: Asked) -> None:
    """Activated after its window; of a partner that is not enrolled."""
    asked.given(
        ENROLLED,
        referred("2024-01-05"),
        activated("2024-12-01"),
        referred("2024-12-01", partner="p9"),
    )
    assert "expired" in asked.the("claim_lapsed", "2024-12-01").text
    assert "p9" in asked.the("claim_waits", "2024-12-01").text


def test_a_claim_that_lost_against_an_assignment(asked: Asked) -> None:
    """Finance made the client direct: what stood is named, and the claim that met it."""
    asked.given(ENROLLED, assign("2024-01-01", None), activated("2024-01-10", partner="p1"))
    assert asked.names("2024-01-10") == ["assigned_to_nobody", "claim_rejected", "not_reached"]
    assert asked.types(asked.the("assigned_to_nobody", "2024-01-10")) == ["attribution.assigned"]
    lost = asked.types(asked.the("claim_rejected", "2024-01-10"))
    assert lost == ["client.activated", "attribution.assigned"]


def test_a_client_that_finance_gave_away_later(asked: Asked) -> None:
    """Before the day nobody held it."""
    asked.given(ENROLLED, activated("2024-01-10"), assign("2024-02-10", "p1"))
    assert asked.names("2024-01-10") == ["held_later", "not_reached"]
    assert asked.names("2024-02-10") == ["not_reached"]


def test_an_agreement_that_ended(asked: Asked) -> None:
    """From its day until another is signed; the fact is named."""
    asked.given(*HELD, ended("2024-02-10"), signed("2024-03-10")).when(accrue("2024-03-31"))
    assert asked.names("2024-01-10") == ["posted"]
    assert asked.types(asked.the("agreement_ended", "2024-02-10")) == ["partner.agreement_ended"]
    assert asked.names("2024-03-10") == ["posted"]


def test_an_agreement_that_ended_twice(asked: Asked) -> None:
    """The first of the ends without a signature between them is the one."""
    asked.given(*HELD, ended("2024-02-01"), ended("2024-02-05"))
    (ground,) = asked.the("agreement_ended", "2024-02-10").grounds
    assert ground.value == date(2024, 2, 1)
    row = asked.replay.connection.execute(
        "SELECT day FROM ledger.events WHERE position = %s", (ground.position,)
    ).fetchone()
    assert row == (date(2024, 2, 1),)


def test_a_tail_of_an_agreement(asked: Asked) -> None:
    """For a month after the end it is due, and not beyond."""
    story = asked.given(
        *HELD, ended("2024-02-01"), programme=choosing(plain(), "agreement", tail=1)
    )
    story.when(accrue("2024-03-31"))
    assert asked.names("2024-02-10") == ["posted"]
    assert asked.names("2024-03-10") == ["agreement_ended"]


def test_a_partner_that_was_enrolled_later(asked: Asked) -> None:
    """It holds the client for life, but earns nothing of a day before its enrolment."""
    asked.given(
        enrolled("2024-02-01"),
        activated("2024-02-05", partner="p1", sub="s2"),
        activated("2024-01-10"),
    ).when(accrue("2024-02-29"))
    before = asked.the("before_enrolment", "2024-01-10")
    assert asked.types(before) == ["partner.enrolled"]
    assert asked.names("2024-02-12") == ["posted", "posted"]


def test_before_the_opening(asked: Asked) -> None:
    """The ledger pays nothing of a day before O; L is its eve, so no run is waited for."""
    story = asked.given(*HELD, open_ledger("2024-03-01"))
    assert asked.types(asked.the("not_reached", "2024-03-10")) == ["ledger.opened"]
    story.when(accrue("2024-03-31"))
    assert asked.names("2024-02-10") == ["before_opening"]
    assert asked.types(asked.the("before_opening", "2024-02-10")) == ["ledger.opened"]
    assert asked.names("2024-03-10") == ["posted"]


def test_what_was_told_after_the_last_run(asked: Asked) -> None:
    """Due, with what the next run posts; after it, posted."""
    story = asked.given(ENROLLED).when(accrue("2024-01-31"))
    story.when(activated("2024-01-10", partner="p1"))
    answer = only(asked.why("2024-01-10"))
    assert [each.name for each in answer.reasons] == ["next_run"]
    assert (answer.expected, answer.currency) == (2_000, "EUR")
    story.when(accrue("2024-01-31"))
    assert asked.names("2024-01-10") == ["posted"]


def test_an_earlier_position_knows_less(asked: Asked) -> None:
    """As of before the run, the line is not there."""
    asked.given(*HELD).when(accrue("2024-01-31"))
    (row,) = asked.replay.history(asked.replay.resolve())
    before = only(asked.why("2024-01-10", position=int(str(row["run"])) - 1))
    assert [each.name for each in before.reasons] == ["not_reached"]
    assert [each.name for each in only(asked.why("2024-01-10", position=0)).reasons] == [
        "unknown_client"
    ]


def _free(terms: JsonValue) -> JsonValue:
    assert isinstance(terms, dict)
    return terms | {"year_1": "0"}


def test_lines_of_nothing(asked: Asked) -> None:
    """A price of 0, a rate of 0, and a product below half a cent."""
    free = programme(
        tier=[
            _free(tier_terms("referent")),
            tier_terms("certified", requires={"certification": True}),
            tier_terms("strategic", requires={"portfolio_above": 200}),
        ]
    )
    asked.given(*HELD, activated("2024-01-10", "c2", 0, partner="p1"), programme=free).when(
        accrue("2024-01-31")
    )
    assert asked.names("2024-01-10") == ["zero_rate"]
    assert asked.names("2024-01-10", "c2") == ["zero_base"]


def test_a_line_that_rounds_to_nothing(asked: Asked) -> None:
    """20 % of 2 cents is less than half a cent."""
    asked.given(*HELD, changed("2024-01-10", 2)).when(accrue("2024-01-31"))
    assert asked.names("2024-01-10") == ["rounds_to_zero"]


def test_a_margin_is_no_payment(asked: Asked) -> None:
    """The partner bills the client and keeps it."""
    strategic = (ENROLLED, certified("2024-01-01"), portfolio("2024-01-01", 300))
    story = asked.given(*strategic, programme=quick()).when(accrue("2024-01-02"))
    story.when(branded("2024-01-03"), activated("2024-01-10", partner="p1"), accrue("2024-01-31"))
    assert asked.types(asked.the("margin", "2024-01-10"))[0] == "MarginPosted"


def test_a_payment_that_waits_for_the_tier_of_the_first_activation_day(asked: Asked) -> None:
    """Up to that day; a run that reaches it posts what was paid."""
    by_activation = programme(accrual="invoice", rate_basis="activation_date")
    told = (ENROLLED, activated("2024-04-10", partner="p1"), invoiced("2024-02-01"))
    story = asked.given(*told, programme=by_activation).when(accrue("2024-02-29")).then_nothing()
    assert asked.names("2024-02-10") == ["waits_for_tier"]
    story.when(accrue("2024-04-10"))
    assert asked.names("2024-02-10") == ["posted"]


def test_a_contest_in_place_of_the_commission(asked: Asked) -> None:
    """In client year 1 only."""
    asked.given(*HELD, programme=SPRINT).when(accrue("2025-01-31"))
    assert asked.names("2024-02-10") == ["contest_instead"]
    assert asked.names("2025-01-10") == ["posted"]


def test_an_invoice_that_was_not_paid(asked: Asked) -> None:
    """Where the programme pays on invoices; one that was paid has its line."""
    asked.given(*HELD, invoiced("2024-01-10"), programme=INVOICES).when(accrue("2024-02-29"))
    assert asked.names("2024-01-10") == ["posted"]
    assert only(asked.why("2024-01-10")).invoice_id == "i1"
    assert asked.names("2024-02-10") == ["invoice_not_paid"]


def test_an_invoice_that_was_refunded_or_retracted(asked: Asked) -> None:
    """Refunded before the run: a line of 0. Retracted: not paid, and the payment is named."""
    paid = invoiced("2024-02-10", invoice="i2", id="wrong")
    story = asked.given(*HELD, invoiced("2024-01-10"), paid, programme=INVOICES)
    story.when(refunded("2024-01-20", 10_000), retract("wrong"), accrue("2024-02-29"))
    assert asked.names("2024-01-10") == ["zero_base"]
    assert asked.types(asked.the("invoice_not_paid", "2024-02-10")) == ["invoice.paid"]


def test_a_payment_that_was_taken_back(asked: Asked) -> None:
    """It was posted, and is not paid any more."""
    story = asked.given(*HELD, invoiced("2024-01-10", id="wrong"), programme=INVOICES)
    story.when(accrue("2024-01-31"), retract("wrong"), accrue("2024-01-31"))
    answers = asked.why("2024-01-10").answers
    assert ["taken_back", "invoice_not_paid"] in [
        [each.name for each in answer.reasons] for answer in answers
    ]


@pytest.mark.parametrize("client", ["c1", "c2"])
@pytest.mark.parametrize("day", ["2024-01-20", "2024-02-20"])
def test_a_payment_that_has_a_line_in_force_elsewhere(asked: Asked, client: str, day: str) -> None:
    """D18.3: the line that stays is named, whether a run has reached the day or not."""
    asked.given(
        *HELD,
        activated("2024-01-10", "c2", partner="p1"),
        invoiced("2024-01-10", id="wrong"),
        accrue("2024-01-31"),
        refunded("2024-01-31", 5_000),
        accrue("2024-01-31"),
        invoiced(day, client=client, when="2024-01-31"),
        programme=INVOICES,
    ).when(retract("wrong"), accrue("2024-01-31"))
    found = asked.the("in_force_elsewhere", day, client)
    assert asked.types(found) == ["CommissionPosted"]
    assert "of 2024-01-10 for client c1" in found.text
    assert "next_run" not in asked.names(day, client)


def test_a_payment_told_anew_after_all_was_taken_back(asked: Asked) -> None:
    """It is due: the next run posts it."""
    asked.given(
        *HELD, invoiced("2024-01-10", id="wrong"), accrue("2024-01-31"), programme=INVOICES
    ).when(retract("wrong"), invoiced("2024-01-20"))
    assert "next_run" in asked.names("2024-01-20")


def test_all_that_applies_is_told(asked: Asked) -> None:
    """No agreement, and no run yet."""
    asked.given(*HELD, ended("2024-02-01"))
    assert asked.names("2024-02-10") == ["agreement_ended", "not_reached"]


def test_the_effective_axis_is_the_day_itself(asked: Asked) -> None:
    """Asking for another day beside it is refused, in one line."""
    asked.given(*HELD)
    at = asked.replay.resolve(effective_at=date(2024, 1, 31))
    with pytest.raises(Refused, match="leave --effective-at out"):
        why_nothing(asked.replay, "c1", None, date(2024, 1, 10), at)


def test_as_json(asked: Asked) -> None:
    """Stable members, positions everywhere, and every claim."""
    asked.given(*HELD, referred("2024-01-05", partner="p1")).when(accrue("2024-01-31"))
    found = asked.why("2024-01-10").document()
    assert list(found) == ["client_id", "day", "accrued_through", "periods", "claims", "agrees"]
    periods, claims = found["periods"], found["claims"]
    assert isinstance(periods, list)
    assert isinstance(claims, list)
    assert [reason["name"] for reason in periods[0]["reasons"]] == ["posted"]
    assert [(row["partner_id"], row["answer"]) for row in claims] == [
        ("p1", "accepted"),
        ("p1", "no_effect"),
    ]
