"""The course of runs and closes: how far each is, and what seals a month."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from events.base import Decision
from events.values import Count, Day, Identifier, Month, Position, Sha256


class PartnerAccrued(Decision):
    """One part of a partner's accrual is done, through ``through_client`` (None: all of it).

    ``then`` = ``earnings``: of all clients, and part of what the partner earns beside their lines.
    """

    type: ClassVar[str] = "PartnerAccrued"
    run: Position
    partner_id: Identifier
    part: Annotated[int, Field(ge=0)]
    through_client: Identifier | None = None
    then: Literal["earnings"] | None = None
    day: Day

    @property
    def stream(self) -> str:
        """``run:<run>``."""
        return f"run:{self.run}"


class AccrualCompleted(Decision):
    """An accrual run is complete; nothing more is decided by it."""

    type: ClassVar[str] = "AccrualCompleted"
    run: Position
    day: Day

    @property
    def stream(self) -> str:
        """``ledger``."""
        return "ledger"


class StatementsSealed(Decision):
    """The SHA-256 over the canonical bytes of all statements of a closed month (D16)."""

    type: ClassVar[str] = "StatementsSealed"
    month: Month
    close: Position
    statements: Count
    sha256: Sha256
    day: Day

    @property
    def stream(self) -> str:
        """``ledger``."""
        return "ledger"
