"""Metrics of a project's own: found, gated like others, and refused where their facts are wrong."""

from __future__ import annotations

import json

import pytest

from pytest_lic.errors import ResultsError
from pytest_lic.results.json_file import load
from tests.helpers.toy_project import Project

METRIC = """
import numpy as np
from pytest_lic import Metric

class Sharpness(Metric):
    name = "sharpness"
    label = "sharpness"
    higher_is_better = False
    tolerance = (0.01, 0.05)
    definition = "mean absolute error of RGB, 0 to 255"

    def compute(self, original, reconstruction):
        return float(np.abs(original.astype(int) - reconstruction).mean())

def pytest_lic_metrics():
    yield Sharpness()
"""

COARSER = """
class Coarser(Toy):
    def __init__(self, quality):
        super().__init__(quality)
        self.step *= 2
"""


def write(project: Project, metric: str = METRIC) -> None:
    path = project.path / "conftest.py"
    path.write_text(path.read_text() + metric)


def test_a_metric_of_five_lines_is_recorded_and_gated(small: Project) -> None:
    write(small)
    asked = ("-m", "rd", "--lic-metrics", "psnr,sharpness")
    small.run(*asked, "--lic-update").assert_outcomes(passed=6)
    (entry, *_) = json.loads((small.path / "baselines/toy.json").read_text())["entries"]
    (first, *_) = entry["images"].values()
    assert first["metrics"]["sharpness"] > 0
    assert entry["mean"]["sharpness"] > 0
    small.write_codec(COARSER, codec="Coarser")
    write(small)
    broken = small.run(*asked)
    broken.assert_outcomes(failed=6)
    broken.stdout.fnmatch_lines(["*  sharpness, mean: baseline *, measured *"])
    broken.stdout.fnmatch_lines(["quality *sharpness*"])


def test_a_results_file_tells_those_that_read_it_without_the_project(small: Project) -> None:
    write(small)
    asked = ("-m", "rd", "--lic-metrics", "psnr,sharpness", "--lic-update")
    small.run(*asked, "--lic-json", "before.json")
    stored = json.loads((small.path / "before.json").read_text())
    assert stored["metrics"]["sharpness"]["higher_is_better"] is False
    assert stored["run"]["tolerances"]["sharpness"] == {"mean": 0.01, "image": 0.05}


def test_results_that_mean_another_metric_by_a_name_are_refused(small: Project) -> None:
    write(small)
    path = small.path / "found.json"
    small.run("-m", "rd", "--lic-metrics", "psnr,sharpness", f"--lic-json={path}")
    stored = json.loads(path.read_text())
    load(path)
    stored["metrics"]["sharpness"]["higher_is_better"] = True
    path.write_text(json.dumps(stored))
    with pytest.raises(ResultsError, match=r"found\.json: higher_is_better of metric sharpness is"):
        load(path)


def refused(project: Project, old: str, new: str, *lines: str) -> None:
    assert old in METRIC
    write(project, METRIC.replace(old, new))
    run = project.run("-m", "rd", "--lic-metrics", "psnr,sharpness", "--lic-update")
    assert run.ret != 0
    output = run.stdout.str() + run.stderr.str()
    for line in lines:
        assert line in output
    assert "INTERNALERROR" not in output


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("yield Sharpness()", "yield Sharpness", "expected Metric objects"),
        ('name = "sharpness"', 'name = "psnr"', "two metrics are named 'psnr'"),
        ('label = "sharpness"', 'label = "LPIPS"', "'LPIPS' is the heading of 'lpips' in every"),
        ('name = "sharpness"', 'name = "a b"', "expected letters, digits and underscores"),
        (
            "higher_is_better = False",
            "higher_is_better = 0",
            "higher_is_better is 0; expected a bool",
        ),
        ("higher", "variant = 7\n    higher", "its variant is 7; expected a text"),
        (
            "higher",
            "variant = property(lambda self: 1 / 0)\n    higher",
            "its variant failed: ZeroDivisionError",
        ),
        (
            "higher",
            "fingerprint = lambda self: 1 / 0\n    higher",
            "its fingerprint failed: ZeroDivisionError",
        ),
        (
            "higher",
            "shown = lambda self, value: 1 / 0\n    higher",
            "metric sharpness can't compare",
        ),
        ("higher", "decimals = 13\n    higher", "decimals is 13; expected 0 to 12"),
        ("higher", "needs = None\n    higher", "needs is None; expected a str"),
        ("(0.01, 0.05)", "0.01", "tolerance is 0.01; expected two numbers"),
        (
            "higher_is_better = False",
            "higher_is_better = True",
            "metric sharpness says that higher is better, and gives",
        ),
    ],
    ids=[
        *("class", "taken", "heading", "name", "direction", "variant", "no-variant", "fingerprint"),
        *("shown", "decimals", "needs", "tolerance", "contradiction"),
    ],
)
def test_a_metric_that_can_not_be_is_one_line_before_anything_is_measured(
    small: Project, old: str, new: str, line: str
) -> None:
    refused(small, old, new, line)


def test_a_metric_that_fails_names_itself_and_the_image(small: Project) -> None:
    at_one = "if original.shape[0] != 256: "
    refused(
        small,
        "        return float",
        f"        {at_one}raise RuntimeError('no such layer')\n        return float",
        "metric sharpness failed on photo0.png: RuntimeError: no such layer",
    )


@pytest.mark.parametrize(("given", "told"), [("float('nan')", "nan"), ("None", "None")])
def test_a_metric_without_a_finite_value_is_refused(small: Project, given: str, told: str) -> None:
    refused(
        small,
        "        return float",
        f"        if original.shape[0] != 256: return {given}\n        return float",
        f"metric sharpness gave {told} for photo0.png; expected a finite number",
    )
