"""Read models that are views: over the events alone, or over the stored projections."""

from __future__ import annotations

from projections.balances import BALANCES, CURRENCY, PARTNER
from projections.clients import CLIENT
from projections.definition import Column, ReadModel
from projections.tiers import TIERS

_POSITION = Column("position", "bigint", "Position of the event in the ledger.")
_RULE = Column("rule", "text", "Number of the rule that decided it (D1 to D18).")
_SUBSCRIPTION = Column("subscription_id", "text", "The subscription of the client.")
_SERVICE_DATE = Column("service_date", "date", "The day that it is for (S).")
_SERVICE_END = Column("service_end", "date", "Last day of the period that it is for.")
_POSTING_DATE = Column("posting_date", "date", "The day on which it stands in a statement.")
_BASE = Column("base", "numeric", "What the rate was applied to, in minor units.")
_RATE = Column("rate", "text", "The rate, an exact decimal.")
_AMOUNT = Column("amount", "numeric", "Amount in minor units.")
_REASON = Column("reason", "text", "Code of the reason.")
_PROGRAMME = Column("programme_version", "text", "Programme and version that decided it.")
_LINE = Column("line", "bigint", "Position of the line that it corrects or completes.")
_TAX = Column("tax", "bigint", "VAT paid on top, in minor units.")
_FACTS = Column("facts", "jsonb", "Positions of the facts that it rests on.")
_COMMAND = Column("command", "bigint", "Position of the command of finance that posted it.")

GROUNDS = (
    _FACTS,
    Column("fact", "bigint", "Position of the settlement or failure that it books."),
    _COMMAND,
)
"""What a money event rests on, by position; no part of a statement's seal."""

PARTNER_BALANCES = ReadModel(
    name="partner_balances",
    comment="Balance of each partner and currency, in minor units (D15).",
    columns=(
        *BALANCES.columns,
        Column("payable", "numeric", "Earned + adjusted - paid - in flight; may be negative."),
    ),
    order_by=("partner_id", "currency"),
)

COMMISSION_HISTORY = ReadModel(
    name="commission_history",
    comment="Every line with its arithmetic; those not in_balance carry no money (D18).",
    columns=(
        _POSITION,
        PARTNER,
        Column("kind", "text", "commission, margin, waiver, bonus, ... (D18)."),
        _RULE,
        CLIENT,
        _SUBSCRIPTION,
        _SERVICE_DATE,
        _SERVICE_END,
        _POSTING_DATE,
        _BASE,
        _RATE,
        _AMOUNT,
        CURRENCY,
        _PROGRAMME,
        _FACTS,
        Column("client_year", "integer", "Year of the client, from 1 (D5)."),
        Column("tier", "text", "Tier of the partner on the service date."),
        _LINE,
        Column("run", "bigint", "Position of the accrual run that posted it."),
        _COMMAND,
        _REASON,
        Column("sponsored_id", "text", "The sponsored partner of a reward or override."),
        Column("award", "text", "Code of the contest or prize."),
        Column("ordinal", "integer", "Count that a bonus reached, or rank of a prize."),
        Column("in_balance", "boolean", "Whether the amount is in the partner's balance."),
        Column("invoice_id", "text", "The invoice that was paid, where that is what it is for."),
        Column("payment_id", "text", "The payment of that invoice, where it has an id."),
    ),
)

STATEMENT_LINES = ReadModel(
    name="statement_lines",
    comment="Every money event as it stands in a statement, with its effect on what is payable.",
    columns=(
        PARTNER,
        CURRENCY,
        _POSTING_DATE,
        _POSITION,
        Column("kind", "text", "Kind of the line, payout or payment."),
        _RULE,
        _SERVICE_DATE,
        _SERVICE_END,
        CLIENT,
        _SUBSCRIPTION,
        _BASE,
        _RATE,
        _AMOUNT,
        _TAX,
        Column("effect", "numeric", "Change of what is payable, in minor units."),
        Column("payout_id", "text", "The payout that it starts, closes or returns."),
        _LINE,
        _REASON,
        _PROGRAMME,
        *GROUNDS,
    ),
    order_by=("partner_id", "currency", "posting_date", "position"),
)

STATEMENTS = ReadModel(
    name="statements",
    comment="Lines of the statements of every partner and month, with the balance after each.",
    columns=(
        PARTNER,
        Column("month", "text", "Month of the statement, YYYY-MM."),
        CURRENCY,
        _POSTING_DATE,
        _POSITION,
        Column("kind", "text", "Kind of the line, payout or payment."),
        _RULE,
        _SERVICE_DATE,
        _SERVICE_END,
        CLIENT,
        _SUBSCRIPTION,
        _BASE,
        _RATE,
        _AMOUNT,
        Column("effect", "numeric", "Change of what is payable, in minor units."),
        Column("balance", "numeric", "What is payable after this line, in minor units."),
        Column("payout_id", "text", "The payout that it starts, closes or returns."),
        _REASON,
        _LINE,
        _TAX,
        _PROGRAMME,
        *GROUNDS,
    ),
    order_by=("partner_id", "currency", "posting_date", "position"),
)

