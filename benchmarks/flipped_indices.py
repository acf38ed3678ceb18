"""How many table indices of a hyperprior flip when its hyper-synthesis is computed elsewhere.

    python benchmarks/flipped_indices.py FOLDER [--family 'msh-*'] [--quality 3] [--json FILE]

A decoder computes the hyper-synthesis again, and what comes out of it chooses the probability
table of each latent; one that differs from the encoder's breaks the rest of the bitstream. Each
image is encoded with one thread, then decoded in other processes: with more threads, with the
oldest instruction set that torch, oneDNN and MKL know, with another memory layout, and on a GPU if
there is one. The hyper-synthesis is computed in float32, in float64, as shipped, and in integers
where NAME-integer-QUALITY.safetensors lies beside the weights (python -m lic_models integer).

Besides the flips it prints how far what is rounded to an index was off, and how many flips are to
be expected of that: the error times the density of latents at a boundary between two tables, which
for float32 can be compared with the flips counted; and what each arithmetic costs, in bytes and in
seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from learned_networks import WEIGHTS, find_networks

from lic_models.config.seats import ARITHMETIC, component_tags
from lic_models.storage.weights_header import WeightsHeader
from pytest_lic.errors import CodecError, LicError, UsageError
from pytest_lic.images.corpus import check_corpus
from pytest_lic.system.simulated_environments import OLDEST

_SHIPPED = "float64"


@dataclass(frozen=True)
class Circumstance:
    """How a decoder's process differs from the encoder's, which has one thread."""

    name: str
    threads: int = 1
    variables: Mapping[str, str] = field(default_factory=dict)
    channels_last: bool = True
    device: str = "cpu"


ENCODER = Circumstance("encoder")
CIRCUMSTANCES = (
    Circumstance("2 threads", threads=2),
    Circumstance("4 threads", threads=4),
    Circumstance("oldest instructions", variables=OLDEST),
    Circumstance("contiguous memory", channels_last=False),
    Circumstance("contiguous, 2 threads", threads=2, channels_last=False),
    Circumstance("contiguous, oldest", variables=OLDEST, channels_last=False),
)
GPU = Circumstance("GPU", device="cuda")


@dataclass(frozen=True)
class Report:
    """One network: ``found`` maps circumstance → image → arithmetic → differences.

    ``density`` is the mean number of latents at a boundary, per latent and step. ``sizes`` are the
    bytes of all bitstreams, ``cost`` the times of each arithmetic. ``processes`` tells what each
    process said of itself.
    """

    network: str
    found: Mapping[str, Mapping[str, Mapping[str, Mapping[str, Any]]]]
    density: float
    sizes: Mapping[str, int]
    cost: Mapping[str, Any]
    processes: Mapping[str, Mapping[str, Any]]

    @property
    def arithmetics(self) -> list[str]:
        """Those that were compared."""
        return list(self.sizes)

    def values(self, circumstance: str, arithmetic: str, key: str) -> list[Any]:
        """One number of every image."""
        return [image[arithmetic][key] for image in self.found[circumstance].values()]

    def expected(self, circumstance: str, arithmetic: str) -> float:
        """Flips per image that follow from the mean error and the density."""
        latents = self.values(circumstance, arithmetic, "latents")
        errors = self.values(circumstance, arithmetic, "step_error")
        products = [count * error for count, error in zip(latents, errors, strict=True)]
        return self.density * sum(products) / len(products)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="of images, such as Kodak's")
    parser.add_argument("--family", action="append", default=[], metavar="GLOB")
    parser.add_argument("--quality", action="append", default=[], metavar="LABEL")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="folder of exported weights")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write all numbers here")
    options = parser.parse_args()
    try:
        check_corpus(str(options.folder))
        networks = hyperpriors(options.weights, options.family, options.quality)
        reports = []
        for header in networks:
            integer = in_integers(header, options.weights)
            reports.append(report(header, options.folder.resolve(), integer))
            print("\n".join(lines(reports[-1])), flush=True)
        print("\n".join(summary(reports)))
        if options.json is not None:
            stored = json.dumps([asdict(report) for report in reports], indent=1)
            options.json.write_text(stored + "\n", encoding="utf-8")
    except LicError as error:
        print(f"flipped_indices: {error}", file=sys.stderr)
        return 2
    return 0


def hyperpriors(
    folder: Path, families: Sequence[str], qualities: Sequence[str]
) -> list[WeightsHeader]:
    """The networks chosen that compute their tables' indices.

    Raises:
        UsageError: none of them does.
    """
    networks = find_networks(folder, families, qualities)
    headers = [header for headers in networks.values() for header in headers]
    tags = [component_tags(header.components) for header in headers]
    computing = [
        header
        for header, own in zip(headers, tags, strict=True)
        if own.get("architecture") in ("sh", "msh") and own[ARITHMETIC] == _SHIPPED
    ]
    if not computing:
        raise UsageError(
            f"{', '.join(networks)}: no hyperprior in float64; with a factorized prior the channel "
            "chooses the table, other latent codings have none, and nothing computed can flip"
        )
    return computing


def in_integers(header: WeightsHeader, folder: Path) -> Path | None:
    """The weights that ``python -m lic_models integer`` made of these, if there are any."""
    path = folder / f"{header.name}-integer-{header.quality}.safetensors"
    return path if path.is_file() else None


def report(header: WeightsHeader, folder: Path, integer: Path | None = None) -> Report:
    """Encode once, decode under every circumstance."""
    circumstances = [*CIRCUMSTANCES, *([GPU] if _has_gpu() else [])]
    name = f"{header.name}-{header.quality}"
    with tempfile.TemporaryDirectory(prefix="flipped-indices-") as shared:

        def run(role: str, circumstance: Circumstance) -> dict[str, Any]:
            print(f"{name}: {role}, {circumstance.name}", file=sys.stderr, flush=True)
            return in_process(role, circumstance, header.path, folder, Path(shared), integer)

        encoder = run("encode", ENCODER)
        decoders = {other.name: run("decode", other) for other in circumstances}
        cost = run("cost", ENCODER)
    densities = encoder["result"]["densities"].values()
    processes = {ENCODER.name: encoder, **decoders}
    return Report(
        network=name,
        found={circumstance: decoder["result"] for circumstance, decoder in decoders.items()},
        density=sum(densities) / len(densities),
        sizes=encoder["result"]["bytes"],
        cost=cost["result"],
        processes={
            circumstance: {key: value for key, value in process.items() if key != "result"}
            for circumstance, process in processes.items()
        },
    )


def in_process(
    role: str,
    circumstance: Circumstance,
    weights: Path,
    corpus: Path,
    folder: Path,
    integer: Path | None = None,
) -> dict[str, Any]:
    """What a process of its own found; see `hyper_synthesis`.

    Raises:
        CodecError: the process failed.
    """
    result, task = folder / "result.json", folder / "task.json"
    arguments = {
        "role": role,
        "weights": str(weights),
        "corpus": str(corpus),
        "folder": str(folder),
        "result": str(result),
        "integer": "" if integer is None else str(integer),
        "threads": circumstance.threads,
        "channels_last": circumstance.channels_last,
        "device": circumstance.device,
    }
    task.write_text(json.dumps(arguments))
    result.unlink(missing_ok=True)
    variables = {name: value for name, value in os.environ.items() if name not in OLDEST}
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), str(circumstance.threads))
    finished = subprocess.run(
        [sys.executable, "-W", "ignore", str(Path(__file__).with_name("hyper_synthesis.py")), task],
        env={**variables, **threads, **circumstance.variables},
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if finished.returncode or not result.is_file():
        said = finished.stderr.strip().splitlines() or [f"exit status {finished.returncode}"]
        raise CodecError(f"{weights.name}: {role} under {circumstance.name} failed: {said[-1]}")
    outcome: dict[str, Any] = json.loads(result.read_text())
    return outcome


def lines(report: Report) -> Iterator[str]:
    """One network's table: a row for each image, then what they come to."""
    names = list(report.found)
    first = report.found[names[0]]
    latents = sum(report.values(names[0], _SHIPPED, "latents")) // len(first)
    yield f"\n## {report.network}: {len(first)} images of {latents:,} latents in the mean\n"
    yield from _row(f"flipped indices, {' → '.join(report.arithmetics)}", names)
    yield from _row("---", ["---:"] * len(names))
    for image in first:
        yield from _row(
            image,
            [
                " → ".join(
                    str(report.found[name][image][each]["flipped"]) for each in report.arithmetics
                )
                for name in names
            ],
        )

    def all_of(title: str, cell: Any) -> Iterator[str]:
        cells = [" → ".join(str(cell(name, each)) for each in report.arithmetics) for name in names]
        yield from _row(f"**{title}**", cells)

    yield from all_of("flipped indices", lambda *key: sum(report.values(*key, "flipped")))
    yield from all_of(
        "images with one", lambda *key: sum(map(bool, report.values(*key, "flipped")))
    )
    yield from all_of("bitstreams decoded wrongly", lambda *key: sum(report.values(*key, "wrong")))
    yield from all_of(
        "latents whose mean would round otherwise", lambda *key: sum(report.values(*key, "moved"))
    )
    yield from all_of(
        "largest error of a mean", lambda *key: f"{max(report.values(*key, 'mean_error')):.1e}"
    )
    yield from all_of(
        "largest error of an index before rounding",
        lambda *key: f"{max(report.values(*key, 'largest_step_error')):.1e}",
    )
    yield from all_of("flips expected per image", lambda *key: f"{report.expected(*key):.2g}")
    yield from all_of("images until one flips", lambda *key: _images(report.expected(*key)))
    yield ""
    yield from costs(report)
    native = report.processes[ENCODER.name]["instructions"]
    for name, process in report.processes.items():
        if process["threads"] != next(
            (known.threads for known in (*CIRCUMSTANCES, GPU) if known.name == name), 1
        ):
            yield f"{name}: torch took {process['threads']} threads instead"
        if name == "oldest instructions":
            yield f"encoded with torch's {native} kernels; oldest: {process['instructions']}"


