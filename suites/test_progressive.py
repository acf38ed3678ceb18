"""The first bytes of a stream give a picture, and more of them no worse one."""

import pytest

from pytest_lic import Cell, Gate


@pytest.mark.progressive
def test_parts_of_streams(lic: Gate, lic_cell: Cell) -> None:
    """Every part decodes, PSNR does not fall from one to a longer one, all passes are the whole."""
    lic.parts_of_streams(lic_cell)
