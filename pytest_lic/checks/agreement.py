"""How far two decodings of one bitstream agree: to the pixel, in the latents, or not at all."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Latents that agree may still differ by the rounding of a mean added back to them.
_LATENT_ROUNDING = 1e-2
# Of 255, where latents agree. Rounding to 8 bits can turn any difference into one; that of TF32's
# ten bits of mantissa, emulated on the shipped networks, is below a third.
_LEVELS = 1


class Agreement(enum.Enum):
    """What two decoders made of one bitstream."""

    IDENTICAL = "identical"
    """The same pixels, and the same latents where the codec shows them."""
    WITHIN = "within tolerance"
    """The same latents, where the codec shows them, and pixels at most a level apart."""
    BROKEN = "broken"
    """Out of step: other latents, or pixels far apart."""


@dataclass(frozen=True)
class Decoded:
    """What a decoder made of one bitstream.

    Args:
        pixels: 8-bit RGB (H, W, 3); None where it gave no image.
        latents: what the synthesis transform received, (C, h, w); None where the codec does not
            show it.
        failure: why there are no pixels.
    """

    pixels: NDArray[np.uint8] | None
    latents: NDArray[np.float32] | None = None
    failure: str = ""


def decodings(
    pixels: Sequence[NDArray[np.uint8]], latents: Sequence[NDArray[np.float32]] | None
) -> list[Decoded]:
    """One `Decoded` per image, from the pixels and, where there are any, the latents of each."""
    if latents is None:
        return [Decoded(image) for image in pixels]
    return [Decoded(image, latent) for image, latent in zip(pixels, latents, strict=True)]


def agreement(
    one: Decoded, other: Decoded, names: tuple[str, str] = ("here", "there")
) -> tuple[Agreement, str]:
    """How far two decodings agree, and the first place where they don't.

    Args:
        one: the reference.
        other: what is compared with it.
        names: of the places that ``one`` and ``other`` come from.

    Returns:
        The text is empty where they are identical.
    """
    if one.latents is not None and other.latents is not None:
        apart = _latent_difference(one.latents, other.latents, names)
        if apart is not None:
            why = f"; {other.failure}" if other.failure else ""
            return Agreement.BROKEN, apart + why
    if one.pixels is None or other.pixels is None:
        return Agreement.BROKEN, one.failure or other.failure
    distance = np.abs(one.pixels.astype(np.int16) - other.pixels.astype(np.int16))
    largest = int(distance.max(initial=0))
    if largest == 0:
        return Agreement.IDENTICAL, ""
    if largest > _LEVELS:
        where = first_pixel(one.pixels, other.pixels, names, over=_LEVELS)
        return Agreement.BROKEN, f"pixels differ by up to {largest} levels of 255: {where}"
    return Agreement.WITHIN, first_pixel(one.pixels, other.pixels, names)


def first_pixel(
    one: NDArray[np.uint8],
    other: NDArray[np.uint8],
    names: tuple[str, str] = ("here", "there"),
    over: int = 0,
    predicate: str = "",
) -> str:
    """How many pixels differ by more than ``over`` levels, and the first of them.

    ``predicate`` may say something of those pixels.
    """
    wrong = np.abs(one.astype(np.int16) - other.astype(np.int16)) > over
    y, x, channel = (int(i) for i in np.argwhere(wrong)[0])
    return (
        f"{int(wrong.any(axis=2).sum())} of {wrong.shape[0] * wrong.shape[1]} pixels{predicate}, "
        f"first at row {y}, column {x}, {'RGB'[channel]}: {one[y, x, channel]} {names[0]}, "
        f"{other[y, x, channel]} {names[1]}"
    )


def _latent_difference(
    one: NDArray[np.float32], other: NDArray[np.float32], names: tuple[str, str]
) -> str | None:
    if one.shape != other.shape:
        return f"latents of shape {other.shape}, not {one.shape}"
    wrong = ~(np.abs(one - other) <= _LATENT_ROUNDING)  # a NaN is wrong too
    if not wrong.any():
        return None
    place = tuple(int(i) for i in np.argwhere(wrong)[0])
    axes = ("channel", "row", "column")[-len(place) :]
    named = ", ".join(f"{axis} {i}" for axis, i in zip(axes, place, strict=False))
    return (
        f"{int(wrong.sum())} of {wrong.size} latents differ, first at {named}: "
        f"{one[place]:g} {names[0]}, {other[place]:g} {names[1]}"
    )
