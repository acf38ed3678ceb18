"""Image batches: what they are, the hostile ones, and how they shrink."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from pytest_lic.strategies import image_batches
from tests.helpers.searches import FLOAT32, QUICK, smallest


@QUICK
@given(image_batches())
def test_image_batches_are_image_batches(images: Tensor) -> None:
    assert images.dtype == torch.float32
    assert images.ndim == 4
    assert images.shape[1] == 3
    assert bool(((images >= 0) & (images <= 1)).all()), "NaN is in no range either"


@pytest.mark.parametrize(
    "wanted",
    [
        lambda images: images.shape[2] % 2 == 1 and images.shape[3] % 2 == 1 and images.numel() > 3,
        lambda images: images.shape[2] == 1 and images.shape[3] > 30,
        lambda images: len(images) == 3,
        lambda images: bool((images == 1).all()),
        lambda images: bool(((images > 0) & (images < FLOAT32.smallest_normal)).any()),
        lambda images: len(images.unique()) > 1000,
        lambda images: images.shape[3] > 8 and bool((images.diff(dim=3).abs() == 1).all()),
    ],
    ids=["odd", "thin", "batch", "white", "denormal", "noise", "stripes"],
)
def test_image_batches_hold_the_hostile_ones(wanted: Callable[[Tensor], bool]) -> None:
    smallest(image_batches(), wanted)


def test_image_batches_shrink_to_a_black_pixel_and_keep_to_their_sizes() -> None:
    assert torch.equal(smallest(image_batches(), lambda images: True), torch.zeros(1, 3, 1, 1))
    even = image_batches(batches=st.just(2), sides=st.sampled_from([4, 6]))
    assert smallest(even, lambda images: True).shape == (2, 3, 4, 4)
