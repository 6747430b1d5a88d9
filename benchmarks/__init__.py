"""Measures how fast the ledger is, beside a limit measured in the same run.

Run ``python -m benchmarks --help``. Machines differ and so do hours on one machine: the ratios are
the result, the absolute figures only say where they come from (docs/performance.md).
"""
