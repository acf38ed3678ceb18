"""Who decodes alike what whom encodes; the processes are stand-ins that a test decides about."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
import torch

from pytest_lic.checks.environment_matrix import EnvironmentMatrix, Pair, compare_environments
from pytest_lic.checks.fresh_process import DecodedBatch, HungError
from pytest_lic.errors import CodecError, UnavailableError
from pytest_lic.images.corpus import Corpus, Image
from pytest_lic.measuring import coding
from pytest_lic.measuring.grid import Cell, Setting
from pytest_lic.report.terminal.environments import broken_text
from pytest_lic.system.simulated_environments import ENVIRONMENTS, SimulatedEnvironment
from tests.helpers.raw_codec import Raw, photo

CELL = Cell("raw", "1", Setting("photos"))
CORPUS = Corpus("photos", tuple(photo(f"{n}.png", seed=n) for n in range(3)), "d1")


pytestmark = pytest.mark.usefixtures("one_thread")


class Somewhere:
    """A process whose codec is ``codec``, and what was asked of it."""

    def __init__(
        self,
        codec: Raw | None = None,
        latents: bool = False,
        parts: Mapping[str, str] | None = None,
    ) -> None:
        self.codec = codec or Raw()
        self.told = parts or {}
        self.latents = latents
        self.asked: list[tuple[str, str, int]] = []
        self.decoded = 0

    def parts(self, family: str, quality: str, device: str, *, threads: int) -> Mapping[str, str]:
        return self.told

    def encode(
        self, family: str, quality: str, device: str, images: Sequence[Image], *, threads: int
    ) -> list[bytes]:
        self.asked.append((family, device, threads))
        return coding.encode(self.codec, images, "cpu")

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
    ) -> list[DecodedBatch]:
        self.asked.append((family, device, threads))
        self.decoded += sum(map(len, batches))
        shown = latents and self.latents
        return [
            DecodedBatch(
                self.codec.decode(batch).numpy(),
                [self.codec.levels(bitstream).numpy() for bitstream in batch] if shown else None,
            )
            for batch in batches
        ]


def matrix(
    somewhere: Mapping[str, Somewhere], cell: Cell = CELL, order: list[str] | None = None
) -> EnvironmentMatrix:
    """The matrix of these environments; the names of those asked for go into ``order``."""

    def process(environment: SimulatedEnvironment) -> Any:
        if order is not None:
            order.append(environment.name)
        return somewhere[environment.name]

    return compare_environments(
        cell,
        CORPUS,
        [ENVIRONMENTS[name] for name in somewhere],
        process,
        1,
        lambda doing: lambda done, total: None,
    )


def pair(found: EnvironmentMatrix, encoder: str, decoder: str) -> Pair:
    (one,) = (each for each in found.pairs if (each.encoder, each.decoder) == (encoder, decoder))
    return one


def counts(one: Pair) -> tuple[int, int, int]:
    return one.identical, one.within, one.broken


class Off(Raw):
    """Decodes one image otherwise: pixels by ``pixel`` levels, latents by ``latent``."""

    def __init__(self, pixel: float = 0, latent: float = 0, image: int = 1) -> None:
        self.pixel, self.latent = pixel, latent
        self.stream = Raw().code(coding.image_batch([CORPUS.images[image]])[0])

    def levels(self, bitstream: bytes) -> torch.Tensor:
        levels = super().levels(bitstream)
        if bitstream == self.stream:
            levels[2, 7, 4] += self.latent
        return levels

    def decode(self, bitstreams: Sequence[bytes]) -> torch.Tensor:
        images = torch.stack([Raw.levels(self, each) * 4 / 255 for each in bitstreams])
        for image, bitstream in zip(images, bitstreams, strict=True):
            if bitstream == self.stream:
                image[0, 3, 5] += self.pixel / 255
        return images.clamp(0, 1)


class Shifted(Raw):
    """Encodes other bits than `Raw`."""

    def encode(self, images: torch.Tensor) -> list[bytes]:
        return super().encode((images + 4 / 255).clamp(0, 1))


def test_environments_that_agree_are_identical_everywhere() -> None:
    found = matrix({"here": Somewhere(), "oldest": Somewhere()})
    assert found.environments == ("here", "oldest")
    assert found.images == 3
    assert [counts(each) for each in found.pairs] == [(3, 0, 0)] * 4
    assert found.broken_images == ()


def test_no_bitstream_is_decoded_twice_in_one_environment() -> None:
    somewhere = {"here": Somewhere(), "oldest": Somewhere(), "avx2": Somewhere()}
    matrix(somewhere)
    assert [each.decoded for each in somewhere.values()] == [3, 3, 3]


def test_environments_come_one_after_the_other_there_and_back() -> None:
    somewhere = {name: Somewhere() for name in ("here", "oldest", "avx2")}
    somewhere["avx2"].codec = Shifted()  # or nothing would be left to decode on the way back
    order: list[str] = []
    matrix(somewhere, order=order)
    stages = [name for i, name in enumerate(order) if i == 0 or name != order[i - 1]]
    assert stages == ["here", "oldest", "avx2", "oldest", "here"]


def test_an_environment_sets_threads_and_device_and_leaves_the_rest_to_the_run() -> None:
    somewhere = {name: Somewhere() for name in ("here", "threads-4", "cuda")}
    matrix(somewhere, Cell("raw", "1", Setting("photos", device="cuda:1")))
    asked = {name: set(each.asked) for name, each in somewhere.items()}
    assert asked == {
        "here": {("raw", "cuda:1", 1)},
        "threads-4": {("raw", "cpu", 4)},
        "cuda": {("raw", "cuda", 1)},
    }


def test_other_bits_in_another_environment_are_no_failure() -> None:
    somewhere = {"here": Somewhere(), "oldest": Somewhere(Shifted())}
    found = matrix(somewhere)
    assert found.broken_images == ()
    assert [each.decoded for each in somewhere.values()] == [6, 6]


def test_pixels_a_level_apart_are_within_the_tolerance() -> None:
    found = matrix({"here": Somewhere(), "oldest": Somewhere(Off(pixel=1))})
    assert counts(pair(found, "here", "oldest")) == (2, 1, 0)
    assert pair(found, "here", "oldest").first.startswith(
        "1.png: 1 of 384 pixels, first at row 3, column 5, R: "
    )
    assert counts(pair(found, "oldest", "here")) == (2, 1, 0)
    assert found.broken_images == ()


def test_pixels_further_apart_are_broken_with_the_first_place() -> None:
    found = matrix({"here": Somewhere(), "oldest": Somewhere(Off(pixel=3))})
    assert counts(pair(found, "here", "oldest")) == (2, 0, 1)
    assert found.broken_images == ("1.png",)
    text = broken_text(found)
    assert text.startswith(
        "raw-q1-photos-native-b1-cpu: out of step between environments: 1 of 3 images break\n"
        "  raw-q1-photos-native-b1-cpu, encoded in here, decoded in oldest: 1 of 3 broken, first "
        "1.png: pixels differ by up to 3 levels of 255: 1 of 384 pixels, first at row 3, column 5, "
        "R: "
    )
    assert "in here, " in text
    assert "in oldest" in text


def test_other_latents_are_broken_even_where_the_pixels_agree() -> None:
    somewhere = {"here": Somewhere(latents=True), "oldest": Somewhere(Off(latent=1), latents=True)}
    found = matrix(somewhere)
    assert counts(pair(found, "here", "oldest")) == (2, 0, 1)
    assert pair(found, "here", "oldest").first.startswith(
        "1.png: 1 of 1152 latents differ, first at channel 2, row 7, column 4: "
    )


def test_the_earliest_broken_image_is_told_not_an_earlier_one_within_the_tolerance() -> None:
    class Two(Off):
        def decode(self, bitstreams: Sequence[bytes]) -> torch.Tensor:
            return Off(pixel=1, image=0).decode(bitstreams) + (
                super().decode(bitstreams) - Raw().decode(bitstreams)
            )

    found = matrix({"here": Somewhere(), "oldest": Somewhere(Two(pixel=9, image=2))})
    assert counts(pair(found, "here", "oldest")) == (1, 1, 1)
    assert pair(found, "here", "oldest").first.startswith("2.png: pixels differ by up to 9 levels")


class Failing(Somewhere):
    """Raises what a test likes where it encodes, or decodes."""

    def __init__(self, error: Callable[[], Exception], side: str, calls: int = 10**9) -> None:
        super().__init__()
        self.error, self.side, self.left = error, side, calls
        self.tries = 0

    def fail(self, side: str) -> None:
        if side == self.side:
            self.tries += 1
            if self.left:
                self.left -= 1
                raise self.error()

    def encode(self, *arguments: object, **named: object) -> list[bytes]:
        self.fail("encode")
        return super().encode(*arguments, **named)  # type: ignore[arg-type]

    def decode(self, *arguments: object, **named: object) -> list[DecodedBatch]:
        self.fail("decode")
        return super().decode(*arguments, **named)  # type: ignore[arg-type]


def test_a_decoder_that_dies_is_broken_with_its_reason_and_asked_again() -> None:
    dying = Failing(lambda: CodecError("it died: killed by signal 11"), "decode", calls=1)
    found = matrix({"here": Somewhere(), "oldest": dying})
    assert found.broken_images == ("0.png",)
    assert counts(pair(found, "oldest", "oldest")) == (2, 0, 1)
    assert pair(found, "oldest", "here").first == (
        "0.png: not decoded where it was encoded: it died: killed by signal 11"
    )
    assert pair(found, "here", "oldest").first == "0.png: it died: killed by signal 11"


def test_a_decoder_that_hangs_is_broken_and_not_waited_for_again() -> None:
    hanging = Failing(lambda: HungError("it took over 5 s"), "decode")
    found = matrix({"here": Somewhere(), "oldest": hanging})
    assert hanging.tries == 1
    assert counts(pair(found, "here", "oldest")) == (0, 0, 3)
    assert found.broken_images == ("0.png", "1.png", "2.png")


def test_an_encoder_that_fails_breaks_its_row() -> None:
    failing = Failing(lambda: CodecError("encoder crashed"), "encode")
    found = matrix({"here": Somewhere(), "oldest": failing})
    assert counts(pair(found, "oldest", "here")) == (0, 0, 3)
    assert pair(found, "oldest", "here").first == "0.png: not encoded: encoder crashed"
    assert counts(pair(found, "here", "oldest")) == (3, 0, 0)


def test_an_environment_that_the_codec_does_not_know_is_left_out_with_its_reason() -> None:
    other = Failing(lambda: UnavailableError("raw has one memory format only"), "encode")
    found = matrix({"here": Somewhere(), "contiguous": other, "oldest": Somewhere()})
    assert found.environments == ("here", "oldest")
    assert found.unavailable == {"contiguous": "raw has one memory format only"}
    with pytest.raises(UnavailableError, match="one memory format only"):
        matrix({"here": other})


def test_an_environment_that_the_codec_loses_on_the_way_is_broken_there() -> None:
    gone = Failing(lambda: UnavailableError("the licence ran out"), "decode")
    found = matrix({"here": Somewhere(), "oldest": gone})
    assert counts(pair(found, "here", "oldest")) == (0, 0, 3)
    assert pair(found, "here", "oldest").first == "0.png: the licence ran out"


def test_images_of_a_batch_are_told_apart() -> None:
    cell = Cell("raw", "1", Setting("photos", batch=2))
    found = matrix({"here": Somewhere(), "oldest": Somewhere(Off(pixel=3))}, cell)
    assert counts(pair(found, "here", "oldest")) == (2, 0, 1)
    assert found.broken_images == ("1.png",)


def test_a_decoder_must_keep_its_promises_everywhere() -> None:
    class Grown(Raw):
        def decode(self, bitstreams: Sequence[bytes]) -> torch.Tensor:
            return torch.nn.functional.pad(super().decode(bitstreams), (0, 1))

    found = matrix({"here": Somewhere(), "oldest": Somewhere(Grown())})
    assert "decoder returned shape (1, 3, 24, 17)" in pair(found, "here", "oldest").first


def test_latents_tell_more_than_an_image_that_could_not_be_made_of_them() -> None:
    class NotFinite(Off):
        def decode(self, bitstreams: Sequence[bytes]) -> torch.Tensor:
            return super().decode(bitstreams) * float("nan" if self.stream in bitstreams else 1)

    somewhere = {
        "here": Somewhere(latents=True),
        "oldest": Somewhere(NotFinite(latent=1), latents=True),
    }
    found = matrix(somewhere)
    assert counts(pair(found, "here", "oldest")) == (2, 0, 1)
    assert re.match(
        r"1.png: 1 of 1152 latents differ, first at channel 2, row 7, column 4: .*; in a fresh "
        r"process: decoder returned 1152 values that are not finite",
        pair(found, "here", "oldest").first,
    )


def test_another_network_is_no_network_out_of_step() -> None:
    here = {"weights": "a", "tables": "b", "settings": "c"}
    oldest = Somewhere(Off(pixel=9), parts={"weights": "x", "tables": "y", "settings": "c"})
    other_device = Somewhere(parts=here | {"settings": "on another device"})
    found = matrix({"here": Somewhere(parts=here), "contiguous": other_device, "oldest": oldest})
    assert found.other_networks == {"oldest": "weights and tables"}
    assert found.environments == ("here", "contiguous")
    assert found.broken_images == ()
    assert oldest.decoded == 3  # its own
