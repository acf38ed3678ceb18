"""Coding takes no more operations and no more weights than are recorded."""

import pytest

from pytest_lic import Cell, Gate


@pytest.mark.complexity
def test_complexity(lic: Gate, lic_cell: Cell) -> None:
    """kMAC a pixel of each stage, and the size of the weights, to the last digit."""
    lic.complexity(lic_cell)
