"""Bonuses for every so many counted clients of a partner's life (D10.1)."""

from __future__ import annotations

from collections.abc import Iterator

from events.lines import BonusDeclined, BonusPosted
from events.values import TIERS
from ledger.engine.calendar import ONE_DAY
from ledger.engine.counted import CountedClient, Counts, Rewarded
from ledger.engine.draft import programme_on
from ledger.engine.state import Ledger, Partner, Run


def ordinals_to_judge(
    ledger: Ledger, run: Run, partner: Partner, counts: Counts, rewarded: Rewarded
) -> Iterator[int]:
    """The counts that a bonus stands for and that this run judges, in order.

    D is after the counting day. One that was paid is not judged again, one that was refused only
    for another day. The version in force on the counting day says for how many there is a bonus.
    While the partner has no agreement on that day, nothing is judged (D4.4).
    """
    for day, before, through in counts.spans(run.through):
        if day == run.through:
            return
        terms = programme_on(ledger, partner, day).programme.per_ten
        if terms is None or not partner.in_force_on(day) or not ledger.posts_on(day):
            continue
        first = before - before % terms.each + terms.each
        for ordinal in range(first, through + 1, terms.each):
            if ordinal not in rewarded.paid and rewarded.declined.get(ordinal) != day:
                yield ordinal


def decide_bonus(
    ledger: Ledger, run: Run, partner: Partner, ordinal: int, client: CountedClient
) -> BonusPosted | BonusDeclined:
    """The bonus for the ``ordinal``-th counted client, or its refusal: once judged, it is done.

    The tier is that of the day after the counting day, or of that day, as the programme says.
    """
    day = client.counted_on
    version = programme_on(ledger, partner, day)
    terms = version.programme.per_ten
    assert terms is not None
    tier = partner.tier_on(day + ONE_DAY if terms.judged == "day_after" else day)
    if TIERS.index(tier) < TIERS.index(terms.from_tier):
        return BonusDeclined(
            rule="D10.1",
            programme_version=version.version,
            day=day,
            partner_id=partner.partner_id,
            client_id=client.client_id,
            ordinal=ordinal,
            tier=tier,
            facts=client.facts,
            run=run.position,
        )
    return BonusPosted(
        rule="D10.1",
        programme_version=version.version,
        day=day,
        partner_id=partner.partner_id,
        posting_date=ledger.posting_day(day),
        amount=terms.amount,
        currency=version.programme.currency,
        facts=client.facts,
        run=run.position,
        client_id=client.client_id,
        ordinal=ordinal,
    )
