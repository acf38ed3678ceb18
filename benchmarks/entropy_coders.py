"""The entropy coders side by side: size, speed, and how much damage each of them notices.

    python benchmarks/entropy_coders.py [--rounds 7] [--damages 200]

Codes drawn latents, of a factorized prior (one Laplace table per channel, scales from low to high)
and of a hyperprior (one of 64 Gaussian tables per latent), as a large image and as a small one at
a low rate. Prints the bytes, what they are over the ideal length under the same integer tables, and
million symbols a second of processor time in one thread, each coder's fastest of several rounds
taken in turn, with the ratio to CompressAI's rANS, called as its networks call it.
Then the share of strings whose damage was noticed, of those that no longer decode to the symbols.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import ClassVar, TypeVar

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
from compressai import ans
from numpy.typing import NDArray
from scipy.stats import laplace, norm, rv_continuous
from tabulate import tabulate

from lic_models.components.entropy_coding.coders import (
    AnsCoder,
    EntropyCoder,
    RangeCoder,
    RansCoder,
)
from lic_models.components.entropy_coding.counts import Integers
from lic_models.components.entropy_coding.tables import FrequencyTables
from pytest_lic.errors import CorruptBitstreamError

Output = TypeVar("Output")

REACH = 1e-5  # of the probability is left to the escape, as much on either side


@dataclass(frozen=True)
class Latents:
    """Drawn symbols, each with its table: int32 (n,) both."""

    name: str
    symbols: Integers
    indices: Integers
    tables: FrequencyTables


@dataclass
class Result:
    """One coder's string, and the fewest seconds it took."""

    string: bytes
    encode: float
    decode: float


class CompressAI:
    """CompressAI's rANS as its entropy models call it."""

    name: ClassVar[str] = "CompressAI"

    def encode(self, symbols: Integers, indices: Integers, tables: FrequencyTables) -> bytes:
        """Without the lists of the tables, which are made once."""
        lists = symbols.tolist(), indices.tolist()
        string: bytes = ans.RansEncoder().encode_with_indexes(*lists, *_lists(tables))
        return string

    def decode(self, string: bytes, indices: Integers, tables: FrequencyTables) -> Integers:
        """Reads past the end of a damaged string, so it is given none."""
        decode = ans.RansDecoder().decode_with_indexes
        return np.array(decode(string, indices.tolist(), *_lists(tables)), np.int32)


@cache
def _lists(tables: FrequencyTables) -> tuple[list[list[int]], list[int], list[int]]:
    """Cumulative frequencies, how many each table has, and the symbol of its first entry."""
    cdfs = [[0, *np.cumsum(tables.row(table)).tolist()] for table in range(tables.count)]
    return cdfs, [len(cdf) for cdf in cdfs], tables.offsets.tolist()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=7, help="of which the fastest counts")
    parser.add_argument("--damages", type=int, default=200, help="of each kind; 0 leaves them out")
    options = parser.parse_args()
    draw = np.random.default_rng(0)
    cases = [
        factorized("factorized, 192 × 32 × 48", 192, 32 * 48, (0.1, 20.0), draw),
        factorized("factorized, 48 × 16 × 16, low rate", 48, 16 * 16, (0.05, 0.5), draw),
        hyperprior("hyperprior, 192 × 32 × 48", 192 * 32 * 48, 0.08, draw),
        hyperprior("hyperprior, 48 × 16 × 16, low rate", 48 * 16 * 16, 0.25, draw),
    ]
    coders: list[EntropyCoder] = [CompressAI(), RansCoder(), RangeCoder(), AnsCoder()]
    for case in cases:
        show_speed(case, coders, options.rounds)
    if options.damages:
        show_damage(cases[3], coders[1:], options.damages, draw)


def tables_of(kind: rv_continuous, scales: NDArray[np.float64]) -> FrequencyTables:
    masses, offsets = [], []
    for scale in scales:
        last = max(1, int(np.ceil(-kind.ppf(REACH / 2) * scale)))
        symbols = np.arange(-last, last + 1)
        masses.append(kind.cdf((symbols + 0.5) / scale) - kind.cdf((symbols - 0.5) / scale))
        offsets.append(-last)
    return FrequencyTables.from_masses(masses, offsets)


