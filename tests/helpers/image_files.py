"""The families of image files, and images for them."""

from __future__ import annotations

import numpy as np
import torch

from pytest_lic.adapters.pillow import PillowCodec, families
from pytest_lic.codec import CodecFamily

FAMILIES = {family.name: family for family in families()}
MAGIC = {
    "jpeg": b"\xff\xd8\xff",
    "jpeg2000": b"\xff\x4f\xff\x51",
    "webp": b"RIFF",
    "avif": b"\x00\x00\x00\x20ftypavif",
    "hevc": b"\x00\x00\x00\x1cftyphei",
}


def batch_of(*pixels: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2).float() / 255


def noise(height: int, width: int) -> torch.Tensor:
    drawn = np.random.default_rng([height, width]).integers(0, 256, (height, width, 3), np.uint8)
    return batch_of(drawn)


def middle(family: CodecFamily) -> PillowCodec:
    codec = family.build(list(family.qualities)[2], "cpu")
    assert isinstance(codec, PillowCodec)
    return codec


def psnr(images: torch.Tensor, decoded: torch.Tensor) -> float:
    return float(-10 * torch.log10(((images - decoded) ** 2).mean()))
