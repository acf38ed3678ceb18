"""Groups: in raster order, within budget and size, and read as they were written."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lic_models.components.relative_entropy_coding.groups import (
    Groups,
    grouped,
    read_groups,
    write_groups,
)
from lic_models.components.relative_entropy_coding.strings import Reader, Writer
from pytest_lic.errors import CorruptBitstreamError


def one_by_one(bits, budget, most):
    """The sizes, found as one would by hand."""
    sizes, size, spent = [], 0, 0.0
    for each in bits[bits <= budget]:
        if size and (size == most or spent + each > budget):
            sizes, size, spent = [*sizes, size], 0, 0.0
        size, spent = size + 1, spent + each
    return [*sizes, size] if size else sizes


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 64), max_size=200), st.integers(1, 12), st.integers(0, 5))
def test_groups_are_those_found_one_by_one(quarters, budget, size_bits):
    bits = np.array(quarters) / 4
    groups, outliers = grouped(bits, budget, size_bits)
    assert groups.sizes.tolist() == one_by_one(bits, budget, 1 << size_bits)
    np.testing.assert_array_equal(outliers, bits > budget)
    writer = Writer()
    write_groups(writer, groups, outliers, size_bits)
    if bits.size:
        reader = Reader(writer.string())
        read, out = read_groups(reader, bits.size)
        reader.close()
        np.testing.assert_array_equal(read.sizes, groups.sizes)
        np.testing.assert_array_equal(read.places, groups.places)
        np.testing.assert_array_equal(out, outliers)


def test_chunks_are_all_groups_in_order():
    sizes = np.random.default_rng(0).integers(1, 64, 1000)
    groups = Groups(np.arange(sizes.sum()) * 2, sizes)
    parts = list(groups.chunks())
    assert len(parts) > 3
    np.testing.assert_array_equal(np.concatenate([part.sizes for _, part in parts]), sizes)
    np.testing.assert_array_equal(np.concatenate([part.places for _, part in parts]), groups.places)
    assert [which.start for which, _ in parts[1:]] == [which.stop for which, _ in parts[:-1]]


def test_sizes_that_are_not_those_of_the_dimensions_are_refused():
    writer = Writer()
    groups = Groups(np.arange(7), np.array([4, 3]))
    write_groups(writer, groups, np.zeros(7, bool), 2)
    with pytest.raises(CorruptBitstreamError):
        read_groups(Reader(writer.string()), 6)
    broken = Writer()
    write_groups(broken, Groups(np.arange(7), np.array([4, 4])), np.zeros(7, bool), 2)
    with pytest.raises(CorruptBitstreamError, match="groups of 8 dimensions in all; 7 are due"):
        read_groups(Reader(broken.string()), 7)
