"""A crop lies where the error is largest, and is read as it was written."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_lic.results.crop import SIDE, Crop, cut
from pytest_lic.system.typed_json import plain, structured
from tests.helpers.crops import pixels
from tests.helpers.made_results import crop


def test_a_crop_lies_where_the_error_is_largest() -> None:
    original = np.full((600, 800, 3), 100, np.uint8)
    reconstruction = original.copy()
    reconstruction[:40, :40] += 2  # many small errors
    reconstruction[500:520, 700:720] += 60
    found = cut("cell", "image", original, reconstruction)
    assert (found.width, found.height) == (SIDE, SIDE)
    assert found.top <= 500
    assert found.top + found.height >= 520
    assert found.left <= 700
    assert found.left + found.width >= 720
    part = np.s_[found.top : found.top + SIDE, found.left : found.left + SIDE]
    assert np.array_equal(pixels(found.original), original[part])
    assert np.array_equal(pixels(found.reconstruction), reconstruction[part])


def test_with_the_baseline_s_reconstruction_it_lies_where_the_error_grew_most() -> None:
    original = np.full((600, 800, 3), 100, np.uint8)
    before = original.copy()
    before[500:520, 700:720] += 60
    now = before.copy()
    now[:40, :40] += 2
    found = cut("cell", "image", original, now, before)
    assert (found.left, found.top) == (0, 0)
    assert found.baseline is not None
    assert np.array_equal(pixels(found.baseline), before[:SIDE, :SIDE])
    assert structured(plain(found), Crop) == found


@pytest.mark.parametrize("shape", [(1, 1), (30, 700), (700, 30), (256, 256), (257, 256)])
def test_images_smaller_than_a_crop_are_shown_whole(shape: tuple[int, int]) -> None:
    original = np.zeros((*shape, 3), np.uint8)
    found = cut("cell", "image", original, original)
    assert (found.left, found.top) == (0, 0)
    assert (found.height, found.width) == (min(shape[0], SIDE), min(shape[1], SIDE))


def test_a_crop_that_is_read_is_the_one_that_was_written() -> None:
    assert structured(plain(crop("cell")), Crop) == crop("cell")


@pytest.mark.parametrize(
    ("stored", "message"), [("R0lGODlh", "is no PNG file"), ("é?", "nvalid base64")]
)
def test_what_is_no_image_is_refused(stored: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        structured(plain(crop("cell")) | {"original": stored}, Crop)
