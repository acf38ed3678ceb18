"""Strided convolutions, with blocks of shifted-window self-attention between them."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from lic_models.components.transforms.base import Transform, Width, channels_of
from lic_models.components.transforms.strided import strided_layers
from lic_models.components.transforms.transformer_block import TransformerBlock
from lic_models.components.transforms.windows import WindowAttention
from pytest_lic.errors import UsageError


class SwinTransform(Transform):
    """Four strided convolutions down, four transposed ones up, Swin blocks between them.

    analysis   stride 2 ─► Swin ─► stride 2 ─► Swin ─► stride 2 ─► Swin ─► stride 2
    synthesis  the mirror image

    The transforms of Lu, Guo, Shi, Cao and Ma, "Transformer-based image compression", DCC 2022,
    https://arxiv.org/abs/2111.06707, without its shortcuts around each group of blocks; there is no
    non-linearity but that of the blocks. So are those of Zhu, Yang and Cohen, "Transformer-based
    transform coding", ICLR 2022, but for their first layer, which merges patches.

    Args:
        width: sets N and M: pico (32, 48), small (128, 192) or large (192, 320).
        channels: N, channels between the layers, if not the width's.
        latent_channels: M, if not the width's.
        kernel_sizes: side of each convolution's kernel, odd; that of the image's layer first.
            5, 3, 3, 3 are the paper's. The default is that of `ConvolutionalTransform`, which a
            config that leaves them out would take in any case.
        depths: how many blocks stand at 1/2, 1/4 and 1/8 of the image's sides, on both ways; every
            second one of them has its windows shifted by half.
        heads: of attention, a divisor of N.
        window: side of the windows.
        expansion: how many times N the hidden channels of a block's two last layers are.

    Raises:
        UsageError: a width, channels, kernels or blocks that make no transform.
    """

    def __init__(
        self,
        width: Width = "pico",
        channels: int | None = None,
        latent_channels: int | None = None,
        kernel_sizes: Sequence[int] = (5, 5, 5, 5),
        depths: Sequence[int] = (2, 2, 2),
        heads: int = 4,
        window: int = 8,
        expansion: int = 2,
    ) -> None:
        n, m = channels_of(type(self), width, channels, latent_channels)
        if len(depths) != 3 or any(depth < 0 for depth in depths):
            raise UsageError(
                f"depths: {list(depths)}; expected three numbers from 0 on, for 1/2, 1/4 and 1/8"
            )
        if expansion < 1:
            raise UsageError(f"expansion: {expansion}; expected at least 1")
        analysis, synthesis = strided_layers(
            n,
            m,
            None,
            kernel_sizes,
            lambda depth: _blocks(n, depths[depth - 1], heads, window, expansion),
        )
        super().__init__(analysis, synthesis, m, 16)


def _blocks(
    channels: int, count: int, heads: int, window: int, expansion: int
) -> nn.Sequential | None:
    """Blocks in turn, every second one with shifted windows."""
    shifts = [number % 2 * (window // 2) for number in range(count)]
    blocks = (
        TransformerBlock(channels, WindowAttention(channels, heads, window, shift), expansion)
        for shift in shifts
    )
    return nn.Sequential(*blocks) if count else None
