"""The table of BD-rates: intervals over the images, and other metrics than PSNR and MS-SSIM."""

from __future__ import annotations

from dataclasses import replace

from pytest_lic.baselines.comparison import Comparison, Verdict
from pytest_lic.measuring.measure import Measurement
from pytest_lic.measuring.rate_distortion import Interval
from pytest_lic.report.html.content import Content
from pytest_lic.report.html.sections.curves import curves
from pytest_lic.results.results import AnchorResult, CurveResult, Results
from tests.helpers.coded_sets import coded_points, coded_set
from tests.helpers.html_page import page_of
from tests.helpers.made_results import results

CODED = coded_set(24, gain=-0.03, spread=0.01, seed=1)


def side(number: int) -> list[Measurement]:
    """One side, with an LPIPS that falls as PSNR rises."""
    measured = []
    for point in coded_points(CODED, number).values():
        images = {
            name: replace(one, metrics={**one.metrics, "lpips": 1 - one.metrics["psnr"] / 100})
            for name, one in point.images.items()
        }
        measured.append(replace(point, images=images))
    return measured


def compared() -> Results:
    """A run by PSNR and LPIPS, with an anchor."""
    run = results(side(1), side(0))
    cell = side(1)[0].cell
    points = tuple((0.1 * number, 28.0 + number, None) for number in range(1, 5))
    anchor = AnchorResult("other", 1.5, None, None, points, {"lpips": -3.21})
    verdict = Comparison("toy", Verdict.IMPROVED, "")
    return replace(run, curves=(CurveResult(verdict, cell.family, cell.setting, (anchor,)),))


def test_a_bd_rate_has_its_interval_below_it() -> None:
    section = curves(Content({"": compared()}))
    assert section is not None
    _, _, (against_baseline, *_) = section["plots"][0]["tables"]["psnr"]["rows"][0]
    interval = against_baseline.interval
    assert isinstance(interval, Interval)
    assert interval.low < against_baseline.value < interval.high < 0
    text = page_of(compared()).text
    assert f"{interval.low:.2f}".replace("-", "−") in text.replace("-", "−")


def test_a_metric_that_was_asked_for_has_a_table_with_the_run_s_own_numbers() -> None:
    section = curves(Content({"": compared()}))
    assert section is not None
    table = section["plots"][0]["tables"]["lpips"]
    assert table["anchors"] == ["its baseline", "other"]
    _, _, (against_baseline, against_other) = table["rows"][0]
    assert against_baseline.value < 0, "fewer bits for the same distance"
    assert against_other.value == -3.21


def test_a_run_that_asked_for_none_has_those_of_every_report() -> None:
    plain = replace(compared(), curves=())
    section = curves(Content({"": plain}))
    assert section is not None
    assert list(section["plots"][0]["tables"]) == ["psnr", "ms_ssim"]
