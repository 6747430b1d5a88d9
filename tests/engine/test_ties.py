"""D11, D9.6: who sponsors whom, decided when an enrolment or a correction is recorded."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from typing import Any

import pytest

from events.finance import PartnerCorrected
from events.partner_decisions import (
    EnrolmentCorrected,
    ProgrammeAssigned,
    SponsorAccepted,
    SponsorRejected,
    SponsorWaiting,
)
from events.partners import PartnerEnrolled
from ledger.engine.recording import reads_of_sponsor
from ledger.engine.state import LEDGER, Partner, Tie, ledger_of, partner_of
from ledger.engine.ties import decide_correction
from tests.engine.journal import Journal, only
from tests.rules.programmes import plain, programme


@pytest.fixture
def journal() -> Journal:
    """A ledger with a programme."""
    return Journal(plain())


def enrol(journal: Journal, partner: str, day: str, sponsor: str | None = None) -> list[Any]:
    """A partner joins, brought by a sponsor."""
    fact = PartnerEnrolled(partner_id=partner, kind="referral", sponsor_id=sponsor)
    return journal.tell(fact, day)


def correct(journal: Journal, partner: str, **members: Any) -> list[Any]:
    """Finance corrects what an enrolment said."""
    command = PartnerCorrected(
        partner_id=partner, requested_by="ann", approved_by="bob", operator="ann", **members
    )
    own = {LEDGER, f"partner:{partner}"}
    return journal.command(
        command,
        "2024-12-31",
        lambda state, event: decide_correction(state, event, command),
        lambda state: own | reads_of_sponsor(state, command.sponsor_id),
    )


def sponsor_of(journal: Journal, partner: str) -> str | None:
    """The sponsor whose tie stands."""
    tie = partner_of(journal.state, partner).sponsor
    return tie.sponsor_id if tie is not None else None


def test_a_sponsor_enrolled_before_or_on_the_day_is_tied(journal: Journal) -> None:
    """D11: the same day is not a later one."""
    enrol(journal, "s", "2024-01-10")
    decided = enrol(journal, "p", "2024-01-10", "s")
    tie = only(decided, SponsorAccepted)
    assert (tie.sponsor_id, tie.fact, tie.lines_after) == ("s", 4, None)
    assert partner_of(journal.state, "p").sponsor == Tie("s", 4)


def test_the_enrolment_stands_whatever_becomes_of_its_tie(journal: Journal) -> None:
    """D11: oneself, and a sponsor enrolled on a later day, are rejected."""
    own = only(enrol(journal, "p", "2024-01-10", "p"), SponsorRejected)
    enrol(journal, "late", "2024-01-12")
    later = only(enrol(journal, "q", "2024-01-11", "late"), SponsorRejected)
    assert (own.reason, later.reason) == ("self", "unknown_sponsor")
    for partner in ("p", "q"):
        assert partner_of(journal.state, partner).enrolment is not None
        assert sponsor_of(journal, partner) is None


def test_who_waits_is_decided_after_the_sponsors_own_tie(journal: Journal) -> None:
    """D11: own tie first, so the tie of who waited is the one that would close the circle."""
    waiting = only(enrol(journal, "a", "2024-01-01", "b"), SponsorWaiting)
    assert waiting.stream == "partner:b"
    decided = enrol(journal, "b", "2024-01-01", "a")
    assert only(decided, SponsorAccepted).partner_id == "b"
    rejected = only(decided, SponsorRejected)
    assert (rejected.partner_id, rejected.reason) == ("a", "cycle")


def test_those_that_waited_are_decided_in_recording_order(journal: Journal) -> None:
    """D11: both are tied, the first told first."""
    enrol(journal, "z", "2024-01-05", "s")
    enrol(journal, "a", "2024-01-02", "s")
    decided = [d for d in enrol(journal, "s", "2024-01-03") if "Sponsor" in d.type]
    assert [(d.type, d.partner_id) for d in decided] == [
        ("SponsorAccepted", "z"),
        ("SponsorRejected", "a"),
    ]


def test_a_circle_of_many_is_seen(journal: Journal) -> None:
    """D11: over accepted ties, as long as they are."""
    names = [f"p{number}" for number in range(12)]
    enrol(journal, names[0], "2024-01-01", names[-1])
    for below, above in pairwise(names):
        decided = enrol(journal, above, "2024-01-01", below)
    assert only(decided, SponsorRejected).reason == "cycle"
    assert [sponsor_of(journal, name) for name in names] == [None, *names[:-1]]


def test_a_second_enrolment_ties_nobody(journal: Journal) -> None:
    """D11: the first recorded stands."""
    enrol(journal, "s", "2024-01-01")
    enrol(journal, "p", "2024-01-01")
    assert not [d for d in enrol(journal, "p", "2024-01-02", "s") if "Sponsor" in d.type]


def test_a_corrected_sponsor_is_a_tie_decided_then(journal: Journal) -> None:
    """D9.6: it earns on lines after the correction; the tie before it is gone."""
    for name in ("s", "t"):
        enrol(journal, name, "2024-01-01")
    enrol(journal, "p", "2024-01-02", "s")
    decided = correct(journal, "p", sponsor_id="t", founding=True)
    corrected, tie = only(decided, EnrolmentCorrected), only(decided, SponsorAccepted)
    assert tie.lines_after == corrected.command == tie.fact
    partner = partner_of(journal.state, "p")
    assert partner.sponsor == Tie("t", corrected.command, corrected.command)
    assert partner.enrolment is not None
    assert partner.enrolment.founding


def test_a_correction_that_is_rejected_or_clears_leaves_no_sponsor(journal: Journal) -> None:
    """D9.6: what the enrolment said is replaced, so its tie stands for nothing any more."""
    for name in ("s", "p", "q"):
        enrol(journal, name, "2024-01-01", None if name == "s" else "s")
    assert only(correct(journal, "p", sponsor_id="p"), SponsorRejected).reason == "self"
    correct(journal, "q", cleared=("sponsor_id",))
    assert (sponsor_of(journal, "p"), sponsor_of(journal, "q")) == (None, None)


def test_a_correction_of_something_else_keeps_the_tie(journal: Journal) -> None:
    """D9.6: what is not named stays."""
    enrol(journal, "s", "2024-01-01")
    enrol(journal, "p", "2024-01-01", "s")
    correct(journal, "p", kind="tech", cleared=("department",))
    assert sponsor_of(journal, "p") == "s"


def test_who_was_corrected_waits_for_the_new_sponsor_only(journal: Journal) -> None:
    """D9.6: the enrolment's sponsor comes too late; the corrected one is tied when it enrols."""
    enrol(journal, "p", "2024-01-02", "s")
    only(correct(journal, "p", sponsor_id="t"), SponsorWaiting)
    assert not [d for d in enrol(journal, "s", "2024-01-01") if "Sponsor" in d.type]
    tie = only(enrol(journal, "t", "2024-01-01"), SponsorAccepted)
    told = [e.position for e in journal.events if e.data.stream == "partner:t"]
    assert tie.lines_after == told[1]
    assert isinstance(journal.state["partner:p"], Partner)
    assert sponsor_of(journal, "p") == "t"


