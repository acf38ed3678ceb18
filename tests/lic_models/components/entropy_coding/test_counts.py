"""Counts out of probabilities: no exchange of one makes a table cost less."""

import numpy as np
import pytest
from compressai._CXX import pmf_to_quantized_cdf
from scipy.stats import laplace, norm

from lic_models.components.entropy_coding.counts import MOST_ENTRIES, TOTAL
from lic_models.components.entropy_coding.tables import FrequencyTables
from pytest_lic.errors import CodecError
from tests.helpers.coded_symbols import CODERS, int32, table


def kullback_leibler(masses, frequencies):
    likely = masses > 0
    return float((masses[likely] * np.log2(masses[likely] / frequencies[likely] * TOTAL)).sum())


@pytest.mark.parametrize("kind", [norm, laplace], ids=["Gaussian", "Laplace"])
@pytest.mark.parametrize("scale", [0.11, 0.5, 3.0, 20.0, 200.0])
def test_no_exchange_of_a_count_makes_a_table_cost_less(kind, scale):
    last = int(np.ceil(9 * scale))
    symbols = np.arange(-last, last + 1)
    masses = kind.cdf((symbols + 0.5) / scale) - kind.cdf((symbols - 0.5) / scale)
    tables = FrequencyTables.from_masses([masses], [-last])
    frequencies = tables.row(0)
    masses = np.append(masses, max(0.0, 1 - masses.sum()))
    gained = masses * np.log2(1 + 1 / frequencies)
    lowered = np.maximum(frequencies - 1, 0.5)
    lost = np.where(frequencies > 1, masses * np.log2(frequencies / lowered), np.inf)
    assert gained.max() <= lost.min() + 1e-6  # bits a symbol
    compressai = np.diff(pmf_to_quantized_cdf(masses.tolist(), 16))
    cost = kullback_leibler(masses, frequencies)
    assert cost <= kullback_leibler(masses, compressai) + 1e-9


def test_a_long_table_gives_what_its_ones_leave_to_the_likely():
    masses = np.full(TOTAL // 2, 1e-9)
    masses[5] = 0.9
    tables = FrequencyTables.from_masses([masses], [0])
    assert tables.row(0)[5] > 0.44 * TOTAL
    assert tables.row(0).sum() == TOTAL


def test_the_longest_table_has_one_count_for_each_symbol_and_the_escape():
    masses = np.zeros(MOST_ENTRIES - 1)
    masses[5] = 1
    tables = FrequencyTables.from_masses([masses], [-7])
    assert tables.row(0).tolist() == [1] * TOTAL
    assert FrequencyTables.from_arrays(tables.to_arrays()) == tables
    symbols = int32(-7, 0, 65_527, -8, 65_528)
    indices = np.zeros_like(symbols)
    for coder in CODERS:
        string = coder.encode(symbols, indices, tables)
        np.testing.assert_array_equal(coder.decode(string, indices, tables), symbols)
        assert 8 * len(string) >= tables.ideal_bits(symbols, indices) > 16 * 5


def test_more_symbols_than_16_bits_hold_are_refused():
    """Of as many, CompressAI's tables get counts below zero, and no error."""
    masses = np.full(TOTAL, 1 / TOTAL)
    with pytest.raises(CodecError, match=r"shape \(65536,\); expected one axis of 1 to 65535"):
        FrequencyTables.from_masses([masses], [0])
    counts = np.diff(pmf_to_quantized_cdf([*masses.tolist(), 0.0], 16))
    assert counts.min() < 0
    for counts, wrong in (([1] * TOTAL + [0], "65537 entries"), ([1] * 65_537, "65537 entries")):
        with pytest.raises(CodecError, match=f"{wrong}, which 16 bits can't hold"):
            table(*counts)


@pytest.mark.parametrize(
    ("masses", "offsets", "wrong"),
    [
        ([], [], "masses of 0 tables"),
        ([[0.5]], [0, 1], "masses of 1 tables, offsets of 2"),
        ([[]], [0], r"table 0: masses of shape \(0,\)"),
        ([np.full(MOST_ENTRIES, 1e-6)], [0], "A shorter range leaves the rest to the escape"),
        ([[0.5], [0.5, -0.1]], [0, 0], "table 1: masses between -0.1 and 0.5"),
        ([[0.5, np.nan]], [0], "sum to nan"),
        ([[0.5, np.inf]], [0], "sum to inf"),
        ([[0.6, 0.5]], [0], "sum to 1.1"),
        ([[0.5]], [0.5], "offsets are float64"),
        ([[0.5]], [2**31], "expected whole numbers within int32"),
    ],
)
def test_masses_that_are_no_probabilities_are_refused(masses, offsets, wrong):
    with pytest.raises(CodecError, match=wrong):
        FrequencyTables.from_masses([np.array(each) for each in masses], offsets)
