"""Every bitstream decodes: to the right size, type and range, on photographs and on edge cases."""

import pytest

from pytest_lic import Cell, Gate


@pytest.mark.roundtrip
def test_round_trip(lic: Gate, lic_cell: Cell) -> None:
    """Encode and decode every image; nothing is read from the cache."""
    lic.round_trip(lic_cell)
