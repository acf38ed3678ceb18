"""Side information: what is sent of a latent before it, and told of each of its symbols.

base        what all kinds do
none        nothing is sent
hyperprior  z, from which scales are predicted, or means and scales
"""

from lic_models.components.entropy_models.side_information.base import SideInformation
from lic_models.components.entropy_models.side_information.hyperprior import (
    MeanScaleInformation,
    ScaleInformation,
)
from lic_models.components.entropy_models.side_information.none import NoInformation

__all__ = ["MeanScaleInformation", "NoInformation", "ScaleInformation", "SideInformation"]
