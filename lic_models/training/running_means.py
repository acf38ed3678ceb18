"""Means since the last row of a log, so that a row does not hang on one batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor


class RunningMeans:
    """Means of named scalars. Part of a checkpoint, so that a resumed run logs the same rows."""

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._count = 0

    def add(self, values: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Take in one more value of each scalar; returns the means so far, float64."""
        self._count += 1
        for name, value in values.items():
            value = value.detach().to(torch.float64)
            # Not in place: what was returned before must stay as it is.
            self._sums[name] = value + self._sums[name] if name in self._sums else value
        return {name: total / self._count for name, total in self._sums.items()}

    def clear(self) -> None:
        """Begin anew."""
        self._sums, self._count = {}, 0

    def state_dict(self) -> dict[str, Any]:
        """What `load_state_dict` takes, of tensors and numbers."""
        return {"sums": dict(self._sums), "count": self._count}

    def load_state_dict(self, state: Mapping[str, Any], device: torch.device) -> None:
        """Go on where another left off."""
        self._sums = {name: value.to(device) for name, value in state["sums"].items()}
        self._count = state["count"]
