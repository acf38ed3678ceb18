"""Start a codec as a linear one, from the principal components of photographs.

From random weights, most of a short training goes into finding a transform that loses little.
Principal components give one that loses the least a linear transform of its size can:

    3 × 2 × 2 pixels → 12 ─┐ 2 × 2 → 48 ─┐ 2 × 2 → N ─┐ 2 × 2 → M latents
                     layer 1       layer 2      layer 3        layer 4

Each layer's kernel begins as a basis of its 2 × 2 input vectors (the Karhunen-Loève transform),
the mirrored layer of the synthesis as the transpose. Training then makes the blocks overlap and
the layers non-linear. Every non-linearity starts from the same linear codec: the divisive ones
without division, the rectifiers with thresholds below all that they see. What else stands between
the layers, such as blocks of attention, has to begin by changing little, and is left as it is.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from lic_models.codec import LearnedCodec
from lic_models.components.nonlinearities import Nonlinearity
from pytest_lic.errors import UsageError


@torch.no_grad()
def start_from_principal_components(codec: LearnedCodec, images: Tensor, lmbda: float) -> None:
    """Set the weights of ``codec`` to a linear transform codec with the step that fits λ.

    Args:
        codec: with a transform of four convolutions of stride 2 and their mirror image, such as
            `ConvolutionalTransform`.
        images: float32 (B, 3, H, W), RGB in [0, 1]; a few dozen crops, sides a multiple of 16.
        lmbda: λ > 0 of λ · 255² · MSE + bpp; decides how finely the latent is quantised.

    Raises:
        UsageError: another transform, for which no such start is known, or crops of other sides.
    """
    analysis = list(codec.transform.analysis.children())
    synthesis = list(codec.transform.synthesis.children())[::-1]
    downs = [layer for layer in analysis if isinstance(layer, nn.Conv2d)]
    ups = [layer for layer in synthesis if isinstance(layer, nn.ConvTranspose2d)]
    inverses = [layer for layer in synthesis if isinstance(layer, Nonlinearity)]
    between = sum(isinstance(layer, Nonlinearity) for layer in analysis)
    halving = all(map(_halves, (*downs, *ups)))
    if not (halving and len(downs) == len(ups) == 4 and between == len(inverses)):
        raise UsageError(
            "start: principal components are known for four convolutions of stride 2 and their "
            f"mirror image, not for {type(codec.transform).__name__}; give model.start=random"
        )
    if images.size(2) % 16 or images.size(3) % 16:
        raise UsageError(
            f"start: crops of {images.size(3)}×{images.size(2)} pixels; principal components need "
            "multiples of 16: give another data.crop_size, or model.start=random"
        )
    # A coefficient quantised in steps of Δ has the error D = Δ² / 12 and takes −log2 Δ bits and a
    # constant: 6 / (ln 2 · Δ²) bits more for each unit of D less. It adds D / 3 to the sum over
    # pixels of the MSE, the mean of three components, so a unit of D costs λ · 255² / 3. The best
    # Δ makes the two equal.
    step = math.sqrt(18.0 / (lmbda * 255.0**2 * math.log(2.0)))
    gain = step ** (-1.0 / len(downs))
    features, channels = images, 3
    for layer in analysis:
        if isinstance(layer, nn.Conv2d):
            up = ups.pop(0)
            channels = _start_layer(layer, up, features[:, :channels], gain, centred=not ups)
        elif isinstance(layer, Nonlinearity):
            low = features.amin((0, 2, 3))
            layer.start_linear(low)
            inverses.pop(0).start_linear(low)
        features = layer(features)
    codec.latent_coding.fit(features)


def _halves(layer: nn.Conv2d | nn.ConvTranspose2d) -> bool:
    """Whether it makes one position of 2 × 2, or the way back, and its kernel has a middle."""
    side = layer.kernel_size[0]
    odd = side % 2 == 1 and side >= 3 and layer.padding == (side // 2, side // 2)
    return layer.stride == (2, 2) and odd and layer.bias is not None


def _start_layer(
    down: nn.Conv2d, up: nn.ConvTranspose2d, features: Tensor, gain: float, centred: bool
) -> int:
    """Set a layer and its mirrored one; how many channels of what is between them are used.

    Args:
        down: the layer of the analysis.
        up: that of the synthesis.
        features: those of the layer's inputs that are used, (B, C, h, w).
        gain: by what the layer multiplies.
        centred: whether it takes off the inputs' mean.
    """
    assert down.bias is not None
    assert up.bias is not None
    channels = features.size(1)
    vectors = _two_by_two(features)
    mean = vectors.mean(0) if centred else vectors.new_zeros(vectors.size(1))
    basis = _principal_components(vectors - mean)[: down.out_channels]
    used = len(basis)
    kernels = basis.reshape(used, channels, 2, 2)
    first = down.kernel_size[0] // 2  # where a kernel meets the 2 × 2 inputs of its own
    taps = slice(first, first + 2)

    down.weight[:used] = 0.0
    down.weight[:used, :channels, taps, taps] = gain * kernels
    down.bias[:used] = -gain * (basis @ mean)
    up.weight[:, :channels] = 0.0
    up.weight[:used, :channels, taps, taps] = kernels / gain
    up.bias[:channels] = mean.reshape(channels, 4).mean(1)
    return used


def _two_by_two(features: Tensor) -> Tensor:
    """(B, C, 2h, 2w) → (B·h·w, 4C)."""
    batch, channels, height, width = features.shape
    cells = features.reshape(batch, channels, height // 2, 2, width // 2, 2)
    return cells.permute(0, 2, 4, 1, 3, 5).reshape(-1, 4 * channels)


def _principal_components(vectors: Tensor) -> Tensor:
    """Orthonormal rows, the direction of most energy first, each with a mean of at least zero."""
    ascending: Tensor = torch.linalg.eigh((vectors.T @ vectors).double()).eigenvectors
    rows = ascending.flip(1).T.float()
    means = rows @ vectors.mean(0)
    return torch.where(means < 0, -1.0, 1.0)[:, None] * rows
