"""Image batches to and from the 8-bit RGB pixels that classical codecs take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pytest_lic.errors import CodecError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor


def to_pixels(images: Tensor, codec: str) -> list[NDArray[np.uint8]]:
    """The images of a batch (B, 3, H, W) in [0, 1], each uint8 (H, W, 3), rounded to nearest.

    Raises:
        CodecError: in the name of ``codec``, where the batch has another shape.
    """
    import torch

    if images.dim() != 4 or images.shape[1] != 3:
        raise CodecError(
            f"{codec}: image batch of shape {tuple(images.shape)}; expected (B, 3, H, W), RGB"
        )
    levels = (images.detach() * 255.0).round().clamp(0, 255).to(torch.uint8)
    return list(levels.permute(0, 2, 3, 1).contiguous().cpu().numpy())


def to_batch(pictures: Sequence[NDArray[np.uint8]], codec: str) -> Tensor:
    """Equally large uint8 (H, W, 3) images as one float32 batch (B, 3, H, W) in [0, 1].

    Raises:
        CodecError: in the name of ``codec``, where there is no image or their sizes differ.
    """
    import torch

    sizes = sorted({f"{picture.shape[1]}×{picture.shape[0]}" for picture in pictures})
    if len(sizes) != 1:
        raise CodecError(
            f"{codec}: decode() got bitstreams of {', '.join(sizes) or 'no'} images; "
            "expected at least one, and all of one size"
        )
    height, width = pictures[0].shape[:2]
    batch = torch.empty((len(pictures), 3, height, width))
    for image, picture in zip(batch, pictures, strict=True):
        image.copy_(torch.from_numpy(picture).permute(2, 0, 1))
    return batch.div_(255.0)  # in place: an image may have 2**26 pixels
