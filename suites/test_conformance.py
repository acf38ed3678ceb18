"""Old bitstreams still decode to the images that they decoded to when they were written."""

import pytest

from pytest_lic import Cell, Gate


@pytest.mark.conformance
def test_old_bitstreams(lic: Gate, lic_cell: Cell) -> None:
    """To the bit on the recording environment, within a level of 255 elsewhere; never cached."""
    lic.old_bitstreams(lic_cell)
