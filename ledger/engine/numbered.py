"""The number of this engine, recorded with what it decides."""

ENGINE = 1
"""Raised with every release that decides anything otherwise on the same events.

A log decided again by a later engine is then compared knowingly: commands name the engine that
decided them, so a difference is either explained by that or is a fault.
"""
