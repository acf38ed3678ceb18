"""Rate and quality of the learned codecs on Kodak, and what that comes to in BD-rate.

    python benchmarks/kodak_table.py FOLDER [--family 'msh-*'] [--markdown FILE] [--json FILE]

Codes every image at every quality and prints, as Markdown, bits per pixel of the whole bitstream,
of its payload, and as estimated from the likelihoods; PSNR and MS-SSIM of the 8-bit
reconstruction; then BD-rate against published BPG 4:4:4 and the shipped JPEG, and of each
hyperprior against the factorized prior that it otherwise equals. Any other folder of images does
too, without the published curve.

In the end it names what is claimed of every shipped codec and does not hold: a curve that does not
rise, a codec that is no better than JPEG, a hyperprior that is no better than its twin, bytes more
than 1 % off the estimate. Then the exit status is 1; after bad input it is 2.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from estimated_rate import Measuring, mean_bpp, measuring
from learned_networks import WEIGHTS, find_networks

from lic_models.config.seats import component_tags
from lic_models.storage.weights_header import WeightsHeader
from pytest_lic.adapters.pillow import families as classical_families
from pytest_lic.errors import LicError, Unavailable, UnavailableError
from pytest_lic.images.corpus import check_corpus, load_corpus
from pytest_lic.measuring.measure import Measurement, rd_curve
from pytest_lic.measuring.metrics import METRICS as ALL_METRICS
from pytest_lic.measuring.published import published_curve
from pytest_lic.measuring.rate_distortion import BD, RDCurve, bd_rate
from pytest_lic.measuring.store import default_folder
from pytest_lic.report.markdown.text import table
from pytest_lic.system.environment import environment

PUBLISHED = "bpg-444"
CLASSICAL = "jpeg"
TWIN = "fp twin"
AGREEMENT = 1.0  # percent that the bytes may be off the estimated rate
METRICS = ("psnr", "ms_ssim_db")
_NONE = "–"


@dataclass(frozen=True)
class Point:
    """One quality: rates in bits per pixel, PSNR in dB, linear MS-SSIM, all means over images.

    ``payload_off`` and ``bytes_off`` are percent that these rates are above the estimated one.
    """

    quality: str
    lmbda: float
    bpp: float
    payload_bpp: float
    estimated_bpp: float
    payload_off: float
    bytes_off: float
    psnr: float
    ms_ssim: float

    @classmethod
    def of(cls, measured: Measurement) -> Point:
        """From a measurement with estimates."""
        bpp, payload, estimate = (mean_bpp(measured, k) for k in ("bytes", "payload", "estimate"))
        psnr, ms_ssim = measured.mean("psnr"), measured.mean("ms_ssim")
        if psnr is None or ms_ssim is None:
            reasons = "; ".join(measured.unavailable().values())
            raise UnavailableError(f"{measured.cell.id}: {reasons}")
        assert measured.lmbda is not None
        return cls(
            measured.cell.quality,
            measured.lmbda,
            bpp,
            payload,
            estimate,
            100 * (payload / estimate - 1),
            100 * (bpp / estimate - 1),
            psnr,
            ms_ssim,
        )


@dataclass(frozen=True)
class Row:
    """One codec: ``differences`` maps anchor → metric → BD-rate; no twin, no entry for it."""

    name: str
    tags: Mapping[str, str]
    points: tuple[Point, ...]
    curve: RDCurve
    differences: Mapping[str, Mapping[str, BD]]

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        differences = {
            anchor: {metric: bd.to_json() for metric, bd in by_metric.items()}
            for anchor, by_metric in self.differences.items()
        }
        numbers = {"curve": self.curve.to_json(), "differences": differences}
        return asdict(replace(self, curve=replace(self.curve, points=()))) | numbers


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="of images, such as Kodak's")
    parser.add_argument("--family", action="append", default=[], metavar="GLOB")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="folder of exported weights")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--no-cache", action="store_true", help="measure everything anew")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="also write the tables here")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write all numbers here")
    options = parser.parse_args()
    try:
        networks = find_networks(options.weights, options.family)
        check_corpus(str(options.folder))
        corpus = load_corpus(str(options.folder))
        cache = None if options.no_cache else default_folder()
        with measuring(corpus, options.device, cache, say) as measurements:
            jpeg = jpeg_curve(measurements)
            anchors = {CLASSICAL: jpeg, **published(corpus.digest)}
            rows = compare(networks, anchors, measurements)
    except LicError as error:
        print(f"kodak_table: {error}", file=sys.stderr)
        return 2
    tables = "\n".join(markdown(rows, anchors, corpus.name, len(corpus.images)))
    print(tables)
    failures = list(broken_claims(rows))
    print("\n" + "\n".join(failures or ["Every codec keeps what is claimed of it."]))
    if options.markdown is not None:
        options.markdown.write_text(tables + "\n", encoding="utf-8")
    if options.json is not None:
        circumstances = asdict(environment(options.device, 1))
        stored = {
            "corpus": corpus.name,
            "corpus_digest": corpus.digest,
            "environment": circumstances,
            "codecs": [row.to_json() for row in rows],
            "anchors": {name: _told(curve) for name, curve in anchors.items()},
            "broken_claims": failures,
        }
        text = json.dumps(stored, indent=1, ensure_ascii=False, default=dict)
        options.json.write_text(text + "\n", encoding="utf-8")
    return 1 if failures else 0


def say(text: str) -> None:
    print(f"kodak_table: {text}", file=sys.stderr, flush=True)


def jpeg_curve(measurements: Measuring) -> RDCurve:
    (family,) = (family for family in classical_families() if family.name == CLASSICAL)
    points = {quality: measurements.classical(family, quality) for quality in family.qualities}
    return _curve(CLASSICAL, points)


def published(digest: str) -> dict[str, RDCurve | Unavailable]:
    """The published curve, or the reason why it does not hold for these images."""
    try:
        return {PUBLISHED: published_curve(PUBLISHED, digest)}
    except UnavailableError as error:
        return {PUBLISHED: Unavailable(str(error))}


def compare(
    networks: Mapping[str, Sequence[WeightsHeader]],
    anchors: Mapping[str, RDCurve | Unavailable],
    measurements: Measuring,
) -> list[Row]:
    """Measure every network, then hold every curve against the anchors and its twin's."""
    points = {
        name: {header.quality: measurements.learned(header) for header in headers}
        for name, headers in networks.items()
    }
    curves = {name: _curve(name, measured) for name, measured in points.items()}
    tags = {name: component_tags(headers[0].components) for name, headers in networks.items()}
    rows = []
    for name, measured in points.items():
        against = dict(anchors)
        twin = twin_of(name, tags)
        if twin is not None:
            against[TWIN] = curves[twin]
        rows.append(
            Row(
                name,
                tags[name],
                tuple(Point.of(point) for point in measured.values()),
                curves[name],
                {
                    anchor: {metric: bd_rate(curve, curves[name], metric) for metric in METRICS}
                    for anchor, curve in against.items()
                },
            )
        )
    return rows


