"""The figures of the programme: network, clients, ARR by channel, commissions, return, targets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date

from ledger.policy.parts import Target
from ledger.policy.programme import Programme
from replay.as_of import Row
from replay.definitions import PROGRAMME
from replay.measuring import Key, Measures, eve, eve_of_month, whole, year_before
from replay.partner_figures import put_acquisition, put_scores
from replay.ratios import percent
from replay.sheet import Sheet

LEADERS = 10
"""How many partners of a leaderboard are shown."""

Projected = Callable[[date, date], Mapping[str, int]]
"""Commissions still to come after a day, through another, by currency."""


def programme_figures(measures: Measures, programme: Programme, projected: Projected) -> list[Row]:
    """Every figure of the programme; ``programme`` is the version in force on the day."""
    sheet = Sheet(PROGRAMME, measures.day)
    stocks = _Stocks(measures, programme)
    stocks.put(sheet)
    put_acquisition(sheet, _of_partners(measures.acquisition))
    put_scores(sheet, _of_partners(measures.scores))
    if measures.day is None:
        for definition in PROGRAMME:
            if definition.windowed:
                sheet.put(definition.figure, None)
        return sheet.rows()
    _put_clients(sheet, measures, programme.currency, measures.day)
    _put_money(sheet, measures, programme.currency, projected, measures.day)
    stocks.put_pipeline(sheet, measures.day)
    for leader in measures.leaders(measures.day, programme.name)[:LEADERS]:
        sheet.put("top_partner", whole(leader, "clients"), partner_id=str(leader["partner_id"]))
    for target in sorted(programme.targets, key=lambda one: one.day):
        stocks.put_target(sheet, target)
    return sheet.rows()


class _Stocks:
    """What there is now, and what there was on the days of targets."""

    def __init__(self, measures: Measures, programme: Programme) -> None:
        self._measures, self._programme = measures, programme
        self._currency = programme.currency
        days = {measures.until, *(self._taken_on(target) for target in programme.targets)}
        self._portfolio = measures.portfolio(days)
        self._network = measures.network(days)
        self._counted = measures.counted(days)

    def put(self, sheet: Sheet) -> None:
        """Partners, clients and ARR as they stand."""
        now = self._measures.until
        network = self._network[now]
        active = sum(
            in_force and (partner_id, None) in self._portfolio[now]
            for partner_id, in_force in network.items()
        )
        sheet.put("partners", len(network))
        sheet.put("partners_in_force", sum(network.values()))
        sheet.put("active_partners", active)
        sheet.put("inactive_partners", len(network) - active)
        sheet.put("clients", self._clients_by(now))
        sheet.put("active_clients", self._active(now, None))
        for currency in self._currencies(now):
            ours, direct = self._arr(now, currency)
            sheet.put("partner_arr", ours, currency=currency)
            sheet.put("direct_arr", direct, currency=currency)
            sheet.divide("channel_share", ours, ours + direct, currency=currency)

    def put_pipeline(self, sheet: Sheet, day: date) -> None:
        """Deals by stage; their value at what an active client of the currency pays in a year."""
        rows = list(self._measures.pipeline(day, self._programme.attribution.window_days))
        deals = 0
        for stage in ("claimed", "shown", "in_trial"):
            count = sum(whole(row, stage) for row in rows)
            sheet.put(f"pipeline_{stage}", count)
            deals += count
        sheet.put("pipeline_deals", deals)
        now = self._measures.until
        ours, _ = self._arr(now, self._currency)
        sheet.divide(
            "pipeline_value",
            deals * ours,
            self._active(now, self._currency),
            currency=self._currency,
        )

    def put_target(self, sheet: Sheet, target: Target) -> None:
        """What a target asks for, each beside what is measured by its day."""
        on, currency = self._taken_on(target), self._currency
        ours, direct = self._arr(on, currency)
        partners, clients = sum(self._network[on].values()), self._clients_by(on)
        for name, wanted, measured, unit in (
            ("partners", target.partners, partners, None),
            ("clients", target.clients, clients, None),
            ("arr", target.arr, ours, currency),
        ):
            if wanted is not None:
                ratio = (measured, wanted)
                sheet.aim(f"target_{name}", target.day, wanted, measured, ratio, currency=unit)
        if target.share is not None:
            numerator, denominator = target.share.as_integer_ratio()
            sheet.aim(
                "target_share",
                target.day,
                percent(numerator, denominator) or "",
                percent(ours, ours + direct),
                (ours, ours + direct),
                currency=currency,
            )

    def _taken_on(self, target: Target) -> date:
        """The day on which a target is measured: its own, or while that is to come, now."""
        day = self._measures.day
        return target.day if day is not None and target.day <= day else self._measures.until

    def _clients_by(self, day: date) -> int:
        return sum(count for (partner_id,), count in self._counted[day].items() if partner_id)

    def _active(self, day: date, currency: str | None) -> int:
        rows = self._portfolio[day].items()
        return sum(whole(row, "clients") for (who, code), row in rows if who and code == currency)

    def _currencies(self, day: date) -> list[str]:
        found = {code for _, code in self._portfolio[day] if code is not None}
        return sorted(found | {self._currency})

    def _arr(self, day: date, currency: str) -> tuple[int, int]:
        """ARR of partners' clients and of direct ones."""
        ours = direct = 0
        for (partner_id, code), row in self._portfolio[day].items():
            if code == currency and partner_id is None:
                direct += whole(row, "arr")
            elif code == currency:
                ours += whole(row, "arr")
        return ours, direct


