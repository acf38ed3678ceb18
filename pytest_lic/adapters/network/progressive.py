"""A network that decodes a latent in passes: the first bytes of its streams give a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pytest_lic.adapters.network.calls import Compressed
from pytest_lic.adapters.network.codec import LatentNetworkCodec
from pytest_lic.container import part_length, unpack_part
from pytest_lic.errors import CodecError

if TYPE_CHECKING:
    from torch import Tensor

SCALE = 8
"""Pixels of an image to one of its thumbnail, along each side."""


class ProgressiveNetworkCodec(LatentNetworkCodec):
    """A `LatentNetworkCodec` whose network decodes a latent in passes.

    Its ``pass_lengths(strings, shape)`` tells how many bytes of an image's last string each number
    of passes needs; ``decompress_part(strings, shape, passes, length)`` decodes so many of them.
    Where it has a ``thumbnail`` synthesis, ``thumbnail_length(strings, shape)`` tells how many
    bytes that needs, and ``decompress_thumbnail(strings, shape, length)`` makes a picture of them.
    """

    def pass_lengths(self, bitstream: bytes, /) -> Sequence[int]:
        """How many of a whole bitstream's first bytes each number of passes needs, from 1 on.

        Raises:
            BitstreamError: as `decode`.
        """
        (coded,), _, _ = self._unpacked([bitstream])
        lengths = self._calls.pass_lengths(coded)
        return [part_length(bitstream, length) for length in lengths]

    def decode(self, bitstreams: Sequence[bytes], /, *, passes: int | None = None) -> Tensor:
        """As `NetworkCodec.decode`; with ``passes``, of the first passes alone.

        Each bitstream may then end where these do; what later passes hold is guessed.

        Raises:
            TruncatedBitstreamError: one that ends before that.
            UsageError: a number of passes that there are not.
        """
        if passes is None:
            return super().decode(bitstreams)
        coded, lengths, height, width = self._parts(bitstreams)
        decoded = [
            self._calls.decompress_part(image, passes, length)
            for image, length in zip(coded, lengths, strict=True)
        ]
        return self._cropped(decoded, height, width)

    def thumbnail_length(self, bitstream: bytes, /) -> int:
        """How many of a whole bitstream's first bytes `decode_thumbnail` needs.

        Raises:
            BitstreamError: as `decode`.
            UsageError: as `decode_thumbnail`.
        """
        (coded,), _, _ = self._unpacked([bitstream])
        return part_length(bitstream, self._calls.thumbnail_length(coded))

    def decode_thumbnail(self, bitstreams: Sequence[bytes], /) -> Tensor:
        """Small pictures (B, 3, ⌈H / 8⌉, ⌈W / 8⌉) of B equally large images, clamped to [0, 1].

        Each bitstream may end after `thumbnail_length` bytes. A pixel stands for 8 × 8 of those
        that the network saw, borders that pad the image included. Of its whole thumbnail that part
        is cut out whose centre is nearest to the image's, at most 4 pixels of the image away; of
        two that are as near, the upper or left one.

        Raises:
            BitstreamError: as `decode`; TruncatedBitstreamError where one ends too early.
            CodecError: as `decode`.
            UsageError: a network without a thumbnail synthesis.
        """
        import torch

        coded, lengths, height, width = self._parts(bitstreams)
        small = torch.cat(
            [
                self._calls.decompress_thumbnail(image, length)
                for image, length in zip(coded, lengths, strict=True)
            ]
        )
        whole = tuple(side // SCALE for side in self._layout.padded(height, width))
        if tuple(small.shape[1:]) != (3, *whole):
            raise CodecError(
                f"{self._calls.label}: decompress_thumbnail returned {tuple(small.shape)}; "
                f"expected {whole[1]}×{whole[0]} pixels"
            )
        above, _, left, _ = self._layout.borders(height, width)
        rows, columns = _cut(above, height), _cut(left, width)
        small = small[..., rows, columns]
        self._check_finite(small)
        return small.float().clamp(0.0, 1.0).contiguous()

    def _parts(self, bitstreams: Sequence[bytes]) -> tuple[list[Compressed], list[int], int, int]:
        """What may be cut: each image, the whole length of its last string; height and width."""
        parts = [
            unpack_part(stream, fingerprint=self.fingerprint, format_version=self._format_version)
            for stream in bitstreams
        ]
        coded, height, width = self._coded([stream for stream, _ in parts])
        return coded, [length for _, length in parts], height, width


def _cut(before: int, side: int) -> slice:
    """Which pixels of a padded image's thumbnail are the image's, along a side.

    Args:
        before: pixels of padding that come first.
        side: of the image, in pixels.
    """
    count = -(-side // SCALE)
    # Twice as far as the image's centre lies behind that of the first pixels.
    behind = 2 * before + side - SCALE * count
    first = -((SCALE - behind) // (2 * SCALE))
    return slice(first, first + count)
