"""Latent coding: how a latent becomes bytes.

base              what every kind does
quantised         quantizer, entropy model and entropy coder
relative_entropy  a ladder of posteriors and priors, and samplers
"""

from lic_models.components.latent_coding.base import LatentCoding
from lic_models.components.latent_coding.quantised import QuantisedCoding
from lic_models.components.latent_coding.relative_entropy import RelativeEntropyCoding

__all__ = ["LatentCoding", "QuantisedCoding", "RelativeEntropyCoding"]
