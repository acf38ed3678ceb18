"""Crops: where they lie in their image, mirrored and scaled."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.helpers.image_folders import HEIGHT, WIDTH, batches, folder, samples


def test_an_unscaled_crop_is_a_window_of_its_image(photographs: Path) -> None:
    crops = samples(batches(folder(photographs, scale=None, mirror=False, steps_per_epoch=40)))
    corners = set()
    for crop in crops.reshape(-1, 16, 16, 3):
        left, top = int(crop[0, 0, 0]) // 4, int(crop[0, 0, 1]) // 4
        assert (crop[..., 0] == 4 * np.arange(left, left + 16)).all()
        assert (crop[..., 1] == 4 * np.arange(top, top + 16)[:, None]).all()
        assert np.ptp(crop[..., 2]) == 0
        corners.add((left, top))
    lefts, tops = zip(*corners, strict=True)
    assert (min(lefts), max(lefts)) == (0, WIDTH - 16)
    assert (min(tops), max(tops)) == (0, HEIGHT - 16)


def test_half_of_the_crops_are_mirrored(photographs: Path) -> None:
    crops = samples(batches(folder(photographs, scale=None, steps_per_epoch=40)))
    rising = (crops[..., 0, -1, 0] > crops[..., 0, 0, 0]).mean()
    assert 0.35 < rising < 0.65


def test_a_scaled_crop_shows_more_of_its_image(photographs: Path) -> None:
    crops = samples(batches(folder(photographs, mirror=False, steps_per_epoch=40))).astype(int)
    spanned = (crops[..., 8, 15, 0] - crops[..., 8, 0, 0]) / 4 * 16 / 15
    assert spanned.min() == pytest.approx(16 / 0.8, abs=1.0)
    assert spanned.max() == pytest.approx(16 / 0.5, abs=1.0)


def test_an_image_is_scaled_only_as_far_as_it_covers_the_crop(photographs: Path) -> None:
    crops = samples(batches(folder(photographs, mirror=False, crop_size=HEIGHT))).astype(int)
    assert (crops[..., 0, 0, 1] == 0).all()
    assert (crops[..., -1, 0, 1] == 4 * (HEIGHT - 1)).all()


def test_a_centre_crop_lies_in_the_centre(photographs: Path) -> None:
    crops = samples(batches(folder(photographs, crop="centre", scale=None, mirror=False)))
    assert (crops[..., 0, 0, 0] == 4 * (WIDTH - 16) // 2).all()
    assert (crops[..., 0, 0, 1] == 4 * (HEIGHT - 16) // 2).all()