def twin_of(name: str, tags: Mapping[str, Mapping[str, str]]) -> str | None:
    """The factorized prior that equals the hyperprior ``name`` in every other component."""
    if tags[name].get("architecture") == "fp":
        return None
    wanted = {**tags[name], "architecture": "fp"}
    return next((other for other, found in tags.items() if found == wanted), None)


def broken_claims(rows: Sequence[Row]) -> Iterator[str]:
    """A sentence for everything that is claimed of a codec and does not hold, or can't be told."""
    for row in rows:
        for metric in METRICS:
            bend = row.curve.non_monotone(metric)
            if bend is not None:
                yield bend
        for anchor in (CLASSICAL, TWIN):
            difference = row.differences.get(anchor, {}).get("psnr")
            if difference is None:
                continue
            if isinstance(difference.value, Unavailable):
                yield f"{row.name}: no BD-rate against {anchor}: {difference.value}"
            elif not difference.value < 0:
                yield f"{row.name}: BD-rate {difference.value:+.2f} % against {anchor}"
        for point in row.points:
            if not abs(point.bytes_off) <= AGREEMENT:
                yield (
                    f"{row.name}, quality {point.quality}: bytes {point.bytes_off:+.2f} % off the "
                    f"estimated rate (payload {point.payload_off:+.2f} %)"
                )


def markdown(
    rows: Sequence[Row], anchors: Mapping[str, RDCurve | Unavailable], corpus: str, count: int
) -> Iterator[str]:
    """Both tables, and how to read them."""
    yield (
        f"{count} images of `{corpus}`, means over the images. bpp counts the whole bitstream; "
        "estimated bpp follows from the likelihoods, and the next two columns tell how far payload "
        "and whole bitstream are above it.\n"
    )
    heading = ("codec", "quality", "λ", "bpp", "payload bpp", "estimated bpp", "payload", "whole")
    cells = [_cells(row.name, point) for row in rows for point in row.points]
    yield _table((*heading, "PSNR dB", "MS-SSIM", "MS-SSIM dB"), cells)
    yield "\nBD-rate, negative is better, by PSNR and (in brackets) by MS-SSIM:\n"
    names = [*anchors, TWIN]
    differences = []
    for row in rows:
        percents = [_percent(row.differences.get(name, {})) for name in names]
        bends = [bend for metric in METRICS if (bend := row.curve.non_monotone(metric))]
        differences.append([f"`{row.name}`", *percents, "no" if bends else "yes"])
    yield _table(("codec", *(f"against {name}" for name in names), "rises strictly"), differences)
    reasons = {name: curve for name, curve in anchors.items() if isinstance(curve, Unavailable)}
    for row in rows:
        for name, by_metric in row.differences.items():
            if name not in reasons:
                for metric, difference in by_metric.items():
                    if isinstance(difference.value, Unavailable):
                        reasons[f"{row.name} against {name} by {metric}"] = difference.value
    if reasons:
        yield ""
        yield from (f"No BD-rate {name}: {reason}." for name, reason in reasons.items())


def _curve(name: str, points: Mapping[str, Measurement]) -> RDCurve:
    try:
        return rd_curve(name, points)
    except ValueError as error:
        raise UnavailableError(str(error)) from error


def _told(curve: RDCurve | Unavailable) -> dict[str, Any]:
    if isinstance(curve, Unavailable):
        return {"unavailable": curve.reason}
    return curve.to_json()


def _percent(by_metric: Mapping[str, BD]) -> str:
    values = [by_metric[metric].value for metric in METRICS] if by_metric else []
    if all(isinstance(value, Unavailable) for value in values):
        return _NONE
    psnr, structure = (
        _NONE if isinstance(value, Unavailable) else f"{value:+.1f} %" for value in values
    )
    return f"{psnr} ({structure})"


def _cells(name: str, point: Point) -> list[str]:
    return [
        f"`{name}`",
        point.quality,
        f"{point.lmbda:.4f}",
        f"{point.bpp:.4f}",
        f"{point.payload_bpp:.4f}",
        f"{point.estimated_bpp:.4f}",
        f"{point.payload_off:+.2f} %",
        f"{point.bytes_off:+.2f} %",
        f"{point.psnr:.3f}",
        f"{point.ms_ssim:.5f}",
        ALL_METRICS["ms_ssim"].text(point.ms_ssim),
    ]


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(table(columns, rows, range(1, len(columns))))


if __name__ == "__main__":
    sys.exit(main())
