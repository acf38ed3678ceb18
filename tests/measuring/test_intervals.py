"""Intervals over the images: about the right number, as wide as they must be, or none at all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from bjontegaard import bd_rate as bjontegaard_rate

from pytest_lic.errors import Unavailable
from pytest_lic.measuring import intervals
from pytest_lic.measuring.intervals import bd_rate_interval, bd_rate_over_images, mean_interval
from pytest_lic.measuring.measure import Measurement, rd_curve
from pytest_lic.measuring.rate_distortion import BD, Interval, RDCurve, bd_rate
from tests.helpers.coded_sets import coded_points, coded_set


def curve(points: dict[str, Measurement]) -> RDCurve:
    return rd_curve("made up", points)


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
    before, after = coded_points(coded, 0), coded_points(coded, 1)
    found = bd_rate_interval(curve(before), curve(after))
    value = bd_rate(curve(before), curve(after)).value
    assert isinstance(found, Interval)
    assert isinstance(value, float)
    assert found.low < value < found.high < 0
    assert not found.spans_zero
    assert bd_rate_interval(curve(before), curve(after)) == found  # seeded


def test_what_differs_by_chance_alone_is_not_shown() -> None:
    coded = coded_set(24, gain=0.0, spread=0.05, seed=2)
    found = bd_rate_interval(curve(coded_points(coded, 0)), curve(coded_points(coded, 1)))
    assert isinstance(found, Interval)
    assert found.spans_zero


def test_the_same_results_differ_by_nothing() -> None:
    coded = coded_points(coded_set(24, gain=0.0, spread=0.0, seed=3), 0)
    found = bd_rate_interval(curve(coded), curve(coded))
    assert found == Interval(pytest.approx(0, abs=1e-9), pytest.approx(0, abs=1e-9))


def test_the_change_of_a_mean_is_in_the_unit_of_its_tolerance() -> None:
    coded = coded_set(24, gain=-0.10, spread=0.02, seed=4)
    before, after = (coded_points(coded, side)["1"] for side in (0, 1))
    rate, psnr = (mean_interval(before, after, metric) for metric in ("bpp", "psnr"))
    assert isinstance(rate, Interval)
    assert isinstance(psnr, Interval)
    assert -12 < rate.low < rate.high < -8  # percent
    assert psnr.spans_zero


def test_a_bd_rate_has_an_interval_where_both_curves_were_measured() -> None:
    coded = coded_set(24, gain=-0.03, spread=0.01, seed=1)
    before, after = curve(coded_points(coded, 0)), curve(coded_points(coded, 1))
    interval = bd_rate_interval(before, after)
    assert bd_rate_over_images(before, after) == replace(bd_rate(before, after), interval=interval)
    published = replace(before, points=())
    assert bd_rate_over_images(published, after) == bd_rate(before, after)
    lost = Unavailable("not monotone")
    assert bd_rate_over_images(lost, after) == BD(lost)
    assert bd_rate_over_images(before, before) == bd_rate(before, before)


def test_a_metric_that_is_lower_where_it_is_better_has_the_same_sign() -> None:
    coded = coded_set(24, gain=-0.10, spread=0.01, seed=8)
    sides = [coded_points(coded, side) for side in (0, 1)]
    for side in sides:
        for label, point in side.items():
            images = {
                name: replace(one, metrics={**one.metrics, "lpips": 1 - one.metrics["psnr"] / 100})
                for name, one in point.images.items()
            }
            side[label] = replace(point, images=images)
    before, after = (curve(side) for side in sides)
    value = bd_rate(before, after, "lpips").value
    assert value == pytest.approx(bd_rate(before, after).value)
    found = bd_rate_interval(before, after, "lpips")
    assert isinstance(found, Interval)
    assert found.low < value < found.high < 0


@pytest.mark.parametrize("images", [1, 4])
def test_few_images_tell_nothing_of_others(images: int) -> None:
    coded = coded_set(images, gain=-0.03, spread=0.01, seed=5)
    found = bd_rate_interval(curve(coded_points(coded, 0)), curve(coded_points(coded, 1)))
    assert isinstance(found, Unavailable)
    assert f"{images} images; an interval needs at least 5" in found.reason


def test_a_metric_that_an_image_lacks_has_no_interval() -> None:
    coded = coded_points(coded_set(24, gain=0.0, spread=0.0, seed=6), 0)
    first = coded["1"]
    lacking = replace(first.images["0.png"], metrics={"psnr": 30.0})
    coded["1"] = replace(first, images={**first.images, "0.png": lacking})
    found = bd_rate_interval(curve(coded), curve(coded), "ms_ssim_db")
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
