"""Latents, entropy models and quantizers that the tests of entropy models and codecs share."""

from __future__ import annotations

import torch
from compressai.entropy_models import EntropyBottleneck
from torch import Tensor

from lic_models.components import (
    EntropyModel,
    Factorized,
    LearnedLevelsQuantizer,
    MeanScaleHyperprior,
    MixedQuantizer,
    NoiseQuantizer,
    Quantizer,
    ScaleHyperprior,
    SoftRoundingQuantizer,
    StraightThroughQuantizer,
    UniversalQuantizer,
)
from lic_models.components.entropy_models.density import Density
from lic_models.training.loss import estimated_bits

MODELS = [Factorized, ScaleHyperprior, MeanScaleHyperprior]
QUANTIZERS = [
    NoiseQuantizer,
    StraightThroughQuantizer,
    MixedQuantizer,
    UniversalQuantizer,
    SoftRoundingQuantizer,
    LearnedLevelsQuantizer,
]


def latents_like_photographs(
    channels: int, height: int, width: int, batch: int = 1, seed: int = 0
) -> Tensor:
    """Laplacian, from wide channels to narrow ones, calm in some places and busy in others."""
    torch.manual_seed(seed)
    scales = torch.logspace(1.2, -0.8, channels)[:, None, None]
    places = torch.rand(batch, 1, -(-height // 4), -(-width // 4)) * 2 + 0.2
    places = places.repeat_interleave(4, 2).repeat_interleave(4, 3)[..., :height, :width]
    shape = (batch, channels, height, width)
    return torch.distributions.Laplace(0.0, 1.0).sample(shape) * scales * places


def fitted(kind: type[EntropyModel], latents: Tensor, seed: int = 1) -> EntropyModel:
    """A small model that starts from these latents, with densities of no special shape."""
    torch.manual_seed(seed)
    channels = latents.size(1)
    if kind is Factorized:
        model = Factorized(channels)
    else:
        model = kind(channels, hyper_channels=4)
        with torch.no_grad():
            model.hyper_analysis[-1].weight.mul_(30)  # or z would be all zeros
    model.fit(latents)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if ".factors." in name or name.startswith("factors."):
                parameter.uniform_(-0.5, 0.5)
    return model


def quantizer_of(kind: type[Quantizer], seed: int = 2) -> Quantizer:
    """A quantizer in evaluation mode; one with levels to learn has learned some.

    Dither has few levels, since tables are made for each.
    """
    torch.manual_seed(seed)
    quantizer = UniversalQuantizer(levels=4) if kind is UniversalQuantizer else kind()
    if isinstance(quantizer, LearnedLevelsQuantizer):
        with torch.no_grad():
            quantizer.steps.add_(torch.randn_like(quantizer.steps) / 2)
    return quantizer.eval()


def random_density(channels: int, seed: int = 3) -> Density:
    """Of no special shape and with medians beside 0."""
    torch.manual_seed(seed)
    density = Density(channels)
    density.load_state_dict(EntropyBottleneck(channels, init_scale=4).state_dict())
    with torch.no_grad():
        for factor in density.factors:
            factor.uniform_(-0.7, 0.7)
        density.quantiles[:, 0, 1] = torch.randn(channels)
    return density


def compressais(density: Density) -> EntropyBottleneck:
    """The same one as CompressAI evaluates it."""
    bottleneck = EntropyBottleneck(density.channels)
    bottleneck.load_state_dict(density.state_dict())
    return bottleneck


def with_density(density: Density) -> Factorized:
    """A factorized prior in evaluation mode with this density."""
    model = Factorized(density.channels)
    model.density.load_state_dict(density.state_dict())
    return model.eval()


def bits_of(model: EntropyModel, quantizer: Quantizer, latents: Tensor) -> float:
    """The estimated rate."""
    with torch.no_grad():
        return float(estimated_bits(model.eval()(latents, quantizer).likelihoods).sum())
