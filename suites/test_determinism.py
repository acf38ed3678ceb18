"""The same image gives the same bits and the same pixels: again, elsewhere, and in company."""

import pytest

from pytest_lic import Cell, Gate

pytestmark = pytest.mark.determinism


def test_repeat(lic: Gate, lic_cell: Cell) -> None:
    """The same bits twice and the same pixels twice, in one process."""
    lic.repeat(lic_cell)


def test_fresh_process(lic: Gate, lic_cell: Cell) -> None:
    """The same pixels in a process that never saw the encoder."""
    lic.fresh_process(lic_cell)


def test_other_threads(lic: Gate, lic_cell: Cell) -> None:
    """The same latents with another number of threads; otherwise the stream is out of step."""
    lic.other_threads(lic_cell)


def test_batch(lic: Gate, lic_cell: Cell) -> None:
    """An image's bits do not depend on the images beside it."""
    lic.batch(lic_cell)


def test_environments(lic: Gate, lic_compared_cell: Cell) -> None:
    """What one simulated environment encodes, all others decode alike; `--lic-environments`."""
    lic.environments(lic_compared_cell)
