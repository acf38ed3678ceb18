"""Transforms: analysis, from an image to its latent, and synthesis, the way back.

base              a pair of modules
strided           four strided layers down and four up, what most kinds are built around
convolutional     strided convolutions, with non-linearities between them
octave            features of a high and a low frequency part, joined in the latent
deformable        convolutions that sample where they have learned to look
neighbourhood     attention of each position to the square around it
tcm               half of the channels convolved, the other half attending in windows
window_attention  the Swin blocks of that half
"""

from lic_models.components.transforms.base import WIDTHS, Transform
from lic_models.components.transforms.convolutional import ConvolutionalTransform
from lic_models.components.transforms.deformable import (
    DeformableResidualTransform,
    LiteDeformableTransform,
)
from lic_models.components.transforms.neighbourhood import NeighbourhoodAttentionTransform
from lic_models.components.transforms.octave import GeneralisedOctaveTransform, OctaveTransform
from lic_models.components.transforms.tcm import TCMTransform

__all__ = [
    "WIDTHS",
    "ConvolutionalTransform",
    "DeformableResidualTransform",
    "GeneralisedOctaveTransform",
    "LiteDeformableTransform",
    "NeighbourhoodAttentionTransform",
    "OctaveTransform",
    "TCMTransform",
    "Transform",
]
