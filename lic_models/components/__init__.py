"""The parts a learned codec is built from, one kind per file, each swapped on its own."""

from lic_models.components.entropy_coders import AnsCoder, EntropyCoder, RangeCoder, RansCoder
from lic_models.components.entropy_models import (
    EntropyModel,
    Factorized,
    MeanScaleHyperprior,
    ScaleHyperprior,
)
from lic_models.components.nonlinearities import (
    GDN,
    GSDN,
    LeakyReLU,
    Nonlinearity,
    OneDN,
    ReLU,
)
from lic_models.components.quantizers import (
    MixedQuantizer,
    NoiseQuantizer,
    Quantizer,
    StraightThroughQuantizer,
)
from lic_models.components.transforms import ConvolutionalTransform, Transform

__all__ = [
    "GDN",
    "GSDN",
    "AnsCoder",
    "ConvolutionalTransform",
    "EntropyCoder",
    "EntropyModel",
    "Factorized",
    "LeakyReLU",
    "MeanScaleHyperprior",
    "MixedQuantizer",
    "NoiseQuantizer",
    "Nonlinearity",
    "OneDN",
    "Quantizer",
    "RangeCoder",
    "RansCoder",
    "ReLU",
    "ScaleHyperprior",
    "StraightThroughQuantizer",
    "Transform",
]
