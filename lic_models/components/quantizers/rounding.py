"""Quantizers that code by rounding and differ in what they train with: noise, rounding, or both."""

from __future__ import annotations

import torch
from torch import Tensor

from lic_models.components.quantizers.base import Quantized, Quantizer, straight_through, unit_noise


class NoiseQuantizer(Quantizer):
    """Uniform noise in training, for rate and synthesis; rounding in coding.

    Ballé, Laparra and Simoncelli, "End-to-end optimized image compression", ICLR 2017,
    https://arxiv.org/abs/1611.01704: the density of residual + U(−½, ½) at an integer is the
    probability of that integer, so the noisy rate is a smooth stand-in for the coded one. Pick
    `MixedQuantizer` for a synthesis that has seen rounded latents.
    """

    def proxy(self, residual: Tensor) -> Quantized:
        """Noisy edges and the noisy value between them."""
        noisy = residual + unit_noise(residual)
        return Quantized(noisy - 0.5, noisy + 0.5, noisy)


class StraightThroughQuantizer(Quantizer):
    """Rounding in training too, for rate and synthesis, with the identity for its gradient.

    Bengio, Léonard and Courville, "Estimating or propagating gradients through stochastic neurons",
    2013, https://arxiv.org/abs/1308.3432; in image compression Theis et al., "Lossy image
    compression with compressive autoencoders", ICLR 2017. What is trained is what is coded, at the
    price of biased gradients.
    """

    def proxy(self, residual: Tensor) -> Quantized:
        """The rounded value and the edges of its cell."""
        rounded = straight_through(residual, torch.round(residual.detach()))
        return Quantized(rounded - 0.5, rounded + 0.5, rounded)


class MixedQuantizer(Quantizer):
    """Noise for the rate, straight-through rounding for the synthesis; rounding in coding.

    Minnen and Singh, "Channel-wise autoregressive entropy models for learned image compression",
    ICIP 2020, https://arxiv.org/abs/2007.08739: the rate keeps its unbiased gradients, and the
    synthesis learns from the values it will meet.
    """

    def proxy(self, residual: Tensor) -> Quantized:
        """Noisy edges, and the rounded value."""
        noisy = residual + unit_noise(residual)
        rounded = straight_through(residual, torch.round(residual.detach()))
        return Quantized(noisy - 0.5, noisy + 0.5, rounded)
