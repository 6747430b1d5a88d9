"""The pure engine: facts and commands in, decisions out; no I/O, no clock, no randomness.

``answer`` decides on a recorded fact; ``evolve`` folds an event into the entity of its stream. Runs
decide the rest, partner by partner: ``decide_tiers``, ``PartnerAccrual``, ``decide_payouts``.
"""

from ledger.engine.commissions import Account, PartnerAccrual
from ledger.engine.counted import Counts
from ledger.engine.evolve import evolve, folded_topics
from ledger.engine.payouts import Payable, decide_payouts
from ledger.engine.posted import Posted
from ledger.engine.recording import DECIDING, answer, reads
from ledger.engine.tiers import Outlook, decide_tiers, outlook

__all__ = [
    "DECIDING",
    "Account",
    "Counts",
    "Outlook",
    "PartnerAccrual",
    "Payable",
    "Posted",
    "answer",
    "decide_payouts",
    "decide_tiers",
    "evolve",
    "folded_topics",
    "outlook",
    "reads",
]
