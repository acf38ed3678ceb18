"""Whether an image was encoded to the same bits both times, and where they part."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_lic.errors import DeterminismError
from pytest_lic.images.corpus import Image


def same_bits(
    images: Sequence[Image],
    first: Sequence[bytes],
    second: Sequence[bytes],
    where: str,
    why: str = "",
) -> None:
    """Refuse other bits; ``where`` says how both were had, ``why`` ends the message.

    Raises:
        DeterminismError: naming the image and the first byte that differs.
    """
    for image, one, other in zip(images, first, second, strict=True):
        if one != other:
            raise DeterminismError(
                f"{image.name}: {where}, gave different bits each time: "
                f"{first_byte(one, other)}{why}"
            )


def first_byte(one: bytes, other: bytes) -> str:
    """How long two different bitstreams are, and where they part."""
    shorter = min(len(one), len(other))
    place = next((i for i in range(shorter) if one[i] != other[i]), shorter)
    return f"{len(one)} and {len(other)} bytes, first difference at byte {place}"
