"""Tests of the ledger itself: what recording and runs cost and keep."""
