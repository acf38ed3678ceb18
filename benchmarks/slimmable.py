"""What each width of a slimmable network costs and gives, with λ before and after scheduling.

    python benchmarks/slimmable.py [WEIGHTS ...] [--corpus FOLDER] [--markdown FILE]

Prints, as Markdown, one table for each weights file (by default the shipped ones): for each width λ
before and after, bits per pixel of the whole bitstream and PSNR of the 8-bit reconstruction, means
over the images; parameters of that width alone; kMAC/pixel of encoder and decoder; for one image
the memory that a round adds at its peak, and times, taken turn by turn. Where several files have as
many widths, such as one trained with scheduling and one without, BD-rate of each against the first
follows.

Exit status 1: a wider width that is no better, or that costs no more bits; 2: bad input.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from learned_networks import WEIGHTS, load_network

from lic_models.components.entropy_models import SlimmableEntropyModel
from lic_models.components.transforms import SlimmableTransform
from lic_models.families import learned_family
from lic_models.storage.weights_header import WeightsHeader, read_header
from pytest_lic.ablation import turns
from pytest_lic.codec import Codec
from pytest_lic.costs.complexity import complexity_of
from pytest_lic.errors import LicError, Unavailable, UsageError
from pytest_lic.images.corpus import Corpus, check_corpus, load_corpus
from pytest_lic.measuring import coding
from pytest_lic.measuring.grid import Cell, Setting
from pytest_lic.measuring.measure import Measurement, measure, rd_curve
from pytest_lic.measuring.metrics import METRICS
from pytest_lic.measuring.rate_distortion import bd_rate
from pytest_lic.report.markdown.text import table
from pytest_lic.timing.peak_memory import peak_memory

DEVICE = "cpu"
THREADS = 1
REPETITIONS = 5
COLUMNS = (
    "width",
    "N",
    "M",
    "λ before",
    "λ after",
    "bpp",
    "PSNR",
    "parameters",
    "kMAC/pixel, encoder",
    "decoder",
    "MiB added, encoder",
    "decoder",
    "encode, ms",
    "decode, ms",
)


@dataclass(frozen=True)
class Width:
    """One width: channels, λ, what it gives and what it costs; memory in bytes, times in s.

    Memory is None where it can't be told.
    """

    label: str
    channels: tuple[int, int]
    lambdas: tuple[float, float]
    measured: Measurement
    parameters: int
    operations: tuple[float, float]
    memory: tuple[int | None, int | None]
    times: tuple[float, float]

    @property
    def bpp(self) -> float:
        """Mean over the images, of whole bitstreams."""
        images = self.measured.images.values()
        return sum(8 * one.bytes / (one.height * one.width) for one in images) / len(images)

    @property
    def psnr(self) -> float:
        """Mean over the images, in dB."""
        mean = self.measured.mean("psnr")
        assert mean is not None
        return mean

    def row(self) -> list[str]:
        """Its cells, under `COLUMNS`."""
        megabytes = ["–" if size is None else f"{size / 2**20:.1f}" for size in self.memory]
        return [
            self.label,
            *map(str, self.channels),
            *(f"{lmbda:.5f}" for lmbda in self.lambdas),
            f"{self.bpp:.4f}",
            f"{self.psnr:.2f}",
            f"{self.parameters:,}",
            *(f"{count:.2f}" for count in self.operations),
            *megabytes,
            *(f"{1000 * seconds:.1f}" for seconds in self.times),
        ]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("weights", nargs="*", type=Path, help="exported weights")
    parser.add_argument("--corpus", default="photos", help="folder of images, or embedded ones")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="also write the tables here")
    options = parser.parse_args()
    try:
        headers = [slimmable(read_header(path)) for path in options.weights] or shipped()
        check_corpus(options.corpus)
        corpus = load_corpus(options.corpus)
        compared = [(header, widths_of(header, corpus)) for header in headers]
    except LicError as error:
        print(f"slimmable: {error}", file=sys.stderr)
        return 2
    text = "\n".join(markdown(compared, corpus))
    print(text)
    if options.markdown is not None:
        options.markdown.write_text(text + "\n", encoding="utf-8")
    failures = [line for header, widths in compared for line in wasted(header, widths)]
    print("\n" + "\n".join(failures or ["No width is wasted."]))
    return 1 if failures else 0


def slimmable(header: WeightsHeader) -> WeightsHeader:
    """The header, of a network that has widths.

    Raises:
        UsageError: any other.
    """
    if "lambdas" not in header.training:
        raise UsageError(
            f"{header.path}: {header.name} has one width; expected a slimmable network, such as "
            "python -m lic_models fit --config fp-slimmable trains"
        )
    return header


def shipped() -> list[WeightsHeader]:
    headers = [read_header(path) for path in sorted(WEIGHTS.glob("*slimmable*.safetensors"))]
    if not headers:
        raise UsageError(f"{WEIGHTS}: no slimmable network; name exported weights")
    return headers


def widths_of(header: WeightsHeader, corpus: Corpus) -> list[Width]:
    """What each width gives and costs, the narrowest first."""
    network = load_network(header)
    transform, model = network.transform, network.entropy_model
    assert isinstance(transform, SlimmableTransform)
    assert isinstance(model, SlimmableEntropyModel)
    family = learned_family([header])
    codecs = {label: family.build(label, DEVICE) for label in family.qualities}
    times = turns.take_turns(
        codecs, corpus.images[:1], device=DEVICE, threads=THREADS, repetitions=REPETITIONS
    )
    after = header.training["lambdas"]
    before = header.training.get("lambdas_before", after)
    widths = []
    for index, (label, codec) in enumerate(codecs.items()):
        print(f"slimmable: {header.path.name}: width {label}", file=sys.stderr, flush=True)
        cell = Cell(header.name, label, Setting(corpus.name))
        measured = measure(
            codec,
            cell,
            corpus,
            lmbda=after[index],
            metrics=[METRICS["psnr"], METRICS["ms_ssim"]],
            threads=THREADS,
        )
        taken, complexity = times[label], complexity_of(codec, DEVICE)
        if isinstance(taken, Unavailable) or isinstance(complexity, Unavailable):
            raise UsageError(f"{header.path}: width {label}: {taken}; {complexity}")
        alone = [*transform.narrowed(index).parameters(), *model.narrowed(index).parameters()]
        widths.append(
            Width(
                label,
                transform.widths[index],
                (before[index], after[index]),
                measured,
                sum(parameter.numel() for parameter in alone),
                (complexity.total("encoder"), complexity.total("decoder")),
                added_memory(codec, corpus),
                (turns.total(taken.encode), turns.total(taken.decode)),
            )
        )
    return widths


def added_memory(codec: Codec, corpus: Corpus) -> tuple[int | None, int | None]:
    """Bytes that encoding and decoding the first image add at their peak."""
    batch = coding.image_batch(corpus.images[:1])
    with coding.cpu_threads(THREADS):
        bitstreams = codec.encode(batch)
        found = [
            peak_memory(DEVICE, lambda: codec.encode(batch)),
            peak_memory(DEVICE, lambda: codec.decode(bitstreams)),
        ]
    encoding, decoding = (
        None if isinstance(peak, Unavailable) else peak.added_bytes for peak in found
    )
    return encoding, decoding


def markdown(
    compared: Sequence[tuple[WeightsHeader, Sequence[Width]]], corpus: Corpus
) -> Iterator[str]:
    """The tables, line by line."""
    first = corpus.images[0]
    for header, widths in compared:
        looks = header.training.get("lambda_moves", [])
        moves = len({tuple(look["lambdas"]) for look in looks})  # the last one finds nothing to do
        scheduled = f"λ moved {moves} times" if looks else "no scheduling"
        yield (
            f"**{header.path.name}**: {header.training['steps']} steps, {scheduled}; "
            f"{len(corpus.images)} images of {corpus.name}; memory and times of {first.name}"
        )
        yield ""
        yield from table(COLUMNS, [width.row() for width in widths], range(len(COLUMNS)))
        yield ""
    _, reference = compared[0]
    anchor = rd_curve("anchor", {width.label: width.measured for width in reference})
    for header, widths in compared[1:]:
        curve = rd_curve(header.name, {width.label: width.measured for width in widths})
        value = bd_rate(anchor, curve, "psnr").value
        told = value.reason if isinstance(value, Unavailable) else f"{value:+.2f} %"
        yield f"BD-rate of {header.path.name} against {compared[0][0].path.name}: {told}"


def wasted(header: WeightsHeader, widths: Sequence[Width]) -> Iterator[str]:
    """A line for each width that the one before it makes superfluous."""
    for narrow, wide in pairwise(widths):
        if wide.psnr <= narrow.psnr or wide.bpp <= narrow.bpp:
            yield (
                f"{header.path.name}: width {narrow.label} gives {narrow.psnr:.2f} dB at "
                f"{narrow.bpp:.4f} bpp, width {wide.label} {wide.psnr:.2f} dB at {wide.bpp:.4f}"
            )


if __name__ == "__main__":
    sys.exit(main())
