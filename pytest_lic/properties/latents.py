"""What quantizers are given in a search, and how it is shown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from hypothesis import strategies as st
from torch import Tensor

from pytest_lic.quantizer import QuantizerUnderTest
from pytest_lic.strategies import latent_values

MOST = 8
"""Inputs at a time."""


def latent_of(inputs: Sequence[float]) -> Tensor:
    """One image's latent of one channel and one row, (1, 1, n)."""
    return torch.tensor(inputs, dtype=torch.float32).view(1, 1, -1)


def shown(tensor: Tensor) -> str:
    """A tensor's elements as a list, of at most sixteen."""
    flat = tensor.detach().reshape(-1)
    if flat.numel() <= 16:
        return str(flat.tolist())
    return f"[{', '.join(map(str, flat[:8].tolist()))}, …] ({flat.numel()})"


def inputs_of(quantizer: QuantizerUnderTest) -> st.SearchStrategy[list[float]]:
    """Lists of inputs within reach: of any kind, or evenly spaced so that no gap is missed."""
    lists = st.lists(latent_values(quantizer.reach), min_size=1, max_size=MOST)
    return lists | spaced(quantizer.reach)


def pairs_of(quantizer: QuantizerUnderTest) -> st.SearchStrategy[list[tuple[float, float]]]:
    """Lists of two inputs in order each, of any distance or evenly spaced."""
    values = latent_values(quantizer.reach)
    pair = st.tuples(values, values).map(lambda two: (min(two), max(two)))
    lists = st.lists(pair, min_size=1, max_size=MOST)
    neighbours = spaced(quantizer.reach).map(lambda v: list(pairwise([v[0], *v])))
    return lists | neighbours


def spaced(reach: float) -> st.SearchStrategy[list[float]]:
    """Up to 64 inputs at equal distances, within reach and mostly within ±16."""

    def values(count: int, spacing: float, first: float) -> list[float]:
        return [v for k in range(count) if abs(v := first + k * spacing) <= reach] or [0.0]

    first = st.integers(-2048, 2048).map(lambda part: part / 128)
    return st.builds(values, st.integers(1, 64), st.sampled_from([1 / 32, 1 / 8]), first)


def symbols_of(quantizer: QuantizerUnderTest) -> st.SearchStrategy[list[int]]:
    """Symbols of inputs within reach."""
    built = quantizer.build()
    ends = built.symbols(latent_of([-quantizer.reach, quantizer.reach])).tolist()[0][0]
    low, high = min(ends), max(ends) - 1
    near = st.integers(max(low, -16), max(min(high, 15), max(low, -16)))
    return st.lists(near | st.integers(low, max(low, high)), min_size=1, max_size=MOST)


def named(symbols: list[int]) -> str:
    """Symbols, told from inputs."""
    return f"symbols {symbols}"


def symbols_tensor(symbols: Sequence[int]) -> Tensor:
    """Symbols of one channel and one row, (1, 1, n)."""
    return torch.tensor(symbols, dtype=torch.int32).view(1, 1, -1)


def rounding(values: Tensor) -> Tensor:
    """How far float32 may have rounded each value: one unit in its last place."""
    size = values.float().abs().clamp_min(torch.finfo(torch.float32).tiny)
    return (torch.nextafter(size, torch.tensor(math.inf)) - size).double()


def element(tensor: Tensor, place: int) -> float | int:
    """The element at this place, counted through."""
    item: float | int = tensor.reshape(-1)[place].item()
    return item


def promised(number: float | None) -> float:
    """A promise that the suite asks for only where it is made."""
    assert number is not None, "asked only of what promises it"
    return number
