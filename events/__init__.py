"""The vocabulary of the ledger: every event that it can hold, frozen and versioned."""
