"""What one of CompressAI's decoders read of its string: too much, too little, or all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any

from pytest_lic.errors import TruncatedBitstreamError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Tables = tuple[Sequence[Sequence[int]], Sequence[int], Sequence[int]]
"""CompressAI's cumulative frequencies, their lengths, and each table's first symbol."""

_PRECISION = 16
_NIBBLE = 4
_LEFT_BYTES = 16
_LEFT_BITS_A_SYMBOL = 1e-3
"""The coder's state takes 8 bytes of a string, and its rounding a few bits of a million symbols."""


@dataclass
class Reading:
    """What one decoder has read of a string of ``length`` bytes, called ``string``.

    At most ``at_once`` symbols are ``pending`` before they are settled. ``written`` are the
    messages that the string may hold, as far as that is known; ``apart`` tells the first symbol
    that is none of theirs.
    """

    string: int
    length: int
    at_once: int
    written: Sequence[Sequence[int]]
    bits: float = 0.0
    count: int = 0
    apart: str = ""
    pending: list[tuple[Sequence[int], Sequence[int], Tables]] = field(default_factory=list)

    @property
    def left(self) -> int:
        """Symbols that may be decoded before the next `settle`."""
        return self.at_once - sum(len(symbols) for symbols, _, _ in self.pending)

    def settle(self, information: Information) -> None:
        """Refuse a string that is shorter than what was decoded from it."""
        for symbols, indexes, tables in _joined(self.pending):
            self.bits += information.bits(symbols, indexes, tables)
            self._compare(symbols)
            self.count += len(symbols)
        self.pending.clear()
        if self.bits > 8 * self.length:
            raise TruncatedBitstreamError(
                f"entropy decoding: {self.length} bytes for symbols that take "
                f"{self.bits / 8:.0f} and more; the string was cut, damaged, or coded with other "
                "tables or indices"
            )

    def out_of_step(self) -> str:
        """How it shows, after `settle`, that the decoder was not in step with the encoder."""
        unread = 8 * (self.length - _LEFT_BYTES) - self.bits - _LEFT_BITS_A_SYMBOL * self.count
        if unread > 0:
            return f"the decoder read {self.bits / 8:,.0f} of {self.length:,} bytes"
        if self.written and all(len(message) != self.count for message in self.written):
            return f"{self.count:,} symbols decoded, {len(self.written[0]):,} encoded"
        return self.apart

    def _compare(self, symbols: Sequence[int]) -> None:
        held = [list(message[self.count : self.count + len(symbols)]) for message in self.written]
        alike = [
            message for message, part in zip(self.written, held, strict=True) if part == symbols
        ]
        if held and not alike and not self.apart:
            pairs = zip(held[0], symbols, strict=False)
            place = next((i for i, pair in enumerate(pairs) if pair[0] != pair[1]), len(held[0]))
            self.apart = (
                f"symbol {self.count + place:,} of {len(self.written[0]):,} is decoded as "
                f"{symbols[place]}"
            )
            self.apart += f", encoded as {held[0][place]}" if place < len(held[0]) else ""
        self.written = alike or self.written


def _joined(
    parts: Sequence[tuple[Sequence[int], Sequence[int], Tables]],
) -> Iterator[tuple[list[int], list[int], Tables]]:
    """Neighbours decoded with the same tables as one part; some networks ask symbol by symbol."""
    for _, group in groupby(parts, key=lambda part: tuple(map(id, part[2]))):
        together = list(group)
        symbols = [symbol for each, _, _ in together for symbol in each]
        indexes = [index for _, each, _ in together for index in each]
        yield symbols, indexes, together[0][2]


class Information:
    """How many bits symbols took of a string, at least; remembers the tables it was last asked of.

    CompressAI passes tables as lists, the same ones for all of a string.
    """

    def __init__(self) -> None:
        self._cdfs: Any = None
        self._starts: NDArray[np.int64]
        self._bits: NDArray[np.float64]

    def bits(self, symbols: Sequence[int], indexes: Sequence[int], tables: Tables) -> float:
        """The information of the symbols, and what escapes take as CompressAI writes them."""
        import numpy as np

        cdfs, sizes, offsets = tables
        if self._cdfs is not cdfs:
            rows = [np.diff(cdf[:size]) for cdf, size in zip(cdfs, sizes, strict=True)]
            self._starts = np.cumsum([0, *map(len, rows)])
            self._bits = _PRECISION - np.log2(np.concatenate(rows))
            self._cdfs = cdfs
        at = np.asarray(indexes)
        escapes = np.diff(self._starts)[at] - 1
        local = np.asarray(symbols, np.int64) - np.asarray(offsets, np.int64)[at]
        escaped = (local < 0) | (local >= escapes)
        bits = self._bits[self._starts[at] + np.where(escaped, escapes, local)].sum()
        beyond = np.where(local < 0, -2 * local - 1, 2 * (local - escapes))[escaped]
        nibbles = -(-np.frexp(beyond.astype(np.float64))[1] // _NIBBLE)
        return float(bits + _NIBBLE * (nibbles + 1).sum())
