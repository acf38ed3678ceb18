"""Comparisons in words: which way a number went, and how many there are of each verdict."""

from __future__ import annotations

from pytest_lic.baselines.comparison import Verdict, compare
from pytest_lic.baselines.tolerances import DEFAULT_TOLERANCES
from pytest_lic.report.words import change_text, comparison_text, counted, moved
from tests.helpers.measurements import image, measurement


def test_a_loss_falls_where_higher_is_better_and_rises_where_lower_is() -> None:
    before = measurement({"one.png": image(psnr=37.0, size=10_000)})
    after = measurement({"one.png": image(psnr=36.0, size=11_000)})
    comparison = compare(after, before, DEFAULT_TOLERANCES)
    changes = {each.metric: change_text(each) for each in comparison.differences}
    assert changes["psnr"] == "-1 dB"
    assert changes["bpp"] == "+10 %"


def test_only_what_regressed_is_told_of_a_comparison_and_then_how_to_look_closer() -> None:
    before = measurement({"one.png": image(psnr=37.0, lpips=0.2)})
    after = measurement({"one.png": image(psnr=36.0, lpips=0.1)})
    text = comparison_text(compare(after, before, DEFAULT_TOLERANCES), "pytest -k toy")
    first, *lines, last = text.splitlines()
    assert first.endswith(": regressed")
    assert all(line.startswith("  PSNR, ") for line in lines)
    assert last == "  look closer: pytest -k toy"


def test_a_number_that_is_not_there_is_a_dash() -> None:
    assert set(moved(None, None)) == {"–"}


def test_verdicts_are_counted_the_worst_first() -> None:
    verdicts = [Verdict.SAME, Verdict.REGRESSED, Verdict.SAME]
    assert counted(verdicts) == ["1 regressed", "2 same"]
