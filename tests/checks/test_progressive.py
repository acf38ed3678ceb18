"""Parts of streams: what is promised of them, and each way to break it, caught by name."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from pytest_lic.checks.determinism import CodedBatch
from pytest_lic.checks.progressive import PARTS, check_parts, passes_of
from pytest_lic.errors import CodecError, TruncatedBitstreamError
from pytest_lic.measuring import coding
from tests.helpers.raw_codec import photo

IMAGES = (photo("a.png", seed=1), photo("b.png", seed=2))


class Planes:
    """Raw samples, their bits from the highest to the lowest: a pass for each plane."""

    planes = 8

    def encode(self, images: torch.Tensor, /) -> list[bytes]:
        return [self._string(image.mul(255).round().byte().numpy()) for image in images]

    def _string(self, samples: np.ndarray) -> bytes:
        bits = [(samples >> (7 - plane)) & 1 for plane in range(self.planes)]
        return bytes(samples.shape[1:]) + b"".join(np.packbits(plane).tobytes() for plane in bits)

    def pass_lengths(self, bitstream: bytes, /) -> Sequence[int]:
        each = (len(bitstream) - 2) // self.planes
        return [2 + each * passes for passes in range(1, self.planes + 1)]

    def decode(self, bitstreams: Sequence[bytes], /, *, passes: int | None = None) -> torch.Tensor:
        return torch.stack([self._decoded(one, passes) for one in bitstreams])

    def _decoded(self, bitstream: bytes, passes: int | None) -> torch.Tensor:
        shape, count = (3, bitstream[0], bitstream[1]), passes or self.planes
        each = -(-int(np.prod(shape)) // 8)
        if len(bitstream) < 2 + each * count:
            raise TruncatedBitstreamError(f"{len(bitstream)} bytes end before pass {count} does")
        samples = np.zeros(shape, np.uint8)
        for plane in range(count):
            packed = np.frombuffer(bitstream, np.uint8, each, 2 + each * plane)
            bits = np.unpackbits(packed, count=samples.size).reshape(shape)
            samples |= bits << (7 - plane)
        missing = self.middle(8 - count)
        return torch.from_numpy(samples + np.uint8(missing)).float() / 255

    def middle(self, left: int) -> int:
        return (1 << left) >> 1


def coded(codec: Planes) -> list[CodedBatch]:
    batches = []
    for image in IMAGES:
        strings = coding.encode(codec, [image], "cpu")
        batches.append(CodedBatch((image,), strings, coding.decode(codec, strings, [image])))
    return batches


def check(codec: Planes) -> object:
    batches = coded(codec)
    lengths = passes_of(codec, batches)
    assert lengths is not None
    return check_parts(codec, batches, lengths)


def test_parts_that_get_better_pass_and_are_told() -> None:
    parts = check(Planes())
    assert isinstance(parts, tuple)
    assert len(parts) == PARTS
    assert [part.passes for part in parts] == [2 / 8, 4 / 8, 5 / 8, 7 / 8, 1]
    assert parts[-1].size == len(coded(Planes())[0].bitstreams[0])
    assert parts[0].psnr < parts[1].psnr < parts[-1].psnr == 100


def test_a_codec_that_decodes_all_at_once_has_no_parts() -> None:
    class Whole(Planes):
        def pass_lengths(self, bitstream: bytes, /) -> Sequence[int]:
            return [len(bitstream)]

    assert passes_of(Whole(), coded(Whole())) is None
    assert passes_of(object(), coded(Planes())) is None


def test_a_stream_of_one_pass_beside_others_hides_nothing() -> None:
    class Mixed(WorseLater):
        def pass_lengths(self, bitstream: bytes, /) -> Sequence[int]:
            whole = super().pass_lengths(bitstream)
            return whole[-1:] if bitstream[0] == 8 else whole

        def _decoded(self, bitstream: bytes, passes: int | None) -> torch.Tensor:
            return super()._decoded(bitstream, None if bitstream[0] == 8 else passes)

    small = photo("small.png", height=8, width=8)
    codec = Mixed()
    for images in ((small, IMAGES[0]), (IMAGES[0], small)):
        batches = []
        for image in images:
            strings = coding.encode(codec, [image], "cpu")
            batches.append(CodedBatch((image,), strings, coding.decode(codec, strings, [image])))
        lengths = passes_of(codec, batches)
        assert lengths is not None
        with pytest.raises(CodecError, match=r"a\.png, the first 5 of 8 passes"):
            check_parts(codec, batches, lengths)


class WorseLater(Planes):
    """Puts far too much in place of what is missing once five passes are read."""

    def middle(self, left: int) -> int:
        return 100 if left == 3 else super().middle(left)


class OtherWhole(Planes):
    """Decodes the whole stream otherwise than all of its passes."""

    def _decoded(self, bitstream: bytes, passes: int | None) -> torch.Tensor:
        whole = super()._decoded(bitstream, passes)
        return whole if passes else whole.clamp(0, 0.5)


class TooShort(Planes):
    """Says that its passes need less than they do."""

    def pass_lengths(self, bitstream: bytes, /) -> Sequence[int]:
        lengths = super().pass_lengths(bitstream)
        return [*(length - 1 for length in lengths[:-1]), lengths[-1]]


class Falling(Planes):
    def pass_lengths(self, bitstream: bytes, /) -> Sequence[int]:
        return [*reversed(super().pass_lengths(bitstream)[:-1]), len(bitstream)]


class NotToItsEnd(Planes):
    def pass_lengths(self, bitstream: bytes, /) -> Sequence[int]:
        return super().pass_lengths(bitstream)[:-1]


class WrongSize(Planes):
    def decode(self, bitstreams: Sequence[bytes], /, *, passes: int | None = None) -> torch.Tensor:
        return super().decode(bitstreams, passes=passes)[..., 1 if passes else 0 :]


@pytest.mark.parametrize(
    ("codec", "words"),
    [
        (WorseLater, r"a\.png, the first 5 of 8 passes .* PSNR falls from .* dB with fewer passes"),
        (OtherWhole, r"a\.png: decoding all 8 passes one by one gives another picture"),
        (TooShort, r"a\.png, the first 2 of 8 passes .* end before pass 2 does"),
        (Falling, r"pass_lengths returned .* expected rising"),
        (NotToItsEnd, r"pass_lengths returned .* of which the last is the bitstream's"),
        (WrongSize, r"the first 2 of 8 passes .* decoder returned shape"),
    ],
)
def test_each_promise_that_is_broken_is_named(codec: type[Planes], words: str) -> None:
    with pytest.raises(CodecError, match=words):
        check(codec())
