"""A map of levels, and the bytes that tell it."""

from __future__ import annotations

import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lic_models.components.rate_control.map_string import STEPS, pack_map, unpack_map
from pytest_lic.errors import CorruptBitstreamError


@settings(max_examples=100, deadline=None)
@given(
    data=st.data(),
    size=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    highest=st.sampled_from([1, 3, 7, 8, 20]),
)
def test_any_map_is_read_as_it_was_written(
    data: st.DataObject, size: tuple[int, int], highest: int
) -> None:
    values = st.integers(-STEPS * highest, STEPS * highest)
    grid = data.draw(arrays(np.int32, size, elements=values))
    read = unpack_map(pack_map(grid, highest), size, highest)
    assert read.dtype == np.int32
    assert np.array_equal(read, grid)


def test_no_map_is_two_bytes_and_two_halves_are_few() -> None:
    grid = np.zeros((8, 12), np.int32)
    assert len(pack_map(grid, 3)) == 2
    grid[:, :6] = STEPS
    assert len(pack_map(grid, 3)) < 16
    grid[:] = np.random.default_rng(0).integers(-48, 49, grid.shape)
    assert len(pack_map(grid, 3)) <= grid.size + 5


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"\xff\xff",
        pack_map(np.ones((8, 12), np.int32), 3)[:-1],
        pack_map(np.ones((8, 12), np.int32), 3) + b"\0",
        zlib.compress(bytes([97]), wbits=-15),  # one more than there are
        zlib.compress(b"\1" * 97, wbits=-15),  # one region more than there are
    ],
    ids=["empty", "no deflate", "cut", "longer", "a step beyond", "a region beyond"],
)
def test_what_is_no_map_of_its_size_is_refused(damaged: bytes) -> None:
    with pytest.raises(CorruptBitstreamError, match="no quality map of 12×8 regions"):
        unpack_map(damaged, (8, 12), 3)


def test_what_inflates_to_far_more_is_refused_without_doing_so() -> None:
    bomb = zlib.compress(b"\1" * 10**7, wbits=-15)
    tracemalloc.start()
    try:
        with pytest.raises(CorruptBitstreamError):
            unpack_map(bomb, (8, 12), 3)
        assert tracemalloc.get_traced_memory()[1] < 10**6
    finally:
        tracemalloc.stop()
