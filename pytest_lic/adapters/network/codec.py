"""A network in CompressAI's manner as a `Codec`: pad, code, pack; unpack, decode, crop."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_lic.adapters.network.calls import Compressed, NetworkCalls
from pytest_lic.adapters.network.layout import (
    NetworkLayout,
    arranged,
    codes_batches,
    in_other_memory_format,
)
from pytest_lic.adapters.network.state import part_digests, settings_digest
from pytest_lic.adapters.network.stream import from_sections, to_sections
from pytest_lic.adapters.network.string_nesting import has_batch_axis, nest_of, of_batch, of_image
from pytest_lic.adapters.network.value_packing import pack_value
from pytest_lic.container import Bitstream, pack, unpack
from pytest_lic.errors import BitstreamError, CodecError

if TYPE_CHECKING:
    from torch import Tensor, nn


class NetworkCodec:
    """One operating point of a network.

    Several images are coded in one call where the network can, else one by one.

    Args:
        calls: the network, ready to code.
        layout: what is known of it.
        fingerprint: the 4 bytes that its bitstreams carry.
        format_version: the version of the family's format that they are in.
    """

    def __init__(
        self,
        calls: NetworkCalls,
        layout: NetworkLayout,
        fingerprint: bytes,
        format_version: int = 1,
    ) -> None:
        self._calls = calls
        self._layout = layout
        self.fingerprint = fingerprint
        """The 4 bytes that its bitstreams carry."""
        self._format_version = format_version
        self._together: bool | None = None  # not yet known

    def encode(self, images: Tensor, /) -> list[bytes]:
        """Code an image batch (B, 3, H, W) into B bitstreams.

        Raises:
            CodecError: not an image batch, or the network failed.
            AbsurdSizeError: an image or a string too large for a bitstream.
        """
        return self._encode(images)

    def _encode(self, images: Tensor, level: float | None = None) -> list[bytes]:
        """As `encode`; with rate control, at a level."""
        if images.dim() != 4 or images.shape[1] != 3:
            raise CodecError(
                f"{self._calls.label}: encode was given {tuple(images.shape)}; expected an image "
                "batch (B, 3, H, W)"
            )
        height, width = images.shape[-2:]
        padded = self._padded(images)
        coded = self._encoded_together(padded, level)
        if coded is None:
            coded = [self._calls.compress(image, level) for image in padded[:, None]]
        sections = [to_sections(image, self._layout, height, width) for image in coded]
        return [
            pack(Bitstream(self.fingerprint, height, width, image, self._format_version))
            for image in sections
        ]

    def decode(self, bitstreams: Sequence[bytes], /) -> Tensor:
        """Decode B bitstreams of equally large images into an image batch (B, 3, H, W).

        The result is float32, clamped to [0, 1], on the codec's device.

        Raises:
            BitstreamError: damaged, of another codec, quality or weights, or of absurd size.
            CodecError: images of several sizes, or the network failed, or returned values that
                are not finite.
        """
        coded, height, width = self._unpacked(bitstreams)
        decoded = self._for_each(lambda image: (self._calls.decompress(image),), coded)
        return self._cropped([images for (images,) in decoded], height, width)

    def estimated_bits(self, images: Tensor, /) -> list[float]:
        """Of an image batch (B, 3, H, W): the bits that its likelihoods let expect of each.

        Raises:
            CodecError: the network failed, or gives no likelihoods.
        """
        padded = self._padded(images)
        return [self._calls.estimated_bits(image) for image in padded[:, None]]

    def stages(self) -> Mapping[str, nn.Module]:
        """Stage → the network's module that does it; empty where none is known."""
        return self._calls.stages

    def decode_stages(self, bitstream: bytes, /) -> Iterator[tuple[str, Tensor]]:
        """Stage and tensor, in the order of decoding; see `decoder_stages`.

        Raises:
            BitstreamError: as `decode`.
            CodecError: as `decode`.
        """
        (coded,), _, _ = self._unpacked([bitstream])
        return self._calls.decoder_stages(coded)

    def weights(self) -> Iterable[Tensor]:
        """The network's parameters; none of what is no ``nn.Module``."""
        parameters = getattr(self._calls.network, "parameters", None)
        return parameters() if callable(parameters) else ()

    def remarks(self) -> Sequence[str]:
        """What was found out of the network that its author may not expect."""
        layout, said = self._layout, []
        if layout.refused:
            refused = " and ".join(map(str, layout.refused))
            said.append(
                f"images are padded to multiples of {layout.multiple} pixels, since the network "
                f"refused {refused}; another is taken with compressai_family(..., multiple=…)"
            )
        if layout.least > layout.multiple:
            said.append(
                f"images are padded to {layout.least} pixels at least; the network refused "
                f"{3 * layout.multiple}×{layout.multiple}"
            )
        return said

    def swap_memory_format(self) -> None:
        """From now on code with ``channels_last`` images and weights in place of contiguous ones,
        or the other way round.

        Raises:
            UnavailableError: the network takes only one of them.
        """
        self._layout = in_other_memory_format(self._calls, self._layout)

    def _cropped(self, decoded: Sequence[Tensor], height: int, width: int) -> Tensor:
        """What the network decoded, as `decode` returns it."""
        import torch

        padded_height, padded_width = self._layout.padded(height, width)
        for images in decoded:
            if tuple(images.shape[1:]) != (3, padded_height, padded_width):
                raise CodecError(
                    f"{self._calls.label}: decompress returned {tuple(images.shape)} for an image "
                    f"padded to {padded_width}×{padded_height}; expected it in that size"
                )
        batch = torch.cat(decoded) if len(decoded) > 1 else decoded[0]
        above, _, left, _ = self._layout.borders(height, width)
        cropped = batch[..., above : above + height, left : left + width]
        self._check_finite(cropped)
        return cropped.float().clamp(0.0, 1.0).contiguous()

    def _check_finite(self, images: Tensor) -> None:
        import torch

        wrong = ~torch.isfinite(images)
        if bool(wrong.any()):
            image, channel, row, column = (int(place) for place in wrong.nonzero()[0])
            raise CodecError(
                f"{self._calls.label}: decompress returned {int(wrong.sum())} values that are not "
                f"finite, first at channel {channel}, row {row}, column {column} of image {image}: "
                "the bitstream was damaged, or the weights are"
            )

    def part_digests(self) -> Mapping[str, str]:
        """``weights``, ``tables`` and ``settings`` → a digest of what the network has of them.

        Settings are the numbers and texts that its modules hold as attributes.
        """
        network = self._calls.network
        return {**part_digests(network), "settings": settings_digest(network)[:16]}

    def _padded(self, images: Tensor) -> Tensor:
        """Images as the network wants them, their edges repeated around them on all sides.

        With a trained factorized prior on 48 crops of Kodak, of 90 to 200 pixels and padded to a
        multiple of 16, that gave 1.049 bpp at 30.70 dB; CompressAI's black border gave 1.182 bpp
        at 28.94 dB, and padding on two sides only 1.046 bpp at 30.61 dB.
        """
        import torch.nn.functional as F

        height, width = images.shape[-2:]
        images = images.to(self._calls.device)
        above, below, left, right = self._layout.borders(height, width)
        if above or below or left or right:
            images = F.pad(images, (left, right, above, below), mode="replicate")
        return arranged(images, self._layout.channels_last)

    def _codes_together(self, count: int) -> bool:
        """Whether ``count`` images can be coded in one call; found out on the first batch."""
        if count > 1 and self._together is None:
            self._together = codes_batches(self._calls, self._layout)
        return count > 1 and bool(self._together)

    def _encoded_together(self, padded: Tensor, level: float | None) -> list[Compressed] | None:
        """A batch coded in one call; None where the network turns out not to do that."""
        count = len(padded)
        if not self._codes_together(count):
            return None
        try:
            coded = self._calls.compress(padded, level)
        except CodecError:
            return None  # each image alone tells whether it is at fault
        if coded.parameters or not has_batch_axis(nest_of(coded.strings), count):
            return None
        return [replace(coded, strings=of_image(coded.strings, i)) for i in range(count)]

    def _unpacked(self, bitstreams: Sequence[bytes]) -> tuple[list[Compressed], int, int]:
        """What the network's decoder takes for each image, and their height and width."""
        streams = [
            unpack(stream, fingerprint=self.fingerprint, format_version=self._format_version)
            for stream in bitstreams
        ]
        return self._coded(streams)

    def _coded(self, streams: Sequence[Bitstream]) -> tuple[list[Compressed], int, int]:
        if not streams:
            raise CodecError(f"{self._calls.label}: decode was given no bitstream")
        sizes = sorted({(stream.height, stream.width) for stream in streams})
        if len(sizes) > 1:
            named = ", ".join(f"{width}×{height}" for height, width in sizes)
            raise CodecError(
                f"{self._calls.label}: decode was given bitstreams of images of {named}; decode "
                "equally large images together, others apart"
            )
        height, width = sizes[0]
        coded = [from_sections(stream.sections, self._layout, height, width) for stream in streams]
        return coded, height, width

    def _for_each(
        self, decoder: Callable[[Compressed], tuple[Tensor, ...]], coded: Sequence[Compressed]
    ) -> list[tuple[Tensor, ...]]:
        """``decoder`` applied to a batch in one call where that works, else to each image.

        Each tensor that it returns has one entry per image.
        """
        if self._codes_together(len(coded)) and self._are_alike(coded):
            strings = of_batch([image.strings for image in coded])
            try:
                decoded = decoder(replace(coded[0], strings=strings))
            except (CodecError, BitstreamError):
                pass  # decoding each image alone tells which is at fault
            else:
                if len(decoded[0]) == len(coded):
                    return [decoded]
        alone = [decoder(image) for image in coded]
        for first, *_ in alone:
            if len(first) != 1:
                raise CodecError(
                    f"{self._calls.label}: decompress returned {tuple(first.shape)} for one image"
                )
        return alone

    def _are_alike(self, coded: Sequence[Compressed]) -> bool:
        shape = pack_value(coded[0].shape)
        return all(
            not image.parameters
            and nest_of(image.strings) == self._layout.nest
            and pack_value(image.shape) == shape
            and image.level == coded[0].level
            for image in coded
        )


class LatentNetworkCodec(NetworkCodec):
    """A `NetworkCodec` whose network has a synthesis transform to look into."""

    def decode_latents(self, bitstreams: Sequence[bytes], /) -> list[Tensor]:
        """The B quantised latents, each (C, h, w), that the synthesis transform receives.

        The transform itself is not run. Latents of a mean-scale hyperprior are symbols plus
        predicted means, so they are integers only up to those means' rounding.

        Raises:
            BitstreamError: as `decode`.
            CodecError: as `decode`.
        """
        coded, _, _ = self._unpacked(bitstreams)
        decoded = self._for_each(lambda image: (self._calls.latents(image),), coded)
        return [latent for (batch,) in decoded for latent in batch]

    def decode_with_latents(self, bitstreams: Sequence[bytes], /) -> tuple[Tensor, list[Tensor]]:
        """What `decode` and `decode_latents` return, from one decoding.

        Raises:
            BitstreamError: as `decode`.
            CodecError: as `decode`.
        """
        coded, height, width = self._unpacked(bitstreams)
        decoded = self._for_each(self._calls.decompress_with_latents, coded)
        latents = [latent for _, batch in decoded for latent in batch]
        return self._cropped([images for images, _ in decoded], height, width), latents
