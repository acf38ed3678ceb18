"""Three ways to adapt a codec to documents: old bitstreams, the old domain, the new one.

    python benchmarks/adaptation.py FOLDER [--source msh-gdn] [--qualities 1,2] [--adapted DIR]

Takes SOURCE-documents-WAY-QUALITY.safetensors from --adapted or the shipped weights, or adapts that
quality with `python -m lic_models adapt`, which takes minutes, and leaves it in --adapted. Then
prints, as Markdown, how many of the source's kept bitstreams decode to the bit (or within a level
of 255, on another environment than theirs), and BD-rates in PSNR against the source, from real
bitstreams: on FOLDER, such as Kodak's, and on the corpus synthetic-documents. Of fewer than four
qualities, the BD-rate is that of straight or cubic pieces through these, over what they have in
common. Below the table stands what the gate says of the first bitstream that broke.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path

from learned_networks import WEIGHTS
from tabulate import tabulate

from lic_models.command_line.adapting import adapt
from lic_models.families import learned_family
from lic_models.storage.weights_header import read_header
from pytest_lic.baselines import kept_streams
from pytest_lic.baselines.comparison import Verdict
from pytest_lic.checks import conformance
from pytest_lic.checks.old_stream import Decoder, StreamFinding
from pytest_lic.codec import Codec, CodecFamily
from pytest_lic.errors import LicError, Unavailable, UsageError
from pytest_lic.images.corpus import CONFORMANCE, DOCUMENTS, Corpus, load_corpus
from pytest_lic.measuring import coding
from pytest_lic.measuring.grid import Cell, Setting
from pytest_lic.measuring.measure import measure, rd_curve
from pytest_lic.measuring.metrics import METRICS
from pytest_lic.measuring.rate_distortion import RDCurve, bd_rate
from pytest_lic.system.environment import environment

WAYS = {
    "all": ("fine-tune all", []),
    "encoder": ("fine-tune the encoder side", []),
    "enhance": ("freeze and enhance", ["--learning-rate=0.001"]),
}
KEPT = Path(__file__).parent.parent / "baselines" / "conformance"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", help="of images of the old domain, such as Kodak's, or photos")
    parser.add_argument("--source", default="msh-gdn", help="shipped family (%(default)s)")
    parser.add_argument("--qualities", default="1,2", help="labels (%(default)s)")
    parser.add_argument("--adapted", type=Path, default=Path("runs/adaptation"), metavar="DIR")
    parser.add_argument("--steps", type=int, default=500, help="of training (%(default)s)")
    options = parser.parse_args()
    qualities = options.qualities.split(",")
    try:
        domains = [load_corpus(options.folder), load_corpus(DOCUMENTS)]
        sources = [WEIGHTS / f"{options.source}-{quality}.safetensors" for quality in qualities]
        source = learned_family([read_header(path) for path in sources])
        with coding.cpu_threads(1):
            before = [curve(source, corpus) for corpus in domains]
            rows, broken = [], []
            for way, (words, more) in WAYS.items():
                paths = [
                    adapted_weights(path, way, more, options.adapted, options.steps)
                    for path in sources
                ]
                family = learned_family([read_header(path) for path in paths])
                findings = old_bitstreams(family, options.source, qualities)
                breaks = [finding for finding in findings if finding.broke]
                broken += [f"{words}: {f.image}: {f.broke}: {f.text}" for f in breaks[:1]]
                holding = len(findings) - len(breaks)
                rates = [
                    difference(anchor, curve(family, corpus))
                    for anchor, corpus in zip(before, domains, strict=True)
                ]
                size = sum(path.stat().st_size for path in paths) / 1e6
                rows.append([words, f"{holding} of {len(findings)}", *rates, f"{size:.2f}"])
    except LicError as error:
        print(f"adaptation: {error}", file=sys.stderr)
        return 2
    old, new = domains
    print(
        f"{options.source}, qualities {', '.join(qualities)}, BD-rate (PSNR) against the source; "
        f"{len(old.images)} images of {old.name}, {len(new.images)} of {new.name}\n"
    )
    headings = ["way", "old bitstreams decode", old.name, new.name, "MB of weights"]
    print(tabulate(rows, headings, tablefmt="pipe", disable_numparse=True))
    print("", *broken, sep="\n")
    return 0


def adapted_weights(source: Path, way: str, more: Sequence[str], folder: Path, steps: int) -> Path:
    """The weights of one quality adapted in a way, trained now unless they are there."""
    header = read_header(source)
    name = f"{header.name}-documents-{way}"
    file = f"{name}-{header.quality}.safetensors"
    path = folder / file
    if not path.is_file():
        if (WEIGHTS / file).is_file():
            return WEIGHTS / file
        folder.mkdir(parents=True, exist_ok=True)
        where = [f"--data={DOCUMENTS}", f"--way={way}", f"--name={name}", f"--out={path}"]
        with redirect_stdout(sys.stderr):
            adapt("adaptation", [str(source), *where, f"--steps={steps}", *more])
    return path


def old_bitstreams(
    family: CodecFamily, source: str, qualities: Sequence[str]
) -> list[StreamFinding]:
    """What became of the source's kept bitstreams."""
    streams = kept_streams.load(KEPT, source)
    findings: list[StreamFinding] = []
    for quality in qualities:
        cell = Cell(family.name, quality, Setting(CONFORMANCE))
        codec: Codec = family.build(quality, "cpu")
        decoder = Decoder(codec, cell, family.format_version, environment("cpu", 1))
        mine = [(source, KEPT, stream) for key, stream in streams.items() if key.quality == quality]
        if not mine:
            raise UsageError(f"{source} quality {quality}: no bitstreams are kept in {KEPT}")
        findings += conformance.examine(
            decoder,
            mine,
            load_corpus(CONFORMANCE),
            keep_lacking=False,
            keep_broken=False,
            commit=lambda: None,
        ).findings
    assert all((f.broke is None) == (f.verdict in (Verdict.SAME, Verdict.WITHIN)) for f in findings)
    return findings


def curve(family: CodecFamily, corpus: Corpus) -> RDCurve:
    points = {}
    for quality, lmbda in family.qualities.items():
        print(f"measuring {family.name} quality {quality} on {corpus.name}", file=sys.stderr)
        points[quality] = measure(
            family.build(quality, "cpu"),
            Cell(family.name, quality, Setting(corpus.name)),
            corpus,
            lmbda=lmbda,
            metrics=[METRICS["psnr"]],
            threads=1,
        )
    found = rd_curve(family.name, points)
    for rate, psnr in zip(found.bpp, found.psnr, strict=True):
        print(f"  {rate:.4f} bpp, {psnr:.2f} dB", file=sys.stderr)
    return found


def difference(anchor: RDCurve, test: RDCurve) -> str:
    """BD-rate in percent, in words."""
    value = bd_rate(anchor, test, least=2).value
    return str(value) if isinstance(value, Unavailable) else f"{value:+.2f} %"


if __name__ == "__main__":
    sys.exit(main())
