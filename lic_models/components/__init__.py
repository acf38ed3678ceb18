"""The parts a learned codec is built from, each swapped on its own.

transforms      analysis and synthesis
nonlinearities  what stands between their layers
quantizers      from a latent's residual to symbols, and what training does in place of it
latent_coding   how a latent becomes bytes: quantizer, entropy model and entropy coder together
entropy_models  what a latent is expected to be
entropy_coding  from symbols to bytes
relative_entropy_coding  from a posterior to bytes and a draw of it, with nothing rounded
vector_quantization  from several channels to one index into a codebook
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
    LayeredHyperprior,
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
from lic_models.components.latent_coding import (
    LatentCoding,
    QuantisedCoding,
    VectorQuantisedCoding,
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
    BinaryQuantizer,
    LearnedLevelsQuantizer,
    MixedQuantizer,
    NoiseQuantizer,
    Quantizer,
    SoftRoundingQuantizer,
    StraightThroughQuantizer,
    UniversalQuantizer,
)
from lic_models.components.rate_control import (
    QVRF,
    BottleneckScaling,
    ConditionalConvolutions,
    GainUnits,
    ModulatedAutoencoder,
    NoRateControl,
    QualityMap,
    RateControl,
    ReconstructionOffsets,
    ResidualLayers,
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
from lic_models.components.vector_quantization import (
    EntropyConstrainedQuantizer,
    MultiCodebookQuantizer,
    SoftToHardQuantizer,
    VectorQuantizer,
)

__all__ = [
    "GDN",
    "GSDN",
    "QVRF",
    "AnsCoder",
    "AutoregressiveContext",
    "BinaryQuantizer",
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
    "EntropyConstrainedQuantizer",
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
    "LayeredHyperprior",
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
    "MultiCodebookQuantizer",
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
    "ReconstructionOffsets",
    "ResidualAttentionTransform",
    "ResidualLayers",
    "ResidualTransform",
    "ScaleHyperprior",
    "ScaleInformation",
    "SideInformation",
    "SlimmableEntropyModel",
    "SlimmableTransform",
    "SlimmableWidths",
    "SoftRoundingQuantizer",
    "SoftToHardQuantizer",
    "StackedCheckerboardContext",
    "StraightThroughQuantizer",
    "SwinTransform",
    "TCMTransform",
    "ThumbnailSynthesis",
    "Transform",
    "UnevenGroupsContext",
    "UniversalQuantizer",
    "VectorQuantisedCoding",
    "VectorQuantizer",
    "WindowAttentionTransform",
    "ZigzagContext",
]
