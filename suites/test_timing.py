"""How long encoding and decoding take, in pytest-benchmark's format; ``-m timing`` runs these."""

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from pytest_lic import Cell, Gate

pytestmark = [
    pytest.mark.timing,
    # What does not code rightly is not timed, and fails; pytest-benchmark would also warn of that.
    pytest.mark.filterwarnings("ignore:Benchmark fixture was not used at all"),
]


def test_encode(lic: Gate, lic_timed_cell: Cell, benchmark: BenchmarkFixture) -> None:
    """From an image batch to its bitstreams."""
    lic.time_encoding(lic_timed_cell, benchmark)


def test_decode(lic: Gate, lic_timed_cell: Cell, benchmark: BenchmarkFixture) -> None:
    """From the bitstreams to an image batch."""
    lic.time_decoding(lic_timed_cell, benchmark)
