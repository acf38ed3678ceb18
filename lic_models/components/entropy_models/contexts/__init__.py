"""Contexts: what the symbols that are decoded already tell of the next ones.

base                  a schedule of passes and a predictor
patterns              the order of positions
estimator             the last layers of a predictor
grouped               groups of channels, each with a pattern
none                  one pass
named                 the kinds that are groups and patterns, by their names
context_adaptive      raster order, with side information around a position
zigzag                planes across channels, rows and columns
attending             the kinds that look at what is decoded from afar
residual_prediction   what rounding took from slices, once all are decoded
"""

from lic_models.components.entropy_models.contexts.attending.entroformer import (
    EntroformerContext,
    EntroformerTwoPassContext,
)
from lic_models.components.entropy_models.contexts.attending.global_reference import (
    GlobalReferenceContext,
)
from lic_models.components.entropy_models.contexts.attending.masked_transformer import (
    M2TContext,
    MTContext,
)
from lic_models.components.entropy_models.contexts.attending.non_local import NonLocalContext
from lic_models.components.entropy_models.contexts.attending.stacked_checkerboard import (
    StackedCheckerboardContext,
)
from lic_models.components.entropy_models.contexts.base import Context, Predictor
from lic_models.components.entropy_models.contexts.context_adaptive import ContextAdaptiveContext
from lic_models.components.entropy_models.contexts.named import (
    AutoregressiveContext,
    ChannelwiseContext,
    CheckerboardContext,
    CosineSlicesContext,
    MultistageContext,
    UnevenGroupsContext,
)
from lic_models.components.entropy_models.contexts.none import NoContext
from lic_models.components.entropy_models.contexts.zigzag import ZigzagContext

__all__ = [
    "AutoregressiveContext",
    "ChannelwiseContext",
    "CheckerboardContext",
    "Context",
    "ContextAdaptiveContext",
    "CosineSlicesContext",
    "EntroformerContext",
    "EntroformerTwoPassContext",
    "GlobalReferenceContext",
    "M2TContext",
    "MTContext",
    "MultistageContext",
    "NoContext",
    "NonLocalContext",
    "Predictor",
    "StackedCheckerboardContext",
    "UnevenGroupsContext",
    "ZigzagContext",
]
