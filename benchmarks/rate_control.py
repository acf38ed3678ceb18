"""One network for all rates beside networks trained for one rate each.

    python benchmarks/rate_control.py [WEIGHTS ...] [--corpus FOLDER] [--reference msh-gdn]

Takes the shipped weights with rate control over a continuous range, and those named, and prints, as
Markdown, for each: the size of its one file beside all of the reference's; BD-rate in PSNR at its
anchors against the reference's qualities, and the bits that it takes more at the lowest and at the
highest PSNR that both reach, along the curves that BD-rate integrates; seconds of an image, taken
turn by turn. Below stands each point: bits per pixel of whole bitstreams and PSNR of the 8-bit
reconstruction, means over the images.

Exit status 2: bad input.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path

from learned_networks import WEIGHTS
from scipy.interpolate import PchipInterpolator

from lic_models.config.seats import levels
from lic_models.families import learned_family
from lic_models.storage.weights_header import WeightsHeader, read_header
from pytest_lic.ablation import turns
from pytest_lic.codec import CodecFamily
from pytest_lic.errors import LicError, Unavailable, UsageError
from pytest_lic.images.corpus import Corpus, check_corpus, load_corpus
from pytest_lic.measuring.grid import Cell, Setting
from pytest_lic.measuring.measure import measure, rd_curve
from pytest_lic.measuring.metrics import METRICS
from pytest_lic.measuring.rate_distortion import RDCurve, bd_rate
from pytest_lic.report.markdown.text import table

THREADS = 1
COLUMNS = ("codec", "rate control", "MB", "BD-rate", "lowest", "highest", "encode, s", "decode, s")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("weights", nargs="*", type=Path, help="exported weights, besides")
    parser.add_argument("--corpus", default="photos", help="folder of images, or embedded ones")
    parser.add_argument("--reference", default="msh-gdn", help="shipped family (%(default)s)")
    parser.add_argument("--repetitions", type=int, default=3, help="of times (%(default)s)")
    options = parser.parse_args()
    try:
        anchors = [read_header(path) for path in WEIGHTS.glob(f"{options.reference}-?.safetensors")]
        if not anchors:
            raise UsageError(f"--reference {options.reference}: no such weights in {WEIGHTS}")
        found = [*controlled(), *(with_range(read_header(path)) for path in options.weights)]
        if not found:
            raise UsageError(f"{WEIGHTS}: none has rate control; name exported weights")
        check_corpus(options.corpus)
        corpus = load_corpus(options.corpus)
        compared = [anchors, *([header] for header in found)]
        families = [learned_family(headers) for headers in compared]
        curves = [curve(family, corpus) for family in families]
        times = seconds(families, corpus, options.repetitions)
    except LicError as error:
        print(f"rate_control: {error}", file=sys.stderr)
        return 2
    rows = [
        [
            family.name,
            family.tags["rate_control"],
            f"{sum(header.path.stat().st_size for header in headers) / 1e6:.2f}",
            *against(curves[0], found_curve),
            *taken,
        ]
        for headers, family, found_curve, taken in zip(
            compared, families, curves, times, strict=True
        )
    ]
    print(
        f"{len(corpus.images)} images of {corpus.name}; bits against {options.reference} at equal "
        f"PSNR; times of {corpus.images[0].name}, {THREADS} thread\n"
    )
    print(*table(COLUMNS, rows, range(2, len(COLUMNS))), sep="\n")
    print()
    points = [
        [family.name, label, f"{rate:.4f}", f"{psnr:.2f}"]
        for family, found_curve in zip(families, curves, strict=True)
        for label, rate, psnr in zip(
            family.qualities, found_curve.bpp, found_curve.psnr, strict=True
        )
    ]
    print(*table(("codec", "quality", "bpp", "PSNR, dB"), points, (2, 3)), sep="\n")
    return 0


def controlled() -> list[WeightsHeader]:
    """The shipped weights whose levels make a range."""
    headers = [read_header(path) for path in sorted(WEIGHTS.glob("*-all.safetensors"))]
    return [header for header in headers if _is_continuous(header)]


def with_range(header: WeightsHeader) -> WeightsHeader:
    """The header, of a network with rate control.

    Raises:
        UsageError: any other.
    """
    if levels(header.components) is None:
        raise UsageError(f"{header.path}: {header.name} has no rate control, so one rate")
    return header


def _is_continuous(header: WeightsHeader) -> bool:
    known = levels(header.components)
    return known is not None and known.step < 1


def curve(family: CodecFamily, corpus: Corpus) -> RDCurve:
    """The family's qualities on the corpus."""
    points = {}
    for quality, lmbda in family.qualities.items():
        print(f"rate_control: {family.name} quality {quality}", file=sys.stderr, flush=True)
        points[quality] = measure(
            family.build(quality, "cpu"),
            Cell(family.name, quality, Setting(corpus.name)),
            corpus,
            lmbda=lmbda,
            metrics=[METRICS["psnr"]],
            threads=THREADS,
        )
    return rd_curve(family.name, points)


def against(anchor: RDCurve, test: RDCurve) -> list[str]:
    """BD-rate, and bits at both ends of what both curves reach, in words."""
    if anchor is test:
        return ["reference"] * 3
    value = bd_rate(anchor, test, least=3).value  # layers may be three
    if isinstance(value, Unavailable):
        return [value.reason, "–", "–"]
    ends = (max(anchor.psnr[0], test.psnr[0]), min(anchor.psnr[-1], test.psnr[-1]))
    at_ends = [f"{bits_more(anchor, test, psnr):+.2f} % at {psnr:.1f} dB" for psnr in ends]
    return [f"{value:+.2f} %", *at_ends]


def bits_more(anchor: RDCurve, test: RDCurve, psnr: float) -> float:
    """How many bits more in percent, at a PSNR that both reach."""
    of_test, of_anchor = (
        PchipInterpolator(one.psnr, [math.log(rate) for rate in one.bpp])(psnr)
        for one in (test, anchor)
    )
    return 100 * math.expm1(float(of_test - of_anchor))


def seconds(
    families: Sequence[CodecFamily], corpus: Corpus, repetitions: int
) -> list[tuple[str, str]]:
    """Times of encoding and decoding the first image, at the middle one of each's qualities."""
    codecs = {
        str(place): family.build(list(family.qualities)[len(family.qualities) // 2], "cpu")
        for place, family in enumerate(families)
    }
    taken = turns.take_turns(
        codecs, corpus.images[:1], device="cpu", threads=THREADS, repetitions=repetitions
    )
    told = []
    for times in taken.values():
        if isinstance(times, Unavailable):
            raise UsageError(f"times: {times}")
        told.append((f"{turns.total(times.encode):.3f}", f"{turns.total(times.decode):.3f}"))
    return told


if __name__ == "__main__":
    sys.exit(main())
