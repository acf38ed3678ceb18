"""Rate control: how one network serves a range of rates.

base   levels between anchors of λ, and what every kind does
gains  latents multiplied channel by channel
"""

from lic_models.components.rate_control.base import STEPS, NoRateControl, RateControl
from lic_models.components.rate_control.gains import BottleneckScaling, GainUnits

__all__ = ["STEPS", "BottleneckScaling", "GainUnits", "NoRateControl", "RateControl"]
