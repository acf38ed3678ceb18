"""Latent coding: how a latent becomes bytes.

base              what every kind does
quantised         quantizer, entropy model and entropy coder
vector_quantised  codebooks, index model and entropy coder
relative_entropy  a ladder of posteriors and priors, and samplers
"""

from lic_models.components.latent_coding.base import LatentCoding
from lic_models.components.latent_coding.quantised import QuantisedCoding
from lic_models.components.latent_coding.relative_entropy import RelativeEntropyCoding
from lic_models.components.latent_coding.vector_quantised import VectorQuantisedCoding

__all__ = ["LatentCoding", "QuantisedCoding", "RelativeEntropyCoding", "VectorQuantisedCoding"]
