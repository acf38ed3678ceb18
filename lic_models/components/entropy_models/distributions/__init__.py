"""Distributions: what a symbol is expected to be, given the few numbers that are predicted of it.

kinds         the standard distributions
base          one of them or a mixture, shifted and scaled
mixed_tables  a mixture's tables, in integers
named         what a config calls them
"""

from lic_models.components.entropy_models.distributions.base import Components, Distribution
from lic_models.components.entropy_models.distributions.named import (
    Gaussian,
    GaussianLaplaceLogisticMixture,
    GaussianMixture,
    Laplace,
    Logistic,
)

__all__ = [
    "Components",
    "Distribution",
    "Gaussian",
    "GaussianLaplaceLogisticMixture",
    "GaussianMixture",
    "Laplace",
    "Logistic",
]
