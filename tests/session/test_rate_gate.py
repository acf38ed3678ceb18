"""Curves gated by BD-rate in other metrics than PSNR, and what anchors are by them."""

from __future__ import annotations

import json

import pytest

from pytest_lic.measuring.metrics import GROUPS
from tests.helpers.toy_project import Project

METRIC = """
from pytest_lic import Metric

class Distance(Metric):
    name = label = "distance"
    higher_is_better = False
    tolerance = (100.0, 100.0)

    def compute(self, original, reconstruction):
        return float(np.abs(original.astype(int) - reconstruction).mean())

def pytest_lic_metrics():
    yield Distance()
"""

WASTEFUL = """
class Wasteful(Toy):
    def code(self, levels):
        return super().code(levels) + bytes(8)  # about 0.2 %, within a point's tolerance of 0.5
"""
ASKED = ("-m", "rd", "--lic-metrics=psnr", "--lic-bd=psnr,distance")


@pytest.fixture
def measured(small: Project) -> Project:
    """A project with a metric of its own, which is recorded."""
    append(small)
    small.run(*ASKED, "--lic-update").assert_outcomes(passed=6)
    return small


def append(project: Project, metric: str = METRIC) -> None:
    path = project.path / "conftest.py"
    path.write_text(path.read_text() + metric)


def test_a_metric_that_curves_are_compared_by_is_computed_and_recorded(measured: Project) -> None:
    (entry, *_) = json.loads(measured.baseline.read_text())["entries"]
    assert entry["mean"]["distance"] > 0
    passed = measured.run(*ASKED)
    passed.assert_outcomes(passed=6)
    passed.stdout.fnmatch_lines(["  curve: BD-rate +0.00 %*; BD-rate by distance +0.00 %, *"])


def test_each_axis_fails_by_its_name(measured: Project) -> None:
    measured.write_codec(WASTEFUL, codec="Wasteful")
    append(measured)
    broken = measured.run(*ASKED, "--lic-json=found.json")
    broken.stdout.fnmatch_lines_random(
        [
            "  BD-rate, curve: +* (tolerance 0.1 %*",
            "  BD-rate by distance, curve: +* (tolerance 0.1 %*",
        ]
    )
    alone = measured.run("-m", "rd", "--lic-metrics=psnr", "--lic-bd=distance")
    alone.stdout.fnmatch_lines(["  BD-rate by distance, curve: +* (tolerance 0.1 %*"])
    alone.stdout.no_fnmatch_line("  BD-rate, curve:*")
    (curve,) = json.loads((measured.path / "found.json").read_text())["curves"]
    names = [difference["metric"] for difference in curve["comparison"]["differences"]]
    assert names == ["bd_rate", "bd_rate:distance"]


def test_an_axis_on_which_the_curve_no_longer_rises_is_lost(measured: Project) -> None:
    flat = METRIC.replace("np.abs(original", "0 * np.abs(original")
    measured.write_codec()
    append(measured, flat)
    lost = measured.run(*ASKED)
    assert lost.ret == 1
    lost.stdout.fnmatch_lines(
        ["*BD-rate is lost: toy is not monotone: * distance does not fall (0 to 0); *"]
    )


def test_numbers_of_two_variants_of_an_axis_are_not_compared(measured: Project) -> None:
    other = METRIC.replace("    tolerance =", "    variant = 'version 2'\n    tolerance =")
    measured.write_codec()
    append(measured, other.replace("mean())", "mean() / 2)"))
    assert measured.run(*ASKED, "--lic-update").ret == 0
    measured.write_codec()
    append(measured, other.replace("version 2", "version 3"))
    passed = measured.run(*ASKED, "-rs")
    passed.assert_outcomes(passed=5, skipped=1)
    passed.stdout.fnmatch_lines(
        ["*distance is of version 3, the stored curve's of version 2: not compared*"]
    )


def test_anchors_are_told_by_each_axis(measured: Project) -> None:
    result = measured.run(
        *ASKED, "--lic-anchor=jpeg", "--lic-json=found.json", "--lic-markdown=found.md"
    )
    assert result.ret == 0
    result.stdout.fnmatch_lines(["  against jpeg: BD-rate +* %*, by distance +* %"])
    (curve,) = json.loads((measured.path / "found.json").read_text())["curves"]
    (anchor,) = curve["anchors"]
    assert set(anchor["by_metric"]) == {"distance"}
    page = (measured.path / "found.md").read_text()
    assert "| against jpeg | against jpeg by distance |" in page


TWO = METRIC.replace(
    "def pytest_lic_metrics",
    """class Squared(Distance):
    name = label = "squared"

    def compute(self, original, reconstruction):
        return float(((original.astype(int) - reconstruction) ** 2).mean())

def pytest_lic_metrics""",
).replace("yield Distance()", "yield from (Distance(), Squared())")


def test_conditions_tell_each_of_their_metrics_and_the_mean_and_gate_none(
    small: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(GROUPS, dict)
    monkeypatch.setitem(GROUPS, "our-own", ("distance", "squared"))
    append(small, TWO)
    asked = ("-m", "rd", "--lic-metrics=psnr", "--lic-ctc=our-own", "--lic-anchor=jpeg")
    result = small.run(*asked, "--lic-update", "--lic-json=found.json", "--lic-markdown=found.md")
    result.assert_outcomes(passed=6)
    (curve,) = json.loads((small.path / "found.json").read_text())["curves"]
    rates = curve["anchors"][0]["by_metric"]
    mean = (rates["distance"] + rates["squared"]) / 2
    printed = " ".join(result.stdout.str().split())
    assert f"by distance {rates['distance']:+.2f} %, by squared" in printed
    assert f"mean of the 2 of our-own {mean:+.2f} %" in printed
    assert f"| {mean:+.2f} % |" in (small.path / "found.md").read_text()
    passed = small.run(*asked)
    passed.stdout.no_fnmatch_line("*BD-rate by distance*")  # which --lic-bd would gate


def test_conditions_that_there_are_not_are_refused(small: Project) -> None:
    refused = small.run("-m", "rd", "--lic-ctc=jpeg-xl")
    assert refused.ret == 4
    refused.stderr.fnmatch_lines(["*--lic-ctc: no conditions is named 'jpeg-xl'*jpeg-ai*"])


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("psrn", "*--lic-bd: no metric is named 'psrn'; did you mean psnr?*"),
        ("bpp", "*--lic-bd: no metric is named 'bpp'*"),
        (",", "*--lic-bd names no metric; expected such as psnr*"),
    ],
)
def test_an_axis_that_is_none_is_refused(small: Project, names: str, message: str) -> None:
    refused = small.run("-m", "rd", f"--lic-bd={names}")
    assert refused.ret == 4
    refused.stderr.fnmatch_lines([message])
