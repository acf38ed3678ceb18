"""An entropy coder that is right, and mutants that are wrong in one place, as is easily done.

The right one is an asymmetric numeral system (Duda, "Asymmetric numeral systems", 2013) with a
state of 31 to 63 bits.
"""

from __future__ import annotations

import itertools
from bisect import bisect_right

import numpy as np

from pytest_lic import ProbabilityTables

LEAST = 2**31


def number_bytes(number):
    return number.to_bytes(4, "little")


class Reader:
    """What is left of a string."""

    def __init__(self, string):
        self.state, self.rest = int.from_bytes(string[:8], "little"), string[8:]

    def entry(self, sums):
        """The next entry, with these sums of the counts before each."""
        slot = self.state % 2**16
        entry = bisect_right(sums, slot) - 1
        self.state = (sums[entry + 1] - sums[entry]) * (self.state >> 16) + slot - sums[entry]
        if self.state < LEAST:
            self.state = self.state << 32 | int.from_bytes(self.rest[:4], "little")
            self.rest = self.rest[4:]
        return entry


class PlainCoder:
    """Codes an escaped symbol as 32 bits."""

    def encode(self, symbols, indices, tables):
        sums = [[0, *np.cumsum(row).tolist()] for row in tables.rows]
        state, words = LEAST, []
        for symbol, index in zip(symbols[::-1].tolist(), indices[::-1].tolist(), strict=True):
            slots, entry, escape = [], symbol - tables.first(index), len(tables.rows[index]) - 1
            if not 0 <= entry < escape:
                number = self.escaped(symbol, tables, index)
                slots, entry = [(number % 2**16, 1), (number >> 16, 1)], escape
            slots.append((sums[index][entry], self.count(tables.rows[index][entry])))
            for start, count in slots:
                if state >= count << 47:
                    words.append(state % 2**32)
                    state >>= 32
                state = (state // count << 16) + start + state % count
        return b"".join(map(number_bytes, [state % 2**32, state >> 32, *reversed(words)]))

    def count(self, count):
        return int(count)

    def escaped(self, symbol, tables, index):
        return symbol % 2**32

    def unescaped(self, number, tables, index):
        return (number + 2**31) % 2**32 - 2**31

    def decode(self, string, indices, tables):
        sums = [[0, *np.cumsum(row).tolist()] for row in tables.rows]
        reader = Reader(string)
        symbols = []
        for index in indices.tolist():
            entry = reader.entry(sums[index])
            if entry == len(tables.rows[index]) - 1:
                number = reader.entry(range(2**16 + 1)) << 16 | reader.entry(range(2**16 + 1))
                symbols.append(self.unescaped(number, tables, index))
            else:
                symbols.append(tables.first(index) + entry)
        return np.array(symbols, np.int32)

    def encode_parts(self, parts, tables):
        symbols, indices = (np.concatenate(each) for each in zip(*parts, strict=True))
        return self.encode(symbols, indices, tables)

    def decode_parts(self, string, parts, tables):
        symbols = self.decode(string, np.concatenate(parts), tables)
        return np.split(symbols, np.cumsum([len(part) for part in parts])[:-1])


class DropsTheLast(PlainCoder):
    def encode(self, symbols, indices, tables):
        return super().encode(symbols[:-1], indices[:-1], tables)


class ReturnsFewer(PlainCoder):
    def decode(self, string, indices, tables):
        return super().decode(string, indices[:-1], tables)


class OffByOneTable(PlainCoder):
    def decode(self, string, indices, tables):
        return super().decode(string, np.maximum(indices - 1, 0), tables)


class WideIntegers(PlainCoder):
    def decode(self, string, indices, tables):
        return super().decode(string, indices, tables).astype(np.int64)


class ForgetsTheOffset(PlainCoder):
    def decode(self, string, indices, tables):
        return super().decode(string, indices, ProbabilityTables(tables.rows, [0] * tables.count))


class NothingFromNothing(PlainCoder):
    """An empty message is an empty string, which the decoder takes for damage."""

    def encode(self, symbols, indices, tables):
        return super().encode(symbols, indices, tables) if symbols.size else b""

    def decode(self, string, indices, tables):
        return super().decode(string, indices, tables) if string[0] >= 0 else None


class ComparesNeighbours(PlainCoder):
    """Groups indices, and takes one index for none."""

    def encode(self, symbols, indices, tables):
        if symbols.size and not np.diff(indices).size:
            symbols, indices = symbols[:0], indices[:0]
        return super().encode(symbols, indices, tables)


class CountsFromTwo(PlainCoder):
    """As if a count of 1 were nothing."""

    def count(self, count):
        return super().count(count) - 1


class EscapeWithoutSign(PlainCoder):
    def escaped(self, symbol, tables, index):
        return abs(symbol)


class EscapeByDistance(PlainCoder):
    """The distance from the table's end, counted from 1 one way and from 0 the other."""

    def escaped(self, symbol, tables, index):
        return (symbol - tables.last(index)) % 2**32

    def unescaped(self, number, tables, index):
        return super().unescaped(number + tables.last(index) + 1, tables, index)


class EdgeOutside(PlainCoder):
    """Takes a table's end for one more symbol: the first one outside becomes the escape."""

    def encode(self, symbols, indices, tables):
        firsts = np.array(tables.offsets)[indices]
        lengths = np.array([len(row) for row in tables.rows])[indices]
        edge = symbols == firsts + lengths - 1
        return super().encode(np.where(edge, symbols - 1, symbols), indices, tables)


class Refuses(PlainCoder):
    """Right too: it does not escape, and says so."""

    def escaped(self, symbol, tables, index):
        raise ValueError(f"symbol {symbol} is not in table {index}")


class Clips(PlainCoder):
    """Does not escape, and says nothing."""

    def encode(self, symbols, indices, tables):
        lasts = np.array([tables.last(table) for table in range(tables.count)])[indices]
        firsts = np.array(tables.offsets)[indices]
        return super().encode(np.clip(symbols, firsts, lasts), indices, tables)


class CountsItsCalls(PlainCoder):
    """Writes a number of its own behind each string, as a careless header would."""

    calls = itertools.count()

    def encode(self, symbols, indices, tables):
        return super().encode(symbols, indices, tables)[:-1] + bytes([next(self.calls) % 250 + 1])


class OnePercentMore(PlainCoder):
    def encode(self, symbols, indices, tables):
        string = super().encode(symbols, indices, tables)
        return string + bytes(len(string) // 100)


class LongHeader(PlainCoder):
    def encode(self, symbols, indices, tables):
        return bytes(16) + super().encode(symbols, indices, tables)

    def decode(self, string, indices, tables):
        return super().decode(string[16:], indices, tables)


class TenBitsOfLength(PlainCoder):
    """Keeps the number of symbols in ten bits, and forgets those that do not fit."""

    def encode(self, symbols, indices, tables):
        kept = symbols.size % 1024
        return super().encode(symbols[:kept], indices[:kept], tables)


class FlushesEachCall(PlainCoder):
    def encode_parts(self, parts, tables):
        return b"".join(self.encode(symbols, indices, tables) for symbols, indices in parts)


def rounded_up(masses):
    """Counts of at least 1, what is left for the escape; right where there are few symbols."""
    spare = 2**16 - len(masses) - 1
    counts = 1 + np.floor(masses * spare).astype(np.int64)
    return np.append(counts, 2**16 - counts.sum())


def made_right(masses):
    if len(masses) > 65_535:
        raise ValueError(f"{len(masses)} symbols; expected at most 65535")
    return rounded_up(masses)


def short_of_the_total(masses):
    counts = made_right(masses)
    counts[-1] -= 1
    return counts


def zeros_for_the_improbable(masses):
    counts = np.floor(masses * 2**16).astype(np.int64)
    return np.append(counts, 2**16 - counts.sum())


def no_escape(masses):
    counts = made_right(masses)
    counts[-2] += counts[-1]
    return counts[:-1]


def spare_for_the_last(masses):
    """The escape has one count, and the last symbol what is left."""
    counts = made_right(masses)
    counts[-2] += counts[-1] - 1
    counts[-1] = 1
    return counts


def at_random(masses):
    counts = made_right(masses)
    if counts[-1] > 100:
        moved = int(np.random.default_rng().integers(0, 100))
        counts[0] += moved
        counts[-1] -= moved
    return counts


def of_compressai(masses):
    from compressai._CXX import pmf_to_quantized_cdf

    rest = max(0.0, 1 - float(masses.sum()))
    return np.diff(pmf_to_quantized_cdf([*masses.tolist(), rest], 16))
