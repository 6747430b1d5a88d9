"""The programme's choices: where the rules leave one open, and the values that it can have.

Every *(choice)* of the rules is a parameter here; any other value is refused when the document is
read, so that no programme is ever silently misapplied.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

Days = Annotated[int, Field(strict=True, ge=0, le=36_500)]
"""A number of days."""

Months = Annotated[int, Field(strict=True, ge=1, le=1_200)]
"""A number of months."""

TerritoryCheck = Literal["all", "leads_only"]
"""Whether a held department turns claims away, or only has leads of its own (D3.3b)."""

Proration = Literal["none"]
"""What a plan change within a period does to that period (D4.3): nothing."""

Tail = Literal["none", "client_lifetime"] | Months
"""How long commissions go on after an agreement ended (D4.4): a number is of months."""

Restart = Literal["never", "reactivation"]
"""What starts the client year anew (D5)."""

RateBasis = Literal["service_date", "activation_date"]
"""The day whose tier gives the rate (D7.1)."""

VersionBasis = Literal["service_date", "activation_date"]
"""The day whose programme version decides a period (D7.2)."""

Accrual = Literal["schedule", "invoice"]
"""What a line is posted for: a period due, or an invoice paid (D8.2)."""

Judged = Literal["day_after", "counting_day"]
"""The day whose tier decides a per-ten bonus (D10.1)."""

ContestMode = Literal["in_addition", "instead_of_first_year"]
"""How a contest's amount stands to the commission (D10.2)."""

Trigger = Literal["active", "enrolment"]
"""What earns a sponsor its reward (D11.1)."""

BrandBasis = Literal["kept", "while_strategic"]
"""Whether a white-label brand outlasts a demotion (D13)."""

Reading = Literal["none", "recorded"]
"""Whether the reading of statements and evidence is recorded."""

Approval = Literal["none", "separate"]
"""Whether finance's commands wait for another operator's approval."""
