"""The same bits and pixels, here, elsewhere and in company: each check passes, and each fires.

The fresh process is a stand-in here: what comes back from one is decided by the test.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count

import pytest
import torch

from pytest_lic.checks.determinism import (
    CodedBatch,
    check_fresh_process,
    check_in_step,
    check_repeat,
    check_threads,
    code,
)
from pytest_lic.checks.fresh_process import DecodedBatch, EncodedBatch
from pytest_lic.errors import CodecError, DeterminismError, OutOfStepError
from pytest_lic.images.corpus import Corpus, Image
from pytest_lic.measuring.coding import image_batch
from pytest_lic.measuring.grid import Cell, Setting
from tests.helpers.raw_codec import Raw, photo

CELL = Cell("raw", "1", Setting("photos", batch=2))
CORPUS = Corpus("photos", tuple(photo(f"{n}.png", seed=n) for n in range(3)), "d1")


pytestmark = pytest.mark.usefixtures("one_thread")


def coded(codec: Raw) -> list[CodedBatch]:
    """The corpus through a codec: a batch of two images and one of one."""
    return code(codec, CELL, CORPUS)


class Elsewhere:
    """A fresh process whose decoder is ``codec``."""

    def __init__(self, codec: Raw, *, latents: bool = False) -> None:
        self.codec = codec
        self.latents = latents
        self.threads: list[int] = []
        self.searched = True  # no other processes here
        self.disagreed: set[tuple[str, str]] = set()

    def decode(
        self,
        family: str,
        quality: str,
        device: str,
        batches: Sequence[Sequence[bytes]],
        names: Sequence[Sequence[str]],
        *,
        threads: int,
        latents: bool = False,
        unprepared: bool = False,
    ) -> list[DecodedBatch]:
        assert (family, quality, device) == ("raw", "1", "cpu")
        assert [len(batch) for batch in batches] == [len(batch) for batch in names]
        assert unprepared != latents
        self.threads.append(threads)
        shown = latents and self.latents
        return [
            DecodedBatch(
                self.codec.decode(batch).numpy(),
                [latent.numpy() for latent in self.codec.latents(batch)] if shown else None,
            )
            for batch in batches
        ]

    def encode_batches(
        self,
        family: str,
        quality: str,
        device: str,
        batches: Sequence[Sequence[Image]],
        *,
        threads: int,
    ) -> list[EncodedBatch]:
        assert (family, quality, device) == ("raw", "1", "cpu")
        return [EncodedBatch(self.codec.encode(image_batch(batch))) for batch in batches]


class Latent(Raw):
    """The intact codec, which also shows what its synthesis transform receives."""

    def latents(self, bitstreams: Sequence[bytes]) -> list[torch.Tensor]:
        return [self.levels(bitstream) for bitstream in bitstreams]

    decode_latents = latents


class Shifted(Latent):
    """One pixel of the second image decodes otherwise, by ``levels`` of 255."""

    def __init__(self, levels: float, latent: float = 0.0) -> None:
        self.shift = levels
        self.latent_shift = latent

    def decode(self, bitstreams: Sequence[bytes]) -> torch.Tensor:
        images = super().decode(bitstreams)
        if len(bitstreams) == 2:
            images[1, 0, 3, 5] += self.shift / 255
        return images

    def latents(self, bitstreams: Sequence[bytes]) -> list[torch.Tensor]:
        found = super().latents(bitstreams)
        if len(bitstreams) == 2:
            found[1][2, 7, 4] += self.latent_shift
        return found


class BothSides(Shifted):
    """Shows what its encoder writes, too."""

    def encode_latents(self, images: torch.Tensor) -> list[torch.Tensor]:
        return [self.levels(bitstream) for bitstream in self.encode(images)]


def test_latents_that_are_the_encoders_are_in_step() -> None:
    check_in_step(Raw(), CELL, coded(Raw()))
    check_in_step(BothSides(0), CELL, coded(Raw()))


def test_latents_that_are_not_the_encoders_are_out_of_step_in_one_process() -> None:
    codec = BothSides(0)
    codec.decode_latents = BothSides(0, latent=1.0).latents  # type: ignore[method-assign]
    with pytest.raises(
        OutOfStepError,
        match=r"1.png: out of step in one process: 1 of 1152 latents differ, first at "
        r"channel 2, row 7, column 4: .* encoded, .* decoded",
    ):
        check_in_step(codec, CELL, coded(codec))


def test_batches_are_coded_in_the_order_of_the_corpus() -> None:
    batches = coded(Raw())
    assert [[image.name for image in batch.images] for batch in batches] == [
        ["0.png", "1.png"],
        ["2.png"],
    ]


def test_the_same_bits_and_pixels_twice_pass() -> None:
    check_repeat(Raw(), CELL, coded(Raw()))


def test_other_bits_the_second_time_are_caught_with_the_first_byte() -> None:
    class Clock(Raw):
        calls = count()

        def code(self, image: torch.Tensor) -> bytes:
            stream = super().code(image)
            return stream[:9] + bytes([next(self.calls)]) + stream[10:]

    codec = Clock()
    with pytest.raises(
        DeterminismError,
        match=r"0.png: encoded twice in one process, gave different bits each time: "
        r"1156 and 1156 bytes, first difference at byte 9",
    ):
        check_repeat(codec, CELL, coded(codec))


def test_a_bitstream_that_grows_differs_where_it_goes_on() -> None:
    class Growing(Raw):
        calls = count()

        def code(self, image: torch.Tensor) -> bytes:
            return super().code(image) + bytes(next(self.calls))

        def levels(self, bitstream: bytes) -> torch.Tensor:
            return super().levels(bitstream[:1156])

    codec = Growing()
    with pytest.raises(DeterminismError, match=r"1156 and 1159 bytes, first .* byte 1156"):
        check_repeat(codec, CELL, coded(codec))


def test_other_pixels_the_second_time_are_caught_with_the_first_place() -> None:
    class Drifting(Raw):
        calls = count()

        def decode(self, bitstreams: Sequence[bytes]) -> torch.Tensor:
            images = super().decode(bitstreams)
            images[0, 1, 2, 3] = next(self.calls) / 255
            return images

    codec = Drifting()
    with pytest.raises(
        DeterminismError,
        match=r"2.png: decoded twice in one process, gave other pixels: 1 of 384 pixels, first at "
        r"row 2, column 3, G: 1 here, 2 there",
    ):
        check_repeat(codec, CELL, coded(codec))


def test_the_same_pixels_in_a_fresh_process_pass_with_the_same_threads() -> None:
    fresh = Elsewhere(Raw())
    check_fresh_process(CELL, coded(Raw()), fresh, threads=1)
    assert fresh.threads == [1]


def test_other_pixels_in_a_fresh_process_are_caught_even_by_one_level() -> None:
    with pytest.raises(
        DeterminismError,
        match=r"1.png: a fresh process decoded other pixels from the same bitstream: 1 of 384 "
        r"pixels, first at row 3, column 5, R: .*does not hold all that the decoder used here",
    ):
        check_fresh_process(CELL, coded(Raw()), Elsewhere(Shifted(1)), threads=1)


def test_a_fresh_process_must_keep_the_promises_of_a_decoder_too() -> None:
    class Unclamped(Raw):
        def decode(self, bitstreams: Sequence[bytes]) -> torch.Tensor:
            return super().decode(bitstreams) + 1

    with pytest.raises(CodecError, match=r"in a fresh process: decoder returned values from"):
        check_fresh_process(CELL, coded(Raw()), Elsewhere(Unclamped()), threads=1)


def test_the_same_pixels_with_other_threads_pass_without_a_remark() -> None:
    fresh = Elsewhere(Raw())
    assert check_threads(Raw(), CELL, coded(Raw()), fresh, threads=2) is None
    assert fresh.threads == [2]


def test_pixels_within_one_level_with_other_threads_pass_with_a_remark() -> None:
    codec = Latent()
    elsewhere = Elsewhere(Shifted(1), latents=True)
    remark = check_threads(codec, CELL, coded(codec), elsewhere, threads=2)
    assert remark == "decoded with 2 threads: 1 of 3 images differ by one level"


def test_pixels_further_apart_with_other_threads_are_out_of_step() -> None:
    with pytest.raises(
        OutOfStepError,
        match=r"1.png: decoded with 2 threads, out of step: pixels differ by up to 3 levels of "
        r"255: 1 of 384 pixels, first at row 3, column 5, R",
    ):
        check_threads(Raw(), CELL, coded(Raw()), Elsewhere(Shifted(3)), threads=2)


def test_other_latents_are_out_of_step_even_where_the_pixels_agree() -> None:
    codec = Latent()
    elsewhere = Elsewhere(Shifted(0, latent=1.0), latents=True)
    with pytest.raises(
        OutOfStepError,
        match=r"1.png: decoded with 1 thread, out of step: 1 of 1152 latents differ, first at "
        r"channel 2, row 7, column 4: .* here, .* there",
    ):
        check_threads(codec, CELL, coded(codec), elsewhere, threads=1)


def test_latents_that_differ_by_the_rounding_of_a_mean_agree() -> None:
    codec = Latent()
    elsewhere = Elsewhere(Shifted(0, latent=1e-4), latents=True)
    assert check_threads(codec, CELL, coded(codec), elsewhere, threads=2) is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda latent: latent[:, 1:], r"latents of shape \(3, 23, 16\), not \(3, 24, 16\)"),
        (lambda latent: latent * float("nan"), r"1152 of 1152 latents differ, first at channel 0"),
    ],
    ids=["shape", "nan"],
)
def test_latents_that_are_no_latents_are_out_of_step(change: object, message: str) -> None:
    class Changed(Latent):
        def latents(self, bitstreams: Sequence[bytes]) -> list[torch.Tensor]:
            return [change(latent) for latent in super().latents(bitstreams)]

    codec = Latent()
    with pytest.raises(OutOfStepError, match=message):
        check_threads(codec, CELL, coded(codec), Elsewhere(Changed(), latents=True), threads=2)


def test_latents_need_not_have_three_axes() -> None:
    class Flat(Shifted):
        def latents(self, bitstreams: Sequence[bytes]) -> list[torch.Tensor]:
            return [latent.flatten() for latent in super().latents(bitstreams)]

        decode_latents = latents

    codec = Flat(0)
    with pytest.raises(OutOfStepError, match=r"1 of 1152 latents differ, first at column 884"):
        check_threads(
            codec, CELL, coded(codec), Elsewhere(Flat(0, latent=1.0), latents=True), threads=2
        )


class Lossy(Raw):
    """The bits of a child whose threads round otherwise; ``change`` makes them of a bitstream."""

    def __init__(self, change: Callable[[bytes], bytes]) -> None:
        self.change = change

    def encode(self, images: torch.Tensor) -> list[bytes]:
        return [self.change(stream) for stream in super().encode(images)]

    def levels(self, bitstream: bytes) -> torch.Tensor:
        return super().levels(bitstream[:1156])


def with_threads(change: Callable[[bytes], bytes]) -> str | None:
    codec = Lossy(lambda stream: stream)
    return check_threads(codec, CELL, coded(codec), Elsewhere(Lossy(change)), threads=2)


def test_bits_that_round_otherwise_with_other_threads_are_a_numerical_remark() -> None:
    remark = with_threads(lambda stream: stream[:9] + bytes([stream[9] ^ 1]) + stream[10:])
    assert remark == (
        "0.png: encoded with 2 threads, other bits: 1156 and 1156 bytes, first difference at byte "
        "9; pixels differ by up to 4 levels (numerical)"
    )


def test_the_number_of_threads_in_a_bitstream_is_told_from_rounding() -> None:
    remark = with_threads(lambda stream: stream + b"2")
    assert remark is not None
    assert remark.endswith("yet the same pixels: look for the number of threads in them")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda stream: stream + bytes(99), r"no such length \(structural\)"),
        (lambda stream: stream[:4] + bytes(1152), r"no such picture \(structural\)"),
    ],
    ids=["longer", "black"],
)
def test_other_bits_that_no_rounding_explains_are_structural(
    change: Callable[[bytes], bytes], message: str
) -> None:
    with pytest.raises(DeterminismError, match=message):
        with_threads(change)
