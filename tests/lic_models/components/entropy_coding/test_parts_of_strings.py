"""The first bytes of a string are enough for its first passes, and fewer are noticed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lic_models.components import AnsCoder, RangeCoder, RansCoder
from lic_models.components.entropy_coding.coders import Pass
from lic_models.components.entropy_coding.tables import FrequencyTables
from pytest_lic.errors import TruncatedBitstreamError, UsageError

_SHAPES = [np.exp(-(np.arange(-20, 21) ** 2) / (2.0 * scale**2)) for scale in (0.4, 3.0, 9.0)]
TABLES = FrequencyTables.from_masses(
    [0.999 * shape / shape.sum() for shape in _SHAPES], [-20, -20, -20]
)


def drawn(lengths: list[int], seed: int) -> list[Pass]:
    rng = np.random.default_rng(seed)
    return [
        (
            rng.normal(0, 6, n).round().astype(np.int32),
            rng.integers(0, 3, n).astype(np.int32),
            TABLES,
        )
        for n in lengths
    ]


@given(st.lists(st.integers(0, 300), min_size=1, max_size=6), st.integers(0, 2**16))
def test_so_many_bytes_as_passes_use_are_enough_for_them(lengths: list[int], seed: int) -> None:
    coder, passes = AnsCoder(), drawn(lengths, seed)
    string = coder.encode_passes(passes)
    whole = coder.reader(string, sum(lengths))
    used = []
    for symbols, indices, tables in passes:
        assert np.array_equal(whole.read(indices, tables), symbols)
        used.append(whole.used)
    whole.close()
    assert used == sorted(used)
    for count, length in enumerate(used, start=1):
        part = coder.reader(string[:length], sum(lengths), len(string))
        for symbols, indices, tables in passes[:count]:
            assert np.array_equal(part.read(indices, tables), symbols)


@given(st.lists(st.integers(1, 300), min_size=2, max_size=6), st.integers(0, 2**16))
def test_bytes_that_end_within_a_pass_are_noticed(lengths: list[int], seed: int) -> None:
    coder, passes = AnsCoder(), drawn(lengths, seed)
    string = coder.encode_passes(passes)
    for length in range(0, len(string), 7):
        part, whole = (
            coder.reader(string[:length] or b"\1", sum(lengths), len(string)),
            coder.reader(string, sum(lengths)),
        )
        for symbols, indices, tables in passes:
            whole.read(indices, tables)
            if whole.used > max(length, 1):
                with pytest.raises(TruncatedBitstreamError, match="end within pass"):
                    part.read(indices, tables)
                break
            assert np.array_equal(part.read(indices, tables), symbols)


def test_other_coders_read_whole_strings_alone() -> None:
    passes = drawn([50, 50], 0)
    for coder in (RangeCoder(), RansCoder()):
        string = coder.encode_passes(passes)
        reader = coder.reader(string, 100)
        reader.read(*passes[0][1:])
        assert reader.used == len(string)
        with pytest.raises(UsageError, match="decode it whole, or train and export"):
            coder.reader(string[:-1], 100, len(string))
