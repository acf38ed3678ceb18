"""Frequency tables: made, compared, stored, and what is refused."""

import copy
import pickle

import numpy as np
import pytest

from lic_models.components.entropy_coding.counts import TOTAL
from lic_models.components.entropy_coding.tables import FrequencyTables
from pytest_lic.errors import CodecError, WeightsError
from tests.helpers.coded_symbols import INT32, TABLES, int32, table


def test_masses_become_frequencies_with_the_rest_for_the_escape():
    tables = FrequencyTables.from_masses(
        [np.array([0.25, 0.5]), np.array([1.0]), np.array([0.0, 0.0, 0.5])], [-3, 0, 9]
    )
    assert tables.count == 3
    assert tables.offsets.tolist() == [-3, 0, 9]
    assert tables.row(0).tolist() == [16384, 32768, 16384]
    assert tables.row(1).tolist() == [TOTAL - 1, 1]
    assert tables.row(2).tolist() == [1, 1, 32767, 32767]
    assert tables.length(2) == 4


def test_tables_are_equal_by_value_and_keep_their_values():
    twin = FrequencyTables(TABLES.frequencies, TABLES.starts, TABLES.offsets)
    assert twin == TABLES
    assert hash(twin) == hash(TABLES)
    moved = FrequencyTables(TABLES.frequencies, TABLES.starts, TABLES.offsets + np.int32(1))
    assert moved != TABLES
    assert TABLES != "tables"
    with pytest.raises(ValueError, match="read-only"):
        twin.frequencies[0] = 5
    for other in (copy.deepcopy(twin), pickle.loads(pickle.dumps(twin))):
        assert other == twin
        assert not other.offsets.flags.writeable


def test_stored_tables_are_the_same_and_small():
    arrays = TABLES.to_arrays()
    assert FrequencyTables.from_arrays(arrays) == TABLES
    size = sum(array.nbytes for array in arrays.values())
    assert size == 2 * len(TABLES.frequencies) + 8 * TABLES.count
    assert {str(array.dtype) for array in arrays.values()} == {"int16", "int32"}
    most = table(TOTAL - 1, 1)  # 65535 has the bits of the int16 −1
    assert FrequencyTables.from_arrays(most.to_arrays()) == most


@pytest.mark.parametrize(
    ("changed", "wrong"),
    [
        ({"frequencies": None}, "'frequencies' is missing"),
        ({"lengths": np.array([2], np.int64)}, "'lengths' is int64; expected int32"),
        ({"frequencies": np.array([5, 1], np.int16)}, "table 0 sums to 6; expected 65536"),
        ({"lengths": int32(1, 1)}, "1 offsets with 3 starts"),
        ({"lengths": int32(3)}, "starts run from 0 to 3"),
        ({"offsets": int32()}, "0 offsets with 2 starts"),
        ({"frequencies": np.zeros((1, 2), np.int16)}, "with one axis"),
        ({"lengths": int32()}, "1 offsets with 1 starts"),
    ],
)
def test_stored_arrays_that_are_no_tables_are_refused(changed, wrong):
    arrays = table(TOTAL - 1, 1).to_arrays() | changed
    arrays = {name: array for name, array in arrays.items() if array is not None}
    with pytest.raises(WeightsError, match=wrong) as refused:
        FrequencyTables.from_arrays(arrays)
    assert "Export the weights again" in str(refused.value)


@pytest.mark.parametrize(
    ("frequencies", "starts", "offsets", "wrong"),
    [
        (np.array([65535.0, 1.0]), [0, 2], int32(0), "frequencies is float64"),
        (int32(65536, 0), [0, 2], int32(0), "frequency 0 at entry 1"),
        (int32(65537, -1), [0, 2], int32(0), "frequency -1 at entry 1"),
        (int32(65535, 2), [0, 2], int32(0), "table 0 sums to 65537"),
        (int32(65536), [0, 1], int32(0), "table 0 has 1 entries"),
        (int32(65535, 1), [0, 2, 2], int32(0, 0), "table 1 has 0 entries"),
        (int32(65535, 1), [0, 4, 2], int32(0, 0), "table 1 has -2 entries"),
        (int32(65535, 1), [1, 2], int32(0), "starts run from 1 to 2"),
        (int32(65535, 1), [0, 2], int32(0, 0), "2 offsets with 2 starts"),
        (int32(), [0], int32(), "0 offsets"),
        (int32(65534, 1, 1), [0, 3], int32(INT32.max), "reaches to symbol 2147483648"),
    ],
)
def test_arrays_that_are_no_tables_are_refused(frequencies, starts, offsets, wrong):
    with pytest.raises(CodecError, match=wrong):
        FrequencyTables(frequencies, np.array(starts, np.int64), offsets)
