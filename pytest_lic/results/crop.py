"""A crop of one image before and after coding, which a report shows beside the numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta

from pytest_lic.images import png

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SIDE = 256
"""Pixels on each side of a crop, at most."""

Picture = Annotated[bytes, Meta(max_length=225_000, description="PNG file, 8-bit RGB, in base64")]
Place = Annotated[int, Meta(ge=0)]
Side = Annotated[int, Meta(ge=1, le=SIDE)]


@dataclass(frozen=True)
class Crop:
    """Where a reconstruction lost most, pixel for pixel.

    ``subject`` is the id of the cell; ``left`` and ``top`` are where the crop lies in the image,
    ``width`` and ``height`` its size in pixels. ``original`` and ``reconstruction`` are PNG files,
    8-bit RGB, and so is ``baseline``, the reconstruction that the baseline recorded, where it is at
    hand: then the crop lies where the error grew most, and else where it is largest. ``asked`` is
    True of one that ``--lic-crops`` asked for: all of an image lie at one place.
    """

    subject: str
    image: str
    left: Place
    top: Place
    width: Side
    height: Side
    original: Picture
    reconstruction: Picture
    baseline: Picture | None = None
    asked: Literal[True] | None = None

    def __post_init__(self) -> None:
        """ValueError where one of the files is no PNG file."""
        for name in ("original", "reconstruction", "baseline"):
            file = getattr(self, name)
            if file is not None and not file.startswith(png.SIGNATURE):
                raise ValueError(f"crop of {self.image}: {name} is no PNG file")


def cut(
    subject: str,
    image: str,
    original: NDArray[np.uint8],
    reconstruction: NDArray[np.uint8],
    baseline: NDArray[np.uint8] | None = None,
) -> Crop:
    """The crop of at most `SIDE` × `SIDE` pixels that holds the largest squared error in all.

    Args:
        subject: id of the cell.
        image: its name.
        original: 8-bit RGB, (H, W, 3).
        reconstruction: of the same size.
        baseline: its reconstruction, of the same size, whose own error is taken off; None where it
            is not at hand.
    """
    import numpy as np

    errors = _squared(original, reconstruction)
    if baseline is not None:
        errors = errors - _squared(original, baseline)
    height, width = min(SIDE, errors.shape[0]), min(SIDE, errors.shape[1])
    # Sums from the upper left corner: four of them make the sum over any rectangle.
    sums = np.pad(errors.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    inside = (
        sums[height:, width:]
        - sums[:-height, width:]
        - sums[height:, :-width]
        + sums[:-height, :-width]
    )
    top, left = (int(place) for place in np.unravel_index(int(inside.argmax()), inside.shape))
    where = (slice(top, top + height), slice(left, left + width))
    return Crop(
        subject,
        image,
        left,
        top,
        width,
        height,
        png.encoded(original[where], optimize=True),
        png.encoded(reconstruction[where], optimize=True),
        None if baseline is None else png.encoded(baseline[where], optimize=True),
    )


def at_place_of(crop: Crop, subject: str, reconstruction: NDArray[np.uint8]) -> Crop:
    """The same crop of another cell's reconstruction, (H, W, 3), 8-bit RGB."""
    where = (slice(crop.top, crop.top + crop.height), slice(crop.left, crop.left + crop.width))
    return replace(
        crop, subject=subject, reconstruction=png.encoded(reconstruction[where], optimize=True)
    )


def _squared(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The squared difference of each pixel, its three samples together."""
    import numpy as np

    squares: NDArray[np.int64] = np.square(np.subtract(one, other, dtype=np.int64)).sum(axis=2)
    return squares
