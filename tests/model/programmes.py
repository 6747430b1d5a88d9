"""Programmes of the model: their versions, and who is under which (D7.2, D7.3)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from ledger.errors import Refused
from ledger.policy.programme import Programme


@dataclass(frozen=True)
class Version:
    """An adopted version of a programme, with its number from 1."""

    number: int
    programme: Programme
    from_day: date | None

    @property
    def name(self) -> str:
        """Programme and number, as lines show them."""
        return f"{self.programme.name}/{self.number}"


@dataclass
class Programmes:
    """All versions adopted and all assignments of partners, in recording order."""

    versions: list[Version] = field(default_factory=list)
    assigned: list[tuple[str, str, date]] = field(default_factory=list)

    def adopt(self, programme: Programme, from_day: date | None, accrued: date | None) -> None:
        """Adopt a version; a later one of the same programme needs a day after L."""
        number = 1 + sum(v.programme.name == programme.name for v in self.versions)
        if number > 1 and from_day is None:
            raise Refused("a later version needs its day")
        if number > 1 and from_day is not None and accrued is not None and from_day <= accrued:
            raise Refused("a later version's day must be after L")
        days = programme.activation.qualifying_days
        if number > 1 and days != self._first(programme.name).activation.qualifying_days:
            raise Refused("what a counted client is stays")
        self.versions.append(Version(number, programme, from_day))

    def _first(self, name: str) -> Programme:
        return next(v.programme for v in self.versions if v.programme.name == name)

    def names(self) -> list[str]:
        """All programmes ever adopted."""
        return sorted({version.programme.name for version in self.versions})

    def name_of(self, partner_id: str, day: date) -> str:
        """The programme that a partner is under on a day (D7.3)."""
        name, latest = self.versions[0].programme.name, date.min
        for partner, programme, from_day in self.assigned:
            if partner == partner_id and latest <= from_day <= day:
                name, latest = programme, from_day
        return name

    def in_force(self, name: str, day: date) -> Version:
        """The version of a programme that is in force on a day (D7.2)."""
        found = [version for version in self.versions if version.programme.name == name]
        in_force, begun = found[0], date.min
        for version in found:
            from_day = version.from_day or date.min
            if begun <= from_day <= day:
                in_force, begun = version, from_day
        return in_force

    def named(self, name: str | None) -> Version:
        """The version that a line names."""
        return next(version for version in self.versions if version.name == name)

    def version(self, partner_id: str, day: date) -> Version:
        """The version that a partner is under on a day."""
        return self.in_force(self.name_of(partner_id, day), day)

    def programme(self, partner_id: str, day: date) -> Programme:
        """The programme of a partner, in the version of a day."""
        return self.version(partner_id, day).programme
