"""Strided convolutions, with blocks of shifted-window self-attention between them."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from lic_models.components.transforms.base import Transform, Width, channels_of
from lic_models.components.transforms.strided import check_kernel_sizes
from lic_models.components.transforms.windows import WindowAttention, narrow_linear
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
        check_kernel_sizes(kernel_sizes)
        if len(depths) != 3 or any(depth < 0 for depth in depths):
            raise UsageError(
                f"depths: {list(depths)}; expected three numbers from 0 on, for 1/2, 1/4 and 1/8"
            )
        if expansion < 1:
            raise UsageError(f"expansion: {expansion}; expected at least 1")
        analysis: list[nn.Module] = []
        synthesis: list[nn.Module] = []
        widths = [3, n, n, n, m]
        layers = zip(widths[:-1], widths[1:], kernel_sizes, (*depths, 0), strict=True)
        for inner, outer, size, depth in layers:
            analysis.append(nn.Conv2d(inner, outer, size, 2, size // 2))
            up = nn.ConvTranspose2d(outer, inner, size, 2, size // 2, output_padding=1)
            synthesis.insert(0, up)
            if depth:
                analysis.append(_blocks(outer, depth, heads, window, expansion))
                synthesis.insert(0, _blocks(outer, depth, heads, window, expansion))
        super().__init__(nn.Sequential(*analysis), nn.Sequential(*synthesis), m, 16)


class SwinBlock(nn.Module):
    """Attention in windows, then two layers of each position alone, both added to what is given.

    Begins as the identity.

    Args:
        channels: C.
        heads: of attention, a divisor of C.
        window: side of the windows.
        shift: by how much windows begin before the features.
        expansion: how many times C the hidden channels of the two layers are.

    Raises:
        UsageError: heads or a window that make no attention.
    """

    def __init__(
        self, channels: int, heads: int, window: int, shift: int, expansion: int = 2
    ) -> None:
        super().__init__()
        self.attention = nn.Sequential(
            nn.LayerNorm(channels), WindowAttention(channels, heads, window, shift)
        )
        self.alone = nn.Sequential(
            nn.LayerNorm(channels),
            narrow_linear(channels, expansion * channels),
            nn.GELU(),
            nn.Linear(expansion * channels, channels),
        )
        for last in (self.attention[1].joined, self.alone[3]):
            for parameter in last.parameters():
                nn.init.zeros_(parameter)

    def forward(self, features: Tensor) -> Tensor:
        """Of the shape of what is given, (B, C, h, w)."""
        tokens = features.movedim(1, -1)
        tokens = tokens + self.attention(tokens)
        tokens = tokens + self.alone(tokens)
        return tokens.movedim(-1, 1)


def _blocks(channels: int, depth: int, heads: int, window: int, expansion: int) -> nn.Sequential:
    """Blocks in turn, every second one with shifted windows."""
    shifts = (number % 2 * (window // 2) for number in range(depth))
    return nn.Sequential(
        *(SwinBlock(channels, heads, window, shift, expansion) for shift in shifts)
    )
