"""Start a codec as a linear one, from the principal components of photographs.

From random weights, most of a short training goes into finding a transform that loses little.
Principal components give one that loses the least a linear transform of its size can:

    3 × 2 × 2 pixels → 12 ─┐ 2 × 2 → 48 ─┐ 2 × 2 → N ─┐ 2 × 2 → M latents
                     layer 1       layer 2      layer 3        layer 4

Each layer's kernel begins as a basis of its 2 × 2 input vectors (the Karhunen-Loève transform),
the mirrored layer of the synthesis as the transpose. Training then makes the blocks overlap and
the layers non-linear. Every non-linearity starts from the same linear codec: the divisive ones
without division, the rectifiers with thresholds below all that they see.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from lic_models.codec import LearnedCodec
from lic_models.components.nonlinearities import Nonlinearity
from lic_models.components.transforms import ConvolutionalTransform
from pytest_lic.errors import UsageError


@torch.no_grad()
def start_from_principal_components(codec: LearnedCodec, images: Tensor, lmbda: float) -> None:
    """Set the weights of ``codec`` to a linear transform codec with the step that fits λ.

    Args:
        codec: with a `ConvolutionalTransform`.
        images: float32 (B, 3, H, W), RGB in [0, 1]; a few dozen crops, sides a multiple of 16.
        lmbda: λ > 0 of λ · 255² · MSE + bpp; decides how finely the latent is quantised.

    Raises:
        UsageError: another transform, for which no such start is known, or crops of other sides.
    """
    if not isinstance(codec.transform, ConvolutionalTransform):
        raise UsageError(
            f"start: principal components are known for ConvolutionalTransform, not for "
            f"{type(codec.transform).__name__}; give model.start=random"
        )
    if images.size(2) % 16 or images.size(3) % 16:
        raise UsageError(
            f"start: crops of {images.size(3)}×{images.size(2)} pixels; principal components need "
            "multiples of 16: give another data.crop_size, or model.start=random"
        )
    analysis = list(codec.transform.analysis.children())
    synthesis = list(codec.transform.synthesis.children())[::-1]
    # A coefficient quantised in steps of Δ has the error D = Δ² / 12 and takes −log2 Δ bits and a
    # constant: 6 / (ln 2 · Δ²) bits more for each unit of D less. It adds D / 3 to the sum over
    # pixels of the MSE, the mean of three components, so a unit of D costs λ · 255² / 3. The best
    # Δ makes the two equal.
    step = math.sqrt(18.0 / (lmbda * 255.0**2 * math.log(2.0)))
    gain = step ** (-1.0 / len(analysis[::2]))
    features, channels = images, 3
    for index in range(0, len(analysis), 2):
        last = index == len(analysis) - 1
        down, up = analysis[index], synthesis[index]
        assert isinstance(down, nn.Conv2d)
        assert isinstance(up, nn.ConvTranspose2d)
        assert down.bias is not None
        assert up.bias is not None
        vectors = _two_by_two(features[:, :channels])
        mean = vectors.mean(0) if last else vectors.new_zeros(vectors.size(1))
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

        features, channels = down(features), used
        if not last:
            low = features.amin((0, 2, 3))
            for layer in (analysis[index + 1], synthesis[index + 1]):
                assert isinstance(layer, Nonlinearity)
                layer.start_linear(low)
            features = analysis[index + 1](features)
    codec.latent_coding.fit(features)


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
