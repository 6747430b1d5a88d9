"""The figures of partners: acquisition, revenue, engagement, health."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date

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
        self._earning = _currencies(self._portfolio, measures.balances, self._due)
        self._growing = _currencies(self._expansion)
        engaged = measures.engagement.values()
        self._courses = max((whole(row, "all_courses") for row in engaged), default=0)

    def put(self, sheet: Sheet, partner_id: str, currency: str) -> None:
        """Put every figure of one partner on its sheet."""
        acquired = self._measures.acquisition.get((partner_id,))
        put_acquisition(sheet, [acquired])
        sheet.put("co_hosted_demos", whole(acquired, "co_hosted_demos"))
        self._put_revenue(sheet, partner_id, currency)
        self._put_engagement(sheet, self._measures.engagement.get((partner_id,)))
        self._put_health(sheet, partner_id, currency)

    def _put_revenue(self, sheet: Sheet, partner_id: str, currency: str) -> None:
        clients = self._portfolio.get((partner_id, None))
        sheet.put("active_clients", whole(clients, "clients"))
        for one in sorted(self._earning[partner_id] | {currency}):
            row = self._portfolio.get((partner_id, one))
            arr, count = whole(row, "arr"), whole(row, "clients")
            sheet.put("arr", arr, currency=one)
            sheet.divide("arpu", arr, 12 * count, currency=one)
            paid = whole(self._measures.balances.get((partner_id, one)), "paid")
            sheet.put("commissions_paid", paid, currency=one)
            sheet.put("commissions_due", self._due.get((partner_id, one), 0), currency=one)

    def _put_engagement(self, sheet: Sheet, engaged: Row | None) -> None:
        last = None if engaged is None else engaged["last_visit"]
        sheet.put("last_visit", last if isinstance(last, date) else None)
        sheet.put("visits", whole(engaged, "visits"))
        sheet.divide("trainings", whole(engaged, "courses"), self._courses)
        sheet.put("downloads", whole(engaged, "downloads"))

    def _put_health(self, sheet: Sheet, partner_id: str, currency: str) -> None:
        kept = self._retention.get((partner_id,))
        sheet.divide("churn", whole(kept, "lost"), whole(kept, "clients"))
        scores = self._measures.scores.get((partner_id,))
        reported = None if scores is None else scores["reported"]
        sheet.put("nps", reported if isinstance(reported, int) else None)
        put_scores(sheet, [scores])
        grown = {one: self._expansion[partner_id, one] for one in self._growing[partner_id]}
        sheet.put("upsells", sum(whole(row, "upsells") for row in grown.values()))
        for one in sorted({currency, *grown}):
            sheet.put("expansion", whole(grown.get(one), "expansion"), currency=one)


def _currencies(*told: Mapping[Key, object]) -> defaultdict[str | None, set[str]]:
    """The currencies told for each partner."""
    found: defaultdict[str | None, set[str]] = defaultdict(set)
    for keys in told:
        for partner_id, currency in keys:
            if currency is not None:
                found[partner_id].add(currency)
    return found
