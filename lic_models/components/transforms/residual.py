"""Residual blocks: with stride on the way down, to sub-pixels on the way up, plain ones between."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor, nn

from lic_models.components.nonlinearities import GDN, Nonlinearity
from lic_models.components.transforms.attention import GatedAttention
from lic_models.components.transforms.base import Transform, Width, channels_of
from pytest_lic.errors import UsageError

Kind = Callable[[int, bool], Nonlinearity]


class ResidualTransform(Transform):
    """Residual blocks of 3 × 3 convolutions; three with stride down, three to sub-pixels up.

    analysis   stride ─► plain ─► stride ─► plain ─► stride ─► plain ─► 3 × 3 of stride 2
    synthesis  plain ─► up ─► plain ─► up ─► plain ─► up ─► plain ─► 3 × 3 to sub-pixels

    The transforms of Cheng, Sun, Takeuchi and Katto, "Learned image compression with discretized
    Gaussian mixture likelihoods and attention modules", CVPR 2020,
    https://arxiv.org/abs/2001.01568, but for attention. The shortcuts of blocks up are 1 × 1 here,
    as those of blocks with stride are. The first block of the synthesis has M channels.

    Args:
        width: sets N and M: pico (32, 48), small (128, 192) or large (192, 320).
        channels: N, channels between the layers, if not the width's.
        latent_channels: M, if not the width's.
        nonlinearity: of the blocks with stride and up, its class; the N channels and ``inverse``
            are given to it.
        blocks: how many plain blocks stand at 1/2, 1/4 and 1/8 of the image's sides, on both ways.
            One at 1/2 takes more than half as many operations as all else.

    Raises:
        UsageError: a width, channels or blocks that make no transform.
    """

    def __init__(
        self,
        width: Width = "pico",
        channels: int | None = None,
        latent_channels: int | None = None,
        nonlinearity: Kind = GDN,
        blocks: Sequence[int] = (1, 1, 1),
    ) -> None:
        n, m = channels_of(type(self), width, channels, latent_channels)
        if len(blocks) != 3 or any(count < 0 for count in blocks):
            raise UsageError(
                f"blocks: {list(blocks)}; expected three numbers from 0 on, for 1/2, 1/4 and 1/8"
            )

        def plain(count: int) -> list[nn.Module]:
            return [_plain(n) for _ in range(count)]

        attention = self._attention
        halves, quarters, eighths = blocks
        analysis = [
            *(_down(3, n, nonlinearity), *plain(halves)),
            *(_down(n, n, nonlinearity), *attention(n), *plain(quarters)),
            *(_down(n, n, nonlinearity), *plain(eighths)),
            *(nn.Conv2d(n, m, 3, 2, 1), *attention(m)),
        ]
        synthesis = [
            *(*attention(m), _plain(m)),
            *(_up(m, n, nonlinearity), *plain(eighths)),
            *(_up(n, n, nonlinearity), *attention(n), *plain(quarters)),
            *(_up(n, n, nonlinearity), *plain(halves)),
            _sub_pixels(n, 3, 3),
        ]
        super().__init__(nn.Sequential(*analysis), nn.Sequential(*synthesis), m, 16)

    @staticmethod
    def _attention(channels: int) -> list[nn.Module]:
        """What is added at 1/4 and at 1/16 of the sides."""
        return []


class ResidualAttentionTransform(ResidualTransform):
    """`ResidualTransform` with attention modules at 1/4 and 1/16 of the sides, on both ways.

    Cheng et al. 2020, https://arxiv.org/abs/2001.01568; see `ResidualTransform` for the arguments,
    and `GatedAttention` for the modules.
    """

    @staticmethod
    def _attention(channels: int) -> list[nn.Module]:
        return [GatedAttention(channels)]


class _Residual(nn.Module):
    """What a shortcut lets through, and what a branch adds to it."""

    def __init__(self, shortcut: nn.Module, *branch: nn.Module) -> None:
        super().__init__()
        self.shortcut, self.branch = shortcut, nn.Sequential(*branch)

    def forward(self, features: Tensor) -> Tensor:
        added: Tensor = self.branch(features)
        return self.shortcut(features) + added


class _EverySecond(nn.Module):
    """Of rows and of columns every second one."""

    # In place of a convolution's stride: under channels_last the gradient of one with 1 × 1 kernels
    # of few inputs ends in a segmentation fault on CPUs (torch 2.14, oneDNN).
    def forward(self, features: Tensor) -> Tensor:
        return features[..., ::2, ::2]


def _plain(channels: int) -> nn.Module:
    """(B, C, h, w) → (B, C, h, w)."""
    return _Residual(
        nn.Identity(),
        nn.Conv2d(channels, channels, 3, padding=1),
        nn.LeakyReLU(),
        nn.Conv2d(channels, channels, 3, padding=1),
        nn.LeakyReLU(),
    )


def _down(inner: int, outer: int, nonlinearity: Kind) -> nn.Module:
    """(B, inner, 2h, 2w) → (B, outer, h, w)."""
    return _Residual(
        nn.Sequential(_EverySecond(), nn.Conv2d(inner, outer, 1)),
        nn.Conv2d(inner, outer, 3, 2, 1),
        nn.LeakyReLU(),
        nn.Conv2d(outer, outer, 3, padding=1),
        nonlinearity(outer, False),
    )


def _up(inner: int, outer: int, nonlinearity: Kind) -> nn.Module:
    """(B, inner, h, w) → (B, outer, 2h, 2w)."""
    return _Residual(
        _sub_pixels(inner, outer, 1),
        _sub_pixels(inner, outer, 3),
        nn.LeakyReLU(),
        nn.Conv2d(outer, outer, 3, padding=1),
        nonlinearity(outer, True),
    )


def _sub_pixels(inner: int, outer: int, size: int) -> nn.Module:
    """(B, inner, h, w) → (B, outer, 2h, 2w): a convolution of four times the channels, shuffled."""
    return nn.Sequential(nn.Conv2d(inner, 4 * outer, size, padding=size // 2), nn.PixelShuffle(2))
