"""A sheet of figures: each a row with its value, what it was divided from, and its definition."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

from replay.as_of import Row
from replay.definitions import Definition
from replay.ratios import one_decimal, percent, quotient

MEMBERS = (
    "partner_id",
    "group",
    "figure",
    "day",
    "currency",
    "value",
    "unit",
    "numerator",
    "denominator",
    "target",
    "definition",
)
"""The members of a row: ``day`` and ``target`` are those of a target, null elsewhere."""


class Sheet:
    """Collects rows for the figures of a list of definitions; ``day`` None leaves windows null."""

    def __init__(self, definitions: Iterable[Definition], day: date | None) -> None:
        self._definitions: Mapping[str, Definition] = {each.figure: each for each in definitions}
        self._order = {name: place for place, name in enumerate(self._definitions)}
        self._day = day
        self._rows: list[Row] = []

    def rows(self) -> list[Row]:
        """The rows in the order of the definitions, those of one figure as they were put."""
        return sorted(self._rows, key=lambda row: self._order[str(row["figure"])])

    def put(
        self,
        figure: str,
        value: int | date | None,
        *,
        partner_id: str | None = None,
        currency: str | None = None,
    ) -> None:
        """A count, an amount of minor units, or a day."""
        self._add(figure, value, partner_id=partner_id, currency=currency)

    def divide(
        self,
        figure: str,
        numerator: int,
        denominator: int,
        *,
        partner_id: str | None = None,
        currency: str | None = None,
    ) -> None:
        """A ratio, rounded as its unit says; null for a division by nothing."""
        unit = self._definitions[figure].unit
        rounded = {"percent": percent, "score": one_decimal}.get(unit, quotient)
        self._add(
            figure,
            rounded(numerator, denominator),
            partner_id=partner_id,
            currency=currency,
            numerator=numerator,
            denominator=denominator,
        )

    def aim(
        self,
        figure: str,
        day: date,
        target: int | str,
        value: int | str | None,
        ratio: tuple[int, int],
        *,
        currency: str | None = None,
    ) -> None:
        """A target of a day beside what is measured, and the ratio that its definition names."""
        numerator, denominator = ratio
        self._add(
            figure,
            value,
            day=day,
            target=target,
            currency=currency,
            numerator=numerator,
            denominator=denominator,
        )

    def _add(self, figure: str, value: object, **members: object) -> None:
        definition = self._definitions[figure]
        row: Row = dict.fromkeys(MEMBERS)
        row |= {
            "group": definition.group,
            "figure": figure,
            "unit": definition.unit,
            "definition": definition.text,
            "value": value,
            **members,
        }
        if definition.windowed and self._day is None:
            row |= {"value": None, "numerator": None, "denominator": None}
        self._rows.append(row)
