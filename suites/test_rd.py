"""Rate and quality hold against the baselines."""

import pytest

from pytest_lic import Cell, Curve, Gate

pytestmark = pytest.mark.rd


def test_point(lic: Gate, lic_cell: Cell) -> None:
    """bpp, PSNR, MS-SSIM and LPIPS of one quality, in the mean and on each image."""
    lic.point(lic_cell)


def test_curve(lic: Gate, lic_curve: Curve) -> None:
    """BD-rate of a family against its stored curve, and against the anchors asked for."""
    lic.curve(lic_curve)
