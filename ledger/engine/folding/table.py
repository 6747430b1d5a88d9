"""The type of a table of folds: event class → (entity, recorded event, its data) → entity."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from events.base import Event

Folds = Mapping[type[Event], Callable[[Any, Any, Any], object]]
