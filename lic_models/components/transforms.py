"""Analysis and synthesis: from an image to its latent and back.

image (B, 3, H, W) → analysis → latent (B, M, H/16, W/16) → synthesis → image (B, 3, H, W)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from torch import nn

from lic_models.components.nonlinearities import GDN, Nonlinearity
from pytest_lic.errors import UnknownNameError, UsageError

Width = Literal["pico", "small", "large"]
WIDTHS: dict[Width, tuple[int, int]] = {"pico": (32, 48), "small": (128, 192), "large": (192, 320)}
"""Name → N, channels between the layers, and M, channels of the latent."""


class Transform(nn.Module):
    """A pair of transforms: two modules and what they make of an image's size.

    Args:
        analysis: image batch (B, 3, H, W) → latent (B, M, H / f, W / f).
        synthesis: the way back.
        latent_channels: M.
        downsampling_factor: f; both sides of an image must be multiples of it.
    """

    def __init__(
        self,
        analysis: nn.Module,
        synthesis: nn.Module,
        latent_channels: int,
        downsampling_factor: int,
    ) -> None:
        super().__init__()
        self.analysis = analysis
        self.synthesis = synthesis
        self.latent_channels = latent_channels
        self.downsampling_factor = downsampling_factor


class ConvolutionalTransform(Transform):
    """Four strided convolutions down, four transposed ones up, non-linearities between them.

    The transforms of Ballé, Minnen, Singh, Hwang and Johnston, "Variational image compression
    with a scale hyperprior", ICLR 2018, https://arxiv.org/abs/1802.01436, as they stand when every
    kernel is 5 × 5.

    Args:
        width: sets N and M: pico (32, 48), small (128, 192) or large (192, 320).
        channels: N, channels between the layers, if not the width's.
        latent_channels: M, if not the width's.
        nonlinearity: its class; the N channels and ``inverse`` are given to it.
        kernel_sizes: side of each layer's kernel, odd; that of the image's layer first.

    Raises:
        UsageError: a width, channels or kernels that make no transform.
    """

    def __init__(
        self,
        width: Width = "pico",
        channels: int | None = None,
        latent_channels: int | None = None,
        nonlinearity: Callable[[int, bool], Nonlinearity] = GDN,
        kernel_sizes: Sequence[int] = (5, 5, 5, 5),
    ) -> None:
        if width not in WIDTHS:
            raise UnknownNameError("width", width, WIDTHS, "ConvolutionalTransform")
        n = WIDTHS[width][0] if channels is None else channels
        m = WIDTHS[width][1] if latent_channels is None else latent_channels
        if n < 1 or m < 1:
            raise UsageError(f"channels: {n} and latent_channels: {m}; expected at least 1 of each")
        if len(kernel_sizes) != 4 or any(size < 3 or size % 2 == 0 for size in kernel_sizes):
            raise UsageError(
                f"kernel_sizes: {list(kernel_sizes)}; expected four odd numbers from 3 on"
            )
        widths = [3, n, n, n, m]
        analysis: list[nn.Module] = []
        synthesis: list[nn.Module] = []
        for inner, outer, size in zip(widths[:-1], widths[1:], kernel_sizes, strict=True):
            if analysis:
                analysis.append(nonlinearity(inner, False))
                synthesis.insert(0, nonlinearity(inner, True))
            analysis.append(nn.Conv2d(inner, outer, size, 2, size // 2))
            synthesis.insert(
                0, nn.ConvTranspose2d(outer, inner, size, 2, size // 2, output_padding=1)
            )
        super().__init__(nn.Sequential(*analysis), nn.Sequential(*synthesis), m, 16)
