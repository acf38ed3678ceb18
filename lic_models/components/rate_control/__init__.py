"""Rate control: how one network serves a range of rates.

base                      levels between anchors of λ, and what every kind does
gains                     latents multiplied channel by channel
conditioned               convolutions with a condition on what they give
conditional_convolutions  scaled and shifted for each λ, with bins of rounding between
modulated                 multiplied by what a small network makes of λ
quality_map               scaled and shifted place by place, by a map of levels
map_string                such a map as bytes
slimmable_widths          a width of the network for each level
"""

from lic_models.components.rate_control.base import CurrentLevels, NoRateControl, RateControl
from lic_models.components.rate_control.conditional_convolutions import ConditionalConvolutions
from lic_models.components.rate_control.gains import BottleneckScaling, GainUnits
from lic_models.components.rate_control.modulated import ModulatedAutoencoder
from lic_models.components.rate_control.quality_map import QualityMap
from lic_models.components.rate_control.slimmable_widths import SlimmableWidths

__all__ = [
    "BottleneckScaling",
    "ConditionalConvolutions",
    "CurrentLevels",
    "GainUnits",
    "ModulatedAutoencoder",
    "NoRateControl",
    "QualityMap",
    "RateControl",
    "SlimmableWidths",
]
