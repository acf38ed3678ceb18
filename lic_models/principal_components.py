"""Start a network as a linear transform codec, from the principal components of photographs.

From random weights, most of a short training goes into finding a transform that loses little.
Principal components give one that loses the least a linear transform of its size can:

    3 × 2 × 2 pixels → 12 ─┐ 2 × 2 → 48 ─┐ 2 × 2 → N ─┐ 2 × 2 → M latents
                     layer 1       layer 2      layer 3      layer 4

Each layer's 5 × 5 kernel begins as a basis of its 2 × 2 input vectors (the Karhunen-Loève
transform), the mirrored layer of the synthesis as the transpose. Channels to spare keep their
random weights. Training then makes the blocks overlap and the layers non-linear.
"""

from __future__ import annotations

import torch
from compressai.entropy_models import EntropyBottleneck
from compressai.layers import GDN
from compressai.models import FactorizedPrior
from torch import Tensor
from torch.nn.functional import softplus

_LAYERS = (0, 2, 4, 6)
_TAPS = slice(2, 4)  # where a stride-2, 5 × 5 kernel with padding 2 meets its own 2 × 2 inputs
_GAMMA = 1e-5  # small enough that GDN is nearly linear


@torch.no_grad()
def start_from_principal_components(network: FactorizedPrior, images: Tensor, lmbda: float) -> None:
    """Set the weights of ``network`` to a linear transform codec with the step that fits λ.

    Args:
        network: four layers down and four up.
        images: float32 (B, 3, H, W), RGB in [0, 1]; a few dozen crops, sides a multiple of 16.
        lmbda: λ; decides how finely the latent is quantised.
    """
    # Uniform quantisation with step Δ costs Δ²/12 and 6 / (ln 2 · Δ²) bits per unit of it: equal
    # to what λ · 255² · MSE pays, with MSE the mean of three components, for this Δ.
    step = (18.0 / (lmbda * 255.0**2 * torch.tensor(2.0).log().item())) ** 0.5
    gain = step ** (-1.0 / len(_LAYERS))
    features, channels = images, 3
    for layer in _LAYERS:
        analysis, synthesis = network.g_a[layer], network.g_s[_LAYERS[-1] - layer]
        vectors = _two_by_two(features[:, :channels])
        centre = vectors.mean(0) if layer == _LAYERS[-1] else torch.zeros(vectors.size(1))
        basis = _principal_components(vectors - centre)[: analysis.out_channels]
        used = basis.size(0)
        kernels = basis.reshape(used, channels, 2, 2)

        analysis.weight[:used] = 0.0
        analysis.weight[:used, :channels, _TAPS, _TAPS] = gain * kernels
        analysis.bias[:used] = -gain * (basis @ centre)
        synthesis.weight[:, :channels] = 0.0
        synthesis.weight[:used, :channels, _TAPS, _TAPS] = kernels / gain
        synthesis.bias[:channels] = centre.reshape(channels, 4).mean(1)

        features, channels = analysis(features), used
        if layer != _LAYERS[-1]:
            for normalisation in (network.g_a[layer + 1], network.g_s[_LAYERS[-1] - layer - 1]):
                _make_nearly_linear(normalisation)
            features = network.g_a[layer + 1](features)
    _fit_scales(network.entropy_bottleneck, features.std((0, 2, 3)))


def _two_by_two(features: Tensor) -> Tensor:
    """(B, C, 2h, 2w) → (B·h·w, 4C)."""
    batch, channels, height, width = features.shape
    cells = features.reshape(batch, channels, height // 2, 2, width // 2, 2)
    return cells.permute(0, 2, 4, 1, 3, 5).reshape(-1, 4 * channels)


def _principal_components(vectors: Tensor) -> Tensor:
    """Orthonormal rows, the direction of most energy first."""
    directions: Tensor = torch.linalg.eigh((vectors.T @ vectors).double()).eigenvectors
    return directions.flip(1).T.float()


def _make_nearly_linear(normalisation: GDN) -> None:
    gamma = _GAMMA * torch.eye(normalisation.gamma.size(0))
    normalisation.gamma.copy_(normalisation.gamma_reparam.init(gamma))


def _fit_scales(bottleneck: EntropyBottleneck, deviations: Tensor) -> None:
    """Let each channel's density begin as wide as the channel, with a logistic's tails."""
    scales = (deviations * 3.0**0.5 / torch.pi).clamp(min=0.3)
    first = bottleneck.matrices[0]
    slope = softplus(first) * (bottleneck.init_scale / scales)[:, None, None]
    first.copy_(slope.expm1().log())  # the inverse of softplus
    ends = torch.tensor([-21.0, 0.0, 21.0])
    bottleneck.quantiles.copy_(scales[:, None, None] * ends)
