"""What has to be known about a network before it can code images of any size.

Found out by coding one small image: which multiple the sides must be padded to, whether
`channels_last` memory suits it, and what its strings and shape look like, so that those need not
travel in every bitstream. Encoder and decoder find out the same, each for itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pytest_lic.adapters.network.blame import of_shapes
from pytest_lic.adapters.network.calls import NetworkCalls
from pytest_lic.adapters.network.string_nesting import has_batch_axis, nest_of, of_image
from pytest_lic.errors import BitstreamError, CodecError, LicError, UnavailableError

if TYPE_CHECKING:
    from torch import Tensor

_MULTIPLES = (64, 128, 256)
_LARGEST_ALIKE = 0.25
"""How far two decodings of one image may differ to count as the same, relative to how far two
images differ. Only rounding is expected, but a hyperprior may lose some latents to it."""


@dataclass(frozen=True)
class NetworkLayout:
    """How a network wants its images, and what it makes of them.

    Args:
        multiple: both sides, in pixels, are padded to one.
        channels_last: images and weights lie in ``torch.channels_last`` memory.
        nest: the nest of one image's strings (see `string_nesting`).
        shape: what ``compress`` called the shape of that image.
        probe: that image's height and width in pixels, both multiples of ``multiple``.
        least: what both sides have at least, in pixels, for the network takes nothing smaller.
        refused: smaller multiples that it does not take.
    """

    multiple: int
    channels_last: bool
    nest: Any
    shape: Any
    probe: tuple[int, int]
    least: int = 0
    refused: tuple[int, ...] = ()

    def padded(self, height: int, width: int) -> tuple[int, int]:
        """The size in pixels that the network sees for an image of this one."""
        return (
            max(-(-height // self.multiple) * self.multiple, self.least),
            max(-(-width // self.multiple) * self.multiple, self.least),
        )

    def borders(self, height: int, width: int) -> tuple[int, int, int, int]:
        """Rows above and below, columns left and right that pad an image of this size."""
        padded_height, padded_width = self.padded(height, width)
        above, left = (padded_height - height) // 2, (padded_width - width) // 2
        return above, padded_height - height - above, left, padded_width - width - left


def find_layout(calls: NetworkCalls, multiple: int | None, channels_last: bool) -> NetworkLayout:
    """Code a small image, in increasing sizes, until the network returns one of the same size.

    The probe is an odd multiple of the padding in both directions, so that a network which needs
    a larger one can't pass by luck. Where it fails a larger one is tried, of the same multiple:
    some networks take no small images. CompressAI's own networks say their multiple
    (``downsampling_factor``); it is tried first.

    Args:
        calls: the network.
        multiple: the only one to try, if given.
        channels_last: try that memory layout first. Networks that use ``Tensor.view`` refuse it.

    Raises:
        CodecError: the network failed at every size, or in a way that is no matter of size.
    """
    sizes: list[str] = []
    failures: list[LicError] = []
    candidates = list(_candidates(calls.network, multiple))
    for candidate in candidates:
        for height, width in ((candidate, 3 * candidate), (3 * candidate, 5 * candidate)):
            sizes.append(f"{width}×{height}")
            for last in (True, False) if channels_last else (False,):
                try:
                    layout = _probed(calls, candidate, (height, width), last)
                except (CodecError, BitstreamError) as error:
                    if not of_shapes(error):
                        raise
                    failures.append(error)
                    continue
                refused = tuple(each for each in candidates if each < candidate)
                least = _least_side(calls, layout) if height > candidate else candidate
                return replace(layout, least=least, refused=refused)
    for failure in failures:
        if isinstance(failure, BitstreamError):
            raise CodecError(f"{calls.label}: {failure}") from failure
    raise CodecError(
        f"{failures[-1]}; so it was with probe images of {', '.join(sizes)}. If the network needs "
        "another padding, give compressai_family(..., multiple=…)"
    ) from failures[-1]


def _probed(
    calls: NetworkCalls, multiple: int, size: tuple[int, int], channels_last: bool
) -> NetworkLayout:
    """The layout of a network that takes a probe of this height and width."""
    set_memory_format(calls.network, channels_last)
    images = probe_images(1, size, calls.device, channels_last)
    compressed, decoded = calls.round_trip(images)
    if decoded.shape != images.shape:
        raise CodecError(
            f"{calls.label}: decompress returned {tuple(decoded.shape)} for {tuple(images.shape)}"
        ) from ValueError("another shape")
    return NetworkLayout(
        multiple, channels_last, nest_of(compressed.strings), compressed.shape, size
    )


def _least_side(calls: NetworkCalls, layout: NetworkLayout) -> int:
    """The least side of an image, in pixels, for a network that takes no small ones."""
    multiple = layout.multiple
    try:
        _probed(calls, multiple, (2 * multiple, 2 * multiple), layout.channels_last)
    except (CodecError, BitstreamError):
        return 3 * multiple
    return 2 * multiple


def in_other_memory_format(calls: NetworkCalls, layout: NetworkLayout) -> NetworkLayout:
    """The layout of a network whose weights have been laid out in the other memory format.

    Raises:
        UnavailableError: the network then fails on a small image; it is left as it was.
    """
    last = not layout.channels_last
    set_memory_format(calls.network, last)
    try:
        calls.decompress(calls.compress(probe_images(1, layout.probe, calls.device, last)))
    except (CodecError, BitstreamError) as error:
        set_memory_format(calls.network, layout.channels_last)
        kind = "channels_last" if last else "contiguous"
        raise UnavailableError(f"{calls.label} takes no {kind} memory: {error}") from error
    return replace(layout, channels_last=last)


def codes_batches(calls: NetworkCalls, layout: NetworkLayout) -> bool:
    """Whether several images can be coded in one call, and each then decoded without the others.

    Not so where the strings have no batch axis, where the network fails on two images, or where
    one image's strings alone do not decode to what they decode to with the others'.
    """
    if not has_batch_axis(layout.nest, 1):
        return False
    images = probe_images(2, layout.probe, calls.device, layout.channels_last)
    try:
        both = calls.compress(images)
        if not has_batch_axis(nest_of(both.strings), 2) or both.parameters:
            return False
        together = calls.decompress(both)
        alone = [
            calls.decompress(replace(both, strings=of_image(both.strings, index)))
            for index in range(2)
        ]
    except (CodecError, BitstreamError):
        return False
    if [len(together), *map(len, alone)] != [2, 1, 1]:
        return False
    if any(image.shape[1:] != images.shape[1:] for image in (together, *alone)):
        return False
    spread = float((together[:1] - together[1:]).abs().mean())
    tolerated = max(_LARGEST_ALIKE * spread, 1e-5 * float(together.abs().mean()))
    errors = [float((together[i] - alone[i][0]).abs().mean()) for i in range(2)]
    return max(errors) <= tolerated


def probe_images(count: int, size: tuple[int, int], device: str, channels_last: bool) -> Tensor:
    """``count`` different images (count, 3, *size): gradients with some noise."""
    import torch

    height, width = size
    generator = torch.Generator().manual_seed(0)
    noise = torch.rand((count, 3, height, width), generator=generator)
    down = torch.linspace(0, 1, height)[:, None]
    across = torch.linspace(0, 1, width)
    phase = torch.arange(count)[:, None, None, None] / max(count, 1)
    images = ((down + across) / 2 + phase) % 1 * 0.75 + 0.25 * noise
    return arranged(images.to(device), channels_last)


def arranged(images: Tensor, channels_last: bool) -> Tensor:
    """``images`` in the memory layout asked for."""
    import torch

    kind = torch.channels_last if channels_last else torch.contiguous_format
    return images.contiguous(memory_format=kind)


def set_memory_format(network: Any, channels_last: bool) -> None:
    """Lay the weights of an ``nn.Module`` out in memory; others are left alone."""
    import torch

    if isinstance(network, torch.nn.Module):
        kind = torch.channels_last if channels_last else torch.contiguous_format
        network.to(memory_format=kind)


def _candidates(network: Any, multiple: int | None) -> Iterable[int]:
    if multiple is not None:
        return (multiple,)
    declared = getattr(network, "downsampling_factor", None)
    if isinstance(declared, int) and declared > 0:
        return sorted({declared, *(size for size in _MULTIPLES if size > declared)})
    return _MULTIPLES
