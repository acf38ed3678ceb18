"""Scalar quantizers: what a latent's residual goes through in training, and in coding."""

from lic_models.components.quantizers.base import SYMBOL_LIMIT, Quantized, Quantizer
from lic_models.components.quantizers.learned_levels import LearnedLevelsQuantizer
from lic_models.components.quantizers.rounding import (
    MixedQuantizer,
    NoiseQuantizer,
    StraightThroughQuantizer,
)
from lic_models.components.quantizers.soft_rounding import SoftRoundingQuantizer
from lic_models.components.quantizers.universal import UniversalQuantizer

__all__ = [
    "SYMBOL_LIMIT",
    "LearnedLevelsQuantizer",
    "MixedQuantizer",
    "NoiseQuantizer",
    "Quantized",
    "Quantizer",
    "SoftRoundingQuantizer",
    "StraightThroughQuantizer",
    "UniversalQuantizer",
]
