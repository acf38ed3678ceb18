"""Pixels come back from a file's bytes as they were; a file of another mode is told apart."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pytest_lic.images import png

PIXELS = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)


@pytest.mark.parametrize("kind", ["PNG", "PPM"])
def test_pixels_come_back_from_bytes_and_from_a_file(kind: str, tmp_path: Path) -> None:
    contents = png.encoded(PIXELS, kind)
    path = tmp_path / "image"
    path.write_bytes(contents)
    assert np.array_equal(png.decoded(contents, kind), PIXELS)
    assert np.array_equal(png.decoded(path, kind), PIXELS)


def test_the_bytes_are_those_that_pillow_writes_to_a_file(tmp_path: Path) -> None:
    for options in ({}, {"optimize": True}, {"compress_level": 1}):
        Image.fromarray(PIXELS).save(tmp_path / "pillow.png", **options)
        assert png.encoded(PIXELS, **options) == (tmp_path / "pillow.png").read_bytes()
    assert png.encoded(PIXELS).startswith(png.SIGNATURE)


def test_a_grey_image_is_refused_by_its_mode() -> None:
    file = io.BytesIO()
    Image.fromarray(PIXELS[:, :, 0]).save(file, "PNG")
    with pytest.raises(png.NotRGBError, match="it is L, not RGB") as refused:
        png.decoded(file.getvalue())
    assert refused.value.mode == "L"


@pytest.mark.parametrize("mode", ["1", "L", "P"])
def test_grey_and_palettes_are_taken_where_they_may(mode: str) -> None:
    grey = Image.fromarray(np.where(PIXELS[..., 0] > 127, 255, 0).astype(np.uint8))
    picture, file = grey.convert(mode), io.BytesIO()
    picture.save(file, "PNG")
    assert np.array_equal(png.decoded(file.getvalue(), or_grey=True), np.array(grey.convert("RGB")))
    with pytest.raises(png.NotRGBError):
        png.decoded(file.getvalue())


def test_transparency_and_deep_grey_are_no_grey() -> None:
    palette = Image.new("P", (2, 2))
    for picture, options in (
        (palette, {"transparency": 0}),
        (Image.new("LA", (2, 2)), {}),
        (Image.fromarray(np.zeros((2, 2), np.uint16)), {}),
    ):
        file = io.BytesIO()
        picture.save(file, "PNG", **options)
        with pytest.raises(png.NotRGBError):
            png.decoded(file.getvalue(), or_grey=True)


def test_another_format_is_refused() -> None:
    with pytest.raises(OSError, match="cannot identify"):
        png.decoded(png.encoded(PIXELS, "PPM"))
