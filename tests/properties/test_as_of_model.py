"""Both axes beside the naive model: what it says after each step, of each day, is what replay says.

::

    position   0 ........ 9 ........ 17 ....... 31        steps of a story, one append or more each
    model      | knows 9  | knows 17 | knows 31           asked after each step, up to some days
    ledger                            | asked at the end as of (9, day), (17, day), (31, day)

The model decides by loops over all facts and sums its lines by day; no SQL, no event is shared.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings

from replay.as_of import AsOf, Replay
from tests.model.naive import NaiveLedger
from tests.model.views import BadgeView, Balance, PayoutView, PlaceView, TierView
from tests.properties.every_rule import stories_of_every_rule
from tests.properties.play import QUARTERS, play
from tests.properties.stories import DAYS, Step, Story
from tests.rules.ledger_adapter import _database, open_ledger
from tests.rules.ledger_views import line_of
from tests.rules.looking import looking

_ON_REAL = settings(
    max_examples=max(10, settings().max_examples // 6),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)

Answers = dict[str, object]


@settings(_ON_REAL)
@given(story=stories_of_every_rule())
def test_as_of_both_axes_is_the_naive_model(story: Story) -> None:
    """Lines, tiers, balances, postings, payouts, badges, rankings, departments, claims."""
    model = NaiveLedger()
    with open_ledger() as ledger, looking(_database()) as connection:
        replay = Replay(connection)
        told: list[tuple[int, date, Answers]] = []

        def watch(_: Step) -> None:
            position = replay.resolve().position
            days = (DAYS[len(told) % len(DAYS)], date.max)
            told.extend((position, day, _of_model(model, day)) for day in days)

        play(story, model, ledger, watch=watch)
        for position, day, expected in told:
            effective_at = None if day == date.max else day
            at = replay.resolve(position=position, effective_at=effective_at)
            found = _of_ledger(replay, at)
            for name, answer in expected.items():
                assert found[name] == answer, (name, position, day)


def _of_model(model: NaiveLedger, day: date) -> Answers:
    lines = [line for line in model.lines() if line.service_date <= day]
    tiers = [change for change in model.tiers() if change.first_day <= day]
    claims = [claim for claim in model.claims() if claim.day <= day]
    return {
        "history": sorted(line.comparable() for line in lines),
        "tiers": sorted(tiers),
        "balances": model.balances(day),
        "trial balance": model.trial_balance(day),
        "payouts": sorted(model.payouts_by(day)),
        "badges": sorted(badge for badge in model.badges() if badge.day <= day),
        "leaderboards": {q: places for q in QUARTERS if (places := model.leaderboard(q, day))},
        "claims": sorted(
            _claim(claim.client_id, claim.partner_id, claim.day, claim.answer, claim.reason)
            for claim in claims
        ),
        "territories": model.territories_on(DAYS[9]) if day == date.max else None,
    }


def _of_ledger(replay: Replay, at: AsOf) -> Answers:
    leaderboards: dict[object, list[PlaceView]] = {}
    for row in _rows(replay.leaderboard(at)):
        place = PlaceView(row["rank"], row["partner_id"], row["clients"])
        leaderboards.setdefault(row["quarter"], []).append(place)
    held = _rows(replay.territories(at, DAYS[9]))
    return {
        "history": sorted(line_of(row).comparable() for row in replay.history(at)),
        "tiers": sorted(
            TierView(
                row["partner_id"], row["from_tier"] or "", row["to_tier"], row["effective_day"]
            )
            for row in _rows(replay.tier_history(at))
        ),
        "balances": {
            (row["partner_id"], row["currency"]): Balance(
                row["earned"], row["adjusted"], row["paid"], row["in_flight"]
            )
            for row in _rows(replay.balances(at))
        },
        "trial balance": {
            (row["account"], row["currency"]): row["balance"]
            for row in _rows(replay.trial_balance(at))
            if row["balance"]
        },
        "payouts": sorted(
            PayoutView(
                row["partner_id"],
                row["currency"],
                row["cutoff"],
                row["amount"],
                row["status"],
                row["settled_amount"] or 0,
                row["flag"] is not None,
            )
            for row in _rows(replay.payouts(at))
        ),
        "badges": sorted(
            BadgeView(row["partner_id"], row["badge"], row["day"])
            for row in _rows(replay.badges(at))
        ),
        "leaderboards": {quarter: sorted(found) for quarter, found in leaderboards.items()},
        "claims": sorted(
            _claim(row["client_id"], row["partner_id"], row["day"], row["answer"], row["reason"])
            for row in _rows(replay.claims(at))
        ),
        "territories": (
            {row["department"]: row["partner_id"] for row in held}
            if at.effective_at is None
            else None
        ),
    }


def _rows(rows: Any) -> list[dict[str, Any]]:
    return list(rows)


def _claim(
    client_id: str, partner_id: str, day: date, answer: str, reason: str | None
) -> tuple[object, ...]:
    return client_id, partner_id, day, answer, reason or ""
