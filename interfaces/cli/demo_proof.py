"""How the demo ends: one of its own statements, proven and checked as an outsider would."""

from __future__ import annotations

from replay.as_of import Replay
from replay.transparency.checkpoints import Checkpoints
from replay.transparency.proofs import Proofs
from replay.transparency.signing import new_key
from replay.transparency.verifier import read_key, statement_shown, trusted


def prove(replay: Replay, partner_id: str, month: str, operator: str) -> list[str]:
    """Sign the log with a key made for this and thrown away; return what the proof shows. Writes.

    The checks are those of ``commissions-verify``, which needs the proof and the public key alone.
    """
    checkpoints = Checkpoints(replay.connection, replay.names)
    key = new_key(checkpoints.origin())
    signed = checkpoints.create([key], operator)
    checkpoint, _ = trusted(signed.note, [read_key(key.verifier())])
    proof = Proofs(replay.connection, replay.names).statement(partner_id, month, signed.position)
    return statement_shown(proof, checkpoint)
