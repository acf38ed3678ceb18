"""Latents, means and scales: what they are, and the hostile ones."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from pytest_lic.strategies import latent_values, latents, means, scales
from tests.helpers.searches import FLOAT32, QUICK, smallest


@QUICK
@given(latents(), means(), scales(), latents(st.just((2, 3)), reach=9.0))
def test_latents_means_and_scales_are_finite_float32(
    latent: Tensor, mean: Tensor, scale: Tensor, near: Tensor
) -> None:
    for tensor in (latent, mean, scale, near):
        assert tensor.dtype == torch.float32
        assert bool(torch.isfinite(tensor).all())
    assert latent.ndim == 3
    assert bool((scale > 0).all())
    assert near.shape == (2, 3)
    assert float(near.abs().max()) <= 9


@pytest.mark.parametrize(
    "wanted",
    [
        lambda value: abs(value) > 1e30,
        lambda value: value == 2.5,
        lambda value: 0 < value - 2.5 < 1e-6,
        lambda value: 0 < 2.5 - value < 1e-6,
        lambda value: 1e4 < value < 1e5,
        lambda value: 0 < abs(value) < FLOAT32.smallest_normal,
        lambda value: value == float(FLOAT32.max),
    ],
    ids=["outlier", "half", "above a half", "below a half", "tail", "denormal", "largest"],
)
def test_latents_hold_the_hostile_ones(wanted: Callable[[float], bool]) -> None:
    found = smallest(latent_values(), wanted)
    assert float(np.float32(found)) == found


@pytest.mark.parametrize("reach", [0.5, float("inf")])
def test_a_reach_out_of_range_is_refused(reach: float) -> None:
    with pytest.raises(ValueError, match="expected 1 to float32's largest"):
        latent_values(reach)


@pytest.mark.parametrize(
    "wanted",
    [
        lambda value: value < FLOAT32.smallest_normal,
        lambda value: value == float(FLOAT32.max),
        lambda value: 0.11 < value < 256,
    ],
    ids=["denormal", "huge", "ordinary"],
)
def test_scales_hold_the_hostile_ones(wanted: Callable[[float], bool]) -> None:
    smallest(scales(st.just((1,))), lambda tensor: wanted(float(tensor)))
