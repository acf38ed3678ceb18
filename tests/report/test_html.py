"""The HTML report: what stands in it, in which order, and that nothing from outside can act."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from pytest_lic.baselines.comparison import Comparison, Verdict, compare
from pytest_lic.baselines.tolerances import DEFAULT_TOLERANCES
from pytest_lic.measuring.measure import Measurement
from pytest_lic.report.html import html_report
from pytest_lic.results.results import FamilyFacts, PointResult, Results, TestResult
from tests.helpers.hostile_results import HOSTILE, hostile
from tests.helpers.html_page import Page, page_of
from tests.helpers.made_results import KODAK, RUN, curve_points, passing, regressing, results
from tests.helpers.made_times import timings
from tests.helpers.measurements import image, measurement
from tests.helpers.toy_project import Project


def test_the_verdict_comes_first_and_then_the_regression_with_its_cause() -> None:
    page = page_of(regressing())
    assert page.headings[:3] == [
        "Failed: 1 of 4 points regressed",
        "What got worse",
        "regressed toy-q3-photos-native-b1-cpu",
    ]
    cause = "PSNR, image two.png: baseline 37, measured 36, -1 dB (tolerance 0.05 dB)"
    assert cause in page.text
    assert page.text.index(cause) < page.text.index("Rate and quality")
    assert "look closer: pytest -m rd" in page.text


def test_what_is_worse_by_most_stands_first() -> None:
    worse = curve_points(worse={"1": 0.2, "2": 0.6, "4": 0.4})
    page = page_of(results(worse, curve_points(), exit_status=1))
    told = [heading for heading in page.headings if heading.startswith("regressed toy-q")]
    assert [heading[len("regressed toy-q")] for heading in told] == ["2", "4", "1"]


def test_what_passed_is_told_as_such() -> None:
    page = page_of(passing())
    assert page.headings[0] == "Passed: none of 4 points got worse"
    assert "What got worse" not in page.headings
    assert "Tests that failed" not in page.headings


def test_a_test_that_failed_without_a_regression_is_told_with_its_text() -> None:
    test = TestResult("test_roundtrip.py::test_size[toy]", "failed", ("roundtrip",), "toy", "gone")
    page = page_of(replace(passing(), run=replace(RUN, exit_status=1), tests=(test,)))
    assert page.headings[:2] == ["Failed: 1 test failed", "Tests that failed"]
    assert "gone" in page.text


def test_a_run_that_broke_off_is_not_told_as_good() -> None:
    page = page_of(replace(passing(), run=replace(RUN, exit_status=3)))
    assert page.headings[0].startswith("Failed: pytest ended with exit status 3; ")


@pytest.mark.parametrize("results", [passing(), regressing()], ids=["passing", "regressing"])
def test_the_page_asks_for_nothing(results: Results) -> None:
    text = html_report({"": results})
    page = Page(text)
    for tag, attributes in page.tags:
        for name in ("src", "href", "srcset", "data", "action", "poster", "style"):
            value = attributes.get(name)
            assert value is None or value.startswith(("data:", "#")), (tag, attributes)
        assert not any(name.startswith("on") for name in attributes), attributes
    assert re.findall(r"url\((?!#)", text) == []
    assert "@import" not in text
    policy = next(each for each in page.named("meta") if each.get("http-equiv") is not None)
    assert str(policy["content"]).startswith("default-src 'none'; img-src data:; ")


def test_markup_in_names_and_errors_stays_text() -> None:
    harmless, page = page_of(replace(regressing(), times=timings("toy"))), page_of(hostile())
    assert len(page.scripts) == len(harmless.scripts) == 3, "the page's own, and its numbers"
    assert page.scripts[-1] == harmless.scripts[-1]
    assert {tag for tag, _ in page.tags} <= {tag for tag, _ in harmless.tags}
    assert not any(attributes.get("src") == "x" for attributes in page.named("img"))
    assert page.text.count("<script>alert(1)</script>") >= 10
    drawn = json.loads(page.scripts[0])
    assert drawn[0][0]["name"] == HOSTILE
    assert HOSTILE in json.loads(page.scripts[1])[0]["title"]


def test_curves_hold_means_baselines_and_anchors() -> None:
    (series,) = json.loads(page_of(regressing()).scripts[0])
    assert [each["kind"] for each in series] == ["measured", "baseline"]
    measured, baseline = series
    assert measured["verdicts"] == ["same", "same", "regressed", "same"]
    assert [point["quality"] for point in measured["points"]] == ["1", "2", "3", "4"]
    assert baseline["points"][2]["psnr"] == pytest.approx(38.0)
    assert measured["points"][2]["psnr"] == pytest.approx(37.5)
    assert measured["points"][0]["lpips"] is None


def test_published_curves_stand_beside_their_data_set_and_no_other() -> None:
    def anchors(results: Results) -> dict[str, bool]:
        (series,) = json.loads(page_of(results).scripts[0])
        return {each["name"]: each["shown"] for each in series if each["kind"] == "anchor"}

    assert anchors(passing()) == {}
    found = anchors(passing(digest=KODAK))
    shown = {name for name, is_shown in found.items() if is_shown}
    assert shown == {"bpg-444", "vtm", "jpeg-published", "paper-elic2022"}
    assert len(found) > 20
    assert "its baseline bpg-444 jpeg-published" in page_of(passing(digest=KODAK)).text


def test_bd_rate_is_given_or_the_reason_why_not() -> None:
    page = page_of(regressing())
    assert "BD-rate by PSNR" in page.text
    rate = page.text.split("codec its baseline toy ")[1].split()[0]
    assert float(rate) > 0
    few = page_of(replace(regressing(), points=regressing().points[:3]))
    assert "has 3 points; a BD value needs at least 4" in few.text


def test_crops_are_images_within_the_page() -> None:
    page = page_of(regressing())
    images = list(page.named("img"))
    assert [each["alt"] for each in images] == ["original of two.png", "reconstruction of two.png"]
    assert all(str(each["src"]).startswith("data:image/png;base64,") for each in images)
    assert "The baseline’s reconstruction is not at hand" in page.text


def test_missing_crops_are_told() -> None:
    page = page_of(replace(regressing(), crops=()))
    assert list(page.named("img")) == []
    assert "No crops: the results hold none" in page.text


def test_codecs_that_differ_in_one_component_are_compared() -> None:
    one = passing()
    other = tuple(
        replace(
            point,
            measured=replace(point.measured, cell=replace(point.measured.cell, family="coarse")),
        )
        for point in regressing().points
        if point.measured is not None
    )
    families = {
        "toy": FamilyFacts({}, {"quantizer": "uniform", "step": "1"}),
        "coarse": FamilyFacts({}, {"quantizer": "dithered", "step": "1"}),
    }
    page = page_of(replace(one, points=(*one.points, *other), families=families))
    assert "By component" in page.headings
    told = page.text.split("quantizer, with step=1; on photos")[1]
    words = told.split("uniform toy reference reference dithered coarse ")[1].split()
    assert float(words[0]) > 0, "it needs more rate"
    assert float(words[1]) < 0
    assert "By component" not in page_of(one).headings


def test_several_runs_are_told_apart() -> None:
    page = page_of(passing(), regressing())
    assert page.headings[0] == "Failed: 1 of 8 points regressed"
    (series,) = json.loads(page.scripts[0])
    names = [each["name"] for each in series if each["kind"] == "measured"]
    assert names == ["toy · run 0", "toy · run 1"]


def test_infinite_differences_are_shown() -> None:
    """A lossless image that is lossy now."""
    before, after = measurement({"one.png": image(psnr=None)}), measurement({"one.png": image()})
    comparison = compare(after, before, DEFAULT_TOLERANCES)
    page = page_of(replace(passing(), points=(PointResult(comparison, after, before),)))
    assert "PSNR, image one.png: baseline inf, measured 35" in page.text


def test_points_that_could_not_be_measured_stand_in_the_table() -> None:
    comparison = Comparison("toy-q9-photos-native-b1-cpu", Verdict.UNAVAILABLE, "no such program")
    page = page_of(replace(passing(), points=(PointResult(comparison),)))
    assert "no such program" in page.text


def test_a_run_writes_the_page(small: Project) -> None:
    result = small.run("-m", "rd", "--lic-html=report.html")
    assert result.ret == 1, "nothing is recorded"
    result.stdout.fnmatch_lines([f"lic: report: {small.path}/report.html"])
    page = Page((small.path / "report.html").read_text())
    assert page.headings[0].startswith("Failed: 5 of 5 points")
    assert "no baseline; if it is right, record it: pytest" in page.text


def test_the_measured_are_means_over_images() -> None:
    found: Measurement = measurement()
    point = PointResult(compare(found, found, DEFAULT_TOLERANCES), found, found)
    page = page_of(replace(passing(), points=(point,)))
    # 8 bits of 10,000 and 12,000 bytes over 100 × 100 pixels each; 35 and 33 dB
    assert "8.8000 99.8 % 34.000 16.990 –" in page.text


def test_a_run_whose_results_can_t_be_written_is_not_told_as_passed(recorded: Project) -> None:
    recorded.write_codec(
        """
        import os

        class InTheWay(Toy):
            def encode(self, images):
                os.makedirs("results.json", exist_ok=True)
                return super().encode(images)
        """,
        codec="InTheWay",
        fingerprint="lambda quality: 'in the way'",
    )
    result = recorded.run("-m", "rd", "--lic-json=results.json", "--lic-html=report.html")
    assert result.ret == 1
    page = Page((recorded.path / "report.html").read_text())
    assert page.headings[0].startswith("Failed: pytest ended with exit status 1; none of ")
    assert "results.json: can't be written" in page.text
