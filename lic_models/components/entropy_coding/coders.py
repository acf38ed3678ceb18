"""Entropy coders: symbols and the tables that code them ─► a string of bytes, and back.

    symbols, indices ─► runs, one per table in use ─► [ library's coder ] ─► string
                        (then what the escaped symbols are)

`AnsCoder` is the one to choose: the fastest, and it notices nearly every string that is not the
code of what it decodes to, be it damaged, or decoded with other indices than it was coded with.
`RangeCoder` is about 3 bytes a string shorter and notices little. `RansCoder` is CompressAI's, to
compare with. All three code the same runs, with a table's frequencies as they stand.

A string does not tell how many symbols it holds: ``indices`` do, and no symbols are no bytes.
One string may hold several passes, each decoded before the indices of the next are known. With
`AnsCoder` the first bytes of such a string are enough for the first passes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Generic, NamedTuple, Protocol, TypeVar
from weakref import WeakKeyDictionary

import numpy as np
from constriction import stream
from numpy.typing import NDArray

from lic_models.components.entropy_coding.counts import TOTAL, Integers
from lic_models.components.entropy_coding.runs import (
    ESCAPE_TABLES,
    Read,
    TableRun,
    from_runs,
    to_runs,
)
from lic_models.components.entropy_coding.tables import FrequencyTables
from pytest_lic.errors import CorruptBitstreamError, TruncatedBitstreamError, UsageError
from pytest_lic.system.import_warnings import scripting_unwarned

Model = TypeVar("Model")
Pass = tuple[Integers, Integers, FrequencyTables]
"""Symbols, int32 (n,), each one's table, int32 (n,), and the tables."""

# Where the stack begins, and must end.
_STACK_BOTTOM = 0x00B5A7E3
# The least state of CompressAI's coder, where it begins, in 8 bytes.
_RANS_LEAST = 1 << 31
# What is behind a string when it is decoded, and what is read of it: 16 entries of 5 bits.
_RANS_MARK = bytes(range(1, 33))
_RANS_PROBE = (ESCAPE_TABLES, 0, 16)
# CompressAI's coder has a word of buffer for each symbol, which is too little for fewer than four.
# These next to certain symbols take no space, only room in that buffer.
_FILLING = TableRun(
    FrequencyTables(np.array([TOTAL - 1, 1], np.int32), np.array([0, 2]), np.zeros(1, np.int32)),
    0,
    np.zeros(8, np.int32),
)


class EntropyCoder(Protocol):
    """Codes int32 symbols, each with the table that its index names."""

    name: ClassVar[str]

    def encode(self, symbols: Integers, indices: Integers, tables: FrequencyTables) -> bytes:
        """The string of ``symbols`` (n,), the same on every machine.

        Args:
            symbols: int32 (n,), any values; those outside their table cost more.
            indices: int32 (n,), each symbol's table.
            tables: which both sides must have alike.

        Raises:
            CodecError: arrays of another type or shape, or an index of no table.
        """
        ...

    def decode(self, string: bytes, indices: Integers, tables: FrequencyTables) -> Integers:
        """The symbols, int32 (n,), that `encode` got with the same indices and tables.

        Raises:
            CorruptBitstreamError: where the coder notices that the string is no such code. Where
                it does not, the symbols are int32 but wrong.
            CodecError: indices of another type or shape, or of no table.
        """
        ...

    def encode_passes(self, passes: Iterable[Pass]) -> bytes:
        """One string of all passes, its bytes in the order in which they are read.

        Raises:
            CodecError: as `encode`.
        """
        ...

    def reader(self, string: bytes, count: int, length: int | None = None) -> PassReader:
        """Decodes the passes of a string, one after the other.

        Args:
            string: what `encode_passes` gave, or the first bytes of it.
            count: how many symbols all passes have together.
            length: of the whole string, where only the first bytes are given.

        Raises:
            UsageError: a part of a string, of which this coder can read nothing.
        """
        ...


class PassReader(Protocol):
    """Decodes a string pass by pass."""

    @property
    def used(self) -> int:
        """How many of the string's first bytes are enough for the passes read so far."""
        ...

    def read(self, indices: Integers, tables: FrequencyTables) -> Integers:
        """The symbols of the next pass; raises as `EntropyCoder.decode`.

        Raises:
            TruncatedBitstreamError: the first bytes of a string, which end within this pass.
        """
        ...

    def close(self) -> None:
        """All passes are read.

        Raises:
            CorruptBitstreamError: where the coder notices that the string is not their code.
        """
        ...


