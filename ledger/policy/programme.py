"""The programme as a document: everything that the rules leave to it, validated, and hashed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Self

from pydantic import (
    Field,
    JsonValue,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    field_validator,
)

from events.values import TIERS, Currency, Identifier, TierName
from ledger.policy.accounting import Accounting
from ledger.policy.choices import Accrual, Proration, RateBasis, VersionBasis
from ledger.policy.parts import (
    Activation,
    Agreement,
    Ambassadors,
    Attribution,
    Badges,
    Cadence,
    ClientYear,
    Commitments,
    Contest,
    Controls,
    Founding,
    Leaderboard,
    Part,
    Payout,
    PerTen,
    Requirements,
    Sponsorship,
    Target,
    Territory,
    Tier,
    WhiteLabel,
)
from ledger.policy.problems import Problem, ProgrammeInvalid
from ledger.policy.reasons import problems

Title = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,200}\z")]
"""One line of text for people."""

_DOCUMENT: TypeAdapter[dict[str, JsonValue]] = TypeAdapter(dict[str, JsonValue])


class Programme(Part):
    """A version of a partner programme: every number and every choice of the rules.

    A part that is absent (None) does not exist in this programme: no founding floor, no bonus, no
    contest, no sponsorship, no prizes, no badges, no brands, no territories, no controls, no
    targets, no numbers of accounts.
    """

    name: Identifier
    title: Title
    currency: Currency
    attribution: Attribution = Attribution()
    activation: Activation = Activation()
    agreement: Agreement = Agreement()
    client_year: ClientYear = ClientYear()
    proration: Proration = "none"
    rate_basis: RateBasis = "service_date"
    version_basis: VersionBasis = "service_date"
    accrual: Accrual = "schedule"
    tiers: Annotated[tuple[Tier, ...], Field(alias="tier")]
    founding: Founding | None = None
    payout: Payout = Payout()
    per_ten: PerTen | None = None
    contests: Annotated[tuple[Contest, ...], Field(alias="contest", max_length=1_000)] = ()
    sponsorship: Sponsorship | None = None
    leaderboard: Leaderboard | None = None
    ambassadors: Ambassadors | None = None
    badges: Badges | None = None
    white_label: WhiteLabel | None = None
    territory: Territory | None = None
    controls: Controls | None = None
    targets: Annotated[tuple[Target, ...], Field(alias="target", max_length=1_000)] = ()
    accounting: Accounting | None = None

    @field_validator("tiers")
    @classmethod
    def _has_every_tier(cls, tiers: tuple[Tier, ...]) -> tuple[Tier, ...]:
        if reason := _tiers_out_of_order([tier.name for tier in tiers]):
            raise ValueError(reason)
        lowest = tiers[0]
        if lowest.requires != Requirements() or lowest.commitment != Commitments():
            raise ValueError(
                f"{lowest.name!r} is where every partner starts: remove its requirements"
                " and commitments"
            )
        return tiers

    @field_validator("contests")
    @classmethod
    def _names_a_contest_once(cls, contests: tuple[Contest, ...]) -> tuple[Contest, ...]:
        codes = [contest.code for contest in contests]
        if len(set(codes)) < len(codes):
            raise ValueError("two contests have one code; give each its own")
        return contests

    @field_validator("targets")
    @classmethod
    def _aims_at_a_day_once(cls, targets: tuple[Target, ...]) -> tuple[Target, ...]:
        days = [target.day for target in targets]
        if len(set(days)) < len(days):
            raise ValueError("two targets have one day; make them one")
        return targets

    # --- what the engine reads -------------------------------------------------------------------

    def tier(self, name: TierName) -> Tier:
        """The tier of that name."""
        return self.tiers[TIERS.index(name)]

    def rate(
        self,
        tier: TierName,
        client_year: int,
        founding: bool,  # noqa: FBT001 - a column of the rate table, like the two before it
    ) -> Decimal:
        """The commission rate of a client in that year of its own, from 1 (D7).

        ``founding``: the partner has the founding floor in client year 1, if there is one.
        """
        terms = self.tier(tier)
        if client_year > 1:
            return terms.later
        if founding and self.founding is not None:
            return max(terms.year_1, self.founding.year_1)
        return terms.year_1

    def cadence(self, tier: TierName) -> Cadence:
        """How often a partner of that tier is paid (D15.1)."""
        return self.tier(tier).payout

    def minimum(self, currency: str) -> int:
        """Minor units that a payout of that currency must exceed (D15.1); 0 unless stated."""
        for minimum in self.payout.minimum:
            if minimum.currency == currency:
                return minimum.amount
        return 0

    @property
    def is_separate(self) -> bool:
        """Whether commands of finance wait for another operator's approval (D16.1)."""
        return self.controls is not None and self.controls.approval == "separate"

    @property
    def records_reading(self) -> bool:
        """Whether the reading of statements and evidence is recorded (D16.3)."""
        return self.controls is not None and self.controls.reading == "recorded"

    # --- the document ----------------------------------------------------------------------------

    def document(self) -> dict[str, JsonValue]:
        """The whole document as JSON values: defaults written out, absent parts left out."""
        return _DOCUMENT.validate_python(
            self.model_dump(mode="json", by_alias=True, exclude_none=True)
        )

    def canonical(self) -> bytes:
        """The document's canonical bytes: JSON, keys sorted, no spaces, no floats, UTF-8."""
        return json.dumps(
            self.document(),
            sort_keys=True,
            separators=(",", ":"),
            ensure_ascii=False,
            allow_nan=False,
        ).encode()

    def sha256(self) -> str:
        """The SHA-256 of the canonical bytes, in lower-case hex."""
        return hashlib.sha256(self.canonical()).hexdigest()

    @classmethod
    def from_document(cls, document: Mapping[str, object]) -> Self:
        """Validate a document, as :meth:`document` gives it or as a file says it.

        Raises ProgrammeInvalid with all problems, without lines.
        """
        try:
            return cls.model_validate(dict(document))
        except ValidationError as error:
            origin = str(document.get("name", "the document"))
            raise ProgrammeInvalid(origin, _problems(document, error)) from None


def _tiers_out_of_order(names: Sequence[object]) -> str | None:
    if tuple(names) == TIERS:
        return None
    return f"the tiers are {', '.join(TIERS)}, each once and in this order"


def _problems(document: Mapping[str, object], error: ValidationError) -> list[Problem]:
    found = problems(Programme, error)
    tiers = document.get("tier")
    if isinstance(tiers, list) and not any(problem.key == "tier" for problem in found):
        names = [tier.get("name") if isinstance(tier, dict) else None for tier in tiers]
        if reason := _tiers_out_of_order(names):
            found.append(Problem("tier", reason))
    return found
