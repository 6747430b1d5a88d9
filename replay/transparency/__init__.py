"""The ledger as a transparency log: signed checkpoints, proofs, and who checks them offline."""
