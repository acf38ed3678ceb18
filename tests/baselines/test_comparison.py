"""Every verdict there is, and the difference that leads to it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace

import pytest

from pytest_lic.baselines.comparison import Comparison, Difference, Verdict, compare, compare_curves
from pytest_lic.baselines.tolerances import DEFAULT_TOLERANCES, parse_tolerances
from pytest_lic.errors import Unavailable
from pytest_lic.measuring.measure import ImageResult
from pytest_lic.measuring.metrics.ms_ssim import to_db
from pytest_lic.measuring.rate_distortion import BD
from pytest_lic.system.environment import Environment
from pytest_lic.system.typed_json import plain, structured
from tests.helpers.measurements import ELSEWHERE, HERE, image, measurement

NAMES = [f"photo{number}.png" for number in range(8)]


def gate(
    before: Mapping[str, ImageResult],
    after: Mapping[str, ImageResult],
    environment: Environment = ELSEWHERE,
    **setting: int,
) -> Comparison:
    """What the default tolerances say of ``after``, measured in ``environment``."""
    return compare(
        measurement(after, environment=environment, **setting),
        measurement(before, environment=HERE),
        DEFAULT_TOLERANCES,
    )


def eight(bits: str = "a", **result: float | None) -> dict[str, ImageResult]:
    """Eight images with one result."""
    return {name: image(bits=bits, **result) for name in NAMES}


def one_of_eight(bits: str = "b", **result: float | None) -> dict[str, ImageResult]:
    """Eight images as `eight` gives them, but for the sixth."""
    return eight() | {NAMES[5]: image(bits=bits, **result)}


def regressions(comparison: Comparison) -> list[tuple[str, str | None]]:
    """Metric and image of each regression, the worst first."""
    return [(found.metric, found.image) for found in comparison.differences if found.regressed]


def linear(decibels: float) -> float:
    """MS-SSIM of that many dB."""
    return 1 - 10 ** (-decibels / 10)


def test_the_same_bits_are_the_same_wherever_they_come_from() -> None:
    for environment in (HERE, ELSEWHERE):
        found = gate(eight(), eight(), environment)
        assert (found.verdict, found.reason, found.differences) == (Verdict.SAME, "", ())


def test_other_bits_inside_the_tolerances_are_changed_where_the_baseline_was_recorded() -> None:
    found = gate(eight(), eight(bits="b", psnr=34.995), HERE)
    assert found.verdict is Verdict.CHANGED
    assert "not to the bit, although the environment is the recording one" in found.reason
    assert not found.verdict.fails()
    assert found.verdict.fails(strict=True)


@pytest.mark.parametrize("circumstance", [{"batch": 4}, {"environment": ELSEWHERE}])
def test_elsewhere_the_tolerances_alone_decide(circumstance: dict) -> None:
    found = gate(eight(), eight(bits="b", psnr=34.995), **{"environment": HERE} | circumstance)
    assert found.verdict is Verdict.WITHIN
    assert not found.verdict.fails(strict=True)


def test_one_changed_image_is_enough_to_be_changed() -> None:
    assert gate(eight(), one_of_eight(), HERE).verdict is Verdict.CHANGED


# Each metric: a change that is inside both tolerances, one that the mean alone notices, and one
# that is far outside on a single image and hardly moves the mean of eight.
CASES = {
    "bpp": ({"size": 10_009}, {"size": 10_020}, {"size": 10_070}),
    "psnr": ({"psnr": 34.991}, {"psnr": 34.98}, {"psnr": 34.93}),
    "ms_ssim": (
        {"ms_ssim": linear(to_db(0.98) - 0.019)},
        {"ms_ssim": linear(to_db(0.98) - 0.03)},
        {"ms_ssim": linear(to_db(0.98) - 0.11)},
    ),
    "lpips": ({"lpips": 0.1009}, {"lpips": 0.102}, {"lpips": 0.1059}),
}


@pytest.mark.parametrize("metric", CASES)
def test_a_small_change_of_any_metric_is_within_tolerance(metric: str) -> None:
    inside, _, _ = CASES[metric]
    found = gate(eight(lpips=0.1), eight("b", **{"lpips": 0.1} | inside))
    assert (found.verdict, regressions(found)) == (Verdict.WITHIN, [])


@pytest.mark.parametrize("metric", CASES)
def test_a_small_loss_everywhere_regresses_on_the_mean_only(metric: str) -> None:
    _, outside, _ = CASES[metric]
    found = gate(eight(lpips=0.1), eight("b", **{"lpips": 0.1} | outside))
    assert found.verdict is Verdict.REGRESSED
    assert found.verdict.fails()
    assert regressions(found) == [(metric, None)]


@pytest.mark.parametrize("metric", CASES)
def test_a_loss_on_one_image_of_eight_regresses_on_that_image_only(metric: str) -> None:
    _, _, far_outside = CASES[metric]
    before = eight(lpips=0.1)
    found = gate(before, before | {NAMES[5]: image(bits="b", **{"lpips": 0.1} | far_outside)})
    assert found.verdict is Verdict.REGRESSED
    assert regressions(found) == [(metric, NAMES[5])]


@pytest.mark.parametrize("metric", CASES)
def test_the_same_change_the_other_way_is_improved_and_asks_to_be_recorded(metric: str) -> None:
    _, outside, _ = CASES[metric]
    found = gate(eight("b", **{"lpips": 0.1} | outside), eight(lpips=0.1))
    assert found.verdict is Verdict.IMPROVED
    assert not found.verdict.fails(strict=True)
    assert "record the improvement with --lic-update" in found.reason
    assert [(better.metric, better.image) for better in found.differences] == [(metric, None)]


def test_a_gain_in_one_metric_does_not_pay_for_a_loss_in_another() -> None:
    found = gate(eight(), eight("b", size=9_000, psnr=34.5))
    assert found.verdict is Verdict.REGRESSED
    assert regressions(found)[0] == ("psnr", None)
    improved = {better.metric for better in found.differences if better.improved}
    assert improved == {"bpp"}


def test_regressions_come_first_and_the_worst_of_them_first() -> None:
    after = eight("b", size=5_000) | {
        NAMES[2]: image(bits="b", size=5_000, psnr=34.9),
        NAMES[6]: image(bits="b", size=5_000, psnr=30.0),
    }
    found = gate(eight(), after)
    assert regressions(found)[:2] == [("psnr", NAMES[6]), ("psnr", None)]
    kinds = [difference.regressed for difference in found.differences]
    assert kinds == sorted(kinds, reverse=True)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"size": 200_000}, {"size": 201_000}),  # +0.5 %, which floats make 0.5000000000000004
        ({"psnr": 38.00}, {"psnr": 37.95}),
        ({"lpips": 0.100}, {"lpips": 0.105}),
    ],
)
def test_a_change_of_exactly_the_tolerance_passes(
    before: dict[str, float], after: dict[str, float]
) -> None:
    found = gate(eight() | {"x": image(**before)}, eight() | {"x": image(bits="b", **after)})
    assert not [image for _, image in regressions(found) if image is not None]


def test_a_difference_carries_both_values_in_the_unit_of_its_tolerance() -> None:
    found = gate(eight(), one_of_eight(ms_ssim=0.97))
    worst = found.differences[0]
    assert (worst.metric, worst.image) == ("ms_ssim", NAMES[5])
    assert worst.baseline == pytest.approx(to_db(0.98))
    assert worst.measured == pytest.approx(to_db(0.97))
    assert worst.worse_by == pytest.approx(to_db(0.98) - to_db(0.97))
    assert worst.tolerance == 0.1
    rate = gate(eight(), one_of_eight(size=11_000)).differences[0]
    assert (rate.baseline, rate.measured) == (8.0, 8.8)
    assert rate.worse_by == pytest.approx(10.0)  # percent


def test_the_mean_of_ms_ssim_is_taken_before_decibels() -> None:
    # 0.5 and 0.999: the mean of the decibels would be 16.5, that of the values is 6.0.
    before = {"a": image(ms_ssim=0.5), "b": image(ms_ssim=0.999)}
    after = {"a": image(ms_ssim=0.4, bits="b"), "b": image(ms_ssim=0.999)}
    mean = next(found for found in gate(before, after).differences if found.image is None)
    assert mean.baseline == pytest.approx(to_db(0.7495))


def test_a_metric_that_the_baseline_lacks_is_new_and_no_failure() -> None:
    found = gate(eight(), eight(lpips=0.9))
    assert found.verdict is Verdict.SAME
    assert found.reason == "lpips is new: the baseline lacks it"


def test_a_metric_that_only_the_baseline_has_is_said_and_no_failure() -> None:
    found = gate(eight(lpips=0.1), eight())
    assert found.verdict is Verdict.SAME
    assert found.reason == "lpips is unavailable here, though the baseline has it"


def test_a_metric_that_only_some_images_lost_is_said_too() -> None:
    found = gate(eight(lpips=0.1), eight(lpips=0.1) | {NAMES[0]: image(), NAMES[1]: image()})
    assert found.reason == "lpips is unavailable here for 2 of 8 images, though the baseline has it"


def test_lossless_images_on_both_sides_are_the_same() -> None:
    assert gate(eight(psnr=None), eight(psnr=None)).verdict is Verdict.SAME
    assert gate(eight(psnr=None), eight("b", psnr=None)).verdict is Verdict.WITHIN


def test_losing_losslessness_regresses_however_good_the_rest() -> None:
    found = gate(one_of_eight("a", psnr=None), one_of_eight(psnr=90.0))
    assert found.verdict is Verdict.REGRESSED
    assert regressions(found) == [("psnr", NAMES[5])]
    assert found.differences[0].baseline == math.inf


def test_becoming_lossless_is_an_improvement() -> None:
    assert gate(one_of_eight("a", psnr=90.0), one_of_eight(psnr=None)).verdict is Verdict.IMPROVED


def test_beside_a_lossless_image_the_mean_of_the_others_is_still_gated() -> None:
    lossless = {"flat.png": image(psnr=None)}
    found = gate(eight() | lossless, eight("b", psnr=34.98) | lossless)
    assert regressions(found) == [("psnr", None)]


def test_a_perfect_ms_ssim_is_infinite_decibels_and_losing_it_regresses() -> None:
    assert gate(eight(ms_ssim=1.0), eight("b", ms_ssim=1.0)).verdict is Verdict.WITHIN
    lost = gate(one_of_eight("a", ms_ssim=1.0), one_of_eight(ms_ssim=0.999))
    assert ("ms_ssim", NAMES[5]) in regressions(lost)
    everywhere = gate(eight(ms_ssim=1.0), eight("b", ms_ssim=0.999))
    assert ("ms_ssim", None) in regressions(everywhere)
    gained = gate(eight(ms_ssim=0.999), eight("b", ms_ssim=1.0))
    assert gained.verdict is Verdict.IMPROVED


def test_the_order_of_the_images_does_not_matter() -> None:
    assert gate(eight(), dict(reversed(eight().items()))).verdict is Verdict.SAME


def test_other_images_under_the_same_digest_are_an_error_that_says_what_to_do() -> None:
    found = gate(eight(), {name: image() for name in NAMES[:7]})
    assert found.verdict is Verdict.ERROR
    assert found.verdict.fails()
    assert "the baseline file was edited; record it again with --lic-update" in found.reason


def test_only_missing_regressed_and_error_fail() -> None:
    failing = {verdict for verdict in Verdict if verdict.fails()}
    assert failing == {Verdict.MISSING, Verdict.REGRESSED, Verdict.ERROR}
    assert {verdict for verdict in Verdict if verdict.fails(strict=True)} == failing | {
        Verdict.CHANGED
    }


@pytest.mark.parametrize(
    ("value", "verdict"),
    [
        (0.0, Verdict.SAME),
        (0.09, Verdict.WITHIN),
        (-0.09, Verdict.WITHIN),
        (0.11, Verdict.REGRESSED),
        (-0.11, Verdict.IMPROVED),
    ],
)
def test_a_curve_is_gated_on_its_bd_rate(value: float, verdict: Verdict) -> None:
    found = compare_curves("toy-photos", BD(value), BD(-0.01), DEFAULT_TOLERANCES)
    assert found.verdict is verdict
    assert found.reason.startswith(f"BD-rate {value:+.2f} %, BD-PSNR -0.010 dB")
    assert [difference.measured for difference in found.differences] == [value]


def test_a_curve_without_bd_rate_is_unavailable_with_its_reason() -> None:
    found = compare_curves(
        "toy-photos", BD(Unavailable("only 3 points")), BD(0.1), DEFAULT_TOLERANCES
    )
    assert (found.verdict, found.reason) == (Verdict.UNAVAILABLE, "only 3 points")
    assert not found.verdict.fails()


def test_a_curve_without_bd_psnr_is_gated_all_the_same() -> None:
    found = compare_curves("toy-photos", BD(0.5), BD(Unavailable("no overlap")), DEFAULT_TOLERANCES)
    assert found.verdict is Verdict.REGRESSED
    assert "BD-PSNR" not in found.reason


def test_a_comparison_survives_the_way_from_a_worker_to_the_controller() -> None:
    found = gate(eight(psnr=None), one_of_eight(psnr=40.0, size=20_000))
    assert structured(json.loads(json.dumps(plain(found))), Comparison) == found


def test_a_wider_tolerance_lets_a_regression_pass_and_a_narrower_one_fires() -> None:
    before, after = measurement(eight()), measurement(eight("b", psnr=34.9), environment=ELSEWHERE)
    wide = parse_tolerances({"psnr": 0.2}, "here")
    assert compare(after, before, DEFAULT_TOLERANCES).verdict is Verdict.REGRESSED
    assert compare(after, before, wide).verdict is Verdict.WITHIN
    none = parse_tolerances({"psnr": 0}, "here")
    slightly = measurement(eight("b", psnr=34.999999), environment=ELSEWHERE)
    assert compare(slightly, before, none).verdict is Verdict.REGRESSED


def test_no_difference_is_neither_a_regression_nor_an_improvement_at_tolerance_zero() -> None:
    nothing = Difference("psnr", None, 35.0, 35.0, 0.0, 0.0)
    assert not nothing.regressed
    assert not nothing.improved


def test_lpips_of_another_backbone_is_not_compared_but_said() -> None:
    before = replace(measurement({"one.png": image(lpips=0.2)}), variants={"lpips": "vgg"})
    after = replace(measurement({"one.png": image(lpips=0.4)}), variants={"lpips": "alex"})
    found = compare(after, before, DEFAULT_TOLERANCES)
    assert not found.verdict.fails()
    assert "lpips is of alex, the baseline's of vgg: not compared" in found.reason