class RunCoder(EntropyCoder, ABC, Generic[Model]):
    """What the coders share: checks, runs, and each table's model, made once."""

    name: ClassVar[str]
    _direction: ClassVar[int] = 1

    def __init__(self) -> None:
        self._models: WeakKeyDictionary[FrequencyTables, dict[int, Model]] = WeakKeyDictionary()

    def __reduce__(self) -> tuple[type[RunCoder[Model]], tuple[()]]:
        # Copies and pickles leave the models behind: they are made again when needed.
        return type(self), ()

    def encode(self, symbols: Integers, indices: Integers, tables: FrequencyTables) -> bytes:
        """The string of ``symbols``; see `EntropyCoder`."""
        return self._coded([(symbols, indices, tables)])

    def decode(self, string: bytes, indices: Integers, tables: FrequencyTables) -> Integers:
        """The symbols of ``string``; see `EntropyCoder`."""
        reader = _RunReader(self, bytes(string), indices.size)
        symbols = reader.read(indices, tables)
        reader.close()
        return symbols

    def encode_passes(self, passes: Iterable[Pass]) -> bytes:
        """One string of all passes; see `EntropyCoder`."""
        return self._coded(passes)[:: self._direction]

    def reader(self, string: bytes, count: int, length: int | None = None) -> PassReader:
        """Decodes pass by pass; see `EntropyCoder`."""
        missing = 0 if length is None else max(0, length - len(string))
        if missing and self._direction > 0:
            raise UsageError(
                f"the first bytes of a string of the {self.name} coder tell nothing of its passes; "
                "decode it whole, or train and export the codec with AnsCoder"
            )
        return _RunReader(self, bytes(string)[:: self._direction], count, missing)

    def _coded(self, passes: Iterable[Pass]) -> bytes:
        runs: list[TableRun] = []
        for symbols, indices, tables in passes:
            tables.check(indices, symbols)
            if symbols.size:
                runs += to_runs(symbols, indices, tables)
        return self._write(runs) if runs else b""

    def model(self, tables: FrequencyTables, table: int) -> Model:
        """A table as the library takes it, kept for as long as ``tables`` live."""
        models = self._models.setdefault(tables, {})
        if table not in models:
            models[table] = self._made(tables.row(table))
        return models[table]

    @abstractmethod
    def _made(self, frequencies: Integers) -> Model: ...

    @abstractmethod
    def _write(self, runs: list[TableRun]) -> bytes: ...

    @abstractmethod
    def _open(self, string: bytes, count: int, missing: int) -> _Opened:
        """Begin to read a string, or what is there of one without ``missing`` bytes.

        Raises:
            CorruptBitstreamError: no string of this coder.
        """


class _Opened(NamedTuple):
    """A string that is read.

    Attributes:
        read: its next symbols.
        ends_with: whether it ends with the passes that were read.
        left: how many of its bytes no pass has needed so far; None where more were needed than
            are there.
    """

    read: Read
    ends_with: Callable[[list[Pass]], bool]
    left: Callable[[], int | None] = lambda: 0


class _RunReader:
    def __init__(self, coder: RunCoder[Any], string: bytes, count: int, missing: int = 0) -> None:
        self._string, self._length = string, len(string) + missing
        self._opened = coder._open(string, count, missing) if count else None
        self._passes: list[Pass] = []

    @property
    def used(self) -> int:
        left = 0 if self._opened is None else self._opened.left()
        return self._length - (left or 0)

    def read(self, indices: Integers, tables: FrequencyTables) -> Integers:
        tables.check(indices)
        if not indices.size:
            return np.empty(0, np.int32)
        assert self._opened is not None
        try:
            symbols = from_runs(self._opened.read, indices, tables)
        except CorruptBitstreamError:
            if self._opened.left() is not None:
                raise
        if self._opened.left() is None:
            raise TruncatedBitstreamError(
                f"string of {self._length} bytes, of which {len(self._string)} are there: they end "
                f"within pass {len(self._passes) + 1}; decode fewer passes, or get more of it"
            )
        self._passes.append((symbols, indices, tables))
        return symbols

    def close(self) -> None:
        if not self._passes:
            if self._string:
                raise corrupt(f"{len(self._string)} bytes where no symbols are due")
        elif self._opened is None or not self._opened.ends_with(self._passes):
            raise corrupt("does not end where its symbols do")


