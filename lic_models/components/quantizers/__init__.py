"""Scalar quantizers: what a latent's residual goes through in training, and in coding.

base            what every quantizer does: code by rounding
rounding        noise, straight-through and mixed proxies
universal       dithered quantization
soft_rounding   a smooth function that hardens into rounding
learned_levels  unequal steps near zero, learned
binary          plus or minus one, at random in training
"""

from lic_models.components.quantizers.base import SYMBOL_LIMIT, Quantized, Quantizer
from lic_models.components.quantizers.binary import BinaryQuantizer
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
    "BinaryQuantizer",
    "LearnedLevelsQuantizer",
    "MixedQuantizer",
    "NoiseQuantizer",
    "Quantized",
    "Quantizer",
    "SoftRoundingQuantizer",
    "StraightThroughQuantizer",
    "UniversalQuantizer",
]
