"""What a partner lacks for the next level, and to keep its own: the engine's own measures (D6)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from events.partners import (
    PartnerCertified,
    PartnerComarketingInvested,
    PartnerEnrolled,
    PartnerNpsReported,
    PartnerPortfolioReported,
)
from ledger.errors import Refused
from replay.as_of import Replay, Row
from replay.outlook import outlook_rows
from tests.model.commands import Accrue
from tests.properties.play import play
from tests.properties.stories import Step, Story, stories
from tests.replay.test_figures import activated, tell
from tests.rules.ledger_adapter import RealLedger, _database, open_ledger
from tests.rules.looking import looking
from tests.rules.programmes import small

Asked = dict[tuple[object, object, object], tuple[object, object, object, object]]


@pytest.fixture
def ledger() -> Iterator[RealLedger]:
    """A ledger whose levels few facts reach: certified from 2 clients, strategic from 3."""
    with open_ledger() as opened:
        opened.adopt(small(), None)
        yield opened


@pytest.fixture
def replay() -> Iterator[Replay]:
    """The queries of the same database."""
    with looking(_database()) as connection:
        yield Replay(connection)


def asked(replay: Replay, day: str | None = None) -> Asked:
    """(step, level, requirement) → required, measured, missing, by."""
    at = replay.resolve(effective_at=date.fromisoformat(day) if day else None)
    return {
        (row["step"], row["level"], row["requirement"]): (
            row["required"],
            row["measured"],
            row["missing"],
            row["by"],
        )
        for row in outlook_rows(replay, at, "p1")
    }


def test_what_a_referent_lacks(ledger: RealLedger, replay: Replay) -> None:
    """A client short, no score yet; what must be exceeded lacks one more."""
    tell(
        ledger,
        ("2026-01-01", PartnerEnrolled(partner_id="p1", kind="referral", portfolio=200)),
        ("2026-01-05", activated("c1", 100, partner_id="p1")),
        ("2026-01-06", PartnerCertified(partner_id="p1", certification="expert")),
        ("2026-01-07", PartnerComarketingInvested(partner_id="p1", amount=400, currency="EUR")),
        Accrue(date(2026, 1, 31)),
    )
    assert asked(replay) == {
        ("reach", "certified", "counted_clients_12_months"): (2, 1, 1, None),
        ("reach", "certified", "certification"): (1, 1, 0, None),
        ("reach", "certified", "nps_above"): (40, None, None, None),
        ("reach", "strategic", "counted_clients_ever"): (3, 1, 2, None),
        ("reach", "strategic", "portfolio_above"): (200, 200, 1, None),
        ("reach", "strategic", "comarketing_12_months"): (100_000, 400, 99_600, None),
    }
    assert asked(replay, "2026-01-05")["reach", "certified", "certification"] == (1, 0, 1, None)


def test_what_keeps_a_level(ledger: RealLedger, replay: Replay) -> None:
    """Certified from 8 January on: two clients by 7 January 2027, of that year's days alone."""
    tell(
        ledger,
        ("2026-01-01", PartnerEnrolled(partner_id="p1", kind="referral")),
        ("2026-01-02", PartnerCertified(partner_id="p1", certification="expert")),
        ("2026-01-03", PartnerNpsReported(partner_id="p1", score=41)),
        ("2026-01-05", activated("c1", 100, partner_id="p1")),
        ("2026-01-07", activated("c2", 100, partner_id="p1")),
        ("2026-01-09", activated("c3", 100, partner_id="p1")),
        ("2026-01-10", PartnerPortfolioReported(partner_id="p1", clients=150)),
        Accrue(date(2026, 1, 31)),
    )
    by = date(2027, 1, 7)
    assert asked(replay) == {
        ("keep", "certified", "counted_clients_per_year"): (2, 1, 1, by),
        ("reach", "strategic", "counted_clients_ever"): (3, 3, 0, None),
        ("reach", "strategic", "portfolio_above"): (200, 150, 51, None),
        ("reach", "strategic", "comarketing_12_months"): (100_000, 0, 100_000, None),
    }
    # On the 7th it was a referent still; nothing of it is kept.
    assert {step for step, _, _ in asked(replay, "2026-01-07")} == {"reach"}
    assert asked(replay, "2026-01-07")["reach", "certified", "nps_above"] == (40, 41, 0, None)


def test_who_lost_a_level_must_meet_its_commitment_to_regain_it(
    ledger: RealLedger, replay: Replay
) -> None:
    """D6.4: beside its requirements."""
    tell(
        ledger,
        ("2026-01-01", PartnerEnrolled(partner_id="p1", kind="referral")),
        ("2026-01-02", PartnerCertified(partner_id="p1", certification="expert")),
        ("2026-01-03", PartnerNpsReported(partner_id="p1", score=41)),
        ("2026-01-05", activated("c1", 100, partner_id="p1")),
        ("2026-01-07", activated("c2", 100, partner_id="p1")),
        Accrue(date(2027, 1, 31)),
    )
    found = asked(replay)
    assert found["reach", "certified", "counted_clients_per_year"] == (2, 0, 2, None)
    before = asked(replay, "2026-12-31")
    assert before["keep", "certified", "counted_clients_per_year"] == (2, 0, 2, date(2027, 1, 7))


def test_a_day_is_needed_and_an_enrolment_by_it(ledger: RealLedger, replay: Replay) -> None:
    """Before a first run a day must be given; before the enrolment there is no tier."""
    tell(ledger, ("2026-01-02", PartnerEnrolled(partner_id="p1", kind="referral")))
    with pytest.raises(Refused, match="--effective-at"):
        asked(replay)
    with pytest.raises(Refused, match="not enrolled by 2026-01-01"):
        asked(replay, "2026-01-01")
    assert asked(replay, "2026-01-02")


@settings(
    max_examples=max(6, settings().max_examples // 5),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(story=stories())
def test_after_a_run_the_next_level_lacks_something(story: Story) -> None:
    """Else the run would have given it: explanation and decision are one."""
    with open_ledger() as ledger, looking(_database()) as connection:
        replay = Replay(connection)

        def watch(step: Step) -> None:
            if isinstance(step, Accrue):
                for name in ("p1", "p2"):
                    _check(name)

        def _check(name: str) -> None:
            try:
                rows = outlook_rows(replay, replay.resolve(), name)
            except Refused:
                return
            levels: dict[object, list[Row]] = {}
            for row in rows:
                if row["step"] == "reach":
                    levels.setdefault(row["level"], []).append(row)
            if levels:
                of_next = next(iter(levels.values()))
                assert not all(row["met"] for row in of_next)
                assert all((row["missing"] == 0) == row["met"] for row in of_next)

        play(story, ledger, watch=watch)
