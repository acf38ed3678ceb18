"""Side information: what is sent of a latent before it, and told of each of its symbols.

base            what all kinds do
none            nothing is sent
hyperprior      z, from which scales are predicted, or means and scales
coarse_to_fine  two layers of z, the coarser of which predicts the finer
global_tokens   a hyperprior, and tokens that tell of the whole latent
"""

from lic_models.components.entropy_models.side_information.base import SideInformation
from lic_models.components.entropy_models.side_information.coarse_to_fine import (
    CoarseToFineInformation,
)
from lic_models.components.entropy_models.side_information.global_tokens import (
    GlobalTokensInformation,
)
from lic_models.components.entropy_models.side_information.hyperprior import (
    MeanScaleInformation,
    ScaleInformation,
)
from lic_models.components.entropy_models.side_information.none import NoInformation

__all__ = [
    "CoarseToFineInformation",
    "GlobalTokensInformation",
    "MeanScaleInformation",
    "NoInformation",
    "ScaleInformation",
    "SideInformation",
]
