"""Strided convolutions, with non-linearities between them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import nn

from lic_models.components.nonlinearities import GDN, Nonlinearity
from lic_models.components.transforms.base import Transform, Width, channels_of
from pytest_lic.errors import UsageError


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
        n, m = channels_of(type(self), width, channels, latent_channels)
        check_kernel_sizes(kernel_sizes)
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


def check_kernel_sizes(kernel_sizes: Sequence[int]) -> None:
    """Raise UsageError for kernels that are not four of odd sides, from 3 on."""
    if len(kernel_sizes) != 4 or any(size < 3 or size % 2 == 0 for size in kernel_sizes):
        raise UsageError(f"kernel_sizes: {list(kernel_sizes)}; expected four odd numbers from 3 on")
