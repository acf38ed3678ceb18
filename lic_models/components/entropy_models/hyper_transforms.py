"""The hyper-transforms: between a latent and side information of a quarter of its sides."""

from __future__ import annotations

from torch import nn

from pytest_lic.errors import UsageError

_FACTOR = 4  # positions of a latent, along each side, to one of z


def check_hyper_transforms(hyper_channels: int, kernel_sizes: tuple[int, int, int]) -> None:
    """Raise UsageError for channels or kernels that make no hyper-transform."""
    if hyper_channels < 1:
        raise UsageError(f"hyper_channels: {hyper_channels}; expected at least 1")
    if len(kernel_sizes) != 3 or any(size < 1 or size % 2 == 0 for size in kernel_sizes):
        raise UsageError(f"kernel_sizes: {kernel_sizes}; expected three odd numbers from 1 on")


def hyper_size(size: tuple[int, int]) -> tuple[int, int]:
    """The size of z, of a latent of size (h, w)."""
    return -(-size[0] // _FACTOR), -(-size[1] // _FACTOR)


def hyper_analysis(
    channels: int,
    hyper_channels: int,
    kernel_sizes: tuple[int, int, int],
    outputs: int | None = None,
    layer: type[nn.Conv2d] = nn.Conv2d,
) -> nn.Sequential:
    """(B, M, h, w) → (B, N, ⌈h / 4⌉, ⌈w / 4⌉); the first kernel is that of the latent's layer.

    Args:
        channels: M.
        hyper_channels: N.
        kernel_sizes: of the three layers.
        outputs: channels of the last one, if not N.
        layer: class of the convolutions.
    """
    m, n, (near, middle, far) = channels, hyper_channels, kernel_sizes
    return nn.Sequential(
        layer(m, n, near, 1, near // 2),
        nn.LeakyReLU(inplace=True),
        layer(n, n, middle, 2, middle // 2),
        nn.LeakyReLU(inplace=True),
        layer(n, n if outputs is None else outputs, far, 2, far // 2),
    )


def hyper_synthesis(
    hyper_channels: int,
    features: int,
    kernel_sizes: tuple[int, int, int],
    layers: tuple[type[nn.ConvTranspose2d], type[nn.Conv2d]] = (nn.ConvTranspose2d, nn.Conv2d),
) -> nn.Sequential:
    """(B, N, h', w') → (B, features, 4 h', 4 w'), to be cropped.

    Args:
        hyper_channels: N.
        features: of the last layer.
        kernel_sizes: as of `hyper_analysis`, the last layer's first.
        layers: classes of the transposed convolutions and of the last one.
    """
    up, flat = layers
    n, (near, middle, far) = hyper_channels, kernel_sizes
    return nn.Sequential(
        up(n, n, far, 2, far // 2, output_padding=1),
        nn.LeakyReLU(inplace=True),
        up(n, n, middle, 2, middle // 2, output_padding=1),
        nn.LeakyReLU(inplace=True),
        flat(n, features, near, 1, near // 2),
    )
