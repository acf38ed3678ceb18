"""Integer probability tables: what encoder and decoder must agree on to the last count.

    masses (float64) ─► from_masses ─► FrequencyTables ─► entropy coders
                                            │  ▲
                                    to_arrays  from_arrays     beside the weights

They are stored, not computed again after loading: they come out of floating-point arithmetic
that differs between machines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lic_models.components.entropy_coding.counts import MOST_ENTRIES, TOTAL, Integers, counts_of
from lic_models.components.entropy_coding.escapes import (
    ESCAPE_LENGTHS,
    escape_length,
    escape_number,
)
from pytest_lic.errors import CodecError, WeightsError

_INT32 = np.iinfo(np.int32)


@dataclass(frozen=True, eq=False)
class FrequencyTables:
    """T tables one after the other; equal when all their counts and symbols are.

    Table t holds the symbols offsets[t] … offsets[t] + length − 2, then an escape for every
    other symbol.

    Args:
        frequencies: int32, each at least 1; those of one table sum to 2**16.
        starts: int64 (T + 1,), where each table begins in ``frequencies``, then where all end.
        offsets: int32 (T,), the symbol of each table's first entry.

    Raises:
        CodecError: arrays that are no such tables.
    """

    frequencies: NDArray[np.int32]
    starts: NDArray[np.int64]
    offsets: NDArray[np.int32]

    def __post_init__(self) -> None:
        types = {"frequencies": np.int32, "starts": np.int64, "offsets": np.int32}
        for name, dtype in types.items():
            array = np.asarray(getattr(self, name))
            if array.ndim != 1 or array.dtype != dtype:
                raise _broken(
                    f"{name} is {array.dtype} of shape {array.shape}; expected "
                    f"{np.dtype(dtype)} with one axis"
                )
            own = array.copy()
            own.flags.writeable = False
            object.__setattr__(self, name, own)
        self._check_layout()
        self._check_counts()

    def _check_layout(self) -> None:
        if not len(self.offsets) or len(self.starts) != len(self.offsets) + 1:
            raise _broken(
                f"{len(self.offsets)} offsets with {len(self.starts)} starts; expected at least "
                "one offset, and one start more than offsets"
            )
        if self.starts[0] != 0 or self.starts[-1] != len(self.frequencies):
            raise _broken(
                f"starts run from {self.starts[0]} to {self.starts[-1]}; expected from 0 to the "
                f"{len(self.frequencies)} frequencies there are"
            )
        short = np.flatnonzero(self.lengths < 2)
        if len(short):
            raise _broken(
                f"table {short[0]} has {self.lengths[short[0]]} entries; expected ascending "
                "starts, and at least one symbol and the escape"
            )
        long = np.flatnonzero(self.lengths > MOST_ENTRIES)
        if len(long):
            raise _broken(
                f"table {long[0]} has {self.lengths[long[0]]} entries, which 16 bits can't hold; "
                f"expected at most {MOST_ENTRIES}, {MOST_ENTRIES - 1} symbols and the escape"
            )

    def _check_counts(self) -> None:
        if self.frequencies.min() < 1:
            entry = int(self.frequencies.argmin())
            raise _broken(
                f"frequency {self.frequencies[entry]} at entry {entry}; expected at least 1, "
                "or a symbol could not be coded"
            )
        sums = np.add.reduceat(self.frequencies, self.starts[:-1], dtype=np.int64)
        off = np.flatnonzero(sums != TOTAL)
        if len(off):
            raise _broken(f"table {off[0]} sums to {sums[off[0]]}; expected {TOTAL}")
        last = self.offsets.astype(np.int64) + self.lengths - 2
        if last.max() > _INT32.max:
            raise _broken(
                f"table {int(last.argmax())} reaches to symbol {last.max()}; expected int32"
            )

    @classmethod
    def from_masses(
        cls, masses: Sequence[NDArray[np.float64]], offsets: Sequence[int] | Integers
    ) -> FrequencyTables:
        """Tables that cost the fewest bits above the distributions' entropy, give or take a count.

        See `counts_of`, which makes each.

        Args:
            masses: per table, the probability of each of its symbols; what they leave of 1 is
                the escape's.
            offsets: per table, the symbol of its first mass.

        Raises:
            CodecError: no masses, too many in one table, negative, not finite, or above 1 in sum.
        """
        if len(masses) != len(offsets) or not len(masses):
            raise _broken(
                f"masses of {len(masses)} tables, offsets of {len(offsets)}; expected as many, "
                "and one at least"
            )
        rows = []
        for table, distribution in enumerate(masses):
            try:
                rows.append(counts_of(np.asarray(distribution, np.float64)))
            except CodecError as error:
                raise _broken(f"table {table}: {error}") from None
        starts = np.cumsum([0, *map(len, rows)], dtype=np.int64)
        return cls(np.concatenate(rows), starts, _int32(np.asarray(offsets)))

    @property
    def count(self) -> int:
        """T, the number of tables."""
        return len(self.offsets)

    def length(self, table: int) -> int:
        """How many entries a table has, its escape included."""
        return int(self.lengths[table])

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """Every table's length, (T,)."""
        return np.diff(self.starts)

    def row(self, table: int) -> Integers:
        """One table's frequencies, its escape's last."""
        return self.frequencies[self.starts[table] : self.starts[table + 1]]

    def check(self, indices: Integers, symbols: Integers | None = None) -> None:
        """Refuse what could not be coded with these tables.

        Raises:
            CodecError: arrays that are not int32 (n,) each, or an index of no table.
        """
        arrays = (
            {"indices": indices} if symbols is None else {"symbols": symbols} | {"indices": indices}
        )
        for name, array in arrays.items():
            if array.dtype != np.int32 or array.shape != (indices.size,):
                raise CodecError(
                    f"entropy coding: {name} are {array.dtype} of shape {array.shape}; expected "
                    "int32 with one axis, and an index for each symbol"
                )
        if indices.size and not 0 <= int(indices.min()) <= int(indices.max()) < self.count:
            raise CodecError(
                f"entropy coding: table indices run from {indices.min()} to {indices.max()}; "
                f"there are tables 0 to {self.count - 1}"
            )

    def ideal_bits(self, symbols: Integers, indices: Integers) -> float:
        """The length that an ideal coder needs under these tables, in bits.

        −log2(frequency / 2**16) of every entry, and of every escaped symbol log2(33) plus the
        bits of its code number, as the coders write it.

        Args:
            symbols: int32 (n,).
            indices: int32 (n,), each symbol's table.

        Raises:
            CodecError: as `check`.
        """
        self.check(indices, symbols)
        # Modulo 2**32, symbols below the first entry lie beyond the last one too.
        local = symbols.view(np.uint32) - self.offsets.view(np.uint32)[indices]
        escapes = (self.lengths - 1).astype(np.uint32)[indices]
        entries = np.minimum(local, escapes)
        spent = self._bits[self.starts[indices] + entries].sum()
        escaped = np.flatnonzero(entries == escapes)
        number = escape_number(
            symbols[escaped], self.offsets[indices[escaped]], escapes[escaped].astype(np.int64)
        )
        return float(spent + len(escaped) * np.log2(ESCAPE_LENGTHS) + escape_length(number).sum())

    @cached_property
    def _bits(self) -> NDArray[np.float64]:
        bits: NDArray[np.float64] = -np.log2(self.frequencies / TOTAL)
        return bits

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """The tables for storage: two bytes a frequency, eight more a table.

        ``frequencies`` are below 2**16 and stored as the int16 of the same bits, since not every
        reader of safetensors knows uint16; ``lengths`` and ``offsets`` are int32.
        """
        return {
            "frequencies": self.frequencies.astype(np.uint16).view(np.int16),
            "lengths": self.lengths.astype(np.int32),
            "offsets": self.offsets.copy(),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.generic]]) -> FrequencyTables:
        """What `to_arrays` gave.

        Raises:
            WeightsError: an array is missing or of another type, or they are no tables.
        """
        types = {"frequencies": np.int16, "lengths": np.int32, "offsets": np.int32}
        for name, dtype in types.items():
            if name not in arrays or arrays[name].dtype != dtype:
                fault = f"is {arrays[name].dtype}" if name in arrays else "is missing"
                raise WeightsError(
                    f"frequency tables: array {name!r} {fault}; expected {np.dtype(dtype)}. "
                    "Export the weights again"
                )
        frequencies = np.ascontiguousarray(arrays["frequencies"]).view(np.uint16)
        starts = np.append(0, np.cumsum(arrays["lengths"], dtype=np.int64))
        try:
            return cls(frequencies.astype(np.int32), starts, _int32(arrays["offsets"]))
        except CodecError as error:
            raise WeightsError(f"stored {error}. Export the weights again") from error

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, FrequencyTables):
            return NotImplemented
        return self is other or (
            np.array_equal(self.starts, other.starts)
            and np.array_equal(self.offsets, other.offsets)
            and np.array_equal(self.frequencies, other.frequencies)
        )

    def __hash__(self) -> int:
        return self._hash

    def __reduce__(
        self,
    ) -> tuple[type[FrequencyTables], tuple[NDArray[np.int32] | NDArray[np.int64], ...]]:
        # Copies are checked and read-only too, and take no hash to a process that salts otherwise.
        return FrequencyTables, (self.frequencies, self.starts, self.offsets)

    @cached_property
    def _hash(self) -> int:
        return hash((self.frequencies.tobytes(), self.starts.tobytes(), self.offsets.tobytes()))


def _int32(offsets: NDArray[np.generic]) -> Integers:
    if offsets.dtype.kind not in "iu" or (
        offsets.size and not _INT32.min <= int(offsets.min()) <= int(offsets.max()) <= _INT32.max
    ):
        raise _broken(f"offsets are {offsets.dtype}; expected whole numbers within int32")
    whole: Integers = offsets.astype(np.int32)
    return whole


def _broken(what: str) -> CodecError:
    return CodecError(f"frequency tables: {what}")
