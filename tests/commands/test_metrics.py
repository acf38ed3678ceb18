"""``pytest-lic metrics``: which metrics there are, and what it says of each."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_lic.cli import main
from pytest_lic.measuring.metrics import METRICS

OF_THE_PROJECT = """
from pytest_lic import Metric
from pytest_lic.errors import UnavailableError

class Figments(Metric):
    name = "figments"
    label = "Figments"
    higher_is_better = False
    tolerance = (0.01, 0.05)
    definition = "figments per image"
    needs = "a figmenter (pip install figmenter)"

    def compute(self, original, reconstruction):
        raise UnavailableError("no figmenter: pip install figmenter")

def pytest_lic_metrics():
    yield Figments()
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "conftest.py").write_text(OF_THE_PROJECT)
    (tmp_path / "pyproject.toml").write_text("[tool.pytest.ini_options]\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_lists_each_metric_with_its_definition_and_the_project_s(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["metrics"]) == 0
    lines = capsys.readouterr().out.splitlines()
    rows = {line.split()[0]: line.split() for line in lines[: lines.index("")]}
    assert rows["metric"][-4:] == ["tolerance", "computed", "by", "here"]
    assert {*METRICS, "figments"} <= rows.keys()
    assert rows["psnr"][:6] == ["psnr", "dB", "higher", "∞", "0.01,", "0.05"]
    assert rows["psnr"][-1] == "yes"
    assert rows["figments"][-1] == "no"
    for name, metric in METRICS.items():
        assert any(line.startswith(f"{name}: {metric.definition}") for line in lines)
    assert "  needs a figmenter (pip install figmenter)" in lines
    assert "  unavailable here: no figmenter: pip install figmenter" in lines


def test_takes_times_only_where_asked_and_writes_json(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = ["--metrics", "psnr,figments"]
    assert main(["metrics", *chosen, "--json", "without.json"]) == 0
    assert "seconds" not in capsys.readouterr().out
    assert main(["metrics", *chosen, "--cost", "--json", "with.json"]) == 0
    output = capsys.readouterr()
    assert "timing psnr" in output.err
    head, *rows = output.out.split("\n\n")[0].splitlines()
    assert head.split()[-1] == "seconds"
    cells = {row.split()[0]: row.split()[-1] for row in rows}
    assert cells.keys() == {"psnr", "figments"}
    assert float(cells["psnr"]) > 0
    assert cells["figments"] == "–"
    without, timed = (
        json.loads((project / f"{name}.json").read_text())["metrics"]
        for name in ("without", "with")
    )
    assert without["psnr"]["seconds"] is None
    assert timed["psnr"]["seconds"] > 0
    assert timed["psnr"]["higher_is_better"] is True
    assert timed["psnr"]["tolerance"] == {"mean": 0.01, "image": 0.05, "unit": "dB"}
    assert timed["figments"]["unavailable"] == "no figmenter: pip install figmenter"


def test_an_unknown_metric_is_one_line(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["metrics", "--metrics", "psnrr"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("pytest-lic: --metrics: no metric is named 'psnrr'; did you mean psnr, ")
    assert said.count("\n") == 1
