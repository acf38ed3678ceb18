"""A bitstream that is far too short for its image is remarked on, an honest one is not."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage import data

from pytest_lic.adapters.pillow import families
from pytest_lic.checks.determinism import CodedBatch, code
from pytest_lic.checks.plausible_length import check_plausible_length
from pytest_lic.images.corpus import Corpus, Image, load_corpus
from pytest_lic.measuring.grid import Cell, Setting


def photograph() -> Image:
    return Image("portrait.png", np.ascontiguousarray(data.astronaut()[:256, 100:356]))


def of(length: int, pixels: NDArray[np.uint8]) -> str | None:
    return check_plausible_length([CodedBatch((photograph(),), [bytes(length)], [pixels])])


def test_twelve_bytes_for_a_perfect_image_are_remarked_on() -> None:
    remark = of(12, photograph().pixels)
    assert remark is not None
    assert remark.startswith("portrait.png: 12 bytes are hard to believe for without loss: WebP")


def test_the_fewest_bytes_of_a_corpus_are_looked_at_with_their_quality() -> None:
    pixels = photograph().pixels
    noisy = np.clip(pixels.astype(np.int16) + 3, 0, 255).astype(np.uint8)
    assert "for 38." in str(of(200, noisy))
    assert of(9000, noisy) is None


def test_a_flat_picture_may_be_as_short_as_it_likes() -> None:
    flat = np.full((256, 256, 3), 120, np.uint8)
    assert of(1, flat) is None
    image = Image("flat.png", flat)
    assert check_plausible_length([CodedBatch((image,), [b"x"], [flat])]) is None


@pytest.mark.parametrize("family", [each for each in families() if each.name in ("jpeg", "webp")])
@pytest.mark.parametrize("corpus", ["edge", "conformance"])
def test_honest_formats_are_believed(family: object, corpus: str) -> None:
    images: Corpus = load_corpus(corpus)
    for quality in family.qualities:  # type: ignore[attr-defined]
        codec = family.build(quality, "cpu")  # type: ignore[attr-defined]
        cell = Cell(family.name, quality, Setting(corpus))  # type: ignore[attr-defined]
        assert check_plausible_length(code(codec, cell, images)) is None
