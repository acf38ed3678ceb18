"""A codec and an enhanced one beside it, for another domain: each image goes to the better.

image ─┬─► source ───► bitstream ─┐
       └─► enhanced ─► bitstream ─┴─► the one of the lower λ · 255² · MSE + bpp

A bitstream carries the fingerprint of the one that wrote it, so that telling them apart costs
nothing, and the source codec's old bitstreams are decoded by what wrote them. After Katakol,
Herranz, Yang and Mrak, CVPR workshops 2021, https://arxiv.org/abs/2104.09370.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, TypeVar

from pytest_lic.adapters.network.codec import LatentNetworkCodec
from pytest_lic.container import is_container, unpack
from pytest_lic.errors import BitstreamError

if TYPE_CHECKING:
    from torch import Tensor

_Decoded = TypeVar("_Decoded")


class EnhancedCodec:
    """Two networks with one operating point.

    Args:
        source: the codec that stays as it is.
        enhanced: the one for the other domain.
        lmbda: λ that the choice is made by.
    """

    def __init__(
        self, source: LatentNetworkCodec, enhanced: LatentNetworkCodec, lmbda: float
    ) -> None:
        self._source = source
        self._enhanced = enhanced
        self._lmbda = lmbda

    def encode(self, images: Tensor, /) -> list[bytes]:
        """Code an image batch (B, 3, H, W) with both, into the B bitstreams that cost less.

        Raises:
            CodecError: as `NetworkCodec.encode`.
        """
        options = [self._coded(codec, images) for codec in (self._source, self._enhanced)]
        return [min(pair)[1] for pair in zip(*options, strict=True)]

    def decode(self, bitstreams: Sequence[bytes], /) -> Tensor:
        """Decode B bitstreams of equally large images, each with the one that wrote it.

        Raises:
            BitstreamError: as `NetworkCodec.decode`.
            CodecError: as `NetworkCodec.decode`.
        """
        import torch

        return torch.stack(self._each(bitstreams, lambda codec, some: list(codec.decode(some))))

    def decode_latents(self, bitstreams: Sequence[bytes], /) -> list[Tensor]:
        """The B quantised latents, each (C, h, w); see `LatentNetworkCodec`."""
        return self._each(bitstreams, lambda codec, some: codec.decode_latents(some))

    def decode_with_latents(self, bitstreams: Sequence[bytes], /) -> tuple[Tensor, list[Tensor]]:
        """What `decode` and `decode_latents` return, from one decoding."""
        import torch

        def decoded(
            codec: LatentNetworkCodec, some: Sequence[bytes]
        ) -> list[tuple[Tensor, Tensor]]:
            images, latents = codec.decode_with_latents(some)
            return list(zip(images, latents, strict=True))

        pairs = self._each(bitstreams, decoded)
        return torch.stack([image for image, _ in pairs]), [latent for _, latent in pairs]

    def part_digests(self) -> Mapping[str, str]:
        """Those of the source codec, and ``enhancement``, the weights of the other."""
        return {
            **self._source.part_digests(),
            "enhancement": self._enhanced.part_digests()["weights"],
        }

    def weights(self) -> Iterable[Tensor]:
        """The parameters of both."""
        return chain(self._source.weights(), self._enhanced.weights())

    def _coded(self, codec: LatentNetworkCodec, images: Tensor) -> list[tuple[float, bytes]]:
        """What each image costs with a codec, and its bitstream."""
        bitstreams = codec.encode(images)
        decoded = (codec.decode(bitstreams) * 255.0).round().cpu()
        errors = (decoded - images.cpu() * 255.0).square().mean((1, 2, 3)).tolist()
        pixels = images.shape[-2] * images.shape[-1]
        return [
            (self._lmbda * error + 8 * len(bitstream) / pixels, bitstream)
            for error, bitstream in zip(errors, bitstreams, strict=True)
        ]

    def _each(
        self,
        bitstreams: Sequence[bytes],
        decode: Callable[[LatentNetworkCodec, Sequence[bytes]], list[_Decoded]],
    ) -> list[_Decoded]:
        """What decoding gives of each bitstream, in their order."""
        writers = [self._writer(bitstream) for bitstream in bitstreams]
        if len(set(map(id, writers))) < 2:
            return decode(writers[0] if writers else self._source, bitstreams)
        pairs = zip(writers, bitstreams, strict=True)
        return [decoded for writer, one in pairs for decoded in decode(writer, [one])]

    def _writer(self, bitstream: bytes) -> LatentNetworkCodec:
        """The one that a bitstream is for; the source, which refuses it, if it is of neither."""
        try:
            is_enhanced = is_container(bitstream) and (
                unpack(bitstream).fingerprint == self._enhanced.fingerprint
            )
        except BitstreamError:
            is_enhanced = False
        return self._enhanced if is_enhanced else self._source
