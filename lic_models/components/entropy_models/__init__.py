"""Entropy models: what a latent is expected to be, hence what it costs and which tables code it.

    factorized prior:       y ─ μ ──► quantizer ──► symbols, one table per channel
    scale hyperprior:       |y| ─► hyper-analysis ─► z (factorized) ─► hyper-synthesis ─► σ
    mean-scale hyperprior:  y ─► hyper-analysis ─► z (factorized) ─► hyper-synthesis ─► μ, σ

The same object trains (`forward`) and codes (`compress`, `decompress`).

base        what every entropy model does
factorized  one density per channel
hyperprior  Gaussians predicted from side information
density     the learned densities of channels
masses      how likely a symbol is
symbols     between tensors and the entropy coder's arrays
"""

from lic_models.components.entropy_models.base import EntropyModel, Rated
from lic_models.components.entropy_models.factorized import Factorized
from lic_models.components.entropy_models.hyperprior import MeanScaleHyperprior, ScaleHyperprior

__all__ = ["EntropyModel", "Factorized", "MeanScaleHyperprior", "Rated", "ScaleHyperprior"]