def test_a_tie_names_the_version_of_the_sponsored_partners_programme(journal: Journal) -> None:
    """D7.2, D7.3: of the enrolment day, whenever it is decided."""
    for name in ("s", "p"):
        enrol(journal, name, "2024-01-02")
    ledger = ledger_of(journal.state)
    programmes = ledger.programmes.adopt(programme(name="other"), None)
    programmes = programmes.adopt(programme(name="other"), date(2024, 1, 3))
    journal.state["ledger"] = ledger._replace(programmes=programmes)
    assigned = ProgrammeAssigned(
        rule="D7.3", day=date(2024, 1, 2), partner_id="p", programme="other", command=1
    )
    journal.take([assigned])
    tie = only(correct(journal, "p", sponsor_id="s"), SponsorAccepted)
    assert (tie.programme_version, tie.rule, tie.day) == ("other/1", "D11", date(2024, 1, 2))


def test_a_correction_says_all_that_it_replaces(journal: Journal) -> None:
    """D9.6: of the enrolment's day; what it clears, too."""
    enrol(journal, "p", "2024-01-02")
    said: dict[str, Any] = {
        "kind": "oem",
        "founding": True,
        "department": "75",
        "cleared": ("sponsor_id",),
    }
    [corrected] = correct(journal, "p", **said)
    assert corrected == EnrolmentCorrected(
        rule="D9.6", day=date(2024, 1, 2), partner_id="p", command=4, **said
    )
