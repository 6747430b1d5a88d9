"""Properties: the invariants of the rules on random programmes of facts and commands."""
