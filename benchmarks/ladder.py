"""What ladder networks give and cost: bytes beside the divergence, level 2's share, times.

    python benchmarks/ladder.py [--family pln gamma-pln] [--corpus FOLDER] [--samplers]

Prints, as Markdown, one row for each quality, means over the images: bits per pixel of the whole
bitstream, PSNR and MS-SSIM of the 8-bit reconstruction; the theoretical rate, which is the
divergence of both levels (level 1's given what level 2 drew), and how much longer the strings are;
level 2's share of either; seconds of an image to encode and to decode, each coded once, with one
thread.

With ``--samplers`` a second table: level 2 drawn by each sampler, exactly too, and the rate of
level 1 that follows, over the one after adaptive importance; level 1 then drawn by each sampler:
its string and the PSNR of what decodes. Means over the images, at the qualities of the first table.

Exit status 2: bad input.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from learned_networks import WEIGHTS, codec_of, find_networks, load_network
from torch import Tensor
from torch.nn import functional as F

from lic_models.codec import LearnedCodec
from lic_models.components import (
    GreedySampler,
    ImportanceSampler,
    RejectionSampler,
    RelativeEntropyCoding,
    Sampler,
)
from lic_models.components.latent_coding.relative_entropy import CodedLevel
from lic_models.storage.weights_header import WeightsHeader
from pytest_lic.errors import LicError, UsageError
from pytest_lic.images.corpus import Corpus, Image, check_corpus, load_corpus
from pytest_lic.measuring import coding
from pytest_lic.measuring.metrics import METRICS
from pytest_lic.report.markdown.text import table

DEVICE, THREADS = "cpu", 1
CHEAP = GreedySampler(1)
"""Of level 1 where its strings are of no interest."""
COLUMNS = (
    *("codec", "quality", "bpp", "PSNR", "MS-SSIM", "KL, bpp", "strings over KL"),
    *("level 2 of KL", "of strings", "encode, s", "decode, s"),
)
OF_SAMPLERS = ("codec", "quality", "level", "sampler", "bpp", "over KL", "level 1's KL", "PSNR")
SECOND: dict[str, Callable[[], Sampler]] = {
    "adaptive importance": lambda: ImportanceSampler(2, index_bits=12, spare_bits=1),
    "greedy shards": lambda: GreedySampler(2),
    "rejection": lambda: RejectionSampler(2),
}
FIRST: dict[str, Callable[[], Sampler]] = {
    "adaptive importance": lambda: ImportanceSampler(1, index_bits=11, spare_bits=0, size_bits=5),
    "greedy shards": lambda: GreedySampler(1),
    "greedy, 2 of 10 bits": lambda: GreedySampler(1, shards=2, shard_bits=10, size_bits=5),
    "rejection": lambda: RejectionSampler(1),
}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="folder of exported weights")
    parser.add_argument("--family", nargs="+", default=["pln", "gamma-pln"], metavar="GLOB")
    parser.add_argument("--quality", nargs="+", default=[], metavar="LABEL")
    parser.add_argument("--corpus", default="photos", help="folder of images, or embedded ones")
    parser.add_argument("--samplers", action="store_true", help="the second table too")
    options = parser.parse_args()
    try:
        found = find_networks(options.weights, options.family, options.quality)
        headers = [header for family in options.family for header in chosen(found, family)]
        check_corpus(options.corpus)
        corpus = load_corpus(options.corpus)
        with coding.cpu_threads(THREADS), torch.no_grad():
            rows = list(told(headers, corpus, row))
            print("\n".join(table(COLUMNS, rows, range(len(COLUMNS)))))
            if options.samplers:
                more = [each for some in told(headers, corpus, by_sampler) for each in some]
                print()
                print("\n".join(table(OF_SAMPLERS, more, range(len(OF_SAMPLERS)))))
    except LicError as error:
        print(f"ladder: {error}", file=sys.stderr)
        return 2
    return 0


def chosen(found: dict[str, list[WeightsHeader]], family: str) -> list[WeightsHeader]:
    """The ladder networks of a family.

    Raises:
        UsageError: one that is none.
    """
    headers = found.get(family, [])
    for header in headers:
        if "RelativeEntropyCoding" not in str(header.components.get("latent_coding")):
            raise UsageError(
                f"{header.path}: rounds its latents; expected a ladder network, such as pln"
            )
    return headers


def told(
    headers: Sequence[WeightsHeader], corpus: Corpus, make: Callable[..., object]
) -> Iterator[object]:
    """What is made of each network, once it is said on the way."""
    for header in headers:
        print(f"ladder: {header.name} quality {header.quality}", file=sys.stderr, flush=True)
        yield make(header, corpus)


def row(header: WeightsHeader, corpus: Corpus) -> list[str]:
    """A row of the first table."""
    network = load_network(header)
    codec, heard, values = codec_of(network, header), overheard(network), []
    for image in corpus.images:
        start = time.perf_counter()
        bitstreams = coding.encode(codec, [image], DEVICE)
        middle = time.perf_counter()
        (decoded,) = coding.decode(codec, bitstreams, [image])
        end = time.perf_counter()
        levels = heard.pop()
        bits = [
            8 * len(bitstreams[0]),
            *(level.divergence for level in levels),
            *(8 * len(level.string) for level in levels),
        ]
        scores = [METRICS[name].compute(image.pixels, decoded) for name in ("psnr", "ms_ssim")]
        values.append(
            [*(each / pixels(image) for each in bits), *scores, middle - start, end - middle]
        )
    bpp, kl_2, kl_1, size_2, size_1, psnr, ms_ssim, encode, decode = np.mean(values, axis=0)
    divergence, strings = kl_2 + kl_1, size_2 + size_1
    return [
        header.name,
        header.quality,
        f"{bpp:.4f}",
        f"{psnr:.2f}",
        f"{ms_ssim:.4f}",
        f"{divergence:.4f}",
        f"{100 * (strings / divergence - 1):+.0f} %",
        f"{100 * kl_2 / divergence:.1f} %",
        f"{100 * size_2 / strings:.1f} %",
        f"{encode:.2f}",
        f"{decode:.2f}",
    ]


def by_sampler(header: WeightsHeader, corpus: Corpus) -> list[list[str]]:
    """Rows of the second table: level 2 by each sampler, then level 1."""
    network = load_network(header)
    own = network.latent_coding
    assert isinstance(own, RelativeEntropyCoding)
    hyper_sampler, rows, expected = own.hyper_sampler, [], None
    for name, make in SECOND.items():
        own.sampler, own.hyper_sampler = CHEAP, make()
        levels = [(coded(network, image), pixels(image)) for image in corpus.images]
        first = np.mean([level.divergence / size for (_, level), size in levels])
        expected = first if expected is None else expected
        cells = cells_of([(level, size) for (level, _), size in levels])
        rows.append([header.name, header.quality, "2", name, *cells, f"{first / expected:.3f}", ""])
    own.hyper_sampler, heard = hyper_sampler, overheard(network)
    for name, make in FIRST.items():
        own.sampler = make()
        codec, scores, levels = codec_of(network, header), [], []
        for image in corpus.images:
            bitstreams = coding.encode(codec, [image], DEVICE)
            (decoded,) = coding.decode(codec, bitstreams, [image])
            scores.append(METRICS["psnr"].compute(image.pixels, decoded))
            levels.append((heard.pop()[1], pixels(image)))
        cells = cells_of(levels)
        rows.append([header.name, header.quality, "1", name, *cells, "", f"{np.mean(scores):.2f}"])
    return rows


def cells_of(levels: Sequence[tuple[CodedLevel, int]]) -> tuple[str, str]:
    """Strings of a level in bits per pixel, and how much longer they are than the divergence."""
    strings = np.mean([8 * len(level.string) / size for level, size in levels])
    divergence = np.mean([level.divergence / size for level, size in levels])
    return f"{strings:.4f}", f"{100 * (strings / divergence - 1):+.0f} %"


def overheard(network: LearnedCodec) -> list[tuple[CodedLevel, CodedLevel]]:
    """Where the levels of each latent that the network codes from now on are added."""
    own = network.latent_coding
    assert isinstance(own, RelativeEntropyCoding)
    heard: list[tuple[CodedLevel, CodedLevel]] = []
    plain = own.coded

    def coded(latents: Tensor) -> tuple[CodedLevel, CodedLevel]:
        heard.append(plain(latents))
        return heard[-1]

    own.coded = coded  # type: ignore[method-assign]
    return heard


def coded(network: LearnedCodec, image: Image) -> tuple[CodedLevel, CodedLevel]:
    """Both levels of an image, padded as the codec pads it."""
    assert isinstance(network.latent_coding, RelativeEntropyCoding)
    batch, factor = coding.image_batch([image]), network.downsampling_factor
    height, width = batch.shape[-2:]
    padded = F.pad(batch, (0, -width % factor, 0, -height % factor), mode="replicate")
    return network.latent_coding.coded(network.transform.analysis(padded)[0])


def pixels(image: Image) -> int:
    return image.height * image.width


if __name__ == "__main__":
    sys.exit(main())
