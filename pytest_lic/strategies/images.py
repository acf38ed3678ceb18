"""Image batches: odd sizes, extremes, flat and noisy ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

_LEAST = float(np.finfo(np.float32).smallest_subnormal)
_EXTREMES = [0.0, 1.0, _LEAST, float(np.nextafter(np.float32(1), np.float32(0)))]

_levels = st.integers(0, 255).map(lambda level: float(np.float32(level / 255)))
_samples = st.sampled_from(_EXTREMES) | _levels | st.floats(0, 1, width=32)


@st.composite
def image_batches(
    draw: st.DrawFn,
    batches: st.SearchStrategy[int] | None = None,
    sides: st.SearchStrategy[int] | None = None,
) -> Tensor:
    """Image batches: float32 (B, 3, H, W), RGB in [0, 1], without NaN.

    Sparse, random, striped and smooth ones, with the ends of the range and its nearest neighbours
    among their samples. They shrink to a single black pixel.

    Args:
        batches: of B; 1 to 3 if not given.
        sides: of H and of W; 1 to 40 if not given.
    """
    import torch

    side = st.integers(1, 40) if sides is None else sides
    batch = st.integers(1, 3) if batches is None else batches
    shape = draw(batch), 3, draw(side), draw(side)
    kind = draw(st.sampled_from([_sparse, _striped, _smooth, _random]))
    return torch.from_numpy(np.ascontiguousarray(draw(kind(shape)), np.float32))


def _sparse(shape: tuple[int, ...]) -> st.SearchStrategy[NDArray[Any]]:
    return arrays(np.float32, shape, elements=_samples, fill=_samples)


def _striped(shape: tuple[int, ...]) -> st.SearchStrategy[NDArray[Any]]:
    """Two colours in turn: the highest frequency there is, along one axis or both."""
    rows, columns = np.indices(shape[2:])
    patterns = st.sampled_from([(rows + columns) % 2, rows % 2, columns % 2])
    return st.builds(
        lambda pattern, one, other: np.broadcast_to(np.where(pattern, one, other), shape),
        *(patterns, _samples, _samples),
    )


def _smooth(shape: tuple[int, ...]) -> st.SearchStrategy[NDArray[Any]]:
    """From one colour in the first column to another in the last."""
    return st.builds(
        lambda one, other: np.broadcast_to(np.linspace(one, other, shape[3]), shape),
        *(_samples, _samples),
    )


def _random(shape: tuple[int, ...]) -> st.SearchStrategy[NDArray[Any]]:
    """Every sample uniform and independent."""
    seeds = st.integers(0, 2**32 - 1)
    return seeds.map(lambda seed: np.random.default_rng(seed).random(shape, np.float32))
