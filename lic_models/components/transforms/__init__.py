"""Transforms: analysis, from an image to its latent, and synthesis, the way back.

base           a pair of modules
strided        four strided layers down and four up, what most kinds are built around
convolutional  strided convolutions, with non-linearities between them
octave         features of a high and a low frequency part, joined in the latent
deformable     convolutions that sample where they have learned to look
neighbourhood  attention of each position to the square around it
"""

from lic_models.components.transforms.base import WIDTHS, Transform
from lic_models.components.transforms.convolutional import ConvolutionalTransform
from lic_models.components.transforms.deformable import (
    DeformableResidualTransform,
    LiteDeformableTransform,
)
from lic_models.components.transforms.neighbourhood import NeighbourhoodAttentionTransform
from lic_models.components.transforms.octave import GeneralisedOctaveTransform, OctaveTransform

__all__ = [
    "WIDTHS",
    "ConvolutionalTransform",
    "DeformableResidualTransform",
    "GeneralisedOctaveTransform",
    "LiteDeformableTransform",
    "NeighbourhoodAttentionTransform",
    "OctaveTransform",
    "Transform",
]
