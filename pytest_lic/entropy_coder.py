"""What an entropy coder and a table maker under test must do, and what they may promise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

from pytest_lic.codec import check_name
from pytest_lic.errors import LicError, UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pytest_lic.probability_tables import ProbabilityTables

    Integers: TypeAlias = NDArray[np.int32]


class EntropyCoder(Protocol):
    """Codes int32 symbols (n,), each with the table that its index names.

    One that can be called several times for one string has two more methods, and promises
    ``splits``::

        encode_parts(parts, tables) -> bytes           # parts: a list of (symbols, indices)
        decode_parts(string, parts, tables) -> list    # parts: a list of indices; of symbols each
    """

    def encode(self, symbols: Integers, indices: Integers, tables: ProbabilityTables, /) -> bytes:
        """The string of ``symbols``."""
        ...

    def decode(self, string: bytes, indices: Integers, tables: ProbabilityTables, /) -> Integers:
        """The symbols, int32 (n,), of a string that `encode` gave for these indices and tables."""
        ...


@dataclass(frozen=True)
class CoderUnderTest:
    """An entropy coder with what it promises; the suite ``properties`` tests that.

    Every coder must give back what it coded, give the same bytes every time, and be no longer than
    the ideal by more than 0.1 % and 64 bits::

        class MyCoder:
            def encode(self, symbols, indices, tables):  # int32 (n,) each, ProbabilityTables
                ...  # -> bytes; tables.rows[t] are counts, tables.offsets[t] the first symbol
            def decode(self, string, indices, tables):
                ...  # -> int32 (n,)

        def pytest_lic_coders():
            yield CoderUnderTest("mine", MyCoder)

    Args:
        name: letters, digits and ``. _ + -``.
        build: makes an `EntropyCoder`, called several times: encoder and decoder are built apart.
        escapes: symbols outside their table are coded too, any int32. If not, they are refused.
        escape_bits: ``(symbol, first, last)`` → the bits of a symbol outside a table that holds
            ``first`` to ``last``, beside those of the escape itself. Without it the lengths of
            messages with such symbols are not tested.
        refuses: what is raised for symbols that can't be coded.
        splits: the string does not depend on how a message is split into calls.
        longest: how many symbols the longest message has that is tested.

    Raises:
        UsageError: a name or a number that is out of range.
    """

    name: str
    build: Callable[[], EntropyCoder]
    escapes: bool = False
    escape_bits: Callable[[int, int, int], float] | None = None
    refuses: type[Exception] | tuple[type[Exception], ...] = (LicError, ValueError)
    splits: bool = False
    longest: int = 1_000_000

    def __post_init__(self) -> None:
        check_name("coder", self.name)
        if self.longest < 1000:
            raise UsageError(
                f"coder {self.name!r}: longest={self.longest!r}; expected 1000 symbols or more, "
                "or 0.1 % of the length would be nothing"
            )


@dataclass(frozen=True)
class TableMaker:
    """A function that makes whole counts out of probabilities, for the suite ``properties``.

    The hook ``pytest_lic_coders`` yields these too.

    Args:
        name: letters, digits and ``. _ + -``.
        make: ``make(masses)``, float64 (n,), the probabilities of n symbols, at most 1 in sum →
            n + 1 whole counts, each at least 1, 2**16 in sum; the last one is the escape's.
        most_symbols: the largest n; more symbols are refused. At most 65,535.
        refuses: what is raised for masses of too many symbols.

    Raises:
        UsageError: a name or a number that is out of range.
    """

    name: str
    make: Callable[[NDArray[np.float64]], NDArray[np.int32] | Sequence[int]]
    most_symbols: int = 65_535
    refuses: type[Exception] | tuple[type[Exception], ...] = (LicError, ValueError)

    def __post_init__(self) -> None:
        check_name("table maker", self.name)
        if not 1 <= self.most_symbols <= 65_535:
            raise UsageError(
                f"table maker {self.name!r}: most_symbols={self.most_symbols!r}; expected 1 to "
                "65,535, which with the escape is all that 16 bits can hold"
            )
