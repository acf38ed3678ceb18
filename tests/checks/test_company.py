"""An image is coded alike alone and in a batch, at each place of it; the check fires if not."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

import numpy as np
import pytest
import torch

from pytest_lic.checks.company import check_batch
from pytest_lic.errors import DeterminismError
from pytest_lic.images.corpus import Corpus, Image
from pytest_lic.measuring.grid import Cell, Setting
from tests.helpers.raw_codec import Raw, photo

CELL = Cell("raw", "1", Setting("photos"))
CORPUS = Corpus("photos", (photo("0.png"), photo("1.png", seed=1)), "d1")

pytestmark = pytest.mark.usefixtures("one_thread")


def test_bits_that_stay_the_same_in_company_pass() -> None:
    assert check_batch(Raw(), CELL, CORPUS) is None


class Influenced(Raw):
    """Every image carries something of the batch."""

    def trace(self, images: torch.Tensor, index: int) -> float:
        raise NotImplementedError

    def encode(self, images: torch.Tensor) -> list[bytes]:
        marks = [int(self.trace(images, index) * 255) % 256 for index in range(len(images))]
        return [
            stream + bytes([mark])
            for stream, mark in zip(super().encode(images), marks, strict=True)
        ]

    def levels(self, bitstream: bytes) -> torch.Tensor:
        return super().levels(bitstream[:-1])


class Mean(Influenced):
    """As a normalisation over the batch does."""

    def trace(self, images: torch.Tensor, index: int) -> float:
        return float(images.mean())


class Brightest(Influenced):
    """As a range over the batch does."""

    def trace(self, images: torch.Tensor, index: int) -> float:
        return float(images.max())


class Earlier(Influenced):
    """As a coder that is not reset between images does: the first one notices nothing."""

    def trace(self, images: torch.Tensor, index: int) -> float:
        return float(images[:index].sum() / 1000)


class Later(Influenced):
    """As a coder that works from the last image to the first does."""

    def trace(self, images: torch.Tensor, index: int) -> float:
        return float(images[index + 1 :].sum() / 1000)


@pytest.mark.parametrize("codec", [Mean(), Brightest(), Earlier(), Later()])
def test_images_that_influence_each_other_are_structural(codec: Raw) -> None:
    with pytest.raises(
        DeterminismError,
        match=r"^0.png(, turned and flatter)?: images influence each other \(structural\): its "
        r"bitstream changes with the images beside it in the batch: 1157 and 1157 bytes, first "
        r"difference at byte 1156",
    ):
        check_batch(codec, CELL, CORPUS)


def test_a_batch_that_decodes_in_another_order_is_structural() -> None:
    class Reversed(Raw):
        def decode(self, bitstreams: Sequence[bytes]) -> torch.Tensor:
            return super().decode(bitstreams).flip(0)

    with pytest.raises(DeterminismError, match="another order: place 1 holds the image of place 2"):
        check_batch(Reversed(), CELL, CORPUS)


def test_images_that_all_decode_alike_are_in_order() -> None:
    class Grey(Raw):
        def decode(self, bitstreams: Sequence[bytes]) -> torch.Tensor:
            return torch.full_like(super().decode(bitstreams), 0.5)

    assert check_batch(Grey(), CELL, CORPUS) is None


def test_a_third_image_that_needs_its_neighbour_is_caught() -> None:
    class Predicting(Raw):
        """The third image of a batch is coded as its difference from the second."""

        def encode(self, images: torch.Tensor) -> list[bytes]:
            streams = [self.code(image) + b"." for image in images]
            if len(images) == 3:
                streams[2] = self.code((images[2] - images[1]).abs()) + b"+"
            return streams

        def decode(self, bitstreams: Sequence[bytes]) -> torch.Tensor:
            images = super().decode(bitstreams)
            for place, stream in enumerate(bitstreams):
                if stream.endswith(b"+"):
                    images[place] = (images[place - 1] - images[place]).abs()
            return images

        def levels(self, bitstream: bytes) -> torch.Tensor:
            return super().levels(bitstream[:-1])

    with pytest.raises(
        DeterminismError, match=r"^0.png, turned and inverted: images influence each other"
    ):
        check_batch(Predicting(), CELL, CORPUS)


def test_bits_that_depend_on_the_batch_size_alone_are_numerical() -> None:
    class Tie(Raw):
        def encode(self, images: torch.Tensor) -> list[bytes]:
            return super().encode(images + 0.3 / 255 if len(images) > 1 else images)

    remark = check_batch(Tie(), CELL, CORPUS)
    assert remark is not None
    assert remark.startswith(
        "0.png: bits depend on the batch size (numerical, not on the other images): 1156 and 1156"
    )
    assert remark.endswith("pixels differ by up to 4 levels")


def test_bits_that_change_from_call_to_call_are_not_blamed_on_the_batch() -> None:
    class Random(Raw):
        calls = count()

        def code(self, image: torch.Tensor) -> bytes:
            return super().code(image) + bytes([next(self.calls)])

        def levels(self, bitstream: bytes) -> torch.Tensor:
            return super().levels(bitstream[:-1])

    with pytest.raises(DeterminismError, match=r"encoded twice in one process"):
        check_batch(Random(), CELL, CORPUS)


def test_large_images_are_cut_for_the_batch_check() -> None:
    seen = set()

    class Watched(Raw):
        def encode(self, images: torch.Tensor) -> list[bytes]:
            seen.add(tuple(images.shape[2:]))
            return super().encode(images)

    large = Corpus("large", (photo("large.png", 300, 700),), "d")
    check_batch(Watched(), CELL, large)
    assert seen == {(256, 256)}


@pytest.mark.parametrize("shade", [0, 255])
def test_a_flat_image_can_be_checked_in_company_too(shade: int) -> None:
    flat = Corpus("flat", (Image("flat.png", np.full((1, 1, 3), shade, np.uint8)),), "d")
    assert check_batch(Raw(), CELL, flat) is None
    with pytest.raises(DeterminismError, match="structural"):
        check_batch(Mean(), CELL, flat)
