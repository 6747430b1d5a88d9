"""Tests of the programme as a document."""
