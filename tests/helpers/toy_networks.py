"""Networks that deviate from CompressAI's manner in the ways that published ones do.

Each sees blocks of 16×16 pixels, keeps their mean colour in 8 bits, and deflates that. At the
end, what the tests that use them share.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pytest_lic import CodecFamily
from pytest_lic.adapters.compressai import compressai_family


class Blocks:
    """As CompressAI would have it, but no ``nn.Module``: one list with one string per image."""

    multiple = 64

    def compress(self, x: Tensor) -> dict[str, Any]:
        assert x.shape[2] % self.multiple == 0
        assert x.shape[3] % self.multiple == 0
        means = F.avg_pool2d(x, 16).mul(255).round().to(torch.uint8)
        return {"strings": self.strings(means), "shape": means.shape[-2:]}

    def decompress(self, strings: Any, shape: Any) -> dict[str, Any]:
        return {"x_hat": self.image(self.means(strings, shape))}

    def strings(self, means: Tensor) -> Any:
        return [[deflated(image) for image in means]]

    def means(self, strings: Any, shape: Any) -> Tensor:
        return torch.cat([inflated(string, shape) for string in strings[0]])

    def image(self, means: Tensor) -> Tensor:
        return F.interpolate(means.float() / 255, scale_factor=16)


def deflated(means: Tensor) -> bytes:
    return zlib.compress(means.contiguous().numpy().tobytes())


def inflated(string: bytes, shape: Any) -> Tensor:
    values = torch.frombuffer(bytearray(zlib.decompress(string)), dtype=torch.uint8)
    return values.reshape(-1, 3, *shape)


class Coarse(Blocks):
    """Needs a multiple of 128, and says so by failing."""

    multiple = 128


class CoarseSilently(Blocks):
    """Needs a multiple of 256, and returns a larger image otherwise."""

    multiple = 1

    def compress(self, x: Tensor) -> dict[str, Any]:
        height, width = (-(-side // 256) * 256 for side in x.shape[2:])
        padding = (0, width - x.shape[3], 0, height - x.shape[2])
        return super().compress(F.pad(x, padding))


class OneStringForTheBatch(Blocks):
    def strings(self, means: Tensor) -> Any:
        return [[deflated(means)]]


class FlatStrings(Blocks):
    """Luma and chroma, each one ``bytes`` for the whole batch, in no list of their own."""

    def strings(self, means: Tensor) -> Any:
        return [deflated(means[:, :1]), deflated(means[:, 1:])]

    def means(self, strings: Any, shape: Any) -> Tensor:
        planes = [zlib.decompress(string) for string in strings]
        size = shape[0] * shape[1]
        luma = torch.frombuffer(bytearray(planes[0]), dtype=torch.uint8).reshape(-1, 1, *shape)
        chroma = torch.frombuffer(bytearray(planes[1]), dtype=torch.uint8)
        return torch.cat([luma, chroma.reshape(-1, 2, *shape)], dim=1) if size else luma


class NestedStrings(Blocks):
    """Rows in two groups, nested in a dict and in lists within a list; the shape too."""

    def compress(self, x: Tensor) -> dict[str, Any]:
        result = super().compress(x)
        height, width = result["shape"]
        result["shape"] = {"y": [(3, height, width)], "groups": 2}
        return result

    def strings(self, means: Tensor) -> Any:
        even, odd = ([deflated(image[:, k::2]) for image in means] for k in range(2))
        return {"y": [[even], (odd,)], "z": [[b"side"] * len(means)]}

    def means(self, strings: Any, shape: Any) -> Tensor:
        ((_, height, width),) = shape["y"]
        [even], (odd,) = strings["y"]
        rows = [
            torch.cat([inflated(string, (height // shape["groups"], width)) for string in group])
            for group in (even, odd)
        ]
        return torch.stack(rows, dim=3).flatten(2, 3)


class FailsOnBatch(Blocks):
    def compress(self, x: Tensor) -> dict[str, Any]:
        if len(x) != 1:
            raise RuntimeError("batch size 1 only")
        return super().compress(x)


class SecondNeedsFirst(Blocks):
    """One string per image, but each is the difference to the image before."""

    def strings(self, means: Tensor) -> Any:
        return [[deflated(image) for image in torch.cat([means[:1], means[1:] - means[:-1]])]]

    def means(self, strings: Any, shape: Any) -> Tensor:
        return super().means(strings, shape).cumsum(0).to(torch.uint8)


class Unclamped(Blocks):
    def image(self, means: Tensor) -> Tensor:
        return super().image(means) * 3 - 1


class NotFinite(Blocks):
    def image(self, means: Tensor) -> Tensor:
        image = super().image(means)
        image[..., 0, 0] = float("nan")
        return image


class ExtraResults(Blocks):
    """Returns times, a likelihood map and its reconstruction besides."""

    def compress(self, x: Tensor) -> dict[str, Any]:
        extras = {"time": {"y_enc": time.perf_counter()}, "likelihoods": torch.rand(10**5)}
        return super().compress(x) | extras | {"x_hat": x, "cost": [1.5, object()]}


class Gain(Blocks):
    """Scales each image by a gain of its own, which the decoder must be told."""

    def compress(self, x: Tensor) -> dict[str, Any]:
        gain = 1.0 / max(float(x.max()), 0.1)
        return super().compress(x * gain) | {"gain": gain, "y_hat": x}

    def decompress(self, strings: Any, shape: Any, gain: float) -> dict[str, Any]:
        return {"x_hat": super().decompress(strings, shape)["x_hat"] / gain}


class OptionalGain(Gain):
    def decompress(self, strings: Any, shape: Any, *, gain: float = 1.0) -> dict[str, Any]:
        return super().decompress(strings, shape, gain)


class HiddenGain(Gain):
    def decompress(self, strings: Any, shape: Any, **settings: Any) -> dict[str, Any]:
        return super().decompress(strings, shape, settings["gain"])


class QualityMap(Blocks):
    """A map of gains as large as the means, in half precision."""

    def compress(self, x: Tensor) -> dict[str, Any]:
        gains = 0.5 + 0.5 * F.avg_pool2d(x.mean(1, keepdim=True), 16).half()
        result = super().compress(x * F.interpolate(gains.float(), scale_factor=16))
        return result | {"qmap": gains}

    def decompress(self, strings: Any, shape: Any, qmap: Tensor) -> dict[str, Any]:
        assert qmap.dtype == torch.float16
        x_hat = super().decompress(strings, shape)["x_hat"]
        return {"x_hat": x_hat / F.interpolate(qmap.float(), scale_factor=16)}


class Steps(Blocks):
    """A quantisation step that both sides are called with."""

    def compress(self, x: Tensor, step: Tensor) -> dict[str, Any]:
        return super().compress(x / step)

    def decompress(self, strings: Any, shape: Any, step: Tensor) -> dict[str, Any]:
        return {"x_hat": super().decompress(strings, shape)["x_hat"] * step}


class AttributeStep(Blocks):
    """A quantisation step that is set on the network."""

    step = 0.0

    def compress(self, x: Tensor) -> dict[str, Any]:
        return super().compress(x / self.step)

    def image(self, means: Tensor) -> Tensor:
        return super().image(means) * self.step


class NoShape(Blocks):
    """Writes the shape into its string."""

    def strings(self, means: Tensor) -> Any:
        return [[bytes(means.shape[-2:]) + deflated(image) for image in means]]

    def compress(self, x: Tensor) -> dict[str, Any]:
        return {"strings": super().compress(x)["strings"]}

    def decompress(self, strings: Any) -> dict[str, Any]:
        images = [inflated(string[2:], tuple(string[:2])) for string in strings[0]]
        return {"x_hat": self.image(torch.cat(images))}


class SometimesEmpty(Blocks):
    """A second string that is empty for a flat image."""

    def strings(self, means: Tensor) -> Any:
        flat = [bool((image == image[:, :1, :1]).all()) for image in means]
        firsts = [image[:, 0, 0].numpy().tobytes() for image in means]
        rests = [b"" if same else deflated(image) for same, image in zip(flat, means, strict=True)]
        return [firsts, rests]

    def means(self, strings: Any, shape: Any) -> Tensor:
        images = []
        for first, rest in zip(*strings, strict=True):
            colour = torch.tensor(list(first), dtype=torch.uint8).reshape(1, 3, 1, 1)
            images.append(inflated(rest, shape) if rest else colour.expand(1, 3, *shape))
        return torch.cat(images)


class SometimesOneString(Blocks):
    """Returns fewer strings, nested otherwise, for a dark image."""

    def strings(self, means: Tensor) -> Any:
        if means.max() < 64:
            return [[deflated(image) for image in means]]
        return [
            [deflated(image[:2]) for image in means],
            [deflated(image[2:]) for image in means],
        ]

    def means(self, strings: Any, shape: Any) -> Tensor:
        if len(strings) == 1:
            return super().means(strings, shape)
        size = 2 * shape[0] * shape[1]
        joined = [zlib.decompress(a) + zlib.decompress(b) for a, b in zip(*strings, strict=True)]
        assert all(len(each) == size * 3 // 2 for each in joined)
        return torch.cat([inflated(zlib.compress(each), shape) for each in joined])


class Remembers(Blocks):
    """Decodes only what this very object encoded."""

    def compress(self, x: Tensor) -> dict[str, Any]:
        self.seen = super().compress(x)["strings"]
        return super().compress(x)

    def decompress(self, strings: Any, shape: Any) -> dict[str, Any]:
        return super().decompress(self.seen, shape)


class ViewNetwork(nn.Module):
    """Uses ``Tensor.view``, which `channels_last` tensors refuse."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Conv2d(3, 3, 1, bias=False)
        self.scale.weight.data = torch.eye(3)[:, :, None, None]
        self.blocks = Blocks()

    def compress(self, x: Tensor) -> dict[str, Any]:
        x = self.scale(x)
        return self.blocks.compress(x.view(len(x), 3, -1).view_as(x))

    def decompress(self, strings: Any, shape: Any) -> dict[str, Any]:
        return self.blocks.decompress(strings, shape)


