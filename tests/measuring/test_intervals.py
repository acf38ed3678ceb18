"""Intervals over the images: about the right number, as wide as they must be, or none at all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from bjontegaard import bd_rate as bjontegaard_rate

from pytest_lic.errors import Unavailable
from pytest_lic.measuring import intervals
from pytest_lic.measuring.intervals import Interval, bd_rate_interval, mean_interval
from pytest_lic.measuring.measure import Measurement, rd_curve
from pytest_lic.measuring.rate_distortion import bd_rate
from tests.helpers.coded_sets import CodedSet, coded_set
from tests.helpers.measurements import image, measurement


def points(coded: CodedSet, side: int) -> dict[str, Measurement]:
    """Quality → measurement of one side of a made-up set of images."""
    found = {}
    for quality in range(coded.points):
        images = {
            f"{name}.png": image(size=round(coded.bpp[side, quality, name] * 1e6 / 8), psnr=psnr)
            for name, psnr in enumerate(coded.psnr[side, quality])
        }
        found[str(quality)] = measurement(images, quality=str(quality))
    return found


def test_many_curves_at_once_are_those_of_bjontegaard() -> None:
    random = np.random.default_rng(0)
    rates = np.cumsum(random.uniform(0.05, 0.4, (2, 50, 5)), -1)
    quality = 28 + np.cumsum(random.uniform(0.3, 3.0, (2, 50, 5)), -1)
    ours = intervals._bd_rates((np.log(rates[0]), quality[0]), (np.log(rates[1]), quality[1]))
    for row, value in enumerate(ours):
        one, other = ((rates[side, row], quality[side, row]) for side in (0, 1))
        wanted = bjontegaard_rate(*one, *other, method="pchip", min_overlap=0)
        if min(one[1][-1], other[1][-1]) > max(one[1][0], other[1][0]):
            assert value == pytest.approx(wanted, rel=1e-9)
        else:
            assert np.isnan(value)


def test_a_saving_on_every_image_is_shown_and_holds_the_bd_rate() -> None:
    coded = coded_set(24, gain=-0.03, spread=0.01, seed=1)
    before, after = points(coded, 0), points(coded, 1)
    found = bd_rate_interval(before, after)
    value = bd_rate(rd_curve("before", before), rd_curve("after", after)).value
    assert isinstance(found, Interval)
    assert isinstance(value, float)
    assert found.low < value < found.high < 0
    assert not found.spans_zero
    assert bd_rate_interval(before, after) == found  # seeded


def test_what_differs_by_chance_alone_is_not_shown() -> None:
    coded = coded_set(24, gain=0.0, spread=0.05, seed=2)
    found = bd_rate_interval(points(coded, 0), points(coded, 1))
    assert isinstance(found, Interval)
    assert found.spans_zero


def test_the_same_results_differ_by_nothing() -> None:
    coded = points(coded_set(24, gain=0.0, spread=0.0, seed=3), 0)
    found = bd_rate_interval(coded, coded)
    assert found == Interval(pytest.approx(0, abs=1e-9), pytest.approx(0, abs=1e-9))


def test_the_change_of_a_mean_is_in_the_unit_of_its_tolerance() -> None:
    coded = coded_set(24, gain=-0.10, spread=0.02, seed=4)
    before, after = (points(coded, side)["1"] for side in (0, 1))
    rate, psnr = (mean_interval(before, after, metric) for metric in ("bpp", "psnr"))
    assert isinstance(rate, Interval)
    assert isinstance(psnr, Interval)
    assert -12 < rate.low < rate.high < -8  # percent
    assert psnr.spans_zero


@pytest.mark.parametrize("images", [1, 4])
def test_few_images_tell_nothing_of_others(images: int) -> None:
    coded = coded_set(images, gain=-0.03, spread=0.01, seed=5)
    found = bd_rate_interval(points(coded, 0), points(coded, 1))
    assert isinstance(found, Unavailable)
    assert f"{images} images; an interval needs at least 5" in found.reason


def test_a_metric_that_an_image_lacks_has_no_interval() -> None:
    coded = points(coded_set(24, gain=0.0, spread=0.0, seed=6), 0)
    first = coded["0"]
    lacking = replace(first.images["0.png"], metrics={})
    coded["0"] = replace(first, images={**first.images, "0.png": lacking})
    found = bd_rate_interval(coded, coded, "ms_ssim_db")
    assert found == Unavailable("MS-SSIM is not known, or not finite, of every image")


def test_about_95_of_100_intervals_hold_the_truth(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intervals, "RESAMPLES", 1000)
    share = coverage(sets=500, images=24, seed=7)
    assert 0.92 <= share <= 0.98  # 0.95 but for three standard deviations of 500 sets


def coverage(sets: int, images: int, seed: int) -> float:
    """The share of intervals that hold the BD-rate of the population."""
    whole = coded_set(200_000, gain=-0.02, spread=0.03, seed=seed)
    means = np.concatenate([*whole.bpp, *whole.psnr]).mean(1)
    half, points = whole.points, 2 * whole.points

    def statistic(means: np.ndarray) -> np.ndarray:
        rate, quality = np.log(means[:points].T), means[points:].T
        return intervals._bd_rates(
            (rate[:, :half], quality[:, :half]), (rate[:, half:], quality[:, half:])
        )

    (truth,) = statistic(means[:, None])
    held = 0
    for number in range(sets):
        drawn = coded_set(images, gain=-0.02, spread=0.03, seed=1000 * seed + number)
        found = intervals._interval(np.concatenate([*drawn.bpp, *drawn.psnr]), statistic)
        assert isinstance(found, Interval)
        held += found.low <= truth <= found.high
    return held / sets
