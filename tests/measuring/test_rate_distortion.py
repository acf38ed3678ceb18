"""What a BD value means, and when there is none."""

import json
import math
import warnings
from dataclasses import replace

import pytest
from scipy.integrate import quad
from scipy.interpolate import PchipInterpolator

from pytest_lic.errors import Unavailable
from pytest_lic.measuring.published import DATASET_DIGESTS, published_curve
from pytest_lic.measuring.rate_distortion import BD, Interval, RDCurve, bd_quality, bd_rate
from tests.helpers.places import DATA

THESIS = json.loads((DATA / "benchpresso.json").read_text())["codecs"]


def curve(name="ours", **changes) -> RDCurve:
    """A curve of five points; ``changes`` replaces some of its values."""
    values = {
        "bpp": (0.1, 0.2, 0.4, 0.8, 1.5),
        "psnr": (27.0, 29.1, 31.9, 35.0, 38.2),
        "ms_ssim": (0.90, 0.94, 0.965, 0.982, 0.992),
        "labels": ("1", "2", "3", "4", "5"),
    }
    return RDCurve(name, **(values | changes))


def first_points(whole: RDCurve, count: int) -> RDCurve:
    return replace(
        whole,
        bpp=whole.bpp[:count],
        psnr=whole.psnr[:count],
        ms_ssim=whole.ms_ssim[:count],
        labels=whole.labels[:count],
    )


def kodak(name: str) -> RDCurve:
    return published_curve(name, DATASET_DIGESTS["kodak"])


def thesis_curve(name: str) -> RDCurve:
    bpp, psnr = zip(*THESIS[name]["points"], strict=True)
    labels = tuple("12345")
    return RDCurve(name, bpp, psnr, (None,) * 5, labels)


def mean_difference(anchor, test):
    """By quadrature rather than from pchip's antiderivative; each argument is (x, y), x rising."""
    low = max(anchor[0][0], test[0][0])
    high = min(anchor[0][-1], test[0][-1])
    areas = [
        quad(PchipInterpolator(x, y), low, high, points=[v for v in x if low < v < high], limit=200)
        for x, y in (anchor, test)
    ]
    return (areas[1][0] - areas[0][0]) / (high - low)


# Values


def test_identical_curves_differ_by_nothing():
    assert bd_rate(curve(), curve()).value == pytest.approx(0.0, abs=1e-9)
    assert bd_rate(curve(), curve(), "ms_ssim_db").value == pytest.approx(0.0, abs=1e-9)
    assert bd_quality(curve(), curve()).value == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("percent", [1.0, -1.0, 25.0])
@pytest.mark.parametrize("metric", ["psnr", "ms_ssim_db"])
def test_rates_shifted_by_a_factor_give_that_bd_rate(percent, metric):
    shifted = curve(bpp=tuple(rate * (1 + percent / 100) for rate in curve().bpp))
    assert bd_rate(curve(), shifted, metric).value == pytest.approx(percent, abs=1e-9)


def test_psnr_shifted_by_half_a_decibel_gives_that_bd_psnr():
    shifted = curve(psnr=tuple(value + 0.5 for value in curve().psnr))
    assert bd_quality(curve(), shifted).value == pytest.approx(0.5, abs=1e-9)


def test_ms_ssim_shifted_by_half_a_decibel_gives_that_difference_at_equal_rate():
    better = tuple(1 - (1 - linear) * 10**-0.05 for linear in curve().ms_ssim)
    assert bd_quality(curve(), curve(ms_ssim=better), "ms_ssim_db").value == pytest.approx(0.5)
    assert bd_quality(curve(), curve(ms_ssim=better)).value == 0
    assert bd_quality(curve(), kodak("vtm")) == bd_quality(curve(), kodak("vtm"), "psnr")


def test_swapping_anchor_and_test_inverts_the_ratio_of_rates():
    there, back = bd_rate(kodak("bpg-444"), kodak("vtm")), bd_rate(kodak("vtm"), kodak("bpg-444"))
    assert (1 + there.value / 100) * (1 + back.value / 100) == pytest.approx(1)
    assert there.value < 0 < back.value


@pytest.mark.parametrize("name", ["vtm", "av1", "jpeg-published", "paper-elic2022"])
def test_bd_rate_agrees_with_an_independent_integration(name):
    anchor, test = kodak("bpg-444"), kodak(name)
    log_rate = mean_difference(
        *((each.psnr, [math.log(rate) for rate in each.bpp]) for each in (anchor, test))
    )
    assert bd_rate(anchor, test).value == pytest.approx(100 * math.expm1(log_rate), abs=1e-6)


