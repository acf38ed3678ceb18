"""Decoding with a context, beside CompressAI's networks of the same N and M.

    python benchmarks/context_decoding.py [--image FILE] [--channels 192] [--rounds 3]

One image, seeded random weights, one thread, turn by turn: the autoregressive context beside
``JointAutoregressiveHierarchicalPriors`` (mbt2018), the checkerboard beside CompressAI's
``CheckerboardLatentCodec`` with the same transforms. Prints the median seconds of decoding, those
that the synthesis transform took of them, the ratios of the whole and of what is left without the
synthesis, and bytes. The latents are scaled to have most symbols 0 and some not, as at a low rate:
larger ones than untrained scales expect would measure how escapes are coded.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from compressai.entropy_models import EntropyBottleneck
from compressai.latent_codecs import (
    CheckerboardLatentCodec,
    GaussianConditionalLatentCodec,
    HyperLatentCodec,
    HyperpriorLatentCodec,
)
from compressai.layers import CheckerboardMaskedConv2d
from compressai.models import JointAutoregressiveHierarchicalPriors
from compressai.models.base import SimpleVAECompressionModel
from tabulate import tabulate
from torch import Tensor, nn

from lic_models.codec import LearnedCodec
from lic_models.components import (
    AutoregressiveContext,
    CheckerboardContext,
    Context,
    ConvolutionalTransform,
    JointEntropyModel,
    MeanScaleInformation,
)
from pytest_lic.images.corpus import load_corpus
from pytest_lic.images.reading import read_image

SPREAD = 0.3  # standard deviation of the latents


class Checkerboard(SimpleVAECompressionModel):
    """mbt2018 with CompressAI's checkerboard in place of its context."""

    def __init__(self, like: JointAutoregressiveHierarchicalPriors, n: int, m: int) -> None:
        super().__init__()
        self.g_a, self.g_s = like.g_a, like.g_s
        self.latent_codec = HyperpriorLatentCodec(
            latent_codec={
                "y": CheckerboardLatentCodec(
                    latent_codec={"y": GaussianConditionalLatentCodec(quantizer="ste")},
                    entropy_parameters=like.entropy_parameters,
                    context_prediction=CheckerboardMaskedConv2d(
                        m, 2 * m, kernel_size=5, padding=2, stride=1
                    ),
                ),
                "hyper": HyperLatentCodec(
                    entropy_bottleneck=EntropyBottleneck(n),
                    h_a=like.h_a,
                    h_s=like.h_s,
                    quantizer="ste",
                ),
            }
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--image", type=Path, help="a photograph; by default one that ships")
    parser.add_argument("--channels", type=int, default=192, help="N and M")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    pixels = load_corpus("photos").images[0].pixels if options.image is None else None
    array = read_image(options.image) if pixels is None else pixels
    height, width = (side - side % 64 for side in array.shape[:2])
    image = torch.from_numpy(array[:height, :width].copy()).permute(2, 0, 1)[None] / 255.0
    n = options.channels
    rows = []
    for name, context in (
        ("autoregressive", AutoregressiveContext()),
        ("checkerboard", CheckerboardContext()),
    ):
        torch.manual_seed(1)
        other: Any = JointAutoregressiveHierarchicalPriors(n, n)
        if name == "checkerboard":
            other = Checkerboard(other, n, n)
        own = ours(context, n, image)
        other = theirs(other, image)
        decoders = [decoder(own, image), decoder(other, image)]
        clocks = [Clock(own.transform.synthesis), Clock(other.g_s)]
        whole: list[list[float]] = [[], []]
        for _ in range(options.rounds):
            for place, (decode, _) in enumerate(decoders):
                began = time.perf_counter()
                decode()
                whole[place].append(time.perf_counter() - began)
        mine, its = map(statistics.median, whole)
        synthesis = [statistics.median(clock.seconds) for clock in clocks]
        rest = (mine - synthesis[0]) / (its - synthesis[1])
        rows.append(
            [
                name,
                *(f"{each:.2f}" for each in (mine, synthesis[0], its, synthesis[1])),
                *(f"{each:.2f}" for each in (mine / its, rest)),
                *(size for _, size in decoders),
            ]
        )
    print(f"{width}×{height} pixels, N = M = {n}, one thread, {options.rounds} rounds in turn")
    headings = (
        "context",
        "ours, s",
        "synthesis, s",
        "CompressAI, s",
        "synthesis, s",
        "ratio",
        "ratio without synthesis",
        "ours, bytes",
        "CompressAI, bytes",
    )
    print(tabulate(rows, headings, tablefmt="pipe", disable_numparse=True))


class Clock:
    """The seconds that each call of a module takes."""

    def __init__(self, module: nn.Module) -> None:
        self.seconds: list[float] = []
        module.register_forward_pre_hook(lambda *_: self.seconds.append(-time.perf_counter()))
        module.register_forward_hook(self._stop)

    def _stop(self, *_: object) -> None:
        self.seconds[-1] += time.perf_counter()


@torch.no_grad()
def ours(context: Context, n: int, image: Tensor) -> LearnedCodec:
    codec = LearnedCodec(
        ConvolutionalTransform(channels=n, latent_channels=n),
        entropy_model=JointEntropyModel(MeanScaleInformation(n), context),
    ).eval()
    _spread(codec.transform.analysis, image)
    codec.entropy_model.fit(codec.transform.analysis(image))
    codec.update()
    return codec


@torch.no_grad()
def theirs(network: Any, image: Tensor) -> Any:
    network.eval()
    _spread(network.g_a, image)
    network.update(force=True)
    return network


def decoder(network: Any, image: Tensor) -> tuple[Callable[[], object], int]:
    """What decodes the image's bitstream, and how many bytes that has."""
    with torch.no_grad():
        coded = network.compress(image)
    size = sum(len(string) for strings in _flat(coded["strings"]) for string in strings)

    def decode() -> object:
        with torch.no_grad():
            return network.decompress(coded["strings"], coded["shape"])

    return decode, size


def _flat(strings: Any) -> list[list[bytes]]:
    return [list(each) for each in strings]


def _spread(analysis: nn.Module, image: Tensor) -> None:
    """Let the latents of an image have a standard deviation of `SPREAD`."""
    last = [layer for layer in analysis.modules() if isinstance(layer, nn.Conv2d)][-1]
    factor = SPREAD / float(analysis(image).std())
    last.weight.mul_(factor)
    if last.bias is not None:
        last.bias.mul_(factor)


if __name__ == "__main__":
    main()
