"""Contexts: what the symbols that are decoded already tell of the next ones.

base                 a schedule of passes and a predictor
patterns             the order of positions
grouped              groups of channels, each with a pattern
none                 one pass
named                the kinds that are groups and patterns, by their names
residual_prediction  what rounding took from slices, once all are decoded
recalling            raster order, with a memory of all positions before
non_local            attention over that memory
global_reference     the one position of that memory that is most alike
"""

from lic_models.components.entropy_models.contexts.base import Context, Predictor
from lic_models.components.entropy_models.contexts.global_reference import (
    GlobalReferenceContext,
)
from lic_models.components.entropy_models.contexts.named import (
    AutoregressiveContext,
    ChannelwiseContext,
    CheckerboardContext,
    CosineSlicesContext,
    MultistageContext,
    UnevenGroupsContext,
)
from lic_models.components.entropy_models.contexts.non_local import NonLocalContext
from lic_models.components.entropy_models.contexts.none import NoContext

__all__ = [
    "AutoregressiveContext",
    "ChannelwiseContext",
    "CheckerboardContext",
    "Context",
    "CosineSlicesContext",
    "GlobalReferenceContext",
    "MultistageContext",
    "NoContext",
    "NonLocalContext",
    "Predictor",
    "UnevenGroupsContext",
]
