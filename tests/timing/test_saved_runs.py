"""Times beside those that were saved before: what matches, and what has no partner."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.helpers.timed_runs import SMALL, take, write
from tests.helpers.toy_project import Project


class TestComparison:
    def test_runs_in_different_folders_match_and_what_has_no_partner_is_named(
        self, timed: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        storage = f"--benchmark-storage={timed.path / 'stored'}"
        other = timed.path / "elsewhere"
        other.mkdir()
        (other / "conftest.py").write_text((timed.path / "conftest.py").read_text())
        first = take(timed, storage, "--benchmark-save=before", *SMALL)
        assert first.ret == 0
        monkeypatch.chdir(other)
        sizes = ("--lic-resolution=16,24", "--lic-batch=1")
        again = take(timed, f"--rootdir={other}", storage, "--benchmark-compare", *sizes)
        assert again.ret == 0
        again.stdout.fnmatch_lines(
            [
                "lic: not in *0001_before.json, so compared with nothing: "
                "toy-q3-rand-24px-b1-cpu-encode, toy-q3-rand-24px-b1-cpu-decode",
                "lic: in *0001_before.json, but not timed now: "
                "toy-q3-rand-16px-b2-cpu-encode, toy-q3-rand-16px-b2-cpu-decode",
            ]
        )
        for run in ("0001_before", "NOW"):
            assert f"toy-q3-rand-16px-b1-cpu-encode ({run})" in again.stdout.str()

    def test_where_all_match_nothing_is_said(self, timed: Project) -> None:
        take(timed, "--benchmark-save=before", *SMALL)
        again = take(timed, "--benchmark-compare", *SMALL)
        assert "(NOW)" in again.stdout.str()
        assert "compared with nothing" not in again.stdout.str()
        assert "not timed now" not in again.stdout.str()

    def test_slower_than_before_fails_as_its_users_know(self, timed: Project) -> None:
        take(timed, "--benchmark-save=before", *SMALL)
        slow = """
        class Slow(Toy):
            def encode(self, images):
                import time
                time.sleep(0.05)
                return super().encode(images)
        """
        write(timed, slow, "Slow")
        fail = ("--benchmark-compare", "--benchmark-compare-fail=median:300%")
        result = take(timed, *fail, *SMALL)
        assert result.ret != 0
        output = result.stdout.str() + result.stderr.str()
        assert "Performance has regressed" in output


def test_saved_in_the_usual_place(timed: Project) -> None:
    assert take(timed, *SMALL, "--benchmark-save=x").ret == 0
    (saved,) = Path(timed.path).glob(".benchmarks/*/0001_x.json")
    assert len(json.loads(saved.read_text())["benchmarks"]) == 4
