"""A folder of baselines, read as the run that it was recorded of."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_lic import cli
from pytest_lic.baselines.entries import save
from pytest_lic.measuring.measure import Measurement
from pytest_lic.results.json_file import to_text
from tests.helpers.made_results import curve_points, results


@pytest.fixture(autouse=True)
def in_its_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


class TestFolderOfBaselines:
    """What was recorded stands for the run that recorded it."""

    @staticmethod
    def recorded(points: list[Measurement], folder: str = "baselines") -> Path:
        save(Path(folder), "toy", {}, points)
        return Path(folder)

    def test_a_run_is_compared_with_it(self, capsys: pytest.CaptureFixture[str]) -> None:
        folder = self.recorded(curve_points())
        Path("now.json").write_text(to_text(results(curve_points(worse={"3": 0.06}))))
        assert cli.main(["compare", str(folder), "now.json"]) == 1
        out = capsys.readouterr().out
        assert "what is recorded in baselines" in out
        assert "PSNR, image two.png: baseline 36, measured 35.94, -0.06 dB" in out
        assert out.endswith("worse: 2 regressed, 3 same\n")

    def test_two_folders_are_compared_by_the_tolerances_of_the_project(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        before = self.recorded(curve_points(), "before")
        after = self.recorded(curve_points(worse={"3": 0.06}), "after")
        assert cli.main(["compare", str(before), str(after)]) == 1
        assert cli.main(["compare", str(before), str(before)]) == 0
        Path("pyproject.toml").write_text(
            "[tool.pytest.ini_options]\n[tool.pytest_lic.tolerance]\n"
            "psnr = { mean = 0.5, image = 0.5 }\nbd_rate = 5\n"
        )
        assert cli.main(["compare", str(before), str(after)]) == 0
        assert "within tolerance" in capsys.readouterr().out

    @pytest.mark.parametrize(
        ("name", "text", "told"),
        [
            ("notes.txt", "", "holds no baselines; expected a folder that --lic-update wrote"),
            ("toy.json", '{"format": 1, "fam', "toy.json is not valid JSON"),
            ("toy.json", '{"format": 9, "family": "toy", "entries": []}', "is of format 9"),
        ],
    )
    def test_a_folder_that_is_none_is_refused(
        self, name: str, text: str, told: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.recorded(curve_points(), "before")
        Path("after").mkdir()
        (Path("after") / name).write_text(text)
        assert cli.main(["compare", "before", "after"]) == 2
        assert told in capsys.readouterr().err
