"""Guards CompressAI's entropy decoder against reading past the end of a string, or falling short.

It gets each string with more zeros behind it than it gets through, and a string that is too short
for its symbols is refused: docs/explanations/entropy-decoder.md says how many zeros, and why. So is
one that was not read to its end, or gave other symbols than `rans_written` saw going in.
"""

from __future__ import annotations

import re
import struct
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

from pytest_lic.adapters.network.rans_reading import Information, Reading, Tables
from pytest_lic.adapters.network.rans_written import Written
from pytest_lic.errors import CodecError, CorruptBitstreamError

BYTES_A_SYMBOL = 16
BYTES_A_RUN = 16  # for each byte of the longest run of FF
_MARGIN = 4096
_LEAST_STATE = 1 << 31
_JUDGED = 2**16  # strings


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
        self._readings: WeakKeyDictionary[Any, Reading] = WeakKeyDictionary()
        self._information = Information()
        self._watched: ContextVar[tuple[list[Reading], Collection[bytes], set[int]] | None]
        self._watched = ContextVar("watched", default=None)
        self.written = Written()

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
        self._readings[decoder] = self._reading(encoded, self._at_once_of_stream)

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
        return self._decoded(decoder, self._reading(encoded, self._at_once), indexes, tables)

    @contextmanager
    def in_step(self, strings: Collection[bytes], judged: set[int]) -> Iterator[None]:
        """Every string that is decoded in this block must be read to its end, and hold what was
        encoded into it where that was seen.

        Args:
            strings: those of the bitstream. Others are looked at only where they were seen being
                written: some codecs append to a string before they decode it.
            judged: strings that the same decoder has read well are not looked at again, for when
                times are taken it reads the same over and over. They are added here.

        Raises:
            CorruptBitstreamError: a decoder out of step with its encoder.
        """
        readings: list[Reading] = []
        token = self._watched.set((readings, strings, judged))
        try:
            yield
        finally:
            self._watched.reset(token)
        found: dict[int, str] = {}
        for reading in readings:
            reading.settle(self._information)
            # A string that is read twice may be left in the middle once.
            if found.get(reading.string, " "):
                found[reading.string] = reading.out_of_step()
        for text in filter(None, found.values()):
            raise CorruptBitstreamError(
                f"out of step: {text}; encoder and decoder do not agree on tables, indices or "
                "shape, or the string was damaged"
            )
        if len(judged) > _JUDGED:
            judged.clear()
        judged.update(found)

    def _reading(self, encoded: bytes, at_once: int) -> Reading:
        readings, strings, judged = self._watched.get() or ([], (), set())
        reading = Reading(hash(encoded), len(encoded), at_once, ())
        if reading.string not in judged:
            reading.written = self.written.into(encoded)
            if reading.written or encoded in strings:
                readings.append(reading)
        return reading

    def _decoded(
        self, decoder: Any, reading: Reading, indexes: Sequence[int], tables: Tables
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


def guard_rans() -> RansGuard | None:
    """From now on CompressAI's decoder reads past no string, whoever uses it in this process.

    None, without effect, before CompressAI was imported.
    """
    library = sys.modules.get("compressai.ans")
    return None if library is None else _guard(library)


@contextmanager
def in_step(strings: Collection[bytes], judged: set[int]) -> Iterator[None]:
    """`RansGuard.in_step`, where CompressAI is in use."""
    guard = guard_rans()
    with nullcontext() if guard is None else guard.in_step(strings, judged):
        yield


@cache
def _guard(library: Any) -> RansGuard:
    guard = RansGuard(library.RansDecoder)
    guard.install()
    guard.written.watch(library.RansEncoder, library.BufferedRansEncoder)
    return guard
