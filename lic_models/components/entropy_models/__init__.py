"""Entropy models: what a latent is expected to be, hence what it costs and which tables code it.

    factorized prior:       y ─ μ ──► quantizer ──► symbols, one table per channel
    scale hyperprior:       |y| ─► hyper-analysis ─► z (factorized) ─► hyper-synthesis ─► σ
    mean-scale hyperprior:  y ─► hyper-analysis ─► z (factorized) ─► hyper-synthesis ─► μ, σ
    joint:                  side information, ŷ of the passes before ─► a distribution each

The same object trains (`forward`) and codes (`compress`, `decompress`).

base               what every entropy model does
factorized         one density per channel
hyperprior         Gaussians predicted from side information
bins               what its residuals are rounded in
layered            a hyperprior's latent as a base and enhancement layers
joint              side information, context and distribution, each exchangeable
slimmable          one entropy model for each width of a slimmable transform
joint_coding       one latent while that one codes it
side_information   what is sent of a latent before it
contexts           what decoded symbols tell of the next ones
distributions      what a symbol is expected to be
hyper_transforms   between a latent and z
integer_synthesis  from z to the Gaussians in whole numbers
space_to_depth     halving and doubling sides without losing samples
density            the learned densities of channels
masses             how likely a symbol is
symbols            between tensors and the entropy coder's arrays
"""

from lic_models.components.entropy_models.base import EntropyModel, Rated
from lic_models.components.entropy_models.factorized import Factorized
from lic_models.components.entropy_models.hyperprior import MeanScaleHyperprior, ScaleHyperprior
from lic_models.components.entropy_models.joint import JointEntropyModel
from lic_models.components.entropy_models.layered import LayeredHyperprior
from lic_models.components.entropy_models.slimmable import SlimmableEntropyModel

__all__ = [
    "EntropyModel",
    "Factorized",
    "JointEntropyModel",
    "LayeredHyperprior",
    "MeanScaleHyperprior",
    "Rated",
    "ScaleHyperprior",
    "SlimmableEntropyModel",
]
