"""Scalar quantizers: what a latent's residual goes through in training, and in coding."""

from lic_models.components.quantizers.base import SYMBOL_LIMIT, Quantized, Quantizer
from lic_models.components.quantizers.rounding import (
    MixedQuantizer,
    NoiseQuantizer,
    StraightThroughQuantizer,
)

__all__ = [
    "SYMBOL_LIMIT",
    "MixedQuantizer",
    "NoiseQuantizer",
    "Quantized",
    "Quantizer",
    "StraightThroughQuantizer",
]