def _categorical(frequencies: Integers) -> stream.model.Categorical:
    # perfect=False scales cumulative frequencies up to 2**24 and rounds down. Sums, scale and
    # products are whole numbers times powers of 2 below 2**53, so that float64 holds them exactly
    # and every machine has the same model; perfect=True compares logarithms instead.
    return stream.model.Categorical(frequencies.astype(np.float64), lazy=False, perfect=False)


class AnsCoder(RunCoder[stream.model.Categorical]):
    """constriction's asymmetric numeral system, a stack: coded from the last symbol to the first.

    Duda, "Asymmetric numeral systems", 2013, https://arxiv.org/abs/1311.2540.

    Its state begins at a fixed number of 24 bits. That costs next to nothing, since the first
    symbol would bring an empty state to 24 bits anyhow, and decoding must end there. So a string
    that was damaged, cut, appended to, or decoded with other indices or tables hardly ever passes
    for intact: of 15,000 single bits flipped in Gaussian latents none did; of 4,000 in symbols
    that are all equally likely, 4 of them to a table, which mixes bits the least, 7 did.
    """

    name = "ans"
    _direction = -1  # a string's first bytes are read last

    _made = staticmethod(_categorical)

    def _write(self, runs: list[TableRun]) -> bytes:
        coder = stream.stack.AnsCoder(np.array([_STACK_BOTTOM], np.uint32))
        for run in reversed(runs):
            coder.encode_reverse(run.entries, self.model(run.tables, run.table))
        # The last word is never 0: its upper bytes that are can go.
        string: bytes = coder.get_compressed().astype("<u4").tobytes()
        return string.rstrip(b"\0")

    def _open(self, string: bytes, count: int, missing: int) -> _Opened:
        if missing and not string:
            raise TruncatedBitstreamError(f"no byte is there of a string of {missing}")
        if not string or string[-1] == 0:
            raise corrupt("empty, or ends in a zero byte, which no string of this coder does")
        # Of what is missing, and the word that it ends within, nothing is read.
        unread = -(-missing // 4) * 4
        coder = stream.stack.AnsCoder(_words(string[unread - missing :], "<u4"))

        def read(tables: FrequencyTables, table: int, count: int) -> Integers:
            entries: Integers = coder.decode(self.model(tables, table), count)
            words, state = coder.pos()
            if not missing and not words and state < _STACK_BOTTOM:
                raise corrupt("ends before its symbols do")
            return entries

        def left() -> int | None:
            words, state = coder.pos()
            # A state is filled up after each symbol while there are words.
            return None if missing and not words and state < 1 << 32 else 4 * words + unread

        def ends_with(passes: list[Pass]) -> bool:
            return bool(coder.get_compressed().tolist() == [_STACK_BOTTOM])

        return _Opened(read, ends_with, left)


class RangeCoder(RunCoder[stream.model.Categorical]):
    """constriction's range coder, a queue: coded from the first symbol to the last.

    Bamler, "Understanding entropy coding with asymmetric numeral systems (ANS): a statistician's
    perspective", 2022, https://arxiv.org/abs/2201.01741, compares both coders of constriction.

    The string is the shortest that names the last interval, and decoding checks that coding gives
    it again, for a third of its time. A damaged string that is just as long as what it decodes to
    needs passes for intact: a tenth of those of 1 kB, half of those of 7 bytes.
    """

    name = "range"

    _made = staticmethod(_categorical)

    def _write(self, runs: list[TableRun]) -> bytes:
        coder = stream.queue.RangeEncoder()
        for run in runs:
            coder.encode(run.entries, self.model(run.tables, run.table))
        return _shortest(coder)

    def _open(self, string: bytes, count: int, missing: int) -> _Opened:
        if not string:
            raise corrupt("no bytes for the symbols that are due")
        coder = stream.queue.RangeDecoder(_words(string, ">u4"))

        def read(tables: FrequencyTables, table: int, count: int) -> Integers:
            try:
                entries: Integers = coder.decode(self.model(tables, table), count)
            except AssertionError as error:  # the library's word for a point in no interval
                raise corrupt("names no symbol") from error
            return entries

        # Not where its symbols end, but whether they are coded as it.
        return _Opened(read, lambda passes: self.encode_passes(passes) == string)


class RansCoder(RunCoder[list[int]]):
    """CompressAI's asymmetric numeral system, without its escape, from which it can hang.

    Duda 2013, https://arxiv.org/abs/1311.2540; see `AnsCoder`.

    CompressAI's decoder does not know where a string ends and reads on in memory. Here it gets the
    string with more bytes behind it than the symbols can use, and of those it must then read the
    first ones. That shows damage as surely as with `AnsCoder`, but for tables whose frequencies are
    powers of 2, where a flipped bit can change a symbol or two and leave no other trace.
    """

    name = "rans"

    def __init__(self) -> None:
        super().__init__()
        with scripting_unwarned():
            from compressai import ans  # which takes seconds

        self._ans = ans

    def _made(self, frequencies: Integers) -> list[int]:
        # The library escapes at the last entry, which here is one more and of no frequency.
        return [0, *np.cumsum(frequencies).tolist(), TOTAL]

    def _write(self, runs: list[TableRun]) -> bytes:
        coder = self._ans.BufferedRansEncoder()
        for tables, table, entries in [*runs, _FILLING]:
            cdf, none = self.model(tables, table), [0] * len(entries)
            coder.encode_with_indexes(entries.tolist(), none, [cdf], [len(cdf)], [0])
        return _swapped(coder.flush())

    def _open(self, string: bytes, count: int, missing: int) -> _Opened:
        if len(string) % 4 or len(string) < 8:
            raise corrupt(f"{len(string)} bytes; expected a multiple of 4, and at least 8")
        if not _RANS_LEAST <= int.from_bytes(string[:8], "little") < _RANS_LEAST << 32:
            raise corrupt("begins with a state that the coder is never in")
        read = self._reader(string, count)

        def ends(passes: list[Pass]) -> bool:
            read(_FILLING.tables, _FILLING.table, len(_FILLING.entries))
            # The coder began in its least state, so the decoder is as if it had only just begun.
            start = self._reader(_RANS_LEAST.to_bytes(8, "little"), 0)
            return bool((read(*_RANS_PROBE) == start(*_RANS_PROBE)).all())

        return _Opened(read, ends)

    def _reader(self, string: bytes, symbols: int) -> Read:
        coder = self._ans.RansDecoder()
        # A symbol takes at most 55 bits, with all that an escape adds, and the filling 128.
        coder.set_stream(_swapped(string + _RANS_MARK + bytes(8 * symbols + 64)))

        def read(tables: FrequencyTables, table: int, count: int) -> Integers:
            cdf = self.model(tables, table)
            entries = coder.decode_stream([0] * count, [cdf], [len(cdf)], [0])
            return np.array(entries, np.int32)

        return read


def _shortest(coder: stream.queue.RangeEncoder) -> bytes:
    """The fewest bytes, at least one, that with zeros after them lie in the coder's interval."""
    position, (lower, width) = coder.pos()
    string = coder.get_compressed().astype(">u4").tobytes()
    head, tail = string[: 4 * position], string[4 * position :].ljust(8, b"\0")
    point = int.from_bytes(tail, "big")
    for length in range(9):
        unit = 1 << (64 - 8 * length)
        for near in (point - point % unit, point - point % unit + unit):
            # An interval that runs past 2**64 has carried into the head for points behind it.
            carried = (near < lower) == (point < lower) and near < 1 << 64
            if carried and (near - lower) % (1 << 64) < width:
                return (head + near.to_bytes(8, "big")[:length]).rstrip(b"\0") or b"\0"
    raise AssertionError("the library's own point is not in its interval")


def _swapped(string: bytes) -> bytes:
    """CompressAI writes words as they lie in memory; strings hold little-endian ones."""
    return _words(string, "<u4").tobytes()


def _words(string: bytes, order: str) -> NDArray[np.uint32]:
    padded = string + bytes(-len(string) % 4)
    return np.frombuffer(padded, order).astype(np.uint32)


def corrupt(what: str) -> CorruptBitstreamError:
    """The error of a string that is no code of what it decodes to."""
    return CorruptBitstreamError(
        f"entropy decoding: {what}; the string was damaged, or coded with other tables or indices"
    )
