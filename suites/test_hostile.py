"""Damaged bitstreams give an error that says so, or some image; never a crash or a hang."""

import pytest

from pytest_lic import Cell, Gate


@pytest.mark.hostile
def test_hostile_bitstreams(lic: Gate, lic_cell: Cell) -> None:
    """In a process of its own, with two gigabytes to allocate."""
    lic.hostile_bitstreams(lic_cell)
