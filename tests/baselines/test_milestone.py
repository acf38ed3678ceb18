"""A run is held to the baselines of a milestone too, which nobody moves by recording."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.helpers.toy_project import Project, write_photographs
from tests.helpers.toy_repository import CREEPING, commit, git

RD = ("-m", "rd")
MILESTONE = "--lic-milestone=v1"


@pytest.fixture
def creeping(pytester: pytest.Pytester) -> Project:
    """A repository whose milestone v1 holds the baselines of the first step of a creeping codec."""
    made = Project(pytester, "--lic-metrics=psnr")
    write_photographs(made.images, count=2, side=176)
    (made.path / ".gitignore").write_text("cache\n__pycache__\n*.json.tmp\n")
    git(made, "init", "--quiet")
    step_to(made, 0)
    record(made)
    git(made, "tag", "v1")
    return made


def step_to(project: Project, step: int) -> None:
    project.write_codec(
        CREEPING.format(step=step), "Creeping", f"lambda quality: f'step {step}, {{quality}}'"
    )


def record(project: Project) -> str:
    assert project.run(*RD, "--lic-update", cached=True).ret == 0
    return commit(project, "recorded")


def test_ten_steps_that_were_each_recorded_are_caught_by_the_eleventh_run(
    creeping: Project,
) -> None:
    for step in range(1, 11):
        step_to(creeping, step)
        result = creeping.run(*RD, MILESTONE, "--lic-update")
        assert result.ret == 0, f"step {step}: {result.stdout.str()}"
        result.stdout.no_fnmatch_line("*regressed*")
        commit(creeping, "recorded, within the tolerances")
    step_to(creeping, 11)
    assert creeping.run(*RD, cached=True).ret == 0, "its own baselines it passes"
    result = creeping.run(*RD, MILESTONE, cached=True)
    assert result.ret == 1
    title = f"milestone v1 ({git(creeping, 'rev-parse', 'v1')[:10]})"
    result.stdout.fnmatch_lines(
        [
            "lic: also held to milestone v1, tolerances BD-rate 1 %, PSNR 0.05 dB",
            f"toy-q5-images-native-b1-cpu: worse than {title}",
            "  PSNR, mean: v1 42.1*, measured 42.1*, -0.05* dB (tolerance 0.05 dB)",
            "  if that is meant, let lic_milestone name a later commit",
        ],
        consecutive=False,
    )
    result.assert_outcomes(failed=1, passed=5)
    tight = creeping.run(
        *RD, MILESTONE, "--lic-milestone-tolerance=bd_rate=0.95,psnr=1", cached=True
    )
    assert tight.ret == 1
    tight.stdout.fnmatch_lines(
        [
            f"toy-images-native-b1-cpu: worse than {title}",
            f"  BD-rate +0.98 %, BD-PSNR -0.* dB against {title}, tolerance 0.95 %",
            "  quality 1: 2.7965 → 2.8* bpp, 26.682 → 26.6* dB",
        ]
    )
    recording = creeping.run(*RD, MILESTONE, "--lic-update", cached=True)
    assert recording.ret == 1, "recording moves the baseline, and no milestone"
    recording.stdout.fnmatch_lines(["lic: toy, quality 5, images native: *: 7.3* → 7.3* bpp, *"])


def test_an_ini_file_names_the_milestone_and_its_tolerances(creeping: Project) -> None:
    ini = creeping.path / "pytest.ini"
    ini.write_text("[pytest]\nlic_milestone = v1\nlic_milestone_tolerance = psnr=0\n")
    assert creeping.run(*RD, cached=True).ret == 0
    step_to(creeping, 1)
    result = creeping.run(*RD, cached=True)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["  PSNR, mean: v1 *, measured *, -0.003* dB (tolerance 0 dB)"])
    result.stdout.no_fnmatch_line("*BD-rate +*against milestone*")


def test_the_rate_is_held_where_a_tolerance_is_set_for_it(creeping: Project) -> None:
    step_to(creeping, 1)
    result = creeping.run(*RD, MILESTONE, "--lic-milestone-tolerance=bpp=0.05", "-n2")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["  bpp, mean: v1 *, measured *, +0.06* % (tolerance 0.05 %)"])


def test_a_bd_rate_that_the_milestone_had_and_that_is_lost_fails(creeping: Project) -> None:
    creeping.write_codec("STEPS = {**STEPS, '4': 20}", fingerprint="lambda quality: quality")
    creeping.run(*RD, "--lic-update", cached=True)
    result = creeping.run(
        *RD, MILESTONE, "--lic-milestone-tolerance=psnr=9", "-k", "curve", cached=True
    )
    assert result.ret == 1
    result.stdout.fnmatch_lines(["  BD-rate is lost: toy is not monotone: *; it had one"])


def test_what_the_milestone_lacks_is_said_and_not_failed(creeping: Project) -> None:
    stored = json.loads(creeping.baseline.read_text())
    entries = [entry for entry in stored["entries"] if entry["quality"] in "45"]
    creeping.baseline.write_text(json.dumps({**stored, "entries": entries}))
    title = f"milestone v2 ({commit(creeping, 'two are left')[:10]})"
    git(creeping, "tag", "v2")
    creeping.baseline.write_text(json.dumps(stored))
    result = creeping.run(*RD, "--lic-milestone=v2", "--lic-strict", cached=True)
    assert result.ret == 0, result.stdout.str()
    result.stdout.fnmatch_lines_random(
        [
            f"lic: toy-q1-images-native-b1-cpu: {title} has no baseline of it",
            f"lic: toy-images-native-b1-cpu: no BD-rate against {title}: * has 2 points; *",
        ]
    )


def test_a_metric_that_is_not_measured_is_said_to_be_held_by_nothing(creeping: Project) -> None:
    title = f"milestone v1 ({git(creeping, 'rev-parse', 'v1')[:10]})"
    tolerance = "--lic-milestone-tolerance=ms_ssim=0.1"
    result = creeping.run(*RD, MILESTONE, tolerance, "--lic-metrics=psnr,ms_ssim")
    assert result.ret == 0, result.stdout.str()
    cells = "lic: toy-q1-images-native-b1-cpu and 4 more: "
    result.stdout.fnmatch_lines([f"{cells}MS-SSIM is not held to {title}, which has none"])
    result = creeping.run(*RD, MILESTONE, tolerance, cached=True)
    result.stdout.fnmatch_lines([f"{cells}MS-SSIM is not held to {title}: it is not measured here"])
    result.stdout.no_fnmatch_line("*PSNR is not held*")


def test_a_milestone_of_other_images_is_said_in_one_line(creeping: Project) -> None:
    stored = creeping.baseline.read_text()
    digest = json.loads(stored)["entries"][0]["digest"]
    creeping.baseline.write_text(stored.replace(digest, "of others"))
    other = commit(creeping, "of other images")
    creeping.baseline.write_text(stored)
    result = creeping.run(*RD, f"--lic-milestone={other}", cached=True)
    assert result.ret == 0
    told = (
        f"toy-q1-images-native-b1-cpu and 4 more: milestone {other} ({other[:10]}) has no baseline"
    )
    result.stdout.fnmatch_lines([f"lic: {told} of it"])


def refused(project: Project, option: str, message: str) -> None:
    result = project.run(*RD, option, cached=True)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert len(result.stderr.str().strip().splitlines()) == 1
    result.stderr.fnmatch_lines([f"*{message}*"])


def test_a_milestone_that_can_not_be_is_told_before_anything_runs(creeping: Project) -> None:
    refused(creeping, "--lic-milestone=v9", "v9: no commit of * has this name; git log shows")
    shutil.rmtree(creeping.path / "baselines")
    bare = commit(creeping, "without baselines")
    refused(
        creeping,
        f"--lic-milestone={bare}",
        f"milestone {bare} ({bare[:10]}) has no baselines in baselines; choose a commit that",
    )
    refused(
        creeping, "--lic-milestone-tolerance=psnr", "--lic-milestone-tolerance 'psnr': expected"
    )
    refused(
        creeping, "--lic-milestone-tolerance=snr=1", "no tolerance is named 'snr'; did you mean"
    )
    refused(creeping, "--lic-milestone-tolerance=psnr=-1", "'-1': expected a number of at least 0")


def test_a_damaged_baseline_of_the_milestone_is_told_with_its_commit(creeping: Project) -> None:
    stored = creeping.baseline.read_text()
    creeping.baseline.write_text(stored.replace('"height": ', '"height": -'))
    damaged = commit(creeping, "damaged")
    creeping.baseline.write_text(stored)
    refused(creeping, f"--lic-milestone={damaged}", f"baselines-of-{damaged[:10]}/toy.json")


def test_a_shallow_clone_is_told_how_to_get_the_milestone(
    creeping: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(creeping, "later")
    git(creeping, "clone", "--quiet", "--depth=1", f"file://{creeping.path}", str(tmp_path / "of"))
    monkeypatch.chdir(tmp_path / "of")
    refused(creeping, MILESTONE, "v1: * is a shallow clone, and has no commit of this name: git ")