def _put_clients(sheet: Sheet, measures: Measures, own: str, day: date) -> None:
    """Clients won and lost in the month; churn and expansion over 12 months."""
    eve = eve_of_month(day)
    counted = measures.counted([eve, day])
    won = {on: sum(n for (who,), n in by.items() if who) for on, by in counted.items()}
    sheet.put("new_clients", won[day] - won[eve])
    month = _of_partners(measures.retention(eve, day))
    sheet.put("churned_clients", sum(whole(row, "lost") for row in month))
    year = _of_partners(measures.retention(year_before(day), day))
    sheet.divide(
        "churn", sum(whole(row, "lost") for row in year), sum(whole(row, "clients") for row in year)
    )
    grown = measures.expansion(year_before(day), day)
    sheet.put("upsells", sum(whole(row, "upsells") for row in _of_partners(grown)))
    totals = _by_currency({key: whole(row, "expansion") for key, row in grown.items()})
    for currency in sorted({own, *totals}):
        sheet.put("expansion", totals.get(currency, 0), currency=currency)


def _put_money(sheet: Sheet, measures: Measures, own: str, projected: Projected, day: date) -> None:
    """Commissions of month and year, what the year will bring, and what remains of the revenue."""
    new_year, end = day.replace(month=1, day=1), day.replace(month=12, day=31)
    month = _by_currency(measures.earned(day.replace(day=1), day))
    year = _by_currency(measures.earned(new_year, day))
    accrued = measures.ledger.accrued_through or date.min
    coming = projected(max(eve(new_year), min(accrued, day)), end)
    billed = _by_currency(measures.billed(new_year, day))
    costs = measures.costs(new_year, day)
    for currency in sorted({own, *month, *year, *coming, *billed, *costs}):
        paid = year.get(currency, 0)
        revenue, cost = billed.get(currency, 0), costs.get(currency, 0)
        expected = paid + coming.get(currency, 0)
        sheet.put("commissions_month", month.get(currency, 0), currency=currency)
        sheet.put("commissions_year", paid, currency=currency)
        sheet.put("commissions_projected", expected, currency=currency)
        sheet.put("billed_year", revenue, currency=currency)
        sheet.put("costs_year", cost, currency=currency)
        sheet.put("return_year", revenue - paid - cost, currency=currency)
        sheet.divide("return_rate", revenue - paid - cost, paid + cost, currency=currency)


def _of_partners(rows: Mapping[Key, Row]) -> list[Row | None]:
    """The rows of all partners; what is direct, or of nobody, is left out."""
    return [row for key, row in rows.items() if key[0] is not None]


def _by_currency(amounts: Mapping[Key, int]) -> dict[str, int]:
    """Sums over partners, currency by currency."""
    totals: dict[str, int] = {}
    for (partner_id, currency), amount in amounts.items():
        if partner_id is not None and currency is not None:
            totals[currency] = totals.get(currency, 0) + amount
    return totals
