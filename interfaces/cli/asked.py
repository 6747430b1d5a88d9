"""Where each query is that one SELECT answers: of the ledger, or of an archive by any engine."""

QUERIES = {
    "balances": "interfaces.cli.queries:balances",
    "history": "interfaces.cli.queries:history",
    "tiers": "interfaces.cli.queries:tiers",
    "leaderboard": "interfaces.cli.leaderboard:leaderboard",
    "badges": "interfaces.cli.leaderboard:badges",
    "statement": "interfaces.cli.statement:statement",
    "trial-balance": "interfaces.cli.queries:trial_balance",
    "receivables": "interfaces.cli.queries:receivables",
    "clients": "interfaces.cli.queries:clients",
    "claims": "interfaces.cli.queries:claims",
    "conflicts": "interfaces.cli.queries:conflicts",
    "territories": "interfaces.cli.queries:territories",
    "unresolved": "interfaces.cli.queries:unresolved",
}
