"""The convolutional transform, with attention within windows plugged in between its layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor, nn

from lic_models.components.nonlinearities import GDN, Nonlinearity
from lic_models.components.transforms.attention import GatedAttention
from lic_models.components.transforms.base import Width, channels_of
from lic_models.components.transforms.convolutional import ConvolutionalTransform
from lic_models.components.transforms.windows import WindowAttention
from pytest_lic.errors import UsageError


class WindowAttentionTransform(ConvolutionalTransform):
    """`ConvolutionalTransform` with window attention modules at 1/4 and 1/16 of the sides.

    Zou, Song and Zhang, "The devil is in the details: window-based attention for image
    compression", CVPR 2022, https://arxiv.org/abs/2203.08450. Each module is a `GatedAttention`
    whose gate sees what its window holds; windows are not shifted.

    Args:
        width: sets N and M: pico (32, 48), small (128, 192) or large (192, 320).
        channels: N, channels between the layers, if not the width's.
        latent_channels: M, if not the width's.
        nonlinearity: its class; the N channels and ``inverse`` are given to it.
        kernel_sizes: side of each layer's kernel, odd; that of the image's layer first.
        heads: of attention, a divisor of N and of M.
        windows: side of the windows at 1/4 and at 1/16.

    Raises:
        UsageError: a width, channels, kernels or windows that make no transform.
    """

    def __init__(
        self,
        width: Width = "pico",
        channels: int | None = None,
        latent_channels: int | None = None,
        nonlinearity: Callable[[int, bool], Nonlinearity] = GDN,
        kernel_sizes: Sequence[int] = (5, 5, 5, 5),
        heads: int = 8,
        windows: Sequence[int] = (8, 4),
    ) -> None:
        super().__init__(width, channels, latent_channels, nonlinearity, kernel_sizes)
        if len(windows) != 2:
            raise UsageError(f"windows: {list(windows)}; expected two, for 1/4 and 1/16")
        m = self.latent_channels
        n = channels_of(type(self), width, channels, latent_channels)[0]

        def attention(of: int, window: int) -> GatedAttention:
            return GatedAttention(of, _WithinWindow(of, heads, window))

        fine, coarse = windows
        down, up = list(self.analysis.children()), list(self.synthesis.children())
        self.analysis = nn.Sequential(
            *(*down[:4], attention(n, fine), *down[4:], attention(m, coarse))
        )
        self.synthesis = nn.Sequential(
            *(attention(m, coarse), *up[:4], attention(n, fine), *up[4:])
        )


class _WithinWindow(nn.Module):
    """Features (B, C, h, w), and what those of their window tell them."""

    def __init__(self, channels: int, heads: int, window: int) -> None:
        super().__init__()
        self.attention = WindowAttention(channels, heads, window)

    def forward(self, features: Tensor) -> Tensor:
        told: Tensor = self.attention(features.movedim(1, -1))
        return features + told.movedim(-1, 1)