class DoubleNetwork(ViewNetwork):
    """Computes in float64."""

    def __init__(self) -> None:
        super().__init__()
        self.double()

    def decompress(self, strings: Any, shape: Any) -> dict[str, Any]:
        return {"x_hat": self.blocks.decompress(strings, shape)["x_hat"].double()}


def toy_family(network: Callable[[], Any], **options: Any) -> CodecFamily:
    return compressai_family("toy", network, ["1"], **options)


def photographs(count: int, height: int, width: int) -> Tensor:
    """Smooth images with some texture, all different."""
    generator = torch.Generator().manual_seed(7)
    coarse = torch.rand((count, 3, 5, 5), generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, (height, width), mode="bilinear")
    texture = torch.rand((count, 3, height, width), generator=generator)
    return 0.9 * smooth + 0.1 * texture


def round_trip(make: Callable[[], CodecFamily], images: Tensor) -> tuple[list[bytes], Tensor]:
    """Encode, and decode with a codec that never saw the encoder."""
    family = make()
    quality = list(family.qualities)[-1]
    bitstreams = family.build(quality, "cpu").encode(images)
    decoded = make().build(quality, "cpu").decode(bitstreams)
    assert decoded.shape == images.shape
    assert decoded.dtype == torch.float32
    assert decoded.is_contiguous()
    return bitstreams, decoded
