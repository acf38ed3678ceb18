"""Transforms: analysis, from an image to its latent, and synthesis, the way back.

base           a pair of modules
convolutional  strided convolutions, with non-linearities between them
"""

from lic_models.components.transforms.base import WIDTHS, Transform
from lic_models.components.transforms.convolutional import ConvolutionalTransform

__all__ = ["WIDTHS", "ConvolutionalTransform", "Transform"]
