"""Transforms: analysis, from an image to its latent, and synthesis, the way back.

base               a pair of modules
strided            four strided layers down and four up, what most kinds are built around
mirrored           convolutions that see content mirrored beyond edges
convolutional      strided convolutions, with non-linearities between them
slimmable          the same at any of several widths, with shared kernels
residual           residual blocks with stride and to sub-pixels, with or without attention modules
attention          a module of convolutions, whose gate decides where features are refined
transformer_block  attention of some kind, then two layers of each position alone
windows            self-attention within windows
swin               strided convolutions, with blocks of shifted-window self-attention between them
window_attention   the convolutional one, with attention within windows plugged in
tcm                half of the channels convolved, the other half attending in windows
neighbourhood      attention of each position to the square around it
octave             features of a high and a low frequency part, joined in the latent
deformable         convolutions that sample where they have learned to look
"""

from lic_models.components.transforms.base import WIDTHS, Transform
from lic_models.components.transforms.convolutional import ConvolutionalTransform
from lic_models.components.transforms.deformable import (
    DeformableResidualTransform,
    LiteDeformableTransform,
)
from lic_models.components.transforms.neighbourhood import NeighbourhoodAttentionTransform
from lic_models.components.transforms.octave import GeneralisedOctaveTransform, OctaveTransform
from lic_models.components.transforms.residual import ResidualAttentionTransform, ResidualTransform
from lic_models.components.transforms.slimmable import SlimmableTransform
from lic_models.components.transforms.swin import SwinTransform
from lic_models.components.transforms.tcm import TCMTransform
from lic_models.components.transforms.window_attention import WindowAttentionTransform

__all__ = [
    "WIDTHS",
    "ConvolutionalTransform",
    "DeformableResidualTransform",
    "GeneralisedOctaveTransform",
    "LiteDeformableTransform",
    "NeighbourhoodAttentionTransform",
    "OctaveTransform",
    "ResidualAttentionTransform",
    "ResidualTransform",
    "SlimmableTransform",
    "SwinTransform",
    "TCMTransform",
    "Transform",
    "WindowAttentionTransform",
]
