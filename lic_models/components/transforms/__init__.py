"""Transforms: analysis, from an image to its latent, and synthesis, the way back.

base              a pair of modules
convolutional     strided convolutions, with non-linearities between them
residual          residual blocks with stride and to sub-pixels, with or without attention modules
swin              strided convolutions, with blocks of shifted-window self-attention between them
window_attention  the convolutional one, with attention within windows plugged in

attention         a module of convolutions, whose gate decides where features are refined
windows           self-attention within windows
"""

from lic_models.components.transforms.base import WIDTHS, Transform
from lic_models.components.transforms.convolutional import ConvolutionalTransform
from lic_models.components.transforms.residual import ResidualAttentionTransform, ResidualTransform
from lic_models.components.transforms.swin import SwinTransform
from lic_models.components.transforms.window_attention import WindowAttentionTransform

__all__ = [
    "WIDTHS",
    "ConvolutionalTransform",
    "ResidualAttentionTransform",
    "ResidualTransform",
    "SwinTransform",
    "Transform",
    "WindowAttentionTransform",
]