@pytest.mark.parametrize("name", ["vtm", "av1", "jpeg-published"])
def test_bd_rate_over_ms_ssim_agrees_with_an_independent_integration(name):
    anchor, test = kodak("bpg-444"), kodak(name)
    log_rate = mean_difference(
        *(
            (
                [-10 * math.log10(1 - value) for value in each.ms_ssim],
                [math.log(rate) for rate in each.bpp],
            )
            for each in (anchor, test)
        )
    )
    value = bd_rate(anchor, test, "ms_ssim_db").value
    assert value == pytest.approx(100 * math.expm1(log_rate), abs=1e-6)


@pytest.mark.parametrize("name", ["vtm", "av1", "paper-elic2022"])
def test_bd_psnr_agrees_with_an_independent_integration(name):
    anchor, test = kodak("bpg-444"), kodak(name)
    decibels = mean_difference(
        *(([math.log(rate) for rate in each.bpp], each.psnr) for each in (anchor, test))
    )
    assert bd_quality(anchor, test).value == pytest.approx(decibels, abs=1e-7)


@pytest.mark.parametrize("name", sorted(set(THESIS) - {"fp-gdn"}))
def test_the_thesis_s_printed_bd_rate_is_reproduced(name):
    value = bd_rate(kodak("bpg-444"), thesis_curve(name)).value
    assert value == pytest.approx(THESIS[name]["printed"][0], abs=0.25)


def test_the_thesis_s_points_of_fp_gdn_do_not_give_the_bd_rate_printed_for_it():
    value = bd_rate(kodak("bpg-444"), thesis_curve("fp-gdn")).value
    assert value == pytest.approx(50.2, abs=0.05)
    assert THESIS["fp-gdn"]["printed"][0] == 41.67


def test_curves_need_not_have_equally_many_points():
    assert bd_rate(curve(), first_points(curve(), 4)).value == pytest.approx(0.0, abs=0.5)


def test_qualities_listed_from_the_highest_rate_down_give_the_same_value():
    anchor = kodak("vtm")
    backwards = replace(
        anchor,
        bpp=anchor.bpp[::-1],
        psnr=anchor.psnr[::-1],
        ms_ssim=anchor.ms_ssim[::-1],
        labels=anchor.labels[::-1],
    )
    assert backwards.non_monotone() is None
    assert bd_rate(backwards, curve()) == bd_rate(anchor, curve())
    assert bd_quality(backwards, curve()) == bd_quality(anchor, curve())


# Reasons


def test_fewer_than_four_points_give_a_reason():
    short = first_points(curve("short"), 3)
    assert bd_rate(curve(), short) == BD(
        Unavailable("short has 3 points; a BD value needs at least 4")
    )
    assert str(bd_rate(short, curve()).value).startswith("anchor short has 3 points")
    assert isinstance(bd_quality(curve(), short).value, Unavailable)
    assert isinstance(bd_rate(curve(), first_points(curve(), 4)).value, float)


def test_an_overlap_of_quality_under_three_quarters_gives_a_reason_with_both_ranges():
    # 27 to 38.2 dB against 35.9 dB upwards: 2.3 of 11.2 dB.
    high = curve("high", psnr=tuple(value + 8.9 for value in curve().psnr))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        outcome = bd_rate(curve(), high)
    assert outcome.overlap == pytest.approx(2.3 / 11.2)
    assert outcome.value == Unavailable(
        "overlap of 20.5 % is under 75 % of the narrower PSNR range: "
        "anchor ours spans 27 to 38.2 dB, high 35.9 to 47.1 dB"
    )


def test_curves_that_do_not_meet_overlap_by_nothing():
    far = curve(psnr=tuple(value + 20 for value in curve().psnr))
    assert bd_rate(curve(), far).overlap == 0
    assert "overlap of 0 %" in str(bd_rate(curve(), far).value)


@pytest.mark.parametrize(("shift", "available"), [(2.8, True), (2.801, False)])
def test_the_overlap_must_be_three_quarters_of_the_narrower_range(shift, available):
    # 11.2 dB wide: a shift by 2.8 dB leaves exactly three quarters.
    shifted = curve(psnr=tuple(value + shift for value in curve().psnr))
    outcome = bd_rate(curve(), shifted)
    assert isinstance(outcome.value, float) == available
    assert available or "overlap of 74.9 %" in str(outcome.value)


def test_a_narrow_curve_within_a_wide_one_overlaps_entirely():
    narrow = curve(psnr=(30.0, 30.5, 31.0, 31.5, 32.0))
    assert bd_rate(curve(), narrow).overlap == 1
    assert isinstance(bd_rate(curve(), narrow).value, float)


def test_bd_psnr_looks_at_the_overlap_of_rates():
    costly = curve("costly", bpp=tuple(rate * 5 for rate in curve().bpp))
    assert bd_rate(curve(), costly).value == pytest.approx(400)
    outcome = bd_quality(curve(), costly)
    assert outcome.value == Unavailable(
        "overlap of 40.5 % is under 75 % of the narrower log-rate range: "
        "anchor ours spans 0.1 to 1.5 bpp, costly 0.5 to 7.5 bpp"
    )


