"""Octave convolutions: features of a high and, at half the resolution, a low frequency part."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from torch import Tensor, nn

from lic_models.components.nonlinearities import GDN, Nonlinearity
from lic_models.components.transforms.base import Transform, Width, channels_of
from lic_models.components.transforms.strided import check_kernel_sizes
from pytest_lic.errors import UsageError

Parts = tuple[int, int]
"""Channels of the high part and of the low one, which may be 0."""
Activation = Callable[[int], nn.Module]


class OctaveConvolution(nn.Module):
    """Halves the resolution of two parts, or doubles it: four paths, and a sum of two in each part.

        high (h, w) ────┬───────── stride 2 ─► + ─► high (h/2, w/2)
                        └─ pool 2, stride 2 ─┐ ▲
        low (h/2, w/2) ─┬─────────────────── │ ┘
                        └───────── stride 2 ─┴──► + ─► low (h/4, w/4)

    A low part already has the resolution of the next high one. Upwards, transposed convolutions
    take the place of strided ones; there high to low is what keeps its resolution, and low to high
    is doubled a second time, by repeating.

    Args:
        inner: channels of what is given, of which low may be 0.
        outer: of what is made, of which low may be 0: low frequencies are joined to the high ones.
        size: of the kernels, odd.
        activation: made for the channels of each part; none by default.
        up: double the resolution.
    """

    def __init__(
        self,
        inner: Parts,
        outer: Parts,
        size: int,
        activation: Activation | None = None,
        up: bool = False,
    ) -> None:
        super().__init__()
        (high, low), (outer_high, outer_low) = inner, outer
        resized, kept = _resizing(size, up), _keeping(size)
        self.high_to_high = resized(high, outer_high)
        self.low_to_low = resized(low, outer_low) if low and outer_low else None
        self.low_to_high: nn.Module | None = None
        self.high_to_low: nn.Module | None = None
        if low:
            self.low_to_high = (
                nn.Sequential(resized(low, outer_high), nn.Upsample(scale_factor=2))
                if up
                else kept(low, outer_high)
            )
        if outer_low:
            self.high_to_low = (
                kept(high, outer_low)
                if up
                else nn.Sequential(nn.AvgPool2d(2), resized(high, outer_low))
            )
        self.activations = nn.ModuleList(
            activation(channels) if activation else nn.Identity() for channels in outer if channels
        )

    def forward(self, high: Tensor, low: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Both parts, (B, C, h, w) and (B, C', h/2, w/2), at half or twice the resolution."""
        highs, lows = [self.high_to_high(high)], []
        if self.high_to_low is not None:
            lows.append(self.high_to_low(high))
        if self.low_to_high is not None:
            highs.append(self.low_to_high(low))
        if self.low_to_low is not None:
            lows.append(self.low_to_low(low))
        parts = [sum(paths[1:], paths[0]) for paths in (highs, lows) if paths]
        made = [each(part) for each, part in zip(self.activations, parts, strict=True)]
        return made[0], made[1] if lows else None


