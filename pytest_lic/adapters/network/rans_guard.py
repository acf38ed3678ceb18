"""Guards CompressAI's entropy decoder against reading past the end of a string.

It gets each string with more zeros behind it than it gets through, and a string that is too short
for its symbols is refused: docs/explanations/entropy-decoder.md says how many zeros, and why.
"""

from __future__ import annotations

import re
import struct
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from pytest_lic.errors import CodecError, CorruptBitstreamError, TruncatedBitstreamError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BYTES_A_SYMBOL = 16
BYTES_A_RUN = 16  # for each byte of the longest run of FF
_MARGIN = 4096
_LEAST_STATE = 1 << 31
_PRECISION = 16
_NIBBLE = 4

Tables = tuple[Sequence[Sequence[int]], Sequence[int], Sequence[int]]
"""CompressAI's cumulative frequencies, their lengths, and each table's first symbol."""


@dataclass
class _Reading:
    """What one decoder has read of a string of ``length`` bytes.

    ``left`` symbols may be decoded before the ``pending`` ones are settled.
    """

    length: int
    at_once: int
    bits: float = 0.0
    pending: list[tuple[Sequence[int], Sequence[int], Tables]] = field(default_factory=list)

    @property
    def left(self) -> int:
        return self.at_once - sum(len(symbols) for symbols, _, _ in self.pending)

    def settle(self, information: _Information) -> None:
        """Refuse a string that is shorter than what was decoded from it."""
        self.bits += sum(information.bits(*part) for part in self.pending)
        self.pending.clear()
        if self.bits > 8 * self.length:
            raise TruncatedBitstreamError(
                f"entropy decoding: {self.length} bytes for symbols that take "
                f"{self.bits / 8:.0f} and more; the string was cut, damaged, or coded with other "
                "tables or indices"
            )


class RansGuard:
    """Stands before CompressAI's decoder, for every use of it in this process.

    Args:
        decoder: ``compressai.ans.RansDecoder``.
        at_once: symbols decoded before what they took is added up, where their number is known
            beforehand.
        at_once_of_stream: and where it is not, after ``set_stream``.
    """

    def __init__(self, decoder: Any, at_once: int = 2**20, at_once_of_stream: int = 2**16) -> None:
        self._new = decoder
        self._set = decoder.set_stream
        self._decode = decoder.decode_stream
        self._at_once = at_once
        self._at_once_of_stream = at_once_of_stream
        self._readings: WeakKeyDictionary[Any, _Reading] = WeakKeyDictionary()
        self._information = _Information()

    def install(self) -> None:
        """Put the guarded methods in the place of the library's."""
        self._new.set_stream = lambda decoder, encoded: self.set_stream(decoder, encoded)
        self._new.decode_stream = lambda decoder, *rest: self.decode_stream(decoder, *rest)
        self._new.decode_with_indexes = lambda decoder, *rest: self.decode_with_indexes(*rest)

    def set_stream(self, decoder: Any, encoded: bytes) -> None:
        """As the library's.

        Raises:
            CorruptBitstreamError: a string that CompressAI's encoder can't have written.
        """
        self._set(decoder, guarded(encoded, self._at_once_of_stream))
        self._readings[decoder] = _Reading(len(encoded), self._at_once_of_stream)

    def decode_stream(self, decoder: Any, indexes: Sequence[int], *tables: *Tables) -> list[int]:
        """As the library's.

        Raises:
            CodecError: there was no ``set_stream``, or an index of no table.
            TruncatedBitstreamError: a string too short for what was decoded.
        """
        if decoder not in self._readings:
            raise CodecError("entropy decoding: decode_stream without set_stream before it")
        return self._decoded(decoder, self._readings[decoder], indexes, tables)

    def decode_with_indexes(
        self, encoded: bytes, indexes: Sequence[int], *tables: *Tables
    ) -> list[int]:
        """As the library's; raises what `set_stream` and `decode_stream` raise."""
        decoder = self._new()
        self._set(decoder, guarded(encoded, min(len(indexes), self._at_once)))
        reading = _Reading(len(encoded), self._at_once)
        return self._decoded(decoder, reading, indexes, tables)

    def _decoded(
        self, decoder: Any, reading: _Reading, indexes: Sequence[int], tables: Tables
    ) -> list[int]:
        """The next symbols, in parts of which each has its zeros behind the string."""
        used = set(indexes)
        if used and not 0 <= min(used) <= max(used) < len(tables[0]):
            raise CodecError(
                f"entropy decoding: table indices run from {min(used)} to {max(used)}; there are "
                f"tables 0 to {len(tables[0]) - 1}"
            )
        decoded: list[int] = []
        while len(decoded) < len(indexes):
            if not reading.left:
                reading.settle(self._information)
            rest = indexes[len(decoded) :] if decoded else indexes
            part = rest[: reading.left] if len(rest) > reading.left else rest
            symbols = self._decode(decoder, part, *tables)
            reading.pending.append((symbols, part, tables))
            decoded = decoded + symbols if decoded else symbols
        return decoded


def guarded(encoded: bytes, symbols: int) -> bytes:
    """The string with as many zeros behind it as decoding so many symbols can't get through.

    Raises:
        CorruptBitstreamError: a string that CompressAI's encoder can't have written.
    """
    if len(encoded) < 8 or len(encoded) % 4:
        raise CorruptBitstreamError(
            f"entropy decoding: a string of {len(encoded)} bytes; expected a multiple of 4, and "
            "at least 8"
        )
    # As the library reads it: words as they lie in memory.
    low, high = struct.unpack("=II", encoded[:8])
    if not _LEAST_STATE <= (high << 32 | low) < _LEAST_STATE << 32:
        raise CorruptBitstreamError(
            "entropy decoding: the string begins with a state that the coder is never in"
        )
    run = max(map(len, re.findall(rb"\xff+", encoded)), default=0)
    guard = len(encoded) + BYTES_A_SYMBOL * symbols + BYTES_A_RUN * run + _MARGIN
    return encoded.ljust(len(encoded) + guard, b"\0")


class _Information:
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


def guard_rans() -> None:
    """From now on CompressAI's decoder reads past no string, whoever uses it in this process.

    Without effect before CompressAI was imported.
    """
    library = sys.modules.get("compressai.ans")
    if library is not None:
        _guard(library.RansDecoder)


@cache
def _guard(decoder: Any) -> None:
    RansGuard(decoder).install()
