"""The read side: balances, tiers, clients and the rest, each one SQL definition over the events."""

from projections.installation import install
from projections.names import DEFAULT_NAMES, Names
from projections.projector import Projector

__all__ = ["DEFAULT_NAMES", "Names", "Projector", "install"]
