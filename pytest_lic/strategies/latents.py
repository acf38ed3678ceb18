"""Latents and the scales and means that are predicted of them, up to the ends of float32."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

if TYPE_CHECKING:
    from torch import Tensor

LARGEST = float(np.finfo(np.float32).max)
_LEAST = float(np.finfo(np.float32).smallest_subnormal)
_LEAST_NORMAL = float(np.finfo(np.float32).smallest_normal)
_SHAPES = st.tuples(st.integers(1, 4), st.integers(1, 5), st.integers(1, 5))

Shapes = st.SearchStrategy[tuple[int, ...]]


def latent_values(reach: float = LARGEST) -> st.SearchStrategy[float]:
    """Single latents, exact in float32 and within ±``reach``, 1 or more.

    Small whole numbers, halves, the nearest neighbours of halves, values of any size between, the
    ends of the range, and denormal ones. They shrink to small whole numbers.
    """
    if not 1 <= reach <= LARGEST:
        raise ValueError(f"reach is {reach}; expected 1 to float32's largest, {LARGEST}")
    most = float(np.float32(reach))
    nearest, farthest = int(2 * min(reach, 4)), int(2 * min(reach, 64))
    twice = st.integers(-nearest, nearest) | st.integers(-farthest, farthest)
    halves = twice.map(lambda number: number / 2)
    beside = st.builds(_neighbour, halves, st.sampled_from([-np.inf, np.inf]))
    decades = st.floats(0, float(np.log10(most)))
    tails = st.builds(lambda decade, sign: _within(sign * 10**decade, most), decades, _SIGNS)
    return st.one_of(
        st.integers(-3, 3).map(float).filter(lambda value: abs(value) <= most),
        halves,
        beside.filter(lambda value: abs(value) <= most),
        # Evenly over the first cells, which floats are not.
        st.integers(-1536, 1536).map(lambda part: part / 1024).filter(lambda v: abs(v) <= most),
        st.floats(-most, most, width=32),
        tails,
        st.sampled_from([-0.0, _LEAST, -_LEAST, _LEAST_NORMAL, most, -most]),
    )


def latents(shapes: Shapes | None = None, reach: float = LARGEST) -> st.SearchStrategy[Tensor]:
    """Latents: float32 tensors of these shapes, (C, h, w) if not given; see `latent_values`."""
    return _tensors(latent_values(reach), shapes)


def means(shapes: Shapes | None = None) -> st.SearchStrategy[Tensor]:
    """Predicted means: finite, from denormal to the ends of float32; shapes as in `latents`."""
    return _tensors(latent_values(), shapes)


def scales(shapes: Shapes | None = None) -> st.SearchStrategy[Tensor]:
    """Predicted scales: above 0, from denormal to the largest float32; shapes as in `latents`."""
    return _tensors(
        st.one_of(
            st.just(1.0),
            st.floats(float(np.float32(0.04)), 256.0, width=32),
            st.sampled_from([_LEAST, _LEAST_NORMAL, 1e-6, 0.11, 1e6, LARGEST]).map(_single),
            st.floats(_LEAST, LARGEST, width=32, allow_subnormal=True),
        ),
        shapes,
    )


_SIGNS = st.sampled_from([1.0, -1.0])


def _tensors(values: st.SearchStrategy[float], shapes: Shapes | None) -> st.SearchStrategy[Tensor]:
    def tensor_of(array: np.ndarray) -> Tensor:  # type: ignore[type-arg]
        import torch

        return torch.from_numpy(array)

    shape = _SHAPES if shapes is None else shapes
    return shape.flatmap(lambda sides: arrays(np.float32, sides, elements=values)).map(tensor_of)


def _single(value: float) -> float:
    return float(np.float32(value))


def _neighbour(value: float, towards: float) -> float:
    return float(np.nextafter(np.float32(value), np.float32(towards)))


def _within(value: float, most: float) -> float:
    return float(np.float32(max(-most, min(most, value))))
