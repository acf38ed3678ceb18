"""Families with rate control at target rates: a quality for each of them, in place of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_lic.codec import (
    Codec,
    CodecFamily,
    SupportsDecodingWithLatents,
    SupportsRateControl,
)
from pytest_lic.errors import CodecError
from pytest_lic.measuring.measure import Measurement
from pytest_lic.rate_matching import TOLERANCE, encode_at, quality_at, target_of
from pytest_lic.system.words import listed, plural

if TYPE_CHECKING:
    from torch import Tensor

_NAMED = 4  # images of a remark


def at_target_rates(
    families: Mapping[str, CodecFamily], targets: Sequence[float]
) -> dict[str, CodecFamily]:
    """The families, those with rate control at these rates; the others as they are.

    Args:
        families: by name.
        targets: in bpp, from the lowest on; none leaves all as they are.
    """
    return {
        name: family if family.levels is None or not targets else _at(family, targets)
        for name, family in families.items()
    }


def missed(measurement: Measurement) -> str | None:
    """Which images of a cell at a target rate are not within 1 % of it, and how far they are."""
    target = target_of(measurement.cell.quality)
    if target is None:
        return None
    off = {
        name: bpp
        for name, image in measurement.images.items()
        if (bpp := image.value("bpp")) is not None and abs(bpp / target - 1) > TOLERANCE
    }
    if not off:
        return None
    furthest = sorted(off, key=lambda name: -abs(off[name] / target - 1))
    named = [f"{name} at {off[name]:.4g} ({off[name] / target - 1:+.1%})" for name in furthest]
    of_all = f"{len(off)} of {plural(len(measurement.images), 'image')}"
    return (
        f"{of_all} not within 1 % of {target:g} bpp, but at the nearest rate that was found: "
        f"{listed(named, _NAMED)}"
    )


def _at(family: CodecFamily, targets: Sequence[float]) -> CodecFamily:
    labels = list(family.qualities)
    base = labels[len(labels) // 2]
    own_fingerprint = family.fingerprint
    rare = family.default_qualities is not None and not family.default_qualities

    def build(quality: str, device: str) -> Codec:
        codec = family.build(base, device)
        target = target_of(quality)
        if not isinstance(codec, SupportsRateControl) or target is None:
            raise CodecError(
                f"{family.name} has levels, but its codec is a {type(codec).__name__} without; "
                "expected levels and encode(images, level=…)"
            )
        kind = LatentCodecAtRate if isinstance(codec, SupportsDecodingWithLatents) else CodecAtRate
        return kind(codec, target)

    def fingerprint(quality: str) -> str | None:
        told = None if own_fingerprint is None else own_fingerprint(base)
        return f"{told} {family.levels} {quality}" if isinstance(told, str) else told

    return replace(
        family,
        qualities=dict.fromkeys(map(quality_at, targets)),
        build=build,
        fingerprint=fingerprint,
        one_network=True,
        # A family that runs only where it is asked for does so at target rates too.
        default_qualities=() if rare else None,
    )


class CodecAtRate:
    """A codec with rate control that codes each image as near to a rate as it can.

    Args:
        codec: has rate control.
        bpp: the rate.
    """

    def __init__(self, codec: SupportsRateControl, bpp: float) -> None:
        self._codec = codec
        self._bpp = bpp

    def encode(self, images: Tensor, /) -> list[bytes]:
        """Code an image batch (B, 3, H, W), each image at a level of its own."""
        return [found.bitstream for found in encode_at(self._codec, images, bpp=self._bpp)]

    def decode(self, bitstreams: Sequence[bytes], /) -> Tensor:
        """What the codec decodes."""
        return self._codec.decode(bitstreams)


class LatentCodecAtRate(CodecAtRate):
    """The same of a codec that shows its latents."""

    def decode_latents(self, bitstreams: Sequence[bytes], /) -> list[Tensor]:
        """The latents that the codec decodes."""
        return self.decode_with_latents(bitstreams)[1]

    def decode_with_latents(self, bitstreams: Sequence[bytes], /) -> tuple[Tensor, list[Tensor]]:
        """Both, from one decoding."""
        decoder: SupportsDecodingWithLatents = self._codec  # type: ignore[assignment]
        return decoder.decode_with_latents(bitstreams)
