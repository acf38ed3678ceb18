"""Bytes at equal qualities: what is compared, and what is told beside it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from pytest_lic.ablation.bits import bits_of
from pytest_lic.ablation.groups import make_groups
from pytest_lic.ablation.result import Bits, Question
from pytest_lic.codec import CodecFamily
from pytest_lic.errors import CodecError, Unavailable
from pytest_lic.measuring.grid import Cell, Setting
from tests.helpers.raw_codec import photo

IMAGES = (photo("a.png"), photo("b.png"))
PIXELS = IMAGES[0].width * IMAGES[0].height
QUESTION = Question(("context",))


class Sized:
    """Bitstreams of one length; the estimate is 4 bytes less, and there are two passes."""

    def __init__(self, size: int) -> None:
        self.size = size

    def encode(self, images: torch.Tensor, /) -> list[bytes]:
        self.shape = images.shape[-2:]
        return [bytes(self.size) for _ in images]

    def decode(self, bitstreams: list[bytes], /, *, passes: int | None = None) -> torch.Tensor:
        return torch.zeros(len(bitstreams), 3, *self.shape)

    def pass_lengths(self, bitstream: bytes, /) -> list[int]:
        return [5, len(bitstream)]

    def estimated_bits(self, images: torch.Tensor, /) -> list[float]:
        return [8.0 * (self.size - 4) for _ in images]

    def weights(self) -> list[torch.Tensor]:
        return [torch.zeros(3, 4), torch.zeros(2)]


SIZES = {("none", "1"): 100, ("none", "2"): 200, ("near", "2"): 190}


def family(name: str, *qualities: str) -> CodecFamily:
    def build(quality: str, device: str) -> Sized:
        raise AssertionError("the run hands out codecs")

    return CodecFamily(name, qualities, build, tags={"context": name})


def table(*families: CodecFamily) -> tuple[Bits, ...]:
    def codec(cell: Cell) -> Sized:
        if cell.family == "broken":
            raise CodecError("broken: no weights")
        return Sized(SIZES[cell.family, cell.quality])

    measured = SimpleNamespace(measurement=SimpleNamespace(mean=lambda metric: 30.0))
    setup = SimpleNamespace(
        unavailable=lambda name, device: None,
        corpus=lambda cell: SimpleNamespace(images=IMAGES),
        options=SimpleNamespace(threads=1),
    )
    run: Any = SimpleNamespace(
        setup=setup,
        codecs=SimpleNamespace(codec=codec),
        measurements=SimpleNamespace(of=lambda cell: measured),
    )
    ((group,), _) = make_groups(families, ("context",), None)
    return bits_of(run, QUESTION, Setting("photos"), group, lambda text: None)


def test_each_quality_that_the_reference_has_is_compared_with_it() -> None:
    first, second, near = table(family("near", "2"), family("none", "1", "2"))
    assert [(row.family, row.quality) for row in (first, second, near)] == [
        ("none", "1"),
        ("none", "2"),
        ("near", "2"),
    ]
    assert first.change is second.change is None
    assert near.bpp == pytest.approx(8 * 190 / PIXELS)
    assert near.change == pytest.approx(100 * (190 / 200 - 1))
    assert near.excess == pytest.approx(100 * (190 / 186 - 1))
    assert (near.passes, near.parameters, near.distortion) == (2, 14, 30.0)
    assert near.encode is not None
    assert near.decode is not None


def test_nothing_is_coded_where_all_have_curves() -> None:
    assert table(family("near", *"1234"), family("none", *"1234")) == ()


def test_what_can_not_be_coded_says_why() -> None:
    *_, broken = table(family("none", "2"), family("broken", "2"))
    assert isinstance(broken.bpp, Unavailable)
    assert "no weights" in broken.bpp.reason
