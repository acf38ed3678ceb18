"""A network that decodes a latent in passes: the first bytes of its streams give a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pytest_lic.adapters.network.codec import LatentNetworkCodec
from pytest_lic.container import part_length, unpack_part

if TYPE_CHECKING:
    from torch import Tensor


class ProgressiveNetworkCodec(LatentNetworkCodec):
    """A `LatentNetworkCodec` whose network decodes a latent in passes.

    Its ``pass_lengths(strings, shape)`` tells how many bytes of an image's last string each number
    of passes needs; ``decompress_part(strings, shape, passes, length)`` decodes so many of them.
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
        parts = [
            unpack_part(stream, fingerprint=self._fingerprint, format_version=self._format_version)
            for stream in bitstreams
        ]
        coded, height, width = self._coded([stream for stream, _ in parts])
        decoded = [
            self._calls.decompress_part(image, passes, length)
            for image, (_, length) in zip(coded, parts, strict=True)
        ]
        return self._cropped(decoded, height, width)
