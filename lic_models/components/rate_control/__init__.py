"""Rate control: how one network serves a range of rates.

base                      levels between anchors of λ, and what every kind does
gains                     latents multiplied channel by channel
conditioned               convolutions with a condition on what they give
conditional_convolutions  scaled and shifted for each λ, with bins that follow it
modulated                 multiplied by what a small network makes of λ
qvrf                      residuals multiplied, alike in all channels
reconstruction_offsets    these, and values nearer to their means
residual_layers           a base and enhancement layers
quality_map               scaled and shifted place by place, by a map of levels
map_string                such a map as bytes
slimmable_widths          a width of the network for each level
"""

from lic_models.components.rate_control.base import CurrentLevels, NoRateControl, RateControl
from lic_models.components.rate_control.conditional_convolutions import ConditionalConvolutions
from lic_models.components.rate_control.gains import BottleneckScaling, GainUnits
from lic_models.components.rate_control.modulated import ModulatedAutoencoder
from lic_models.components.rate_control.quality_map import QualityMap
from lic_models.components.rate_control.qvrf import QVRF
from lic_models.components.rate_control.reconstruction_offsets import ReconstructionOffsets
from lic_models.components.rate_control.residual_layers import ResidualLayers
from lic_models.components.rate_control.slimmable_widths import SlimmableWidths

__all__ = [
    "QVRF",
    "BottleneckScaling",
    "ConditionalConvolutions",
    "CurrentLevels",
    "GainUnits",
    "ModulatedAutoencoder",
    "NoRateControl",
    "QualityMap",
    "RateControl",
    "ReconstructionOffsets",
    "ResidualLayers",
    "SlimmableWidths",
]
