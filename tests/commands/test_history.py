"""``pytest-lic history``: what was recorded of each codec, commit by commit."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from pytest_lic import cli
from pytest_lic.baselines import entries
from pytest_lic.baselines.costs import Complexity, Costs
from tests.helpers.ab_project import AbProject
from tests.helpers.html_page import Page
from tests.helpers.places import ROOT
from tests.helpers.recordings import POINTS, commit, curve, record


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Told:
    return Told(capsys)


class Told:
    """Runs the command, and gives what it printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys

    def __call__(self, *arguments: str) -> list[str]:
        """The lines, with one blank between words."""
        assert cli.main(["history", *arguments]) == 0
        return [" ".join(line.split()) for line in self.capsys.readouterr().out.splitlines()]

    def refused(self, *arguments: str) -> str:
        assert cli.main(["history", *arguments]) == 2
        (line,) = self.capsys.readouterr().err.splitlines()
        return line


@pytest.fixture
def recorded(repository: AbProject) -> list[str]:
    """The commits of seven recordings across two renames, of which the fourth is 5 % worse."""
    commits = [record(repository, 0, "first [of all]", "old-name", "old-folder")]
    commits.append(record(repository, -0.01, "as good", "old-name", "old-folder"))
    repository.git("mv", "old-folder", "baselines")
    commit(repository, "another folder")
    commits.append(record(repository, 0, "as before", "old-name"))
    file = repository.path / "baselines" / "toy.json"
    repository.git("mv", "baselines/old-name.json", "baselines/toy.json")
    file.write_text(file.read_text().replace('"family": "old-name"', '"family": "toy"'))
    commit(repository, "another name")
    commits.append(record(repository, 5, "coarser", "toy"))
    commit(repository, "nothing recorded")
    commits += [record(repository, percent, "on and on") for percent in (5.01, 5, 4.99)]
    return commits


def test_each_recording_has_its_bd_rates_and_the_step_is_marked(
    recorded: list[str], told: Told
) -> None:
    lines = told()
    assert lines[0] == "toy on photos, native"
    rows = lines[2:9]
    assert [row[:10] for row in rows] == [commit[:10] for commit in recorded], "the oldest first"
    assert rows[0][22:] == "+0.00 % -4.75 % 12.0000 34.500 first [of all]"
    assert rows[3][22:] == "+5.00 % +0.01 % 12.6000 34.500 step coarser"
    assert ["step" in row for row in rows].count(True) == 1
    assert lines[-1] == "history: 7 commits recorded 1 codec"


def test_since_a_commit_its_own_state_is_the_first(recorded: list[str], told: Told) -> None:
    lines = told("toy", "--since", recorded[3])
    assert [row[:10] for row in lines[2:6]] == [commit[:10] for commit in recorded[3:]]
    assert lines[2][22:].startswith("+0.00 %")
    assert lines[6] == "steps need 5 recordings; here are 4"


def test_a_file_that_can_not_be_read_is_named_with_its_commit(
    recorded: list[str], repository: AbProject, told: Told
) -> None:
    file = repository.path / "baselines" / "toy.json"
    whole = file.read_text()
    file.write_text(whole[:1000])
    damaged = commit(repository, "cut off")
    file.write_text(whole)
    commit(repository, "whole again")
    (line,) = [line for line in told() if line.startswith("not read")]
    assert line.startswith(
        f"not read: {damaged[:10]}: baseline baselines/toy.json is not valid JSON"
    )


def test_other_images_are_a_series_of_their_own_and_few_qualities_say_so(
    repository: AbProject, told: Told
) -> None:
    record(repository, 0, "first")
    file = repository.path / "baselines" / "toy.json"
    stored = json.loads(file.read_text())
    others = [entry | {"digest": "of others", "corpus": "kodak"} for entry in stored["entries"][:2]]
    file.write_text(json.dumps(stored | {"entries": stored["entries"] + others}))
    commit(repository, "kodak too")
    lines = told()
    assert lines[0] == "toy on kodak, native"
    assert lines[2].endswith("– – 4.8000 31.500 kodak too")
    assert "has 2 points; a BD value needs at least 4" in lines[3]
    photos = lines.index("toy on photos, native")
    assert lines[photos + 2].endswith("first")
    assert "kodak too" not in "\n".join(lines[photos:]), "it changed nothing of them"


