"""Bitstreams that were damaged, or that someone changed on purpose."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from pytest_lic.checks.hostile.mutations import Mutated, mutated


@dataclass(frozen=True)
class _Drawn:
    """Chooses as Hypothesis does, which prefers small numbers when it shrinks."""

    draw: Callable[[Any], Any]

    def randint(self, least: int, most: int) -> int:
        drawn: int = self.draw(st.integers(least, most))
        return drawn


def mutated_bitstreams(bitstreams: Sequence[bytes]) -> st.SearchStrategy[Mutated]:
    """One of these bitstreams, changed in one to three ways (see `checks.hostile.mutations`).

    Bits flipped, stretches overwritten, cut, appended, missing or twice, spliced with another of
    the bitstreams; in containers of pytest-lic also sections swapped, twice, missing or another's,
    lengths and sizes edited, with and without a repaired checksum. ``ways`` names them.

    Args:
        bitstreams: intact ones of one codec, one at least.
    """

    @st.composite
    def strategy(draw: st.DrawFn) -> Mutated:
        chosen = draw(st.sampled_from(list(bitstreams)))
        return mutated(chosen, bitstreams, _Drawn(draw))

    return strategy()
