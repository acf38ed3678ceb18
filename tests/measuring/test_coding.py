"""Whatever a codec does wrong is one error that names the side, the images and the fault."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from pytest_lic.errors import CodecError, CorruptBitstreamError
from pytest_lic.images.corpus import Image
from pytest_lic.measuring import coding
from tests.helpers.raw_codec import Raw, photo

IMAGES = [photo("one.png", seed=1), photo("two.png", seed=2)]


pytestmark = pytest.mark.usefixtures("one_thread")


class Encodes(Raw):
    """An encoder that does something else."""

    def __init__(self, does: Callable[[torch.Tensor], object]) -> None:
        self.does = does

    def encode(self, images: torch.Tensor) -> list[bytes]:
        return self.does(images)


class Decodes(Raw):
    """A decoder that does something else with what the intact one returns."""

    def __init__(self, does: Callable[[torch.Tensor], object]) -> None:
        self.does = does

    def decode(self, bitstreams: list[bytes]) -> torch.Tensor:
        return self.does(super().decode(bitstreams))


def coded() -> list[bytes]:
    """The bitstreams of `IMAGES`."""
    return coding.encode(Raw(), IMAGES, "cpu")


def test_an_intact_codec_gives_bitstreams_and_8_bit_pixels() -> None:
    pixels = coding.decode(Raw(), coded(), IMAGES)
    for image, found in zip(IMAGES, pixels, strict=True):
        assert found.dtype == np.uint8
        assert found.shape == (24, 16, 3)
        assert np.abs(found.astype(int) - image.pixels).max() <= 2


def test_the_image_batch_is_float32_rgb_in_0_to_1() -> None:
    seen = []
    coding.encode(Encodes(lambda images: seen.append(images) or [b"x", b"y"]), IMAGES, "cpu")
    (batch,) = seen
    assert batch.shape == (2, 3, 24, 16)
    assert batch.dtype == torch.float32
    assert batch.is_contiguous()
    assert 0 <= batch.min() < batch.max() <= 1
    assert torch.equal(batch[1, 2] * 255, torch.from_numpy(IMAGES[1].pixels[..., 2]).float())


def test_all_8_bit_levels_survive_the_way_there_and_back() -> None:
    ramp = Image("ramp.png", np.arange(256, dtype=np.uint8).repeat(3).reshape(16, 16, 3))
    (back,) = coding.to_pixels(coding.image_batch([ramp]))
    assert np.array_equal(back, ramp.pixels)


def test_pixels_are_rounded_to_the_nearest_level() -> None:
    batch = torch.tensor([0.0, 0.49, 0.51, 254.4, 254.6, 255.0]).reshape(1, 1, 1, 6) / 255
    (pixels,) = coding.to_pixels(batch.expand(1, 3, 1, 6))
    assert pixels[0, :, 0].tolist() == [0, 0, 1, 254, 255, 255]


def boom(*arguments: object) -> object:
    raise ZeroDivisionError("by design")


def damaged(*arguments: object) -> object:
    raise CorruptBitstreamError("checksum")


ENCODERS = {
    "crash": (boom, r"encoder crashed on one.png, two.png \(16×24\): ZeroDivisionError: by design"),
    "own error": (damaged, r"encoder failed on one.png, two.png \(16×24\): checksum"),
    "overwrites": (
        lambda images: [images.mul_(0.5), b"x", b"y"][1:],
        "encoder overwrote its input on one.png, two.png",
    ),
    "resizes": (
        lambda images: [images.resize_(1), b"x", b"y"][1:],
        "encoder overwrote its input on one.png",
    ),
    "nothing": (lambda images: None, "encoder returned NoneType for 2 images; expected a list"),
    "tuple": (lambda images: (b"x", b"y"), "encoder returned tuple for 2 images"),
    "one for all": (lambda images: [b"xy"], "encoder returned 1 bitstreams for 2 images"),
    "three": (lambda images: [b"x"] * 3, "encoder returned 3 bitstreams for 2 images"),
    "subclass": (
        lambda images: [b"x", type("Short", (bytes,), {"__len__": lambda self: 1})(b"xyz")],
        "encoder returned a subclass of bytes, Short for two.png; a bitstream is a bytes object",
    ),
    "estimate": (
        lambda images: [b"x", 12.5],
        "encoder returned float for two.png; a bitstream is a bytes object.*estimates are never",
    ),
    "bytearray": (lambda images: [bytearray(b"x")] * 2, "encoder returned bytearray for one.png"),
    "empty": (lambda images: [b"x", b""], "encoder returned an empty bitstream for two.png"),
}


@pytest.mark.parametrize(("does", "message"), ENCODERS.values(), ids=ENCODERS)
def test_an_encoder_that_breaks_its_promise_is_named(
    does: Callable[[torch.Tensor], object], message: str
) -> None:
    with pytest.raises(CodecError, match=message):
        coding.encode(Encodes(does), IMAGES, "cpu")


def holed(value: float) -> Callable[[torch.Tensor], torch.Tensor]:
    """Puts a value at channel 2, row 3, column 5 of the second image."""

    def does(images: torch.Tensor) -> torch.Tensor:
        images[1, 2, 3, 5] = value
        return images

    return does


DECODERS = {
    "crash": (boom, r"decoder crashed on one.png, two.png \(16×24\): ZeroDivisionError: by design"),
    "own error": (damaged, r"decoder failed on one.png, two.png \(16×24\): checksum"),
    "array": (lambda images: images.numpy(), "decoder returned ndarray for one.png, two.png"),
    "list": (list, "decoder returned list for one.png, two.png .*; expected a float32 tensor"),
    "too small": (
        lambda images: images[..., :-1],
        r"decoder returned shape \(2, 3, 24, 15\) for .*; expected \(2, 3, 24, 16\)",
    ),
    "padded": (
        lambda images: torch.nn.functional.pad(images, (0, 16)),
        r"decoder returned shape \(2, 3, 24, 32\)",
    ),
    "turned": (lambda images: images.mT, r"decoder returned shape \(2, 3, 16, 24\)"),
    "grey": (lambda images: images[:, :1], r"decoder returned shape \(2, 1, 24, 16\)"),
    "one image": (lambda images: images[:1], r"decoder returned shape \(1, 3, 24, 16\)"),
    "half": (lambda images: images.half(), "decoder returned torch.float16 for one.png"),
    "8 bit": (lambda images: (images * 255).byte(), "decoder returned torch.uint8 for one.png"),
    "nan": (
        holed(float("nan")),
        "decoder returned 1 values that are not finite for two.png, first nan at channel 2, "
        "row 3, column 5",
    ),
    "inf": (holed(float("inf")), "1 values that are not finite for two.png, first inf"),
    "unclamped": (
        holed(1.25),
        r"decoder returned values from .* to 1.25 for two.png; expected \[0, 1\]: clamp",
    ),
    "just over": (holed(1.0000001), "to 1.0000001 for two.png"),
    "negative": (holed(-0.5), "decoder returned values from -0.5 to .* for two.png"),
}


@pytest.mark.parametrize(("does", "message"), DECODERS.values(), ids=DECODERS)
def test_a_decoder_that_breaks_its_promise_is_named(
    does: Callable[[torch.Tensor], object], message: str
) -> None:
    with pytest.raises(CodecError, match=message):
        coding.decode(Decodes(does), coded(), IMAGES)


def test_a_decoder_may_return_a_tensor_with_gradients_and_any_strides() -> None:
    strided = Decodes(lambda images: images.mT.contiguous().mT.requires_grad_())
    intact = coding.decode(Raw(), coded(), IMAGES)
    for found, expected in zip(coding.decode(strided, coded(), IMAGES), intact, strict=True):
        assert np.array_equal(found, expected)


def test_a_decoder_can_not_change_the_bitstreams_that_were_counted() -> None:
    class Greedy(Raw):
        def decode(self, bitstreams: list[bytes]) -> torch.Tensor:
            decoded = super().decode(bitstreams)
            bitstreams.clear()
            return decoded

    bitstreams = coded()
    coding.decode(Greedy(), bitstreams, IMAGES)
    assert bitstreams == coded()


def test_a_long_batch_is_named_by_its_first_images() -> None:
    many = [photo(f"{number}.png") for number in range(7)]
    with pytest.raises(CodecError, match=r"on 0.png, 1.png, 2.png, 3.png and 3 more \(16×24\)"):
        coding.encode(Encodes(boom), many, "cpu")


def test_digests_tell_bytes_and_pixels_apart() -> None:
    pixels = IMAGES[0].pixels
    assert coding.digest(pixels) == coding.digest(pixels.copy(order="F"))
    assert coding.digest(pixels) == coding.digest(pixels.tobytes())
    assert coding.digest(b"a") != coding.digest(b"b")
    assert len(coding.digest(b"")) == 16


def test_the_number_of_threads_is_put_back_even_after_a_crash() -> None:
    before = torch.get_num_threads()
    seen = []

    def crash_with_one_more() -> None:
        with coding.cpu_threads(before + 1):
            seen.append(torch.get_num_threads())
            boom()

    with pytest.raises(ZeroDivisionError):
        crash_with_one_more()
    assert seen == [before + 1]
    assert torch.get_num_threads() == before
