"""What a fact reads and brings at once, an enrolment above all; what is loaded of a stream."""

from __future__ import annotations

from datetime import UTC, date, datetime

from events.billing import ClientActivated, DemoHeld
from events.decisions import FactResolved, FactUnresolved
from events.lines import CommissionPosted
from events.partner_decisions import TierChanged
from events.partners import PartnerEnrolled, PartnerNpsReported, PartnerTerritoryGranted
from events.recorded import Recorded
from ledger.engine.evolve import folded_topics
from ledger.engine.recording import reads, reads_of_sponsor
from ledger.engine.state import LEDGER
from tests.engine.journal import Journal, only
from tests.rules.programmes import plain

ENROLMENT = PartnerEnrolled(partner_id="p1", kind="referral", department="75")


def test_what_waits_for_an_enrolment_is_listed_until_then() -> None:
    """D6.2: under the fact's day and the partner's name."""
    journal = Journal(plain())
    [waits] = journal.tell(PartnerNpsReported(partner_id="p1", score=50), "2024-01-05")
    assert waits == FactUnresolved(
        fact=2,
        about="partner:p1",
        reason="unknown_partner",
        partner_id="p1",
        day=date(2024, 1, 5),
    )
    resolved = only(journal.tell(ENROLMENT, "2024-01-10"), FactResolved)
    assert resolved == FactResolved(
        fact=2, about="partner:p1", partner_id="p1", day=date(2024, 1, 5)
    )


def test_the_first_tier_rests_on_the_enrolment() -> None:
    """D6, D18.5: it names the enrolment and the version of its day."""
    [first] = Journal(plain()).tell(ENROLMENT, "2024-01-10")
    assert first == TierChanged(
        rule="D6",
        programme_version=f"{plain().name}/1",
        day=date(2024, 1, 10),
        partner_id="p1",
        from_tier=None,
        to_tier="referent",
        cause="enrolment",
        facts=(2,),
    )


def test_an_enrolment_reads_its_partner_and_no_department() -> None:
    """D14: where it sits is no grant; what nobody answers reads nothing, no sponsor is nobody."""
    at = datetime(2024, 1, 10, tzinfo=UTC)
    event = Recorded(1, at, at.date(), ENROLMENT)
    assert reads(event, {}) == {LEDGER, "partner:p1"}
    demo = DemoHeld(client_id="c1")
    assert reads(event._replace(data=demo), {}) == set()
    assert reads_of_sponsor({}, None) == set()
    assert reads_of_sponsor({}, "p9") == {"partner:p9"}


def test_what_is_loaded_of_a_stream_changes_its_entity() -> None:
    """Lines do not, nor what only its answer does, such as a territory that is asked for."""
    loaded = folded_topics()
    assert {ClientActivated.topic(), PartnerEnrolled.topic(), TierChanged.topic()} <= loaded
    assert loaded.isdisjoint({CommissionPosted.topic(), PartnerTerritoryGranted.topic()})
