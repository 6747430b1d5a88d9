"""What leaves the ledger for other books, tied out against the trial balance; only reads."""
