"""Codecs with rate control in a few lines, and a network in CompressAI's manner that has one."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pytest_lic import CodecFamily, Levels
from pytest_lic.adapters.compressai import RateArgument, compressai_family


def deflated(symbols: Tensor) -> bytes:
    """Differences along each row, without matches of earlier bytes, whose lengths jump."""
    bytewise = symbols.to(torch.uint8).numpy()
    left = np.diff(bytewise, axis=-1, prepend=np.uint8(0))
    deflate = zlib.compressobj(9, strategy=zlib.Z_HUFFMAN_ONLY)
    return deflate.compress(left.tobytes()) + deflate.flush()


def inflated(string: bytes, shape: Sequence[int]) -> Tensor:
    """The symbols (3, *shape)."""
    left = np.frombuffer(zlib.decompress(string), np.uint8).reshape(3, *shape)
    return torch.from_numpy(np.cumsum(left, axis=-1, dtype=np.uint8))


class Steps:
    """Pixels in quantisation steps that the level sets, deflated; the level comes first."""

    levels = Levels(0, 4, 1 / 256)

    def __init__(self) -> None:
        self.asked: list[float] = []

    def gain(self, level: float) -> float:
        """Quantisation steps to the whole range of a pixel."""
        return 4 * 2**level

    def encode(self, images: Tensor, /, *, level: float | None = None) -> list[bytes]:
        level = self.levels.low if level is None else level
        self.asked.append(level)
        symbols = (images * self.gain(level)).round()
        _, _, height, width = images.shape
        head = struct.pack("<fHH", level, height, width)
        return [head + deflated(image) for image in symbols]

    def decode(self, bitstreams: Sequence[bytes], /) -> Tensor:
        images = []
        for bitstream in bitstreams:
            level, height, width = struct.unpack("<fHH", bitstream[:8])
            symbols = inflated(bitstream[8:], (height, width))
            images.append(symbols.float() / self.gain(level))
        return torch.stack(images).clamp(0, 1)


class GainedBlocks(nn.Module):
    """Means of 4×4 pixels, scaled by a gain that the level sets, rounded and deflated."""

    def __init__(self) -> None:
        super().__init__()
        self.g_a = nn.AvgPool2d(4)
        self.g_s = nn.Upsample(scale_factor=4)
        self.scale = nn.Parameter(torch.ones(1))

    def gain(self, level: float) -> float:
        """Quantisation steps to the whole range of a pixel."""
        return 8 * 2**level

    def compress(self, x: Tensor, level: float) -> dict[str, Any]:
        assert x.shape[2] % 64 == x.shape[3] % 64 == 0
        y = (self.g_a(x) * self.scale * self.gain(level)).round()
        strings = [deflated(image) for image in y]
        return {"strings": [strings], "shape": y.shape[-2:]}

    def decompress(self, strings: Any, shape: Any, level: float) -> dict[str, Any]:
        y = torch.stack([inflated(string, shape) for string in strings[0]])
        return {"x_hat": self.g_s(y.float() / self.gain(level)).clamp(0, 1)}


GAINED = RateArgument(Levels(0, 4, 1 / 1024))


def gained_family(network: type[nn.Module] = GainedBlocks, **options: Any) -> CodecFamily:
    """Qualities 1, 2, … 5 are levels 0, 1, … 4 of one network."""
    given: dict[str, Any] = {
        "one_network": True,
        "compress_arguments": lambda quality: {"level": int(quality) - 1},
        "rate_control": GAINED,
        **options,
    }
    return compressai_family("gained", network, ["1", "2", "3", "4", "5"], **given)


def smooth_images(count: int, side: int = 128) -> Tensor:
    """Smooth images with some texture, the later the more of it."""
    generator = torch.Generator().manual_seed(7)
    coarse = torch.rand((count, 3, 5, 5), generator=generator)
    smooth = F.interpolate(coarse, (side, side), mode="bicubic").clamp(0, 1)
    texture = torch.rand((count, 3, side, side), generator=generator)
    share = 0.05 + 0.1 * torch.arange(count)[:, None, None, None]
    return (1 - share) * smooth + share * texture
