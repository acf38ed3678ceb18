"""A test that a plugin runs again counts as it ended, and its first failure is remarked."""

from __future__ import annotations

import json

import pytest

from pytest_lic import cli
from tests.helpers.toy_project import Project

# As pytest-rerunfailures does it: a failed report whose outcome is a word of the plugin's own.
AGAIN = """
    def pytest_runtest_protocol(item, nextitem):
        from _pytest.runner import runtestprotocol

        for last in (False, True):
            item._initrequest()
            reports = runtestprotocol(item, nextitem=nextitem, log=False)
            failed = [report for report in reports if report.failed and not last]
            for report in failed:
                report.outcome = "rerun"
            for report in reports:
                item.ihook.pytest_runtest_logreport(report=report)
            if not failed:
                return True

    class Flaky(Toy):
        def encode(self, images):
            flag = __import__("pathlib").Path(__file__).with_name("flag")
            if not flag.exists() or FAILS_TWICE:
                flag.touch()
                raise RuntimeError("device busy")
            return super().encode(images)
"""


def test_that_passes_then(small: Project, capsys: pytest.CaptureFixture[str]) -> None:
    small.write_codec(AGAIN.replace("FAILS_TWICE", "False"), codec="Flaky")
    file = small.path / "r.json"
    run = ("-m", "rd", "--lic-quality=3", "--lic-update-missing", f"--lic-json={file}")
    result = small.run(*run)
    assert result.ret == 0
    remark = "toy-q3-images-native-b1-cpu: tried again, since it failed: encoder crashed on *busy*"
    result.stdout.fnmatch_lines([f"lic: {remark}", "lic: toy, quality 3, *first recorded: *"])
    assert "error:" not in result.stdout.str()
    stored = json.loads(file.read_text())
    assert [test["outcome"] for test in stored["tests"]] == ["passed"]
    assert small.baseline.exists()
    capsys.readouterr()
    assert cli.main(["compare", str(file), str(file)]) == 0
    assert cli.main(["report", str(file), "-o", str(small.path / "r.html")]) == 0


def test_that_fails_again(small: Project) -> None:
    small.write_codec(AGAIN.replace("FAILS_TWICE", "True"), codec="Flaky")
    result = small.run("-m", "rd", "--lic-quality=3", "--lic-update-missing")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["error: *device busy*", "lic: toy, quality 3: not recorded, *"])
    assert not small.baseline.exists()
