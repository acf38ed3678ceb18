"""Vector-quantised codecs beside a scalar one: rate, quality, bits by index model, dead entries.

    python benchmarks/codebooks.py [WEIGHTS ...] [--corpus FOLDER] [--reference WEIGHTS ...]

Takes the shipped vector-quantised networks and those named. Prints, as Markdown, one row for each:
megabytes of its file; bits per pixel of the whole bitstream and PSNR of the 8-bit reconstruction,
means over the images; and what its indices cost in bits per pixel with each index model: uniform;
the trained frequencies, which are what is coded; frequencies counted on the other images of the
corpus; those given the index of the codebook before, counted alike. With few images, many pairs of
indices are seen in none of the others. Below stands which entries no image used.

With references, such as a scalar network of the same transform and steps, they have rows too, and
BD-rate of each vector-quantised family against theirs follows, through as few as two qualities.

Exit status 2: bad input.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from learned_networks import WEIGHTS, codec_of, load_network
from numpy.typing import NDArray
from torch.nn import functional as F

from lic_models.codec import LearnedCodec
from lic_models.components.latent_coding import VectorQuantisedCoding
from lic_models.components.vector_quantization import CodebookUse
from lic_models.storage.weights_header import WeightsHeader, read_header
from pytest_lic.errors import LicError, Unavailable, UsageError
from pytest_lic.images.corpus import Corpus, Image, check_corpus, load_corpus
from pytest_lic.measuring import coding
from pytest_lic.measuring.grid import Cell, Setting
from pytest_lic.measuring.measure import Measurement, measure, rd_curve
from pytest_lic.measuring.metrics import METRICS
from pytest_lic.measuring.rate_distortion import bd_rate
from pytest_lic.report.markdown.text import table

THREADS = 1
COLUMNS = (
    *("codec", "quality", "MB", "bpp", "PSNR", "codebooks", "uniform", "trained frequencies"),
    *("counted on the others", "given the one before", "dead"),
)
_NONE = "–"
_SHARE = 0.5
"""What an index that the other images lack counts."""

Indices = NDArray[np.int64]
"""Of one image, (C, n)."""


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("weights", nargs="*", type=Path, help="exported weights, besides")
    parser.add_argument("--corpus", default="photos", help="folder of images, or embedded ones")
    parser.add_argument("--reference", nargs="+", type=Path, default=[], help="exported weights")
    options = parser.parse_args()
    try:
        headers = [*shipped(), *map(of_vectors, map(read_header, options.weights))]
        references = [read_header(path) for path in options.reference]
        check_corpus(options.corpus)
        corpus = load_corpus(options.corpus)
        if len(corpus.images) < 2:
            raise UsageError(f"--corpus {options.corpus}: one image; expected others to count on")
        measured: dict[str, dict[str, Measurement]] = {}
        rows, dead = [], []
        for header in [*references, *headers]:
            print(f"codebooks: {header.name} quality {header.quality}", file=sys.stderr, flush=True)
            network = load_network(header)
            found = measured_of(network, header, corpus)
            measured.setdefault(header.name, {})[header.quality] = found
            cells, use = told_of(network, corpus)
            rows.append([*named(header), *rate_and_quality(found), *cells])
            if use is not None:
                dead.append(f"{header.name} quality {header.quality}: {use}")
    except LicError as error:
        print(f"codebooks: {error}", file=sys.stderr)
        return 2
    print(f"{len(corpus.images)} images of {corpus.name}; bits of indices in bits per pixel\n")
    print(*table(COLUMNS, rows, range(2, len(COLUMNS))), sep="\n")
    print("", *dead, sep="\n")
    print("", *against(measured, [header.name for header in references]), sep="\n")
    return 0


def shipped() -> list[WeightsHeader]:
    """The vector-quantised networks that are shipped."""
    headers = [read_header(path) for path in sorted(WEIGHTS.glob("vq-*.safetensors"))]
    return [of_vectors(header) for header in headers]


def of_vectors(header: WeightsHeader) -> WeightsHeader:
    """The header, of a vector-quantised network.

    Raises:
        UsageError: any other.
    """
    if "VectorQuantisedCoding" not in str(header.components.get("latent_coding")):
        raise UsageError(
            f"{header.path}: {header.name} has no codebooks; expected a vector-quantised network, "
            "or --reference for what those are held to"
        )
    return header


def measured_of(network: LearnedCodec, header: WeightsHeader, corpus: Corpus) -> Measurement:
    return measure(
        codec_of(network, header),
        Cell(header.name, header.quality, Setting(corpus.name)),
        corpus,
        lmbda=header.lmbda,
        metrics=[METRICS["psnr"]],
        threads=THREADS,
    )


def named(header: WeightsHeader) -> list[str]:
    return [header.name, header.quality, f"{header.path.stat().st_size / 1e6:.2f}"]


def rate_and_quality(measured: Measurement) -> list[str]:
    images = measured.images.values()
    bpp = np.mean([8 * one.bytes / (one.height * one.width) for one in images])
    return [f"{bpp:.4f}", f"{measured.mean('psnr'):.2f}"]


def told_of(network: LearnedCodec, corpus: Corpus) -> tuple[list[str], CodebookUse | None]:
    """The cells of index models, and which entries were used; a scalar network has none."""
    own = network.latent_coding
    if not isinstance(own, VectorQuantisedCoding):
        return [_NONE] * 6, None
    quantizer = own.vector_quantizer
    images = [indices_of(network, image) for image in corpus.images]
    pixels = [image.height * image.width for image in corpus.images]
    entries, count = quantizer.entries, quantizer.codebook_count
    trained = [8 * len(own.encode(torch.from_numpy(each)[..., None])) for each in images]
    first = [np.zeros_like(each) for each in images]
    before = [np.concatenate([row[:1], each[:-1]]) for row, each in zip(first, images, strict=True)]
    bits = [
        [count * each.shape[1] * np.log2(entries) for each in images],
        trained,
        counted_on_others(images, first, entries),
        counted_on_others(images, before, entries),
    ]
    cells = [
        f"{np.mean([b / size for b, size in zip(row, pixels, strict=True)]):.4f}" for row in bits
    ]
    every = np.concatenate(images, axis=1)
    use = CodebookUse(np.stack([np.bincount(row, minlength=entries) for row in every]))
    dead = count * entries - sum(use.used)
    return [f"{count} of {entries}", *cells, str(dead)], use


def counted_on_others(
    images: Sequence[Indices], given: Sequence[Indices], entries: int
) -> list[float]:
    """Bits of each image's indices with the frequencies of all other images.

    Args:
        images: each (C, n).
        given: what indices depend on, each (C, n), from 0 to entries − 1.
        entries: K.
    """
    counts = [
        _pairs(each, condition, entries) for each, condition in zip(images, given, strict=True)
    ]
    total = np.sum(counts, axis=0)
    bits = []
    for own in counts:
        others = total - own + _SHARE
        share = others / others.sum(2, keepdims=True)
        bits.append(float(-(own * np.log2(share)).sum()))
    return bits


def _pairs(indices: Indices, given: Indices, entries: int) -> NDArray[np.float64]:
    """How often each index comes after each condition, (C, K, K)."""
    flat = given * entries + indices
    rows = [np.bincount(row, minlength=entries * entries) for row in flat]
    return np.stack(rows).reshape(-1, entries, entries).astype(np.float64)


def indices_of(network: LearnedCodec, image: Image) -> Indices:
    """An image's indices, padded as the codec pads it."""
    assert isinstance(network.latent_coding, VectorQuantisedCoding)
    batch, factor = coding.image_batch([image]), network.downsampling_factor
    height, width = batch.shape[-2:]
    with torch.no_grad(), coding.cpu_threads(THREADS):
        padded = F.pad(batch, (0, -width % factor, 0, -height % factor), mode="replicate")
        latents = network.transform.analysis(padded)
        return network.latent_coding.vector_quantizer.indices(latents)[0].flatten(1).numpy()


def against(
    measured: dict[str, dict[str, Measurement]], references: Sequence[str]
) -> Iterator[str]:
    """A line for each vector-quantised family and each reference."""
    for name in dict.fromkeys(references):
        anchor = rd_curve(name, measured[name])
        for other in (each for each in measured if each not in references):
            value = bd_rate(anchor, rd_curve(other, measured[other]), least=2).value
            told = value.reason if isinstance(value, Unavailable) else f"{value:+.2f} %"
            yield f"BD-rate of {other} against {name}: {told}"


if __name__ == "__main__":
    sys.exit(main())
