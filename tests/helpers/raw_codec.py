"""A codec in a few lines, intact, for tests that break it in one place each."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
import torch

from pytest_lic.images.corpus import Image


class Raw:
    """The pixels in steps of four levels, as they are."""

    def code(self, image: torch.Tensor) -> bytes:
        """One image (3, H, W)."""
        _, height, width = image.shape
        levels = torch.round(image * 255 / 4).to(torch.uint8)
        return struct.pack("<HH", height, width) + levels.numpy().tobytes()

    def encode(self, images: torch.Tensor) -> list[bytes]:
        return [self.code(image) for image in images]

    def levels(self, bitstream: bytes) -> torch.Tensor:
        """What is in one bitstream: (3, H, W)."""
        height, width = struct.unpack("<HH", bitstream[:4])
        flat = np.frombuffer(bitstream[4:], np.uint8).copy()
        return torch.from_numpy(flat).reshape(3, height, width).float()

    def decode(self, bitstreams: Sequence[bytes]) -> torch.Tensor:
        return torch.stack([self.levels(bitstream) * 4 / 255 for bitstream in bitstreams]).clamp(
            0, 1
        )


def photo(name: str = "photo.png", height: int = 24, width: int = 16, seed: int = 0) -> Image:
    """Noise, from one to 250 in 8-bit levels."""
    pixels = np.random.default_rng(seed).integers(1, 250, (height, width, 3), dtype=np.uint8)
    return Image(name, pixels)
