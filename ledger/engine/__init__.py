"""The pure engine: facts and commands in, decisions out; no I/O, no clock, no randomness.

``recording.answer`` decides on a recorded fact; ``evolve.evolve`` folds an event into the entity of
its stream. Runs decide the rest, partner by partner: ``tiers.decide_tiers``,
``commissions.PartnerAccrual``, ``payouts.decide_payouts``. Who needs one module loads that alone.
"""
