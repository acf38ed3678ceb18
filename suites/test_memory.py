"""Coding takes no more memory than is recorded, and keeps none; ``-m memory`` runs this."""

import pytest

from pytest_lic import Cell, Gate


@pytest.mark.memory
def test_memory(lic: Gate, lic_cell: Cell) -> None:
    """Peaks at two sizes of image, and what is kept of each image, in a process of its own."""
    lic.memory(lic_cell)
