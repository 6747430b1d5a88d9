"""The parts of a programme document: tiers, bonuses, contests, prizes, sponsorship, brands.

Amounts are integer minor units of the programme's currency unless one stands beside them; rates are
exact decimals written in quotes. Unknown keys are refused.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from events.values import Code, Count, Currency, Day, MinorUnits, Rate, TierName
from ledger.policy.choices import (
    Approval,
    BrandBasis,
    ContestMode,
    Days,
    Judged,
    Months,
    Reading,
    Restart,
    Tail,
    TerritoryCheck,
    Trigger,
)

PositiveCount = Annotated[Count, Field(ge=1)]
Cadence = Literal["month", "quarter"]
"""How often a tier is paid (D15.1): on the last day of each."""


class Part(BaseModel):
    """Base of all parts of a programme: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", serialize_by_alias=True)


class Attribution(Part):
    """How claims win clients (D3)."""

    window_days: Days = 180
    late_days: Days = 30
    territory_check: TerritoryCheck = "all"


class Activation(Part):
    """When a client counts (D6.1): so many days after its first activation, unless it churned."""

    qualifying_days: Days = 0


class Agreement(Part):
    """What an agreement's end means (D4.4)."""

    tail: Tail = "none"


class Controls(Part):
    """Who must agree before a command takes effect (D16.1), and what reading leaves (D16.3)."""

    approval: Approval = "none"
    reading: Reading = "none"


class ClientYear(Part):
    """What starts the client year anew (D5)."""

    restart: Restart = "never"


class Requirements(Part):
    """What a tier requires beside the tier below it (D6.2); None: not required.

    ``nps_above`` and ``portfolio_above`` must be exceeded, the others reached.
    """

    counted_clients_12_months: Count | None = None
    counted_clients_ever: Count | None = None
    certification: Annotated[bool, Field(strict=True)] = False
    nps_above: Annotated[int, Field(strict=True, ge=-100, le=100)] | None = None
    portfolio_above: Count | None = None
    comarketing_12_months: MinorUnits | None = None


class Commitments(Part):
    """What a tier must reach between two anniversaries to be kept (D6.4); None: nothing."""

    counted_clients_per_year: Count | None = None
    comarketing_per_year: MinorUnits | None = None


class Tier(Part):
    """A level: its rates by client year (D7), its payouts (D15), what it takes (D6)."""

    name: TierName
    year_1: Rate
    later: Rate
    payout: Cadence
    requires: Requirements = Requirements()
    commitment: Commitments = Commitments()


class Founding(Part):
    """The floor of a founding partner's rate in client year 1, in any tier (D7)."""

    year_1: Rate


class Minimum(Part):
    """A payout of this currency is initiated only for more than ``amount`` (D15.1)."""

    currency: Currency
    amount: MinorUnits


class Payout(Part):
    """How partners are paid (D15.1); a currency without a minimum has 0."""

    minimum: tuple[Minimum, ...] = ()

    @field_validator("minimum")
    @classmethod
    def _names_a_currency_once(cls, minima: tuple[Minimum, ...]) -> tuple[Minimum, ...]:
        _refuse_repeated("currency", [minimum.currency for minimum in minima])
        return minima


class PerTen(Part):
    """An amount for each ``each``-th counted client, from a tier on (D10.1)."""

    each: PositiveCount
    amount: MinorUnits
    from_tier: Annotated[TierName, Field(alias="from")]
    judged: Judged = "day_after"


class FirstPlace(Part):
    """The prize of a contest's first place, not in cash; ``value`` is what it is worth (D10.3)."""

    prize: Code
    value: MinorUnits


class Contest(Part):
    """An amount for each counted client whose winning claim lies in ``start`` … ``end`` (D10.2)."""

    code: Code
    start: Day
    end: Day
    amount: MinorUnits
    mode: ContestMode = "in_addition"
    first_place: FirstPlace | None = None

    @field_validator("end")
    @classmethod
    def _ends_after_its_start(cls, end: Day, info: ValidationInfo) -> Day:
        start = info.data.get("start")
        if start is not None and end < start:
            raise ValueError(f"the contest ends on {end}, before its start on {start}")
        return end


class Sponsorship(Part):
    """What a sponsor earns for a partner that becomes active (D11)."""

    reward: MinorUnits
    trigger: Trigger = "active"
    active_clients: PositiveCount
    override: Rate
    client_year: PositiveCount = 1


class Leaderboard(Part):
    """The prizes of a quarter's first places, the first first (D12.1)."""

    prizes: Annotated[tuple[MinorUnits, ...], Field(max_length=100)]


class Ambassadors(Part):
    """So many partners with more than ``above`` counted clients, each an amount (D12.3)."""

    places: PositiveCount
    above: Count
    amount: MinorUnits


class Rocket(Part):
    """So many counted clients in a row in less than so many months (D12.2)."""

    clients: PositiveCount
    months: Months


class Badges(Part):
    """The counted clients that earn each badge (D12.2)."""

    pioneer: PositiveCount
    rocket: Rocket
    diamond: PositiveCount
    centurion: PositiveCount


class WhiteLabel(Part):
    """The share of the base that a partner keeps under its own brand (D13)."""

    share: Rate
    basis: BrandBasis = "kept"


class Territory(Part):
    """How long a department is held (D14)."""

    months: Months


class Target(Part):
    """What the programme wants to have reached on a day; None: nothing said of it.

    ``partners`` with an agreement in force; ``clients`` counted for partners, ever; ``arr`` of
    partners' clients, minor units; ``share`` of the ARR of all clients.
    """

    day: Day
    partners: Count | None = None
    clients: Count | None = None
    arr: MinorUnits | None = None
    share: Rate | None = None


def _refuse_repeated(what: str, names: list[str]) -> None:
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"the {what} {', '.join(map(repr, repeated))} stands twice; keep one")
