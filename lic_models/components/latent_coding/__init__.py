"""Latent coding: how a latent becomes bytes.

base       what every kind does
quantised  quantizer, entropy model and entropy coder
"""

from lic_models.components.latent_coding.base import LatentCoding
from lic_models.components.latent_coding.quantised import QuantisedCoding

__all__ = ["LatentCoding", "QuantisedCoding"]
