"""Tests of the outer shell."""
