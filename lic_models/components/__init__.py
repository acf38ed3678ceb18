"""The parts a learned codec is built from, each swapped on its own.

transforms      analysis and synthesis
nonlinearities  what stands between their layers
quantizers      from a latent's residual to symbols, and what training does in place of it
latent_coding   how a latent becomes bytes: quantizer, entropy model and entropy coder together
entropy_models  what a latent is expected to be
entropy_coding  from symbols to bytes
rate_control    how one network serves a range of rates
slimmable       layers that run at any of several widths
thumbnails      a small picture from the first groups of a latent
bounds          values held within bounds, with gradients that lead back
"""

from lic_models.components.entropy_coding.coders import (
    AnsCoder,
    EntropyCoder,
    RangeCoder,
    RansCoder,
)
from lic_models.components.entropy_models import (
    EntropyModel,
    Factorized,
    JointEntropyModel,
    MeanScaleHyperprior,
    ScaleHyperprior,
    SlimmableEntropyModel,
)
from lic_models.components.entropy_models.contexts import (
    AutoregressiveContext,
    ChannelwiseContext,
    CheckerboardContext,
    Context,
    ContextAdaptiveContext,
    CosineSlicesContext,
    EntroformerContext,
    EntroformerTwoPassContext,
    GlobalReferenceContext,
    M2TContext,
    MTContext,
    MultistageContext,
    NoContext,
    NonLocalContext,
    StackedCheckerboardContext,
    UnevenGroupsContext,
    ZigzagContext,
)
from lic_models.components.entropy_models.distributions import (
    Distribution,
    Gaussian,
    GaussianLaplaceLogisticMixture,
    GaussianMixture,
    Laplace,
    Logistic,
)
from lic_models.components.entropy_models.side_information import (
    CoarseToFineInformation,
    GlobalTokensInformation,
    MeanScaleInformation,
    NoInformation,
    ScaleInformation,
    SideInformation,
)
from lic_models.components.latent_coding import LatentCoding, QuantisedCoding
from lic_models.components.nonlinearities import (
    GDN,
    GSDN,
    LeakyReLU,
    Nonlinearity,
    OneDN,
    ReLU,
)
from lic_models.components.quantizers import (
    LearnedLevelsQuantizer,
    MixedQuantizer,
    NoiseQuantizer,
    Quantizer,
    SoftRoundingQuantizer,
    StraightThroughQuantizer,
    UniversalQuantizer,
)
from lic_models.components.rate_control import (
    BottleneckScaling,
    ConditionalConvolutions,
    GainUnits,
    ModulatedAutoencoder,
    NoRateControl,
    QualityMap,
    RateControl,
    SlimmableWidths,
)
from lic_models.components.thumbnails import ThumbnailSynthesis
from lic_models.components.transforms import (
    ConvolutionalTransform,
    DeformableResidualTransform,
    GeneralisedOctaveTransform,
    LiteDeformableTransform,
    NeighbourhoodAttentionTransform,
    OctaveTransform,
    ResidualAttentionTransform,
    ResidualTransform,
    SlimmableTransform,
    SwinTransform,
    TCMTransform,
    Transform,
    WindowAttentionTransform,
)

__all__ = [
    "GDN",
    "GSDN",
    "AnsCoder",
    "AutoregressiveContext",
    "BottleneckScaling",
    "ChannelwiseContext",
    "CheckerboardContext",
    "CoarseToFineInformation",
    "ConditionalConvolutions",
    "Context",
    "ContextAdaptiveContext",
    "ConvolutionalTransform",
    "CosineSlicesContext",
    "DeformableResidualTransform",
    "Distribution",
    "EntroformerContext",
    "EntroformerTwoPassContext",
    "EntropyCoder",
    "EntropyModel",
    "Factorized",
    "GainUnits",
    "Gaussian",
    "GaussianLaplaceLogisticMixture",
    "GaussianMixture",
    "GeneralisedOctaveTransform",
    "GlobalReferenceContext",
    "GlobalTokensInformation",
    "JointEntropyModel",
    "Laplace",
    "LatentCoding",
    "LeakyReLU",
    "LearnedLevelsQuantizer",
    "LiteDeformableTransform",
    "Logistic",
    "M2TContext",
    "MTContext",
    "MeanScaleHyperprior",
    "MeanScaleInformation",
    "MixedQuantizer",
    "ModulatedAutoencoder",
    "MultistageContext",
    "NeighbourhoodAttentionTransform",
    "NoContext",
    "NoInformation",
    "NoRateControl",
    "NoiseQuantizer",
    "NonLocalContext",
    "Nonlinearity",
    "OctaveTransform",
    "OneDN",
    "QualityMap",
    "QuantisedCoding",
    "Quantizer",
    "RangeCoder",
    "RansCoder",
    "RateControl",
    "ReLU",
    "ResidualAttentionTransform",
    "ResidualTransform",
    "ScaleHyperprior",
    "ScaleInformation",
    "SideInformation",
    "SlimmableEntropyModel",
    "SlimmableTransform",
    "SlimmableWidths",
    "SoftRoundingQuantizer",
    "StackedCheckerboardContext",
    "StraightThroughQuantizer",
    "SwinTransform",
    "TCMTransform",
    "ThumbnailSynthesis",
    "Transform",
    "UnevenGroupsContext",
    "UniversalQuantizer",
    "WindowAttentionTransform",
    "ZigzagContext",
]