def test_complexity_is_told_from_where_on_it_was_recorded(
    repository: AbProject, told: Told
) -> None:
    first = record(repository, 0, "first")
    baselines = repository.path / "baselines"
    before, after = (
        {
            quality: Complexity({"analysis": 2.0}, {"hyper": 1.0, "synthesis": of})
            for quality in POINTS
        }
        for of in (12.4, 13.9)
    )
    entries.save(baselines, "toy", {}, curve(0), Costs(before))
    second = commit(repository, "counted")
    entries.save(baselines, "toy", {}, curve(0), Costs(after))
    third = commit(repository, "costlier")
    lines = told()
    assert "PSNR dB encoder kMAC/px decoder kMAC/px subject" in lines[1]
    assert [(line[:10], *line.split()[8:10]) for line in lines[2:5]] == [
        (first[:10], "–", "–"),
        (second[:10], "2.000", "13.400"),
        (third[:10], "2.000", "14.900"),
    ]


def test_the_page_has_every_recording_and_asks_for_nothing(
    recorded: list[str], repository: AbProject, told: Told, tmp_path: Path
) -> None:
    repository.git("commit", "--amend", "--quiet", "--message", "<script>alert(1)</script>")
    told("--html", str(tmp_path / "page.html"))
    page = Page((tmp_path / "page.html").read_text())
    assert page.headings[:2] == ["History: 7 commits recorded 1 codec", "toy on photos, native"]
    assert "+5.00 % +0.01 % 12.6000 34.500 step coarser" in page.text
    assert "<script>alert(1)</script>" in page.text, "the subject is text"
    (plot,) = json.loads(page.scripts[1])
    points = plot["series"][0]["points"]
    assert [point["x"] for point in points] == [1, 2, 3, 4, 5, 6, 7]
    assert [point["step"] for point in points].index(True) == 3
    assert not [tag for tag in page.named("script") if "src" in tag]


def test_what_can_not_be_told_is_refused_in_one_line(
    repository: AbProject, told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(repository, "nothing yet")
    assert "baselines holds no baselines; --baselines names another folder" in told.refused()
    record(repository, 0, "first")
    record(repository, 1, "second")
    assert "no recorded codec is named 'tyo'; did you mean toy?" in told.refused("tyo")
    assert "v9: no commit of" in told.refused("--since=v9")
    assert "there is no folder" in told.refused("--html=nowhere/page.html")
    shallow = tmp_path / "shallow"
    repository.git("clone", "--quiet", "--depth=1", f"file://{repository.path}", str(shallow))
    monkeypatch.chdir(shallow)
    message = "is a shallow clone, which lacks the older recordings: git fetch --unshallow"
    assert message in told.refused()


def test_a_repository_without_a_commit_is_told(repository: AbProject, told: Told) -> None:
    entries.save(repository.path / "baselines", "toy", {}, curve(0))
    assert "has no commit yet; commit baselines" in told.refused()


def test_baselines_that_were_never_committed_are_told(repository: AbProject, told: Told) -> None:
    commit(repository, "nothing yet")
    record(repository, 0, "first")
    repository.git("reset", "--quiet", "--mixed", "HEAD~1")
    assert "no commit has baselines of toy yet" in told.refused()


def test_this_repository_has_a_history_of_its_own(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    found = subprocess.run(["git", "rev-parse", "--is-shallow-repository"], capture_output=True)
    if found.stdout.strip() != b"false":
        pytest.skip("this is no clone with all of the history")
    lines = told("fp-gdn", "msh-gdn")
    start = lines.index("fp-gdn on kodak, native")
    assert lines[start + 2].startswith("1d4ecd54d7 2026-11-20 +0.00 %")
    assert lines[start + 3].startswith("6db32c63ee 2026-11-20 -4.47 %")
    assert not [line for line in lines if line.startswith("not read")]