def costs(report: Report) -> Iterator[str]:
    """A row for each arithmetic: bytes, and times with those of float32 as one."""
    titles = ("bytes", f"against {_SHIPPED}", "hyper-synthesis, ms", "decode, s")
    yield from _row("arithmetic", [*titles, "decode, times float32", "encode, times float32"])
    yield from _row("---", ["---:"] * 6)
    for name, size in report.sizes.items():
        cost, percent = report.cost[name], 100 * (size / report.sizes[_SHIPPED] - 1)
        ratios = [
            f"{cost[what]['value']:.3f} ({cost[what]['low']:.3f} to {cost[what]['high']:.3f})"
            for what in ("decode", "encode")
        ]
        synthesis, decode = f"{1000 * cost['synthesis']:.2f}", f"{cost['seconds']:.3f}"
        yield from _row(name, [f"{size:,}", f"{percent:+.3f} %", synthesis, decode, *ratios])
    yield ""


def summary(reports: Sequence[Report]) -> Iterator[str]:
    """All networks together: images with a flip, and bitstreams decoded wrongly."""
    names = list(reports[0].found)
    yield "\n## all networks\n"
    arithmetics = max((report.arithmetics for report in reports), key=len)
    yield from _row(f"images with a flipped index, {' → '.join(arithmetics)}", names)
    yield from _row("---", ["---:"] * len(names))
    totals = {name: dict.fromkeys((*arithmetics, "of"), 0) for name in names}
    for report in reports:
        cells = []
        for name in names:
            counts = {
                each: sum(map(bool, report.values(name, each, "flipped")))
                for each in report.arithmetics
            }
            images = len(report.found[name])
            for key, count in {**counts, "of": images}.items():
                totals[name][key] += count
            cells.append(f"{' → '.join(map(str, counts.values()))} of {images}")
        yield from _row(report.network, cells)
    cells = [
        f"{' → '.join(str(total[each]) for each in arithmetics)} of {total['of']}"
        for total in totals.values()
    ]
    yield from _row("**all**", cells)


def _row(title: str, cells: Sequence[str]) -> Iterator[str]:
    yield "| " + " | ".join([title, *cells]) + " |"


def _images(expected: float) -> str:
    return f"{1 / expected:.1e}" if expected else "∞"


def _has_gpu() -> bool:
    import torch

    return bool(torch.cuda.is_available())


if __name__ == "__main__":
    sys.exit(main())
