"""What an entropy coder must do with its symbols: give them back, in few bytes."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from pytest_lic.entropy_coder import CoderUnderTest
from pytest_lic.probability_tables import TOTAL, Message, ProbabilityTables, brief
from pytest_lic.properties.search import Broken, described, for_all
from pytest_lic.strategies import messages, probability_tables

MOST_OVER = 0.001
"""How much longer than the ideal a string may be, as a part of it, and beside that …"""
MOST_BITS_OVER = 64
"""… this much."""


def round_trip(coder: CoderUnderTest) -> None:
    """A decoder built apart gives back any symbols of any tables.

    Raises:
        PropertyError: it gives back others, or raises.
    """
    _round_trips(coder, "what is encoded decodes", messages())


def one_symbol(coder: CoderUnderTest) -> None:
    """A message of one symbol decodes.

    Raises:
        PropertyError: it does not.
    """
    _round_trips(coder, "a message of one symbol decodes", messages(min_size=1, max_size=1))


def every_symbol(coder: CoderUnderTest) -> None:
    """Every symbol of a table can be coded, however improbable, in a table of any length.

    Raises:
        PropertyError: one decodes to another, or raises.
    """

    def all_of(tables: ProbabilityTables) -> Message:
        symbols = [
            np.arange(tables.first(table), tables.last(table) + 1, dtype=np.int64)
            for table in range(tables.count)
        ]
        lengths = [len(of_table) for of_table in symbols]
        indices = np.repeat(np.arange(tables.count), lengths).astype(np.int32)
        return Message(np.concatenate(symbols).astype(np.int32), indices, tables)

    examples = probability_tables(most_tables=2).map(all_of)
    _round_trips(coder, "no symbol of a table has zero probability", examples)


def outside_symbols(coder: CoderUnderTest) -> None:
    """Symbols outside their table decode, if the coder escapes; otherwise encoding refuses them.

    Raises:
        PropertyError: they decode to others, or are not refused with the promised exception.
    """
    if coder.escapes:
        _round_trips(coder, "symbols outside their table decode", messages(outside=True))
        return
    encoder = coder.build()
    examples = messages(outside=True, min_size=1).filter(lambda message: message.outside.size > 0)

    def check(message: Message) -> Broken | None:
        names = coder.refuses if isinstance(coder.refuses, tuple) else (coder.refuses,)
        expected = " or ".join(kind.__name__ for kind in names)
        expected += f" for the symbols {brief(message.outside)}"
        try:
            string = encoder.encode(message.symbols, message.indices, message.tables)
        except names as error:
            return None if str(error) else Broken(f"{expected}, with a text", described(error))
        return Broken(expected, f"the string {_hex(string)}")

    for_all(coder, "symbols outside their table are refused", examples, check, _shown)


def no_symbols(coder: CoderUnderTest) -> None:
    """A message without symbols decodes to none.

    Raises:
        PropertyError: it does not.
    """
    examples = probability_tables().map(lambda tables: Message.of([], tables))
    _round_trips(coder, "an empty message decodes", examples)


def long_message(coder: CoderUnderTest) -> None:
    """A message of the largest promised number of symbols decodes, and is as short as it should.

    Raises:
        PropertyError: it does not, or is not.
    """

    def check(message: Message) -> Broken | None:
        string = coder.build().encode(message.symbols, message.indices, message.tables)
        decoded = coder.build().decode(string, message.indices, message.tables)
        return _difference(message, string, decoded) or _too_long(coder, message, string)

    example = st.just(skewed_message(coder.longest, escapes=coder.escapes))
    claim = "a long message decodes, and its length is near the ideal"
    for_all(coder, claim, example, check, _shown)


def length(coder: CoderUnderTest) -> None:
    """A string is longer than the ideal by at most 0.1 % and 64 bits.

    The ideal is −log2 of each symbol's probability, and for symbols outside their table the
    escape's, and what the coder says that the rest takes.

    Raises:
        PropertyError: one is longer.
    """
    encoder = coder.build()
    outside = coder.escapes and coder.escape_bits is not None

    def check(message: Message) -> Broken | None:
        string = encoder.encode(message.symbols, message.indices, message.tables)
        return _too_long(coder, message, string)

    for_all(coder, "the length is near the ideal", messages(outside=outside), check, _shown)


def same_bytes(coder: CoderUnderTest) -> None:
    """The same message gives the same bytes again, and from a fresh object.

    Raises:
        PropertyError: it gives others.
    """
    encoder = coder.build()

    def check(message: Message) -> Broken | None:
        parts = message.symbols, message.indices, message.tables
        first = encoder.encode(*parts)
        for other, where in ((encoder, "the same object"), (coder.build(), "a fresh object")):
            again = other.encode(*parts)
            if again != first:
                return Broken(f"{_hex(first)} again of {where}", _hex(again))
        return None

    for_all(coder, "the same bytes every time", messages(outside=coder.escapes), check, _shown)


def splits(coder: CoderUnderTest) -> None:
    """The string does not depend on how the message is split into calls, nor do the symbols.

    Raises:
        PropertyError: one does.
    """
    encoder, decoder = coder.build(), coder.build()
    cuts = st.lists(st.integers(0, 40), max_size=4).map(sorted)
    examples = st.tuples(messages(outside=coder.escapes), cuts)

    def check(example: tuple[Message, list[int]]) -> Broken | None:
        message, at = example
        whole = encoder.encode(message.symbols, message.indices, message.tables)
        symbols, indices = np.split(message.symbols, at), np.split(message.indices, at)
        parts = list(zip(symbols, indices, strict=True))
        string = encoder.encode_parts(parts, message.tables)  # type: ignore[attr-defined]
        if string != whole:
            return Broken(f"{_hex(whole)}, as in one call", _hex(string))
        parts = decoder.decode_parts(whole, indices, message.tables)  # type: ignore[attr-defined]
        return _difference(message, whole, np.concatenate([*parts, np.empty(0, np.int32)]))

    for_all(
        coder,
        "independent of how a message is split",
        examples,
        check,
        lambda example: f"{_shown(example[0])}\n            split at {example[1]}",
    )


def skewed_message(count: int, escapes: bool) -> Message:
    """Symbols drawn by their probabilities, in tables from one hundredth of a bit to twelve.

    Of whole numbers throughout, so that every machine makes the same tables. One symbol in a
    thousand lies outside, if ``escapes``.
    """
    rows = []
    for divisor in (2, 3, 5, 40, 1000):
        counts: list[int] = []
        left = TOTAL - 1
        while len(counts) < 4000 and left > divisor:
            counts.append(max(1, left // divisor))
            left -= counts[-1]
        rows.append(np.array([*counts, left + 1], np.int32))
    rows.append(np.array([TOTAL - 80, *[1] * 80], np.int32))
    tables = ProbabilityTables(rows, [-(len(row) // 2) for row in rows])
    random = np.random.default_rng(0)
    indices = random.integers(0, len(rows), count).astype(np.int32)
    symbols = np.empty(count, np.int32)
    for table, row in enumerate(rows):
        at = np.flatnonzero(indices == table)
        sums = np.cumsum(row[:-1])
        drawn = random.integers(0, sums[-1], at.size)
        symbols[at] = tables.first(table) + np.searchsorted(sums, drawn, side="right")
    if escapes:
        symbols[::1000] += random.integers(-20_000, 20_000, symbols[::1000].size).astype(np.int32)
    return Message(symbols, indices, tables)


def _round_trips(coder: CoderUnderTest, claim: str, examples: st.SearchStrategy[Message]) -> None:
    encoder, decoder = coder.build(), coder.build()

    def check(message: Message) -> Broken | None:
        string = encoder.encode(message.symbols, message.indices, message.tables)
        decoded = decoder.decode(string, message.indices, message.tables)
        return _difference(message, string, decoded)

    for_all(coder, claim, examples, check, _shown)


def _difference(message: Message, string: object, decoded: NDArray[np.int32]) -> Broken | None:
    if not isinstance(string, bytes):
        return Broken("encode to give bytes", f"{string!r:.80}")
    symbols, expected = np.asarray(decoded), message.symbols
    if symbols.dtype != np.int32 or symbols.shape != expected.shape:
        return Broken(
            f"symbols {brief(expected)}, int32 of shape {expected.shape}",
            f"{brief(symbols)}, {symbols.dtype} of shape {symbols.shape}, from {_hex(string)}",
        )
    if np.array_equal(symbols, expected):
        return None
    if expected.size <= 16:
        both = f"symbols {brief(expected)}", f"{brief(symbols)} from {_hex(string)}"
        return Broken(*both)
    wrong = np.flatnonzero(symbols != expected)
    at = int(wrong[0])
    table = int(message.indices[at])
    return Broken(
        f"symbol {expected[at]} at {at}, of table {table}",
        f"{symbols[at]}; {wrong.size} of {expected.size} differ, this is the first",
    )


def _too_long(coder: CoderUnderTest, message: Message, string: bytes) -> Broken | None:
    if coder.escape_bits is None and message.outside.size:
        return None
    ideal = message.ideal_bits(coder.escape_bits)
    allowed = (1 + MOST_OVER) * ideal + MOST_BITS_OVER
    if 8 * len(string) <= allowed:
        return None
    over = f", {100 * (8 * len(string) / ideal - 1):.2f} % over it" if ideal >= 1 else ""
    return Broken(
        f"at most {allowed:.1f} bits, 0.1 % and {MOST_BITS_OVER} bits over the ideal {ideal:.1f}",
        f"{8 * len(string)} bits{over}",
    )


def _shown(message: Message) -> str:
    """A message, and in lines below it the tables."""
    lines = [f"symbols {brief(message.symbols)} of tables {brief(message.indices)}"]
    lines += map(message.tables.described, range(message.tables.count))
    return "\n            ".join(lines)


def _hex(string: bytes) -> str:
    return f"{string[:24].hex() or 'no bytes'}{'…' if len(string) > 24 else ''} ({len(string)} B)"
