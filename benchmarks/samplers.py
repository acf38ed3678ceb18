"""The samplers of relative-entropy coding side by side: bytes, draws beside exact ones, time.

    python benchmarks/samplers.py [--bits 0.1 1 4 10 20] [--dimensions 1 100 10000]

Posteriors are as a trained model has them: of scale 2**-bits of the prior's, about means that the
prior expects, so that the divergence is that many bits a dimension on average. Each row codes some
times with seeds of their own, until there are ``--draws`` of them or ``--repeats`` strings; every
string is decoded, and must give the draw.

Beside each sampler: the divergence and the strings, in bytes a string, and how many bits a
dimension these are over that; how far draws are off the posterior's mean, away from the prior's,
with its standard error, and their variance, both in units of the posterior's; p of Kolmogorov's and
Smirnov's test that they are draws of it; seconds of processor time in one thread to encode and to
decode a string.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
from scipy.stats import kstest
from tabulate import tabulate

from lic_models.components.relative_entropy_coding import (
    Gaussians,
    GreedySampler,
    ImportanceSampler,
    PoissonSampler,
    RejectionSampler,
    Sampler,
)
from lic_models.components.relative_entropy_coding.gaussians import Targets
from lic_models.components.relative_entropy_coding.normals import Floats

KINDS: tuple[Callable[[int], Sampler], ...] = (
    RejectionSampler,
    GreedySampler,
    ImportanceSampler,
    PoissonSampler,
)
COLUMNS = (
    "",
    "bits",
    "dimensions",
    "KL bytes",
    "bytes",
    "bits over",
    "bias",
    "variance",
    "KS p",
    "encode s",
    "decode s",
)


@dataclass(frozen=True)
class Result:
    """What the strings of one sampler took together.

    Attributes:
        divergence: in bytes.
        size: in bytes.
        deviations: of each draw from the posterior's mean, in its scales, away from the prior's.
        encode: seconds.
        decode: seconds.
    """

    divergence: float
    size: int
    deviations: Floats
    encode: float
    decode: float


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bits", type=float, nargs="+", default=[0.1, 1, 4, 10, 20])
    parser.add_argument("--dimensions", type=int, nargs="+", default=[1, 100, 10_000])
    parser.add_argument("--draws", type=int, default=10_000, help="of each row")
    parser.add_argument("--repeats", type=int, default=50, help="strings of each row, at most")
    options = parser.parse_args()
    for dimensions in options.dimensions:
        repeats = min(options.repeats, max(1, options.draws // dimensions))
        rows = [row(kind, bits, dimensions, repeats) for bits in options.bits for kind in KINDS]
        right = ("right",) * (len(COLUMNS) - 1)
        print(f"\n{repeats} strings of {dimensions:,} dimensions each")
        print(tabulate(rows, COLUMNS, "plain", colalign=("left", *right), disable_numparse=True))


def pair(bits: float, dimensions: int, seed: int) -> tuple[Gaussians, Gaussians]:
    draw = np.random.default_rng([seed, dimensions])
    scale = 2.0**-bits
    means = draw.normal(size=dimensions) * np.sqrt(1 - scale**2)
    posterior = Gaussians(means, np.full(dimensions, scale))
    return posterior, Gaussians(np.zeros(dimensions), np.ones(dimensions))


def measure(kind: Callable[[int], Sampler], bits: float, dimensions: int, repeats: int) -> Result:
    divergence, size, encode, decode = 0.0, 0, 0.0, 0.0
    deviations = []
    kind(0).encode(*pair(bits, 1, 0))  # makes the tables
    for seed in range(repeats):
        posterior, prior = pair(bits, dimensions, seed)
        sampler, start = kind(seed), time.process_time()
        string, drawn = sampler.encode(posterior, prior)
        middle = time.process_time()
        decoded = kind(seed).decode(string, prior)
        decode += time.process_time() - middle
        encode += middle - start
        if not np.array_equal(decoded, drawn):
            raise SystemExit(f"{sampler.name} did not decode what it coded: {bits} bits, {seed}")
        divergence += float(Targets.of(posterior, prior).bits.sum()) / 8
        size += len(string)
        off = (drawn - posterior.means) / posterior.scales
        deviations.append(off * np.sign(posterior.means))
    return Result(divergence, size, np.concatenate(deviations), encode, decode)


def row(
    kind: Callable[[int], Sampler], bits: float, dimensions: int, repeats: int
) -> Sequence[str]:
    result = measure(kind, bits, dimensions, repeats)
    off = result.deviations
    return (
        kind(0).name,
        f"{bits:g}",
        f"{dimensions:,}",
        f"{result.divergence / repeats:,.1f}",
        f"{result.size / repeats:,.1f}",
        f"{8 * (result.size - result.divergence) / off.size:+.2f}",
        f"{off.mean():+.3f} ± {off.std() / np.sqrt(off.size):.3f}",
        f"{off.var():.3f}",
        f"{kstest(off, 'norm').pvalue:.1g}",
        f"{result.encode / repeats:.4f}",
        f"{result.decode / repeats:.4f}",
    )


if __name__ == "__main__":
    main()