TRIAL_BALANCE = ReadModel(
    name="trial_balance",
    comment="Debits and credits of every account, by currency, in minor units (D17).",
    columns=(
        Column("account", "text", "Name of the account."),
        CURRENCY,
        Column("debit", "numeric", "Sum of the debits."),
        Column("credit", "numeric", "Sum of the credits."),
        Column("balance", "numeric", "Debit - credit; all accounts of a currency sum to 0."),
    ),
    order_by=("account", "currency"),
)

RECEIVABLES = ReadModel(
    name="receivables",
    comment="What each partner under its own brand owes, in minor units (D13).",
    columns=(
        PARTNER,
        CURRENCY,
        Column("owed", "numeric", "Bases less margins, less what was taken back."),
        Column("settled", "numeric", "What the partner paid of it."),
        Column("open", "numeric", "Owed - settled; negative: paid too much."),
    ),
    order_by=("partner_id", "currency"),
)

TIER_STATUS = ReadModel(
    name="tiers", comment=TIERS.comment, columns=TIERS.columns, order_by=TIERS.order_by
)

CLIENT_LIST = ReadModel(
    name="client_list",
    comment="Every client with its holder, first activation and open subscriptions (D4).",
    columns=(
        CLIENT,
        Column("partner_id", "text", "The partner that holds it; null: direct."),
        Column("first_activated_on", "date", "Day of its first activation."),
        Column("counted_on", "date", "Its counting day (D6.1); null: not counted."),
        Column("counted_by", "text", "The partner that counts it: its holder on its first day."),
        Column("open_subscriptions", "bigint", "Subscriptions that have not ended."),
        Column("claim", "bigint", "Position of the claim that won it; null: assigned, or direct."),
        Column("assigned_from", "date", "First day of the assignment that holds; null: none."),
        Column("position", "bigint", "Position of the decision that says so."),
    ),
    order_by=("client_id",),
)

CLAIMS = ReadModel(
    name="claims",
    comment="Every claim of a partner to a client, with its last answer (D3).",
    columns=(
        Column("position", "bigint", "Position of the fact that claims."),
        CLIENT,
        PARTNER,
        Column("day", "date", "Day of the claim."),
        Column("answer", "text", "accepted, rejected, lapsed, no_effect or waiting."),
        _REASON,
    ),
)

UNRESOLVED = ReadModel(
    name="unresolved",
    comment="Claims, sponsors, payments and facts that wait or had no effect.",
    columns=(
        Column("position", "bigint", "Position of the fact, or of the decision about a period."),
        Column("type", "text", "Type of the fact or decision."),
        CLIENT,
        PARTNER,
        Column("reason", "text", "Why it waits or had no effect."),
    ),
    # A fact may be listed for two reasons, such as an activation with a claim.
    order_by=("position", "partner_id", "client_id", "type", "reason"),
)

PAYOUTS = ReadModel(
    name="payouts",
    comment="Every payout with what became of it (D15.2).",
    columns=(
        Column("payout_id", "text", "Id of the payout."),
        PARTNER,
        CURRENCY,
        Column("cutoff", "date", "The cut-off that it pays up to."),
        Column("amount", "numeric", "Amount initiated, in minor units."),
        Column("status", "text", "in_flight, settled or failed."),
        Column("settled_amount", "numeric", "Amount settled, in minor units."),
        Column("flag", "text", "amount_differs, where another amount was settled."),
        Column("position", "bigint", "Position of the PayoutInitiated."),
    ),
)

TERRITORIES = ReadModel(
    name="territories",
    comment="Every department asked for, with the answer (D14).",
    columns=(
        Column("position", "bigint", "Position of the fact that asks."),
        Column("department", "text", "Code of the department."),
        PARTNER,
        Column("day", "date", "First day that it is asked for."),
        Column("end", "date", "The day after the last that it is held; null: rejected."),
        Column("answer", "text", "accepted or rejected."),
        _REASON,
    ),
    order_by=("department", "day", "position"),
)

CONFLICTS = ReadModel(
    name="conflicts",
    comment="Claims that lost against what another partner holds (D3.3b, D3.3c, D3.6).",
    columns=(
        Column("position", "bigint", "Position of the fact that claims."),
        CLIENT,
        PARTNER,
        Column("day", "date", "Day of the claim."),
        _REASON,
        Column("standing_claim", "bigint", "Position of what it lost against."),
        Column("standing_type", "text", "Type of that: a claim, a grant, an assignment."),
        Column("standing_partner_id", "text", "The partner of that; null: assigned to none."),
        Column("standing_day", "date", "Day of that."),
    ),
)

APPROVALS = ReadModel(
    name="approvals",
    comment="Every command that was proposed, with who approved or rejected it (D16.1).",
    columns=(
        Column("position", "bigint", "Position of the proposal."),
        Column("type", "text", "Type of the command."),
        Column("partner_id", "text", "The partner that it names, if it names one."),
        Column("operator", "text", "Who proposed it."),
        Column("status", "text", "waiting, approved or rejected."),
        Column("decided_by", "text", "Who approved or rejected it."),
        Column("decided_at", "bigint", "Position of that."),
        Column("command", "bigint", "Position of the command that took effect."),
        Column("reason", "text", "Code of the reason of a rejection."),
    ),
)