def factorized(
    name: str,
    channels: int,
    positions: int,
    scales: tuple[float, float],
    draw: np.random.Generator,
) -> Latents:
    widths = np.geomspace(*scales, channels)
    indices = np.repeat(np.arange(channels, dtype=np.int32), positions)
    symbols = np.rint(draw.laplace(size=indices.size) * widths[indices]).astype(np.int32)
    return Latents(name, symbols, indices, tables_of(laplace, widths))


def hyperprior(name: str, count: int, fall: float, draw: np.random.Generator) -> Latents:
    """Small scales are frequent and large ones rare, the more so the steeper the ``fall``."""
    widths = np.geomspace(0.11, 64.0, 64)
    indices = np.minimum(draw.geometric(fall, count) - 1, 63).astype(np.int32)
    symbols = np.rint(draw.normal(size=count) * widths[indices]).astype(np.int32)
    return Latents(name, symbols, indices, tables_of(norm, widths))


def show_speed(case: Latents, coders: list[EntropyCoder], rounds: int) -> None:
    results = measure(case, coders, rounds)
    count, ideal = case.symbols.size, case.tables.ideal_bits(case.symbols, case.indices) / 8
    print(f"\n{case.name}: {count:,} symbols, ideally {ideal:,.1f} bytes")
    theirs = results[coders[0].name]
    rows = [
        (
            name,
            f"{len(each.string):,}",
            f"{100 * (len(each.string) / ideal - 1):+.3f} %",
            f"{count / each.encode / 1e6:.1f}",
            f"{theirs.encode / each.encode:.2f}",
            f"{count / each.decode / 1e6:.1f}",
            f"{theirs.decode / each.decode:.2f}",
        )
        for name, each in results.items()
    ]
    show(("", "bytes", "over ideal", "encode M/s", "ratio", "decode M/s", "ratio"), rows)


def show(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    right = ("right",) * (len(columns) - 1)
    print(tabulate(rows, columns, "plain", colalign=("left", *right), disable_numparse=True))


def measure(case: Latents, coders: list[EntropyCoder], rounds: int) -> dict[str, Result]:
    """Round by round, every coder in turn, so that a slow moment of the machine meets them all."""
    results: dict[str, Result] = {}
    for _ in range(rounds + 1):  # the first makes the models
        for coder in coders:
            string, encode = timed(coder.encode, case.symbols, case.indices, case.tables)
            symbols, decode = timed(coder.decode, string, case.indices, case.tables)
            if not np.array_equal(symbols, case.symbols):
                raise SystemExit(f"{coder.name} did not decode what it coded: {case.name}")
            best = results.setdefault(coder.name, Result(string, encode, decode))
            best.encode, best.decode = min(best.encode, encode), min(best.decode, decode)
    return results


def timed(work: Callable[..., Output], *given: object) -> tuple[Output, float]:
    start = time.process_time()
    output = work(*given)
    return output, time.process_time() - start


def show_damage(
    case: Latents, coders: list[EntropyCoder], times: int, draw: np.random.Generator
) -> None:
    kinds: dict[str, Callable[[bytes], bytes]] = {
        "a bit flipped": lambda string: flipped(string, draw),
        "the end cut off": lambda string: string[: -draw.integers(1, min(40, len(string)))],
        "bytes appended": lambda string: string + draw.bytes(draw.integers(1, 5)),
        "one index wrong": lambda string: string,
    }
    print(f"\n{case.name}: share of {times} damages that is noticed")
    rows = []
    for coder in coders:
        string = coder.encode(case.symbols, case.indices, case.tables)
        shares = []
        for kind, damage in kinds.items():
            noticed = harmless = 0
            for _ in range(times):
                indices = case.indices
                if kind == "one index wrong":
                    indices = indices.copy()
                    indices[draw.integers(len(indices))] ^= 1
                try:
                    found = coder.decode(damage(string), indices, case.tables)
                    harmless += np.array_equal(found, case.symbols)
                except CorruptBitstreamError:
                    noticed += 1
            shares.append(f"{100 * noticed / max(1, times - harmless):.1f} %")
        rows.append((coder.name, *shares))
    show(("", *kinds), rows)


def flipped(string: bytes, draw: np.random.Generator) -> bytes:
    bit = int(draw.integers(8 * len(string)))
    return (int.from_bytes(string, "little") ^ 1 << bit).to_bytes(len(string), "little")


if __name__ == "__main__":
    main()
