"""What it costs to keep CompressAI's entropy decoder within its string, and how far it could get.

    python benchmarks/rans_guard.py [--symbols 294912] [--rounds 15]

Times the decoding of one string, by default of as many Gaussian symbols as a photograph of Kodak
has latents at M = 192, five ways, of which each keeps the process safe but the first:

    library     CompressAI's decoder, which reads on behind the string
    guard       `pytest_lic.adapters.network.rans_guard`: 16 zero bytes a symbol behind it
    132 bytes   as many as the longest escape there can be takes, for each symbol
    process     the library's decoder in a process of its own, that may crash
    Python      a decoder that knows where its string ends

Then a decoder in Python reads nothing but zeros, from random states, with tables of many shapes,
chosen at random or as the one that takes the most. Prints the most bytes a symbol took.
"""

from __future__ import annotations

import argparse
import bisect
import multiprocessing
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from compressai import ans
from compressai.entropy_models import GaussianConditional
from compressai.models.google import get_scale_table

from pytest_lic.adapters.network.rans_guard import RansGuard

LONGEST_ESCAPE = 132  # bytes: 16 bits, then 15 nibbles of 15, another, and as many as they ask for
WORD = 1 << 32
LEAST = 1 << 31


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--symbols", type=int, default=192 * 32 * 48, metavar="N")
    parser.add_argument("--rounds", type=int, default=15, metavar="N")
    options = parser.parse_args()
    string, symbols, indexes, tables = message(options.symbols)
    library = ans.RansDecoder.decode_with_indexes
    guard = RansGuard(ans.RansDecoder)

    def padded() -> list[int]:
        longer = string.ljust(len(string) + LONGEST_ESCAPE * len(indexes), b"\0")
        found: list[int] = library(ans.RansDecoder(), longer, indexes, *tables)
        return found

    with multiprocessing.get_context("spawn").Pool(1) as pool:
        ways: dict[str, Callable[[], list[int]]] = {
            "library": lambda: library(ans.RansDecoder(), string, indexes, *tables),
            "guard": lambda: guard.decode_with_indexes(string, indexes, *tables),
            "132 bytes": padded,
            "process": lambda: pool.apply(in_process, (string, indexes, *tables)),
            "Python": lambda: Reference(string).decode(indexes, *tables),
        }
        print(f"{len(symbols):,} symbols, {len(string):,} bytes; fastest of {options.rounds}")
        first = None
        for name, way in ways.items():
            if way() != symbols:
                print(f"rans_guard: {name} decoded something else", file=sys.stderr)
                return 1
            seconds = min(timed(way) for _ in range(options.rounds))
            first = first or seconds
            print(f"  {name:10} {1000 * seconds:7.1f} ms  {seconds / first:6.2f} of the library's")
    print("the most bytes that a symbol took of zeros behind a string:")
    for name, tables_ in hostile_tables().items():
        at_random = max(appetite(tables_, seed, greedy=False) for seed in range(100))
        greedy = max(appetite(tables_, seed, greedy=True) for seed in range(10))
        print(f"  {name:30} at random {at_random:5.2f}, choosing tables {greedy:5.2f}")
    return 0


def message(count: int) -> tuple[bytes, list[int], list[int], tuple[Any, Any, Any]]:
    """Gaussian symbols of many scales as CompressAI codes them."""
    conditional = GaussianConditional(None)
    conditional.update_scale_table(get_scale_table())
    tables = (
        conditional._quantized_cdf.tolist(),
        conditional._cdf_length.reshape(-1).int().tolist(),
        conditional._offset.reshape(-1).int().tolist(),
    )
    numbers = np.random.default_rng(0)
    indexes = np.minimum(numbers.exponential(8, count).astype(int), 63)
    scales = get_scale_table().numpy()[indexes]
    symbols = np.round(numbers.normal(size=count) * scales).astype(int).tolist()
    string = ans.RansEncoder().encode_with_indexes(symbols, indexes.tolist(), *tables)
    return string, symbols, indexes.tolist(), tables


def in_process(string: bytes, indexes: list[int], *tables: Any) -> list[int]:
    """The work of the other process."""
    found: list[int] = ans.RansDecoder().decode_with_indexes(string, indexes, *tables)
    return found


def timed(way: Callable[[], object]) -> float:
    start = time.perf_counter()
    way()
    return time.perf_counter() - start


class Reference:
    """CompressAI's decoder in Python: reads words from a string, then zeros, and counts them."""

    def __init__(self, string: bytes, state: int | None = None) -> None:
        self.words: Iterator[int] = iter(np.frombuffer(string, np.uint32).tolist())
        self.read = 0
        self.state = self._word() | self._word() << 32 if state is None else state

    def _word(self) -> int:
        self.read += 1
        return next(self.words, 0)

    def _filled(self, state: int) -> None:
        self.state = state if state >= LEAST else state * WORD | self._word()

    def _nibble(self) -> int:
        nibble = self.state & 15
        self._filled(self.state >> 4)
        return nibble

    def entry(self, cdf: Sequence[int], size: int) -> tuple[int, int]:
        """The next symbol's place in its table, and an escape's value."""
        low = self.state & 0xFFFF
        place = bisect.bisect_right(cdf, low, 0, size) - 1
        self._filled((cdf[place + 1] - cdf[place]) * (self.state >> 16) + low - cdf[place])
        if place < size - 2:
            return place, 0
        nibble = count = self._nibble()
        while nibble == 15:
            nibble = self._nibble()
            count += nibble
        return place, sum(self._nibble() << 4 * at for at in range(count))

    def decode(self, indexes: list[int], cdfs: Any, sizes: Any, offsets: Any) -> list[int]:
        """The symbols, as the library gives them."""
        symbols = []
        for index in indexes:
            place, value = self.entry(cdfs[index], sizes[index])
            if place == sizes[index] - 2:
                place = -(value >> 1) - 1 if value & 1 else (value >> 1) + place
            symbols.append(place + offsets[index])
        return symbols


def hostile_tables() -> dict[str, list[list[int]]]:
    """Kinds of tables, each with its escape last."""
    numbers = random.Random(0)

    def table(symbols: int, escape: int) -> list[int]:
        inner = numbers.sample(range(1, (1 << 16) - escape), symbols - 1)
        return [0, *sorted(inner), (1 << 16) - escape, 1 << 16]

    return {
        "an escape in every second place": [[0, 1 << 15, 1 << 16]],
        "next to nothing but escapes": [[0, 1, 1 << 16]],
        "escapes of any frequency": [table(5, numbers.randrange(1, 60_000)) for _ in range(64)],
        "escapes that hardly ever come": [table(60, 1) for _ in range(64)],
    }


def appetite(tables: list[list[int]], seed: int, *, greedy: bool, count: int = 2000) -> float:
    """Bytes a symbol, in the mean of ``count`` from a random state."""
    numbers = random.Random(seed)
    decoder = Reference(b"", numbers.randrange(LEAST, LEAST * WORD))
    for _ in range(count):
        if not greedy:
            cdf = numbers.choice(tables)
            decoder.entry(cdf, len(cdf))
            continue
        state, read = decoder.state, decoder.read
        ends = []
        for cdf in tables:
            decoder.state, decoder.read = state, read
            decoder.entry(cdf, len(cdf))
            ends.append((decoder.read, decoder.state))
        decoder.read, decoder.state = max(ends)
    return 4 * decoder.read / count


if __name__ == "__main__":
    sys.exit(main())
