"""The figures of partners: acquisition, revenue, engagement, health."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from replay.as_of import Row
from replay.definitions import PARTNER
from replay.measuring import Key, Measures, whole, year_before
from replay.sheet import Sheet


def partner_figures(measures: Measures, partner_ids: Iterable[str], currency: str) -> list[Row]:
    """Every figure of each of some partners.

    Money is told in each currency that the partner has, and in the programme's ``currency``.
    """
    found: list[Row] = []
    parts = _Parts(measures)
    for partner_id in partner_ids:
        sheet = Sheet(PARTNER, measures.day)
        parts.put(sheet, partner_id, currency)
        found += ({**row, "partner_id": partner_id} for row in sheet.rows())
    return found


def put_acquisition(sheet: Sheet, rows: Iterable[Row | None]) -> None:
    """Leads to clients, summed over some partners."""
    told = [row for row in rows if row is not None]

    def total(name: str) -> int:
        return sum(whole(row, name) for row in told)

    for figure in ("leads", "referrals", "demos"):
        sheet.put(figure, total(figure))
    sheet.divide("demo_to_trial", total("shown_and_tried"), total("shown"))
    sheet.divide("trial_to_paid", total("tried_and_paid"), total("tried"))


def put_scores(sheet: Sheet, rows: Iterable[Row | None]) -> None:
    """Scores and use of the clients of some partners."""
    told = [row for row in rows if row is not None]

    def total(name: str) -> int:
        return sum(whole(row, name) for row in told)

    sheet.divide("client_nps", total("score_sum"), total("scored_clients"))
    sheet.divide("usage", total("used_sum"), 100 * total("used_clients"))


class _Parts:
    """What is measured of all partners, for one sheet after the other."""

    def __init__(self, measures: Measures) -> None:
        self._measures = measures
        day = measures.day
        self._portfolio = measures.portfolio([measures.until])[measures.until]
        self._due: Mapping[Key, int] = {}
        self._retention: Mapping[Key, Row] = {}
        self._expansion: Mapping[Key, Row] = {}
        if day is not None:
            self._due = measures.earned(day.replace(day=1), day)
            self._retention = measures.retention(year_before(day), day)
            self._expansion = measures.expansion(year_before(day), day)

    def put(self, sheet: Sheet, partner_id: str, currency: str) -> None:
        """Put every figure of one partner on its sheet."""
        measures, key = self._measures, (partner_id,)
        acquired = measures.acquisition.get(key)
        put_acquisition(sheet, [acquired])
        sheet.put("co_hosted_demos", whole(acquired, "co_hosted_demos"))
        self._put_revenue(sheet, partner_id, currency)
        engaged = measures.engagement.get(key)
        last = None if engaged is None else engaged["last_visit"]
        sheet.put("last_visit", last)  # type: ignore[arg-type]  # a day, or none
        sheet.put("visits", whole(engaged, "visits"))
        courses = max(
            (whole(row, "all_courses") for row in measures.engagement.values()), default=0
        )
        sheet.divide("trainings", whole(engaged, "courses"), courses)
        sheet.put("downloads", whole(engaged, "downloads"))
        self._put_health(sheet, partner_id, currency)

    def _put_revenue(self, sheet: Sheet, partner_id: str, currency: str) -> None:
        clients = self._portfolio.get((partner_id, None))
        sheet.put("active_clients", whole(clients, "clients"))
        told: tuple[Mapping[Key, object], ...] = (
            self._portfolio,
            self._measures.balances,
            self._due,
        )
        for one in currencies(partner_id, currency, *told):
            row = self._portfolio.get((partner_id, one))
            arr, count = whole(row, "arr"), whole(row, "clients")
            sheet.put("arr", arr, currency=one)
            sheet.divide("arpu", arr, 12 * count, currency=one)
            paid = whole(self._measures.balances.get((partner_id, one)), "paid")
            sheet.put("commissions_paid", paid, currency=one)
            sheet.put("commissions_due", self._due.get((partner_id, one), 0), currency=one)

    def _put_health(self, sheet: Sheet, partner_id: str, currency: str) -> None:
        kept = self._retention.get((partner_id,))
        sheet.divide("churn", whole(kept, "lost"), whole(kept, "clients"))
        scores = self._measures.scores.get((partner_id,))
        sheet.put("nps", None if scores is None or scores["reported"] is None
                  else whole(scores, "reported"))  # fmt: skip
        put_scores(sheet, [scores])
        grown = [row for (holder, _), row in self._expansion.items() if holder == partner_id]
        sheet.put("upsells", sum(whole(row, "upsells") for row in grown))
        for one in currencies(partner_id, currency, self._expansion):
            row = self._expansion.get((partner_id, one))
            sheet.put("expansion", whole(row, "expansion"), currency=one)


def currencies(partner_id: str | None, own: str, *told: Mapping[Key, object]) -> list[str]:
    """The currencies told for a partner, and the programme's own, by code."""
    found = {key[1] for keys in told for key in keys if key[0] == partner_id and key[1] is not None}
    return sorted(found | {own})
