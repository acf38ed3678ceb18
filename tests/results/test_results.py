"""One file tells all that a run found out, and can be read again."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from pytest_lic import cli
from pytest_lic.baselines.comparison import Comparison, Difference, Verdict
from pytest_lic.baselines.tolerances import Tolerance
from pytest_lic.errors import ResultsError
from pytest_lic.results.json_file import load, to_json, to_text
from pytest_lic.results.results import TestResult
from pytest_lic.results.schema import schema
from tests.helpers.made_results import passing
from tests.helpers.toy_project import Project

UNGATED = Tolerance(math.inf, math.inf)
BROKEN = """
    class Broken(Toy):
        def quantise(self, images):
            levels = super().quantise(images)
            if self.step == 20 and round(float(images[0, 0, 0, 0]) * 255) == first:
                levels = torch.clamp(levels, max=9)
            return levels

    from PIL import Image
    with Image.open(__file__.replace("conftest.py", "images/photo3.png")) as image:
        first = image.getpixel((0, 0))[0]
"""


@pytest.fixture(scope="module")
def kept() -> dict[str, str]:
    """The text of the results, made by the first test that needs it."""
    return {}


@pytest.fixture
def written(kept: dict[str, str], tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """The results of a run in which one image of one quality regressed."""
    if not kept:
        recorded: Project = request.getfixturevalue("recorded")
        recorded.write_codec(BROKEN, codec="Broken", fingerprint="lambda quality: 'broken'")
        result = recorded.run("-m", "rd", "--lic-json=results.json", "--lic-anchor=jpeg")
        assert result.ret == 1
        result.stdout.fnmatch_lines([f"lic: results: {recorded.path}/results.json"])
        kept["text"] = (recorded.path / "results.json").read_text()
    (tmp_path / "results.json").write_text(kept["text"])
    return tmp_path / "results.json"


def test_a_run_is_told_whole(written: Path) -> None:
    results = load(written)
    assert results.failed
    assert [point.comparison.subject for point in results.points] == [
        f"toy-q{quality}-images-native-b1-cpu" for quality in "12345"
    ]
    regressed = results.points[2]
    assert regressed.comparison.verdict is Verdict.REGRESSED
    assert {difference.image for difference in regressed.comparison.differences} >= {"photo3.png"}
    assert regressed.measured is not None
    assert regressed.baseline is not None
    here, then = regressed.measured.images, regressed.baseline.images
    assert here["photo0.png"].metrics == then["photo0.png"].metrics
    assert here["photo3.png"].metrics != then["photo3.png"].metrics
    (curve,) = results.curves
    assert curve.family == "toy"
    assert curve.anchors[0].anchor == "jpeg"
    assert len(curve.anchors[0].points) == 6
    failed = [test for test in results.tests if test.outcome == "failed"]
    assert "toy-q3-images-native-b1-cpu" in {test.subject for test in failed}
    assert all(test.text for test in failed)
    assert results.run.command[0] == "pytest"
    assert dict(results.families["toy"].tags) == {"quantizer": "uniform"}


def test_what_is_read_is_what_was_written(written: Path) -> None:
    results = load(written)
    assert to_text(results) == written.read_text()


def test_the_schema_is_one_and_holds(written: Path) -> None:
    Draft202012Validator.check_schema(schema())
    Draft202012Validator(schema()).validate(json.loads(written.read_text()))


def test_a_file_of_before_there_was_a_metric_is_read_and_written_the_same(written: Path) -> None:
    data = json.loads(written.read_text())
    del data["run"]["tolerances"]["lpips"]
    Draft202012Validator(schema()).validate(data)
    written.write_text(json.dumps(data))
    assert json.loads(to_text(load(written))) == data


def test_infinity_is_written_as_json_can(written: Path) -> None:
    results = load(written)
    lost = Difference("psnr", "photo0.png", math.inf, 40.0, math.inf, 0.05)
    comparison = Comparison("toy-q1-images-native-b1-cpu", Verdict.REGRESSED, "", (lost,))
    ungated = replace(results.run, tolerances={**results.run.tolerances, "lpips": UNGATED})
    changed = replace(
        results, run=ungated, points=(replace(results.points[0], comparison=comparison),)
    )
    text = to_text(changed)
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    written.write_text(text)
    assert load(written).points[0].comparison == comparison
    assert load(written).run.tolerances["lpips"] == UNGATED
    Draft202012Validator(schema()).validate(json.loads(text))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text[: len(text) // 2], "is not valid JSON"),
        (lambda text: "[]", r"is damaged: \$ is \[\]: expected `object`, got `array`"),
        (lambda text: text.replace('"format": 1', '"format": 7'), "is of format 7; .*upgrade it"),
        (
            lambda text: text.replace('"verdict": "regressed"', '"verdict": "great"'),
            r"is damaged: \$\.points\[2\]\.comparison\.verdict is 'great': invalid enum value",
        ),
        (
            lambda text: text.replace('"metric": "psnr"', '"metric": "butteraugli"'),
            r"is damaged: .*\.differences\[\d\]\.metric is 'butteraugli': no metric of that name",
        ),
        (
            lambda text: text.replace('"mean": 0.01', f'"mean": {10**400}'),
            r"is damaged: \$\.run\.tolerances\['psnr'\]\.mean is 1000\d*…: number out of range",
        ),
        (
            lambda text: text.replace('"bd_rate": {"mean"', '"butteraugli": {"mean"'),
            r"is damaged: \$\.run\.tolerances lacks bd_rate",
        ),
        (
            lambda text: text.replace('"environments": {\n  "', '"environments": {\n  "x'),
            "is damaged: environment '.*' is not among the environments",
        ),
    ],
    ids=["cut", "list", "newer", "verdict", "metric", "huge", "tolerance", "environment"],
)
def test_files_that_are_no_results_are_refused_in_one_line(
    written: Path, change: object, message: str
) -> None:
    assert callable(change)
    written.write_text(change(written.read_text()))
    with pytest.raises(ResultsError, match=f"results .*results.json {message}") as caught:
        load(written)
    assert "\n" not in str(caught.value)


def test_a_folder_that_is_not_there_is_told_before_anything_runs(small: Project) -> None:
    result = small.run("--lic-json=nowhere/results.json")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--lic-json nowhere/results.json: there is no folder *nowhere*"])


def test_an_error_that_is_no_text_is_written_all_the_same(small: Project) -> None:
    small.write_codec(
        """
        class Odd(Toy):
            def encode(self, images):
                raise OSError(b"w\\xe9ights".decode(errors="surrogateescape"))
        """,
        codec="Odd",
        fingerprint="None",
    )
    files = [f"--lic-{kind}=found.{kind}" for kind in ("json", "html", "markdown")]
    result = small.run("-m", "rd", "--lic-quality=1", *files)
    assert result.ret == pytest.ExitCode.TESTS_FAILED, result.stdout.str()
    assert "OSError: w\\udce9ights" in (small.path / "found.html").read_text(encoding="utf-8")
    (failed,) = (
        test for test in load(small.path / "found.json").tests if test.subject.startswith("toy-q1-")
    )
    assert "OSError: w\\udce9ights" in failed.text.encode(errors="backslashreplace").decode()
    report = small.path / "report.html"
    assert cli.main(["report", str(small.path / "found.json"), "-o", str(report)]) == 0
    assert "OSError: w\\udce9ights" in report.read_text(encoding="utf-8")


def test_two_files_of_one_name_are_refused_before_anything_runs(small: Project) -> None:
    result = small.run("-m", "rd", "--lic-json=found", f"--lic-html={small.path}/found")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--lic-html and --lic-json both name *found; give each its own*"])
    assert not (small.path / "found").exists()


def test_workers_results_are_the_same(recorded: Project) -> None:
    alone = recorded.run("-m", "rd", "--lic-json=alone.json")
    spread = recorded.run("-m", "rd", "--lic-json=spread.json", "-n2")
    assert alone.ret == spread.ret == 0

    def told(name: str) -> dict[str, object]:
        stored = to_json(load(recorded.path / name))
        for test in stored["tests"]:
            assert test.pop("seconds") >= 0.0
        return {key: value for key, value in stored.items() if key not in ("created", "run")}

    assert told("alone.json") == told("spread.json")


def test_seconds_that_are_not_known_are_left_out_as_the_schema_has_it() -> None:
    timed = TestResult("a", "passed", (), "", "", 1.5)
    stored = to_json(replace(passing(), tests=(timed, replace(timed, id="b", seconds=None))))
    assert [test.get("seconds", "none") for test in stored["tests"]] == [1.5, "none"]
    Draft202012Validator(schema()).validate(json.loads(json.dumps(stored)))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("toy-q1: it broke\nmore", "toy-q1: it broke"),
        (
            "lic = <Gate>\n\n    def test():\n>       f()\nE       KeyError: 'x'\nE  more",
            "KeyError: 'x'",
        ),
        ("\n", "test_rd.py::test_mine"),
    ],
)
def test_a_test_is_told_by_what_it_failed_of(text: str, line: str) -> None:
    assert TestResult("test_rd.py::test_mine", "failed", (), "", text).first_line == line
