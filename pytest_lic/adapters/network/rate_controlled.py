"""A network with rate control: one codec codes at any level, and decodes what was coded at any."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_lic.adapters.network.codec import LatentNetworkCodec, NetworkCodec
from pytest_lic.levels import Levels
from pytest_lic.rate_matching import Matched, encode_at

if TYPE_CHECKING:
    from torch import Tensor


class RateControlledNetworkCodec(NetworkCodec):
    """A `NetworkCodec` whose network takes a level by name.

    Args:
        levels: the range of it.
        arguments: of `NetworkCodec`.
    """

    def __init__(self, levels: Levels, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._levels = levels

    @property
    def levels(self) -> Levels:
        """The range of levels, from the lowest rate to the highest."""
        return self._levels

    def encode(self, images: Tensor, /, *, level: float | None = None) -> list[bytes]:
        """As `NetworkCodec.encode`; with ``level``, at the one next to it, not the quality's own.

        Raises:
            UsageError: a level outside the range.
        """
        return self._encode(images, level)

    def encode_at(self, images: Tensor, /, *, bpp: float, strict: bool = False) -> list[Matched]:
        """Each image of a batch (B, 3, H, W) at the level that brings it nearest to a rate.

        Args:
            images: the batch.
            bpp: the rate, in bits of the bitstream for each pixel of an image.
            strict: refuse a rate that is not met within 1 %.

        Raises:
            UsageError: a rate that is not positive, or with ``strict`` one that is not met.
        """
        return encode_at(self, images, bpp=bpp, strict=strict)


class RateControlledLatentNetworkCodec(RateControlledNetworkCodec, LatentNetworkCodec):
    """The same whose network has a synthesis transform to look into."""