def test_a_curve_whose_quality_falls_is_named_with_its_points():
    dented = curve("dented", psnr=(27.0, 29.1, 31.9, 31.8, 38.2))
    sentence = (
        "dented is not monotone: from quality 3 to quality 4 PSNR does not rise (31.9 to 31.8 dB)"
    )
    assert dented.non_monotone() == sentence
    assert dented.non_monotone("ms_ssim_db") is None
    assert bd_rate(curve(), dented) == BD(Unavailable(sentence))
    assert bd_rate(dented, curve()) == BD(Unavailable(f"anchor {sentence}"))
    assert bd_quality(curve(), dented) == BD(Unavailable(sentence))
    assert bd_rate(curve(), dented, "ms_ssim_db").value == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("rate", [0.2, 0.15])
def test_a_curve_whose_rate_does_not_rise_is_named_with_its_points(rate):
    dented = curve(bpp=(0.1, 0.2, rate, 0.8, 1.5))
    assert dented.non_monotone() == (
        f"ours is not monotone: from quality 2 to quality 3 the rate does not rise "
        f"(0.2 to {rate} bpp)"
    )
    assert isinstance(bd_rate(curve(), dented).value, Unavailable)


def test_a_rise_that_is_only_rounding_is_none():
    assert curve(psnr=(27.0, 29.1, 29.1 + 1e-13, 35.0, 38.2)).non_monotone() is not None
    assert curve(bpp=(0.1, 0.2, 0.2 + 1e-15, 0.8, 1.5)).non_monotone() is not None
    assert curve().non_monotone() is None


@pytest.mark.parametrize(
    ("changes", "metric", "reason"),
    [
        ({"psnr": (27.0, 29.1, 31.9, 35.0, math.inf)}, "psnr", "PSNR of inf dB at quality 5"),
        ({"psnr": (27.0, math.nan, 31.9, 35.0, 38.2)}, "psnr", "PSNR of nan dB at quality 2"),
        ({"bpp": (0.0, 0.2, 0.4, 0.8, 1.5)}, "psnr", "rate of 0 bpp at quality 1"),
        ({"bpp": (0.1, 0.2, 0.4, math.nan, 1.5)}, "psnr", "rate of nan bpp at quality 4"),
        (
            {"ms_ssim": (0.90, None, 0.965, 0.982, 0.992)},
            "ms_ssim_db",
            "ours has no MS-SSIM at quality 2",
        ),
        (
            {"ms_ssim": (0.90, 0.94, 0.965, 0.982, 1.0)},
            "ms_ssim_db",
            "MS-SSIM of inf dB at quality 5",
        ),
    ],
)
def test_a_value_that_is_missing_or_not_finite_gives_a_reason(changes, metric, reason):
    outcome = bd_rate(curve(), curve(**changes), metric)
    assert isinstance(outcome.value, Unavailable)
    assert reason in outcome.value.reason


def test_ms_ssim_that_is_missing_does_not_stop_bd_rate_over_psnr():
    without = curve(ms_ssim=(None,) * 5)
    assert bd_rate(curve(), without).value == pytest.approx(0, abs=1e-9)


def test_a_curve_that_is_unavailable_hands_its_reason_on_the_test_curve_s_first():
    lost, gone = Unavailable("lost"), Unavailable("gone")
    assert bd_rate(lost, curve()) == bd_quality(curve(), lost) == BD(lost)
    assert bd_quality(lost, gone) == BD(gone)


def test_a_bd_is_written_with_its_value_or_its_reason():
    assert BD(1.5, 0.9, Interval(-0.5, 3.5)).to_json() == {
        "value": 1.5,
        "reason": None,
        "overlap": 0.9,
        "interval": [-0.5, 3.5],
    }
    lost = BD(Unavailable("lost"), 0.1)
    assert lost.to_json() == {"value": None, "reason": "lost", "overlap": 0.1, "interval": None}


def test_a_curve_of_unequal_columns_is_refused():
    with pytest.raises(ValueError, match="expected equally many"):
        curve(bpp=(0.1, 0.2))


def test_two_points_of_both_curves_make_a_straight_line() -> None:
    whole = RDCurve(
        "whole", (0.1, 0.2, 0.4, 0.8), (26.0, 29.0, 32.0, 35.0), (None,) * 4, tuple("1234")
    )
    few = RDCurve("few", (0.22, 0.88), (29.0, 35.0), (None,) * 2, tuple("24"))
    assert bd_rate(whole.of("24"), few, least=2).value == pytest.approx(10.0)
    assert isinstance(bd_rate(whole, few).value, Unavailable)
    assert isinstance(bd_rate(whole.of("2"), few.of("2"), least=2).value, Unavailable)
