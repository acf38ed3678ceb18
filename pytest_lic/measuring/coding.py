"""One batch through a codec, with every promise of the `Codec` protocol checked.

Everything that the plugin learns about a codec, it learns here: measuring, the round trip and
determinism all code through `encode` and `decode`, so that a broken codec is described in the
same words wherever it is caught.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_lic.codec import Codec
from pytest_lic.errors import CodecError, LicError, is_crash
from pytest_lic.images.corpus import Image
from pytest_lic.system.places import place
from pytest_lic.system.watchdog import guarded
from pytest_lic.system.words import listed

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor


def encode(codec: Codec, images: Sequence[Image], device: str) -> list[bytes]:
    """Code equally large images as one batch.

    Raises:
        CodecError: it crashed, overwrote its input, or returned anything but one non-empty
            ``bytes`` per image; a subclass could lie about its length.
    """
    batch = image_batch(images, device)
    copy = batch.clone()
    with blamed("encoder", _named(images)):
        bitstreams = codec.encode(copy)
    import torch

    if not torch.equal(copy, batch):
        raise CodecError(
            f"encoder overwrote its input on {_named(images)}: quality would be measured against "
            "its own output; work on a copy of the images"
        )
    if not isinstance(bitstreams, list) or len(bitstreams) != len(images):
        returned = (
            f"{len(bitstreams)} bitstreams"
            if isinstance(bitstreams, list)
            else type(bitstreams).__name__
        )
        raise CodecError(
            f"encoder returned {returned} for {len(images)} images; expected a list with one "
            "bytes object per image"
        )
    for image, bitstream in zip(images, bitstreams, strict=True):
        kind = type(bitstream)
        if kind is not bytes:
            a = "a subclass of bytes, " if issubclass(kind, bytes) else ""
            raise CodecError(
                f"encoder returned {a}{kind.__name__} for {image.name}; a bitstream is a bytes "
                "object itself, and its length is the rate (estimates are never used)"
            )
        if not bitstream:
            raise CodecError(f"encoder returned an empty bitstream for {image.name}")
    return bitstreams


def decode(
    codec: Codec, bitstreams: Sequence[bytes], images: Sequence[Image]
) -> list[NDArray[np.uint8]]:
    """Decode one batch to 8-bit RGB, each (H, W, 3).

    Args:
        codec: the decoder.
        bitstreams: one per image.
        images: the originals, whose size the reconstructions must have.

    Raises:
        CodecError: it crashed, or returned the wrong type, size or range, or values that are not
            finite.
    """
    with blamed("decoder", _named(images)):
        decoded = codec.decode(list(bitstreams))
    return check_decoded(decoded, images)


def check_decoded(decoded: Any, images: Sequence[Image]) -> list[NDArray[np.uint8]]:
    """8-bit RGB, each (H, W, 3), from what a decoder returned for ``images``.

    Raises:
        CodecError: as `decode`.
    """
    import torch

    names = _named(images)
    if not isinstance(decoded, torch.Tensor):
        raise CodecError(
            f"decoder returned {type(decoded).__name__} for {names}; expected a float32 tensor"
        )
    expected = (len(images), 3, images[0].height, images[0].width)
    if tuple(decoded.shape) != expected:
        raise CodecError(
            f"decoder returned shape {tuple(decoded.shape)} for {names}; expected {expected} "
            "(batch, RGB, height, width)"
        )
    if decoded.dtype != torch.float32:
        raise CodecError(f"decoder returned {decoded.dtype} for {names}; expected torch.float32")
    decoded = decoded.detach().cpu()
    for image, pixels in zip(images, decoded, strict=True):
        finite = torch.isfinite(pixels)
        if not bool(finite.all()):
            channel, y, x = (int(i) for i in (~finite).nonzero()[0])
            raise CodecError(
                f"decoder returned {int((~finite).sum())} values that are not finite for "
                f"{image.name}, first {float(pixels[channel, y, x])} at channel {channel}, "
                f"row {y}, column {x}"
            )
        low, high = float(pixels.min()), float(pixels.max())
        if low < 0.0 or high > 1.0:
            raise CodecError(
                f"decoder returned values from {low:.8g} to {high:.8g} for {image.name}; "
                "expected [0, 1]: clamp the reconstruction"
            )
    return to_pixels(decoded)


def image_batch(images: Sequence[Image], device: str = "cpu") -> Tensor:
    """Equally large images as a float32 image batch (B, 3, H, W) in [0, 1]."""
    import torch

    stacked = np.stack([image.pixels for image in images])
    batch = torch.from_numpy(stacked).to(device).permute(0, 3, 1, 2).contiguous()
    return batch.to(torch.float32) / 255.0


def to_pixels(batch: Tensor) -> list[NDArray[np.uint8]]:
    """An image batch in [0, 1] as 8-bit RGB, each (H, W, 3), rounded to nearest."""
    import torch

    rounded = (batch * 255.0).round().to(torch.uint8)
    return [np.ascontiguousarray(image) for image in rounded.permute(0, 2, 3, 1).cpu().numpy()]


def digest(content: bytes | NDArray[Any]) -> str:
    """16 hexadecimal digits that stand for a bitstream or a reconstruction."""
    raw = content if isinstance(content, bytes) else np.ascontiguousarray(content).tobytes()
    return hashlib.sha256(raw).hexdigest()[:16]


@contextmanager
def cpu_threads(count: int) -> Iterator[None]:
    """Let torch compute with ``count`` CPU threads inside the block."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _named(images: Sequence[Image]) -> str:
    names = listed([image.name for image in images], 4)
    return f"{names} ({images[0].width}×{images[0].height})"


@contextmanager
def blamed(side: str, images: str) -> Iterator[None]:
    """Name the side, the images, and for a crash its place, in whatever a codec raises.

    It can neither hang nor exit.
    """
    try:
        with guarded(f"{side} on {images}"):
            yield
    except LicError as error:
        raise CodecError(f"{side} failed on {images}: {error}") from error
    except BaseException as error:
        if not is_crash(error):
            raise
        raise CodecError(
            f"{side} crashed on {images}: {type(error).__name__}: {error}{place(error)}"
        ) from error
