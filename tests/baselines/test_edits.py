"""Whoever moves the bar is seen: each edit of a baseline is listed, with which way it went."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_lic import cli
from pytest_lic.baselines import entries as baseline
from pytest_lic.baselines import kept_streams
from pytest_lic.baselines.edits import BaselineFolders, Edit, EditKind, baseline_edits
from pytest_lic.baselines.kept_streams import FOLDER, Stream
from pytest_lic.baselines.tolerances import DEFAULT_TOLERANCES, Tolerance
from pytest_lic.measuring.measure import Measurement
from pytest_lic.report.baseline_edits import edits_json, edits_markdown, edits_text
from tests.helpers.ab_project import AbProject
from tests.helpers.measurements import ELSEWHERE, HERE, image, measurement


def write(folder: Path, measured: Sequence[Measurement]) -> Path:
    """A folder with the baseline of the family that was measured."""
    for family in {point.cell.family for point in measured}:
        own = [point for point in measured if point.cell.family == family]
        baseline.save(folder, family, {}, own)
    folder.mkdir(exist_ok=True)
    return folder


def edits(folder: Path, before: Sequence[Measurement], after: Sequence[Measurement]) -> list[Edit]:
    folders = BaselineFolders(write(folder / "before", before), write(folder / "after", after))
    return baseline_edits(folders, DEFAULT_TOLERANCES, DEFAULT_TOLERANCES)


def with_second(**changed: object) -> Measurement:
    return measurement({"one.png": image(), "two.png": image(**changed)})  # type: ignore[arg-type]


SECOND = with_second()


@pytest.mark.parametrize(
    ("after", "kind", "told"),
    [
        (with_second(psnr=34.9), "lowered", "PSNR, image two.png: baseline 35, measured 34.9"),
        (with_second(psnr=34.99), "lowered within tolerance", "-0.01 dB (tolerance 0.05 dB)"),
        (with_second(size=10_200), "lowered", "bpp, mean: baseline 8, measured 8.08, +1 %"),
        (with_second(psnr=36.0), "raised", "+1 dB"),
        (with_second(size=9_999), "raised", "-0.01 %"),
        (with_second(psnr=36.0, size=11_000), "lowered", "+10 %"),
        (with_second(psnr=36.0, size=10_001), "raised", "+0.01 %"),
        (with_second(bits="b"), "recorded again", "recorded again: toy, quality 1"),
        (replace(SECOND, environment=ELSEWHERE), "recorded again", "recorded again: toy"),
        (with_second(ms_ssim=None), "lowered", "ms_ssim no longer compared with"),
        (measurement({"one.png": image()}), "lowered", "the images are others, although"),
    ],
    ids=lambda given: given.replace(" ", "-") if isinstance(given, str) else "",
)
def test_each_edit_is_named_with_its_direction(
    tmp_path: Path, after: Measurement, kind: str, told: str
) -> None:
    (edit,) = edits(tmp_path, [SECOND], [after])
    assert edit.kind == kind
    assert edit.subject == "toy, quality 1, photos native"
    assert told in edits_text([edit])


def test_what_did_not_change_is_no_edit(tmp_path: Path) -> None:
    assert edits(tmp_path, [SECOND], [SECOND]) == []
    assert edits_text([]) == "baselines: no edit\n"


def test_losing_losslessness_lowers_the_bar(tmp_path: Path) -> None:
    (edit,) = edits(tmp_path, [with_second(psnr=None)], [with_second(psnr=60.0)])
    assert edit.kind is EditKind.LOWERED
    assert edit.moved[0].worse_by == math.inf
    json.dumps(edits_json([edit]), allow_nan=False)


def test_entries_that_come_and_go_are_listed_the_worst_first(tmp_path: Path) -> None:
    before = [measurement(quality="1"), measurement(family="gone")]
    after = [measurement(quality="1"), measurement(quality="2")]
    found = edits(tmp_path, before, after)
    assert [(edit.kind.value, edit.subject) for edit in found] == [
        ("removed", "gone, quality 1, photos native"),
        ("added", "toy, quality 2, photos native"),
    ]
    assert found[0].kind.lowers
    assert not found[1].kind.lowers


def test_another_corpus_is_another_baseline(tmp_path: Path) -> None:
    found = edits(tmp_path, [measurement(digest="d1")], [measurement(digest="d2")])
    assert [edit.kind.value for edit in found] == ["removed", "added"]


def test_a_shipped_baseline_is_the_bar_of_who_has_none(tmp_path: Path) -> None:
    def against_shipped(before: Sequence[Measurement], after: Sequence[Measurement]) -> list[str]:
        folders = BaselineFolders(
            write(tmp_path / f"before{len(before)}", before),
            write(tmp_path / f"after{len(after)}", after),
            write(tmp_path / "shipped", [SECOND]),
        )
        found = baseline_edits(folders, DEFAULT_TOLERANCES, DEFAULT_TOLERANCES)
        return [edit.kind.value for edit in found]

    assert against_shipped([], [with_second(psnr=30.0)]) == ["lowered"]
    assert against_shipped([with_second(psnr=30.0)], []) == ["raised"]


def test_a_wider_tolerance_lowers_the_bar(tmp_path: Path) -> None:
    folders = BaselineFolders(tmp_path / "before", tmp_path / "after")
    wide = {**DEFAULT_TOLERANCES, "psnr": Tolerance(0.005, 0.5)}
    found = baseline_edits(folders, DEFAULT_TOLERANCES, wide)
    assert [(edit.kind.value, edit.subject, edit.reason) for edit in found] == [
        ("lowered", "tolerance of psnr, image", "0.05 → 0.5"),
        ("raised", "tolerance of psnr, mean", "0.01 → 0.005"),
    ]


STREAM = Stream(
    quality="1",
    image="photo",
    height=4,
    width=4,
    original="o",
    format_version=1,
    bytes=10,
    bitstream="b1",
    reconstruction="r1",
    latents=None,
    psnr=30.0,
    commit=None,
    changed=False,
    environment=HERE,
    parts={},
)


@pytest.mark.parametrize(
    ("after", "kind"),
    [
        ([STREAM], None),
        ([replace(STREAM, bitstream="b2")], "replaced"),
        ([replace(STREAM, reconstruction="r2")], "replaced"),
        ([replace(STREAM, environment=ELSEWHERE)], "recorded again"),
        ([], "removed"),
        ([STREAM, replace(STREAM, quality="2")], "added"),
    ],
    ids=["same", "bitstream", "picture", "environment", "removed", "added"],
)
def test_edits_of_kept_bitstreams_are_listed(
    tmp_path: Path, after: list[Stream], kind: str | None
) -> None:
    for name, streams in (("before", [STREAM]), ("after", after)):
        (tmp_path / name).mkdir()
        named = {stream.key: stream for stream in streams}
        kept_streams.save(tmp_path / name / FOLDER, "toy", named)
    folders = BaselineFolders(tmp_path / "before", tmp_path / "after")
    found = baseline_edits(folders, DEFAULT_TOLERANCES, DEFAULT_TOLERANCES)
    assert [edit.kind for edit in found] == ([kind] if kind else [])
    assert all("kept bitstream of photo" in edit.subject for edit in found)


def test_the_page_stays_short_and_says_what_it_lacks(tmp_path: Path) -> None:
    many = [measurement(quality=str(number)) for number in range(2000)]
    worse = [replace(with_second(psnr=30.0), cell=each.cell) for each in many]
    page = edits_markdown(edits(tmp_path, many, worse), room=10_000)
    assert len(page.encode()) <= 10_000
    assert page.startswith("### baselines: the bar was lowered: 2000 lowered\n")
    assert "more edits, left out for want of room" in page


@pytest.fixture
def branch(repository: AbProject) -> AbProject:
    """A branch that has begun at a commit with a baseline."""
    write(repository.path / "baselines", [SECOND])
    repository.commit()
    repository.git("branch", "base")
    return repository


def listed(*arguments: str) -> int:
    return cli.main(["baselines", *arguments])


def test_a_project_that_computes_few_metrics_has_the_tolerances_of_all(
    branch: AbProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", "--lic-metrics=psnr")
    assert listed("base") == 0


def test_a_branch_is_compared_with_where_it_began(
    branch: AbProject, capsys: pytest.CaptureFixture[str]
) -> None:
    assert listed("base") == 0
    assert capsys.readouterr().out == "baselines: no edit\n"
    write(branch.path / "baselines", [with_second(psnr=30.0)])
    assert listed("base", "--json=edits.json", "--markdown=edits.md") == 1
    out = capsys.readouterr().out
    assert "lowered: toy, quality 1, photos native\n  PSNR, mean: " in out
    assert json.loads(Path("edits.json").read_text())["lowered"]
    assert "| **lowered** | toy, quality 1, photos native | PSNR, " in Path("edits.md").read_text()
    assert listed("base", "HEAD") == 0, "it is not committed"
    branch.commit()
    assert listed("base", "HEAD") == 1
    branch.git("switch", "--quiet", "base")
    write(branch.path / "baselines", [with_second(psnr=40.0)])
    branch.commit()
    capsys.readouterr()
    assert listed("HEAD", "@{-1}") == 1
    out = capsys.readouterr().out
    assert "measured 30" in out
    assert "40" not in out, "what the base did since is no edit of the branch's"


def test_tolerances_are_those_of_the_base_and_their_edits_are_listed(
    branch: AbProject, capsys: pytest.CaptureFixture[str]
) -> None:
    write(branch.path / "baselines", [with_second(psnr=34.9)])
    (branch.path / "pyproject.toml").write_text("[tool.pytest_lic.tolerance]\npsnr = 5\n")
    assert listed("base") == 1
    out = capsys.readouterr().out
    assert "lowered: tolerance of psnr, image: 0.05 → 5" in out
    assert "lowered: toy, quality 1, photos native" in out


def test_a_folder_of_another_name_leaves_the_bar_behind(
    branch: AbProject, capsys: pytest.CaptureFixture[str]
) -> None:
    (branch.path / "pytest.ini").write_text("[pytest]\nlic_baselines = bars\n")
    assert listed("base") == 0, "nothing is recorded there"
    write(branch.path / "bars", [with_second(psnr=30.0)])
    capsys.readouterr()
    assert listed("base") == 1
    out = capsys.readouterr().out
    assert "added: toy, quality 1, photos native" in out
    assert "removed: folder baselines: the baselines lie in bars now, which had none" in out
    branch.commit()
    assert listed("base", "HEAD") == 1


@pytest.mark.parametrize(
    ("spoil", "arguments", "message"),
    [
        (lambda path: None, ["nowhere"], "nowhere: no commit of "),
        (lambda path: (path / "baselines/toy.json").write_text("{"), ["base"], "not valid JSON"),
        (
            lambda path: (path / "baselines/toy.json").write_text('{"format": 9, "family": "toy"}'),
            ["base"],
            "format 9",
        ),
        (lambda path: None, ["base", "--baselines=/tmp"], "lies outside the repository"),
    ],
    ids=["commit", "damaged", "newer", "outside"],
)
def test_what_can_not_be_told_is_an_error_in_one_line(
    branch: AbProject,
    capsys: pytest.CaptureFixture[str],
    spoil: Callable[[Path], object],
    arguments: list[str],
    message: str,
) -> None:
    spoil(branch.path)
    assert listed(*arguments) == 2
    err = capsys.readouterr().err
    assert message in err
    assert len(err.splitlines()) == 1
