"""The read side: balances, tiers, clients and the rest, each one SQL definition over the events."""
