"""D4.2, D4.5: how a client stands, before and after a fact, and which facts have no effect."""

from __future__ import annotations

from datetime import date

from events.billing import ClientActivated, ClientChurned, ClientPlanChanged
from events.decisions import ClientStanding, FactResolved, FactUnresolved
from events.partner_decisions import ProgrammeAssigned
from events.partners import PartnerEnrolled, ReferralRegistered
from ledger.engine.state import ledger_of
from tests.engine.journal import Journal, only
from tests.engine.test_retraction import retract
from tests.rules.programmes import plain, programme


def start(price: int = 10_000, sub: str = "c1", partner: str | None = "p") -> ClientActivated:
    """c1 starts a subscription."""
    return ClientActivated(
        client_id="c1",
        subscription_id=sub,
        plan="pro",
        price=price,
        currency="EUR",
        partner_id=partner,
    )


def change(price: int, sub: str = "c1") -> ClientPlanChanged:
    """c1 pays another price."""
    return ClientPlanChanged(client_id="c1", subscription_id=sub, plan="big", price=price)


def churn(sub: str = "c1") -> ClientChurned:
    """c1 ends a subscription."""
    return ClientChurned(client_id="c1", subscription_id=sub)


def versions() -> Journal:
    """P is enrolled; another version of its programme is in force from 1 February on."""
    journal = Journal(plain())
    ledger = ledger_of(journal.state)
    programmes = ledger.programmes.adopt(plain(), date(2024, 2, 1))
    journal.state["ledger"] = ledger._replace(programmes=programmes)
    journal.tell(PartnerEnrolled(partner_id="p", kind="referral"), "2024-01-01")
    return journal


def test_only_what_changed_of_the_terms_is_recorded() -> None:
    """The last term is cut, another begins; those before stay as they were."""
    journal = versions()
    journal.tell(start(), "2024-01-10")
    standing = only(journal.tell(change(12_000), "2024-02-10"), ClientStanding)
    assert [one.plan for one in standing.subscriptions[0].after] == ["pro", "big"]
    standing = only(journal.tell(change(15_000), "2024-03-10"), ClientStanding)
    [changed] = standing.subscriptions
    assert changed.subscription_id == "c1"
    assert [(one.start.month, one.end, one.price) for one in changed.before] == [(2, None, 12_000)]
    assert [(one.start.month, one.end, one.price) for one in changed.after] == [
        (2, date(2024, 3, 10), 12_000),
        (3, None, 15_000),
    ]
    assert [one.plan for one in changed.after] == ["big", "big"]
    assert standing.before == standing.after
    assert (standing.rule, standing.day) == ("D4.5", date(2024, 3, 10))


def test_the_version_is_that_which_counts_the_client() -> None:
    """D6.1: of its first activation; without one, of the day of the fact."""
    journal = versions()
    first = start()
    late = only(journal.tell(first, "2024-01-10"), ClientStanding)
    changed = only(journal.tell(change(12_000), "2024-02-10"), ClientStanding)
    assert (late.programme_version, changed.programme_version) == ("izyinbox/1", "izyinbox/1")
    assert (late.before.first_activated_on, late.after.counted_on) == (None, date(2024, 1, 10))
    gone = only(retract(journal, first), ClientStanding)
    assert (gone.programme_version, gone.after.first_activated_on) == ("izyinbox/1", None)
    journal = versions()
    second = start()
    assert only(journal.tell(second, "2024-02-01"), ClientStanding).programme_version == (
        "izyinbox/2"
    )
    gone = only(retract(journal, second), ClientStanding)
    assert (gone.programme_version, gone.after.first_activated_on) == ("izyinbox/2", None)


def test_what_has_no_effect_is_listed_of_its_own_day() -> None:
    """D4.2: a change and a churn of what is not active, an activation of what is."""
    journal = versions()
    for fact, day, reason in (
        (change(1), "2024-01-02", "not_active"),
        (churn(), "2024-01-03", "not_active"),
    ):
        listed = only(journal.tell(fact, day), FactUnresolved)
        assert (listed.fact, listed.reason) == (journal.events[-2].position, reason)
        assert (listed.about, listed.client_id, str(listed.day)) == ("client:c1", "c1", day)
    journal.tell(start(), "2024-01-10")
    again = start(partner=None)
    told = journal.tell(again, "2024-01-12")
    listed = only(told, FactUnresolved)
    assert (listed.reason, listed.day) == ("already_active", date(2024, 1, 12))
    resolved = only(journal.tell(churn(), "2024-01-11"), FactResolved)
    assert (resolved.fact, resolved.about, resolved.client_id, resolved.day) == (
        listed.fact, "client:c1", "c1", date(2024, 1, 12),
    )  # fmt: skip


