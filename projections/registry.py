"""The stored projections, and every read model that is a view over events or over them."""

from __future__ import annotations

from projections.balances import BALANCES
from projections.clients import ASSIGNMENTS, CLIENTS, TERMS
from projections.definition import StoredProjection
from projections.merging import groups
from projections.payments import PAYMENTS
from projections.tiers import TIERS

STORED: tuple[StoredProjection, ...] = (BALANCES, CLIENTS, TERMS, ASSIGNMENTS, TIERS, PAYMENTS)
"""Kept in tables; merged in this order in every append, so that writers lock in one order."""

GROUPS = groups(STORED)
"""Those that one statement merges."""