class GeneralisedOctaveConvolution(nn.Module):
    """An octave convolution that learns the paths between its parts, and has activations inside.

        high ─ stride 2, activation ─┬────────────────────────► + ─► high
                                     └─ stride 2 ───────┐       ▲
        low ── stride 2, activation ─┬─ transposed, 2 ─ │ ──────┘
                                     └──────────────────┴─► + ─► low

    Upwards, the two on the left are transposed as well. The arguments are `OctaveConvolution`'s.
    """

    def __init__(
        self,
        inner: Parts,
        outer: Parts,
        size: int,
        activation: Activation | None = None,
        up: bool = False,
    ) -> None:
        super().__init__()
        activation = activation or (lambda _: nn.Identity())
        (high, low), (outer_high, outer_low) = inner, outer
        resized = _resizing(size, up)
        self.high = nn.Sequential(resized(high, outer_high), activation(outer_high))
        self.high_to_low = _resizing(size, False)(outer_high, outer_low) if outer_low else None
        self.low: nn.Module | None = None
        self.low_to_high: nn.Module | None = None
        if low:
            between = outer_low or low
            self.low = nn.Sequential(resized(low, between), activation(between))
            self.low_to_high = _resizing(size, True)(between, outer_high)

    def forward(self, high: Tensor, low: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Both parts, (B, C, h, w) and (B, C', h/2, w/2), at half or twice the resolution."""
        high = own_high = self.high(high)
        if self.low is not None and self.low_to_high is not None:
            low = self.low(low)
            high = own_high + self.low_to_high(low)
        if self.high_to_low is None:
            return high, None
        crossed = self.high_to_low(own_high)
        return high, crossed if low is None else low + crossed


class OctaveTransform(Transform):
    """Octave convolutions down and up: the low part of the features has half their resolution.

    Chen et al., "Drop an octave: reducing spatial redundancy in convolutional neural networks with
    octave convolution", ICCV 2019, https://arxiv.org/abs/1904.05049. The latent is one tensor: the
    last layer makes no low part, as the paper's last one does. Low features are at H/16 before it
    already, and are added to it by a convolution without stride; so every multiple of 16 is taken.

    Args:
        width: sets N and M: pico (32, 48), small (128, 192) or large (192, 320).
        channels: N, channels between the layers, both parts together, if not the width's.
        latent_channels: M, if not the width's.
        nonlinearity: its class; each part's channels and ``inverse`` are given to it.
        kernel_sizes: side of each layer's kernels, odd; that of the image's layer first.
        alpha: the share of the N channels that the low part has, 0 < alpha < 1.

    Raises:
        UsageError: a width, channels, kernels or a share that make no transform.
    """

    layer: ClassVar[Callable[..., nn.Module]] = OctaveConvolution

    def __init__(
        self,
        width: Width = "pico",
        channels: int | None = None,
        latent_channels: int | None = None,
        nonlinearity: Callable[[int, bool], Nonlinearity] = GDN,
        kernel_sizes: Sequence[int] = (5, 5, 5, 5),
        alpha: float = 0.5,
    ) -> None:
        n, m = channels_of(type(self), width, channels, latent_channels)
        check_kernel_sizes(kernel_sizes)
        low = round(alpha * n) if 0.0 < alpha < 1.0 else 0
        if not 0 < low < n:
            raise UsageError(
                f"alpha: {alpha:g} of {n} channels; expected a share between 0 and 1 that leaves "
                "each part at least 1 channel"
            )
        parts = [(3, 0), (n - low, low), (n - low, low), (n - low, low), (m, 0)]
        down: list[nn.Module] = []
        up: list[nn.Module] = []
        for index, size in enumerate(kernel_sizes):
            inner, outer = parts[index : index + 2]
            if index < 3:
                down.append(self.layer(inner, outer, size, lambda c: nonlinearity(c, False)))
            else:  # both parts are joined
                down.append(OctaveConvolution(inner, outer, size))
            activation = (lambda c: nonlinearity(c, True)) if index > 0 else None
            up.insert(0, self.layer(outer, inner, size, activation, up=True))
        super().__init__(_Layers(down), _Layers(up), m, 16)


class GeneralisedOctaveTransform(OctaveTransform):
    """Generalised octave convolutions: strided and transposed ones lead from one part to the other.

    Akbari, Liang, Han and Tu, "Generalized octave convolutions for learned multi-frequency image
    compression", 2020, https://arxiv.org/abs/2002.10032, but for its two latents: here there is
    one, joined as in `OctaveTransform`, whose arguments it takes.
    """

    layer = GeneralisedOctaveConvolution


class _Layers(nn.Module):
    """Octave layers one after the other, from one tensor to one."""

    def __init__(self, layers: Sequence[nn.Module]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, h, w) to what the last layer's high part is."""
        low = None
        for layer in self.layers:
            features, low = layer(features, low)
        return features


def _resizing(size: int, up: bool) -> Callable[[int, int], nn.Module]:
    """What makes a convolution that halves resolutions or doubles them."""
    if up:
        return lambda inner, outer: nn.ConvTranspose2d(
            inner, outer, size, 2, size // 2, output_padding=1
        )
    return lambda inner, outer: nn.Conv2d(inner, outer, size, 2, size // 2)


def _keeping(size: int) -> Callable[[int, int], nn.Module]:
    return lambda inner, outer: nn.Conv2d(inner, outer, size, padding=size // 2)