def test_what_a_late_fact_leaves_without_effect_is_listed_of_its_own_day() -> None:
    """A churn told late lets a change, and another churn, stand on no active day."""
    journal = versions()
    journal.tell(churn(), "2024-01-02")
    journal.tell(start(), "2024-01-10")
    journal.tell(change(5), "2024-02-10")
    journal.tell(churn(), "2024-02-20")
    changed, ended = (
        max(one.position for one in journal.events if isinstance(one.data, cls))
        for cls in (ClientPlanChanged, ClientChurned)
    )
    told = journal.tell(churn(), "2024-02-01")
    listed = [one for one in told if isinstance(one, FactUnresolved)]
    assert [(one.fact, one.reason, one.day) for one in listed] == [
        (changed, "not_active", date(2024, 2, 10)),
        (ended, "not_active", date(2024, 2, 20)),
    ]


def test_of_two_subscriptions_the_first_that_is_paid_counts() -> None:
    """D6.1: free on its first day the one, paid the other; churned on that day it is none."""
    journal = versions()
    journal.tell(start(0), "2024-01-10")
    standing = only(journal.tell(start(1, "s2", None), "2024-01-10"), ClientStanding)
    assert standing.before.counted_on is None
    assert standing.after.counted_on == date(2024, 1, 10)
    standing = only(journal.tell(churn("s2"), "2024-01-10"), ClientStanding)
    assert standing.after.counted_on is None
    assert standing.after.first_activated_on == date(2024, 1, 10)


def test_a_churn_that_ends_all_is_listed_only_if_it_ends_none() -> None:
    """D4.1: of a client that has no subscription of its own id."""
    journal = versions()
    for sub in ("s2", "s3"):
        journal.tell(start(sub=sub), "2024-01-10")
    told = journal.tell(churn(), "2024-02-20")
    assert [one.type for one in told] == ["ClientStanding"]
    [ended] = [one for one in told if isinstance(one, ClientStanding)]
    assert [one.after[-1].end for one in ended.subscriptions] == [date(2024, 2, 20)] * 2
    again = only(journal.tell(churn(), "2024-03-20"), FactUnresolved)
    assert (again.reason, again.day) == ("not_active", date(2024, 3, 20))


def test_who_holds_a_client_provisionally_is_no_part_of_how_it_stands() -> None:
    """D3.4: not before its first activation."""
    journal = versions()
    journal.tell(ReferralRegistered(partner_id="p", client_id="c1"), "2024-01-05")
    assert [one.type for one in journal.tell(change(5), "2024-01-06")] == ["FactUnresolved"]


def test_a_client_counts_by_its_partners_programme() -> None:
    """D6.1, D7.3: on its fifth day after the first, if it is there then."""
    journal = versions()
    ledger = ledger_of(journal.state)
    other = programme(name="other", activation={"qualifying_days": 5})
    journal.state["ledger"] = ledger._replace(programmes=ledger.programmes.adopt(other, None))
    assigned = ProgrammeAssigned(
        rule="D7.3", day=date(2024, 1, 1), partner_id="p", programme="other", command=1
    )
    journal.take([assigned])
    standing = only(journal.tell(start(), "2024-01-10"), ClientStanding)
    assert standing.programme_version == "other/1"
    assert standing.after.counted_on == date(2024, 1, 15)
    standing = only(journal.tell(churn(), "2024-01-15"), ClientStanding)
    assert standing.after.counted_on is None


def test_a_change_on_the_day_of_a_churn_has_no_effect() -> None:
    """D4.3: on its eve it has."""
    journal = versions()
    journal.tell(start(), "2024-01-10")
    journal.tell(churn(), "2024-02-20")
    assert [one.type for one in journal.tell(change(5), "2024-02-20")] == ["FactUnresolved"]
    assert [one.type for one in journal.tell(change(5), "2024-02-19")] == ["ClientStanding"]


def test_an_interval_that_is_pending_at_a_churn_never_begins() -> None:
    """D4.1: the term ends with the churn, not with the period that would have been the last."""
    journal = versions()
    journal.tell(start(), "2024-01-10")
    yearly = ClientPlanChanged(client_id="c1", plan="big", price=9, interval="year")
    journal.tell(yearly, "2024-02-15")
    standing = only(journal.tell(churn(), "2024-02-20"), ClientStanding)
    [changed] = standing.subscriptions
    assert [(one.end, one.interval, one.price) for one in changed.after] == [
        (date(2024, 2, 20), "month", 9)
    ]


def test_a_reactivation_adds_its_own_term_alone() -> None:
    """What was recorded of the one before stays recorded."""
    journal = versions()
    journal.tell(start(), "2024-01-10")
    journal.tell(churn(), "2024-02-20")
    standing = only(journal.tell(start(7_000, partner=None), "2024-03-05"), ClientStanding)
    [changed] = standing.subscriptions
    assert changed.before == ()
    assert [(one.start, one.plan, one.price) for one in changed.after] == [
        (date(2024, 3, 5), "pro", 7_000)
    ]
