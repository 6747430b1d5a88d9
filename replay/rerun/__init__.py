"""Deciding a whole log again, in memory: the facts and commands recorded, by the same engine.

``log`` reads what was told, ``memory`` keeps what comes of it, ``rerun`` and ``runs`` decide as the
write side does. Nothing is written.
"""

from replay.rerun.log import Log, Told, reading
from replay.rerun.rerun import Rerun

__all__ = ["Log", "Rerun", "Told", "reading"]
