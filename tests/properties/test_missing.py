"""Of any history, any client and day: the reasons told agree with what the engine decides."""

from __future__ import annotations

from datetime import date

from hypothesis import HealthCheck, Phase, given, settings

from replay.as_of import Replay
from replay.explaining.missing import Answer, why_nothing
from tests.properties.every_rule import stories_of_every_rule
from tests.properties.play import play
from tests.properties.stories import DAYS, Story, stories
from tests.rules.ledger_adapter import RealLedger, _database, open_ledger
from tests.rules.looking import looking

_CLIENTS = """
    SELECT DISTINCT client_id FROM ledger.events WHERE client_id IS NOT NULL ORDER BY client_id
"""
_EACH = 5
"""Of the days of the stories every so-manieth is asked of each client."""


@settings(
    max_examples=max(4, settings().max_examples // 16),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(story=stories() | stories_of_every_rule())
def test_what_is_missing_is_missing_for_the_reasons_told(story: Story) -> None:
    """A period is posted, or due, or there is a reason; what is due the next run posts."""
    with open_ledger() as ledger, looking(_database()) as connection:
        play(story, ledger)
        replay = Replay(connection)
        at = replay.resolve()
        for number, row in enumerate(ledger._select(_CLIENTS)):
            for day in DAYS[number % _EACH :: _EACH]:
                found = why_nothing(replay, str(row["client_id"]), None, day, at)
                assert found.agrees, found
                assert found.answers
                for answer in found.answers:
                    assert answer.reasons, (day, answer)
                    _are_positions(answer, at.position)
        _the_next_run_posts_what_is_due(ledger, replay)


def _are_positions(answer: Answer, last: int) -> None:
    for reason in answer.reasons:
        for ground in reason.grounds:
            assert ground.position is None or 0 < ground.position <= last, reason


def _the_next_run_posts_what_is_due(ledger: RealLedger, replay: Replay) -> None:
    """A run through L posts each first line that was said to be due, of that amount."""
    at = replay.resolve()
    (last,) = ledger._select(
        "SELECT max(day) AS day FROM ledger.events WHERE topic LIKE 'accrual%'"
    )
    through = last["day"]
    if not isinstance(through, date):
        return
    expected = set()
    for row in ledger._select(_CLIENTS):
        client_id = str(row["client_id"])
        for day in DAYS:
            if day > through:
                continue
            for answer in why_nothing(replay, client_id, None, day, at).answers:
                if any(reason.name == "next_run" for reason in answer.reasons):
                    period = (answer.subscription_id, answer.start, answer.invoice_id)
                    expected.add((client_id, answer.partner_id, *period, answer.expected))
    ledger.accrue(through)
    posted = {
        (
            str(row["client_id"]),
            row["partner_id"],
            row["subscription_id"],
            row["service_date"],
            row["invoice_id"],
            row["amount"],
        )
        for row in replay.history(replay.resolve())
        if int(str(row["position"])) > at.position and row["rule"] in {"D7", "D13"}
    }
    assert expected <= posted, expected - posted
