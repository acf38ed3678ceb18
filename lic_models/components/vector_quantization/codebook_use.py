"""Codebook use: which entries are used, and which are dead."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class CodebookUse:
    """How often each entry of each codebook was used.

    Args:
        counts: int64 (C, K).
    """

    counts: NDArray[np.int64]

    @property
    def used(self) -> list[int]:
        """How many entries of each codebook were used."""
        used: list[int] = (self.counts > 0).sum(1).tolist()
        return used

    @property
    def dead(self) -> dict[int, list[int]]:
        """Codebook → the entries that were never used; codebooks without such are left out."""
        unused = {c: np.flatnonzero(row == 0).tolist() for c, row in enumerate(self.counts)}
        return {codebook: entries for codebook, entries in unused.items() if entries}

    def __str__(self) -> str:
        """One line that names every codebook with dead entries."""
        codebooks, entries = self.counts.shape
        dead = [f"{c}: {_ranges(unused)}" for c, unused in self.dead.items()]
        text = f"{codebooks} codebooks of {entries} entries, "
        if not dead:
            return text + "none of them dead"
        return text + f"{codebooks * entries - sum(self.used)} of them dead ({'; '.join(dead)})"


def _ranges(entries: list[int]) -> str:
    """Ascending numbers, neighbouring ones as a range: ``1-3, 7``."""
    ranges: list[list[int]] = []
    for entry in entries:
        if ranges and entry == ranges[-1][-1] + 1:
            ranges[-1] = [ranges[-1][0], entry]
        else:
            ranges.append([entry])
    return ", ".join("-".join(map(str, each)) for each in ranges)
