"""Networks of a few layers with CompressAI's entropy models and coder, as forks of it have them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from compressai import ans
from compressai.models import FactorizedPrior, ScaleHyperprior
from torch import Tensor, nn


def loud(network: Any) -> Any:
    """Random weights give latents that all round to zero; these do not."""
    last = [layer for layer in network.g_a if isinstance(layer, nn.Conv2d)][-1]
    last.weight.data *= 30
    return network


class Prior(FactorizedPrior):
    """Eight channels, latents that are not all zero."""

    def __init__(self) -> None:
        super().__init__(8, 12)
        loud(self)


class LayerByLayer(Prior):
    """Runs the layers of its synthesis one by one."""

    def decompress(self, strings: Any, shape: Any) -> dict[str, Tensor]:
        x = self.entropy_bottleneck.decompress(strings[0], shape)
        for layer in self.g_s:
            x = layer(x)
        return {"x_hat": x.clamp(0, 1)}


class ListOfDecoders(Prior):
    """Its synthesis is a list, of which one is taken."""

    def __init__(self) -> None:
        super().__init__()
        self.g_s = nn.ModuleList([self.g_s])

    def decompress(self, strings: Any, shape: Any) -> dict[str, Tensor]:
        latents = self.entropy_bottleneck.decompress(strings[0], shape)
        return {"x_hat": self.g_s[0](latents).clamp(0, 1)}


class HoldsCoder(Prior):
    """Keeps coder objects of C++, one of them within a list, which can't be copied."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = ans.RansEncoder()
        self.coders = [ans.RansDecoder(), {"buffered": ans.BufferedRansEncoder()}]
        self.gain = 1.0

    def compress(self, x: Tensor) -> dict[str, Any]:
        latents = self.g_a(x) * self.gain
        strings = self.entropy_bottleneck.compress(latents)
        return {"strings": [strings], "shape": latents.shape[-2:]}

    def decompress(self, strings: Any, shape: Any) -> dict[str, Tensor]:
        latents = self.entropy_bottleneck.decompress(strings[0], shape)
        return {"x_hat": self.g_s(latents / self.gain).clamp(0, 1)}


class LargeImagesOnly(Prior):
    """Takes multiples of 128, if both sides exceed 128."""

    def compress(self, x: Tensor) -> dict[str, Any]:
        for side in x.shape[2:]:
            if side <= 128 or side % 128:
                raise ValueError(f"a side of {side}")
        return super().compress(x)


class OtherScales(ScaleHyperprior):
    """The decoder's scales are not the encoder's: as if a gain were interpolated otherwise."""

    gain = 8.0

    def __init__(self) -> None:
        super().__init__(8, 12)
        loud(self)
        self.h_s[-2].bias.data += 4  # so that scales are no table's edge

    def decompress(self, strings: Any, shape: Any) -> dict[str, Tensor]:
        z_hat = self.entropy_bottleneck.decompress(strings[1], shape)
        indexes = self.gaussian_conditional.build_indexes(self.h_s(z_hat) / self.gain)
        y_hat = self.gaussian_conditional.decompress(strings[0], indexes, z_hat.dtype)
        return {"x_hat": self.g_s(y_hat).clamp(0, 1)}


class InStep(OtherScales):
    """The same, mended."""

    gain = 1.0


class MaskedByImage(Prior):
    """Both sides are given a map of gains, as large as the latents."""

    def compress(self, x: Tensor, gains: Tensor) -> dict[str, Any]:
        latents = self.g_a(x) * gains
        strings = self.entropy_bottleneck.compress(latents)
        return {"strings": [strings], "shape": latents.shape[-2:]}

    def decompress(self, strings: Any, shape: Any, gains: Tensor) -> dict[str, Tensor]:
        latents = self.entropy_bottleneck.decompress(strings[0], shape)
        return {"x_hat": self.g_s(latents / gains).clamp(0, 1)}


def brighter_is_finer(quality: str, images: Tensor) -> Mapping[str, Tensor]:
    """What `MaskedByImage` is given: a map of eighths, from the image."""
    brightness = F.avg_pool2d(images.mean(1, keepdim=True), 16)
    return {"gains": 0.5 * int(quality) + torch.round(brightness * 8) / 8}
