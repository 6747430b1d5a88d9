"""Tests of checkpoints, proofs and the verifier."""
