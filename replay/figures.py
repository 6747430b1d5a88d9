"""The figures of partners and programme as of a place (docs/figures.md)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date
from functools import cached_property

from events.decisions import Term
from events.lines import CommissionPosted
from events.values import Interval
from ledger.engine.commissions import Account, PartnerAccrual
from ledger.engine.draft import programme_on
from ledger.engine.state import Partner, Run
from ledger.errors import NotReady
from ledger.policy.programme import Programme
from replay.as_of import AsOf, Replay, Row
from replay.entities import ledger_at, partners_at
from replay.measuring import Measures, whole
from replay.partner_figures import partner_figures
from replay.programme_figures import programme_figures

_INTERVALS: Mapping[int, Interval] = {1: "month", 12: "year"}


class Figures:
    """Answers from one ledger as of one place; only reads.

    Raises NotReady where no programme was adopted by then: without one there is no currency.
    """

    def __init__(self, replay: Replay, at: AsOf) -> None:
        self._replay, self._at = replay, at
        ledger = ledger_at(replay, at)
        if ledger.programmes.first is None:
            raise NotReady(
                "no programme was adopted by then; ask for a later position, or adopt one first:"
                " commissions programme adopt izyinbox"
            )
        self._measures = Measures(replay, at, ledger)

    @property
    def day(self) -> date | None:
        """The last day of all windows: the effective day asked for, else L (None: no run yet)."""
        return self._measures.day

    def of_partner(self, partner_id: str) -> list[Row]:
        """The figures of one partner."""
        return partner_figures(self._measures, [partner_id], self._programme.currency)

    def of_all(self) -> list[Row]:
        """The figures of every partner enrolled by then, partner by partner."""
        until = self._measures.until
        enrolled = sorted(self._measures.network([until])[until])
        return partner_figures(self._measures, enrolled, self._programme.currency)

    def of_programme(self) -> list[Row]:
        """The figures of the programme."""
        return programme_figures(self._measures, self._programme, self._coming)

    @cached_property
    def _programme(self) -> Programme:
        """The version of the programme first adopted that is in force on the day."""
        return programme_on(self._measures.ledger, None, self.day or date.max).programme

    def _coming(self, after: date, through: date) -> Mapping[str, int]:
        """Commissions of the periods that begin after a day, by currency, as all stands now."""
        run = Run(self._at.position, through, after, self._at.position)
        partners = partners_at(self._replay, self._at)
        accruals: dict[str, PartnerAccrual] = {}
        totals: Counter[str] = Counter()
        for row in self._measures.running(after, through):
            partner_id = str(row["partner_id"])
            if partner_id not in accruals:
                partner = partners.get(partner_id) or Partner(partner_id)
                accruals[partner_id] = PartnerAccrual(self._measures.ledger, run, partner)
            lines = accruals[partner_id].lines(_account(row))
            for line in lines:
                if isinstance(line, CommissionPosted):
                    totals[line.currency] += whole(row, "alike") * line.amount
        return totals


def _account(row: Row) -> Account:
    """A client with one term, of which nothing is posted after the day."""
    term = Term.trusted(
        start=row["start_day"],
        end=row["end_day"],
        anchor=row["anchor"],
        interval=_INTERVALS[whole(row, "months")],
        plan="",
        price=whole(row, "price"),
        currency=row["currency"],
        activation=0,
        price_fact=0,
    )
    first = row["first_activated_on"]
    assert isinstance(first, date)
    return Account("", str(row["partner_id"]), 0, first, {"": (term,)}, touched=False)
