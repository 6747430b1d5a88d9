"""The version of a programme in force on a day (D7.2): pure, from the adoptions in their order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType

from ledger.errors import NotReady, Refused
from ledger.policy.programme import Programme


@dataclass(frozen=True, slots=True)
class Adopted:
    """A version of a programme: its number, from 1, and the day from which it is in force.

    ``from_day`` None: on every day. Only a first version may have none.
    """

    number: int
    programme: Programme
    from_day: date | None

    @property
    def version(self) -> str:
        """Programme and number, as decisions name it: ``izyinbox/1``."""
        return f"{self.programme.name}/{self.number}"


def _no_versions() -> Mapping[str, tuple[Adopted, ...]]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Programmes:
    """All adopted versions of all programmes; adopting gives a new value."""

    first: str | None = None
    """The name of the programme first adopted: every partner's unless assigned another (D7.3)."""
    versions: Mapping[str, tuple[Adopted, ...]] = field(default_factory=_no_versions)
    """The versions of each programme, in the order of their adoption."""

    @property
    def adopted(self) -> tuple[Programme, ...]:
        """Every version of every programme."""
        return tuple(each.programme for of_one in self.versions.values() for each in of_one)

    def adopt(self, programme: Programme, from_day: date | None) -> Programmes:
        """These programmes and one version more, numbered next.

        Raises Refused for a later version without a day. That the day is after L is checked where L
        is known.
        """
        earlier = self.versions.get(programme.name, ())
        if earlier and from_day is None:
            raise Refused(
                f"the programme {programme.name!r} has been adopted before; say from which day this"
                " version is in force"
            )
        adopted = Adopted(len(earlier) + 1, programme, from_day)
        versions = MappingProxyType({**self.versions, programme.name: (*earlier, adopted)})
        return Programmes(self.first or programme.name, versions)

    def named(self, version: str) -> Adopted:
        """The version that decisions name so: ``izyinbox/1``."""
        name, _, number = version.rpartition("/")
        return self._versions(name)[int(number) - 1]

    def in_force(self, name: str, day: date) -> Adopted:
        """The version of a programme in force on a day (D7.2).

        That is the one of the latest day up to it; of one day, the last adopted; of a day before
        all, the first adopted. Raises NotReady for a programme never adopted.
        """
        versions = self._versions(name)
        if len(versions) == 1:
            return versions[0]
        begun = [
            version for version in versions if version.from_day is None or version.from_day <= day
        ]
        return max(begun, key=_begin) if begun else versions[0]

    def begun_on(self, name: str, day: date) -> Adopted | None:
        """The version of a programme that comes into force on that very day, if one was adopted."""
        version = self.in_force(name, day) if name in self.versions else None
        return version if version is not None and version.from_day == day else None

    def accruals(self) -> frozenset[str]:
        """The ways in which the versions adopted so far pay: ``schedule``, ``invoice`` (D8.2)."""
        return frozenset(each.accrual for each in self.adopted)

    def on_invoices(self) -> bool:
        """Whether any version adopted so far pays on what clients paid (D8.2)."""
        return "invoice" in self.accruals()

    def by_activation(self) -> bool:
        """Whether any version adopted so far decides by the first activation day (D7.1, D7.2)."""
        return any(
            "activation_date" in (each.version_basis, each.rate_basis) for each in self.adopted
        )

    def version_days(self, name: str, after: date, through: date) -> tuple[date, ...]:
        """The days in (``after``, ``through``] on which another version comes into force."""
        begins = sorted(
            {
                version.from_day
                for version in self._versions(name)
                if version.from_day is not None and after < version.from_day <= through
            }
        )
        days: list[date] = []
        before = self.in_force(name, after)
        for day in begins:
            now = self.in_force(name, day)
            if now.number != before.number:
                days.append(day)
            before = now
        return tuple(days)

    def _versions(self, name: str) -> tuple[Adopted, ...]:
        versions = self.versions.get(name)
        if not versions:
            raise NotReady(
                f"no programme {name!r} has been adopted; adopt it first:"
                " commissions programme adopt FILE"
            )
        return versions


def _begin(version: Adopted) -> tuple[date, int]:
    return (version.from_day or date.min, version.number)
