"""Tolerances: the defaults, what overrides them, and what is none."""

from __future__ import annotations

import pytest

from pytest_lic.baselines.tolerances import DEFAULT_TOLERANCES, Tolerance, parse_tolerances
from pytest_lic.errors import UnknownNameError, UsageError


def test_default_tolerances_are_the_documented_ones() -> None:
    assert {
        "bpp": Tolerance(mean=0.1, image=0.5),
        "psnr": Tolerance(mean=0.01, image=0.05),
        "ms_ssim": Tolerance(mean=0.02, image=0.1),
        "lpips": Tolerance(mean=0.001, image=0.005),
        "bd_rate": Tolerance(mean=0.1, image=0.1),
    } == DEFAULT_TOLERANCES


def test_a_number_overrides_both_tolerances_and_a_table_either() -> None:
    given = {"psnr": 0.2, "bpp": {"image": 3}, "bd_rate": 1}
    parsed = parse_tolerances(given, "pyproject.toml")
    assert parsed["psnr"] == Tolerance(0.2, 0.2)
    assert parsed["bpp"] == Tolerance(0.1, 3.0)
    assert parsed["bd_rate"].mean == 1.0
    assert parsed["ms_ssim"] == DEFAULT_TOLERANCES["ms_ssim"]


def test_a_marker_overrides_what_the_project_set() -> None:
    project = parse_tolerances({"psnr": 0.2, "bpp": 2}, "pyproject.toml")
    marked = parse_tolerances({"psnr": {"mean": 0.3}}, "the lic_tolerance marker", project)
    assert marked["psnr"] == Tolerance(0.3, 0.2)
    assert marked["bpp"] == Tolerance(2.0, 2.0)
    assert DEFAULT_TOLERANCES["psnr"] == Tolerance(0.01, 0.05)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"pnsr": 0.1}, "pyproject: no tolerance is named 'pnsr'; did you mean psnr"),
        ({"psnr": {"images": 1}}, "pyproject, psnr: no part is named 'images'; did you mean image"),
        ({"psnr": "0.1"}, "pyproject: psnr.mean is '0.1'; expected a number ≥ 0"),
        ({"psnr": -1}, "psnr.mean is -1; expected a number ≥ 0"),
        ({"psnr": {"image": True}}, "psnr.image is True; expected a number ≥ 0"),
        ({"psnr": float("nan")}, "psnr.mean is nan; expected a number ≥ 0"),
        ({"psnr": [0.1, 0.2]}, "psnr.mean is .* expected a number ≥ 0"),
        ({"psnr": None}, "psnr.mean is None; expected a number ≥ 0"),
    ],
)
def test_a_tolerance_that_is_none_is_an_error_that_says_where(
    given: dict[str, object], message: str
) -> None:
    with pytest.raises((UsageError, UnknownNameError), match=message):
        parse_tolerances(given, "pyproject")
