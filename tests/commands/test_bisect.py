"""``pytest-lic bisect``: a planted commit is found, and the user's checkout is let be."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pytest_lic import cli
from pytest_lic.ab import bisect as bisection
from pytest_lic.ab.bisect import Points, Question
from pytest_lic.ab.side import Side
from pytest_lic.errors import UsageError
from tests.helpers import recordings
from tests.helpers.ab_project import AbProject, processes_of
from tests.helpers.measurements import image, measurement

COARSER = "STEPS = {label: 1.2 * step for label, step in STEPS.items()}"


def bisect(repository: AbProject, *given: str) -> int:
    return cli.main(["bisect", "toy", f"--corpus={repository.images}", *given])


def test_a_planted_commit_among_twelve_is_found_and_what_can_not_be_built_is_skipped(
    repository: AbProject, capsys: pytest.CaptureFixture[str]
) -> None:
    made = {}
    for number in range(1, 13):
        change = COARSER if number >= 8 else "raise ImportError('half done')" if number == 6 else ""
        made[number] = repository.commit(change, number__txt=str(number))[:10]
    (repository.path / "untracked.txt").write_text("of the user")
    head = repository.git("rev-parse", "HEAD")
    assert bisect(repository, f"--good={made[1]}", "--quality=3", "--metric=bpp") == 0
    out, err = capsys.readouterr()
    assert f"skip {made[6]}: finding its codecs failed: " in err
    assert "ImportError: half done" in err
    counts, culprit = out.splitlines()
    assert counts.endswith("measured, 1 skipped")
    assert culprit == f"{made[8]} Toy of {len(COARSER)}: toy: bpp 4.0976 → 3.6534"
    assert repository.git("rev-parse", "HEAD") == head
    assert repository.git("status", "--porcelain") == "?? untracked.txt"
    (repository.path / "untracked.txt").unlink()
    assert repository.is_left_clean()


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_search_leaves_nothing(
    repository: AbProject, number: signal.Signals
) -> None:
    good = repository.commit()
    repository.commit(COARSER)
    program = "import sys; from pytest_lic.cli import main; sys.exit(main())"
    arguments = ["bisect", "toy", f"--corpus={repository.images}", f"--good={good}"]
    running = subprocess.Popen(
        [sys.executable, "-c", program, *arguments], stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while not processes_of(repository.path) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert processes_of(repository.path)
    running.send_signal(number)
    _, err = running.communicate(timeout=30)
    assert running.returncode == 130
    assert "interrupted; every checkout is removed, nothing is kept" in err
    assert repository.is_left_clean()
    assert not processes_of(repository.path)


@pytest.fixture
def written(repository: AbProject, monkeypatch: pytest.MonkeyPatch) -> AbProject:
    """A repository each of whose commits says in a file how much more rate its codec takes."""

    def read(side: Side, question: Question) -> Points:
        text = (side.checkout.tree / "percent.txt").read_text()
        if text == "broken":
            raise UsageError("it is broken")
        return {point.cell.quality: point for point in recordings.curve(float(text))}

    monkeypatch.setattr(bisection, "_coded", read)
    return repository


def commits(repository: AbProject, *percents: object) -> list[str]:
    return [repository.commit(percent__txt=str(percent)) for percent in percents]


@pytest.mark.parametrize("place", [1, 2, 5, 6])
def test_wherever_it_stands_it_is_found_with_its_bd_rate(
    written: AbProject, place: int, capsys: pytest.CaptureFixture[str]
) -> None:
    made = commits(written, *(0.0 if at < place else 5.0 for at in range(7)))
    assert bisect(written, f"--good={made[0]}") == 0
    (_, culprit) = capsys.readouterr().out.splitlines()
    assert culprit == f"{made[place][:10]} Toy of 0: toy: BD-rate +0.00 → +5.00 %"


def test_a_gain_is_found_too_and_what_wavers_counts_to_the_nearer_end(
    written: AbProject, capsys: pytest.CaptureFixture[str]
) -> None:
    made = commits(written, 0, 0.5, -0.5, -4, -3.5, -4)
    assert bisect(written, f"--good={made[0]}", "--metric=bpp") == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith(f"{made[3][:10]} ")


def test_the_good_commit_is_the_last_recording_or_the_milestone(
    written: AbProject, capsys: pytest.CaptureFixture[str]
) -> None:
    commits(written, 0)
    recorded = recordings.record(written, 3, "recorded")
    made = commits(written, 0, 7)
    assert bisect(written) == 0
    out, err = capsys.readouterr()
    assert f"{recorded[:10]} (" in err
    assert out.splitlines()[-1].startswith(f"{made[1][:10]} ")
    written.git("tag", "v1", "HEAD~1")
    (written.path / "pytest.ini").write_text("[pytest]\nlic_milestone = v1\n")
    assert bisect(written) == 0
    assert "v1 (" in capsys.readouterr().err


def test_it_is_one_of_those_that_are_named_where_only_skipped_ones_are_left(
    written: AbProject, capsys: pytest.CaptureFixture[str]
) -> None:
    made = commits(written, 0, 0, "broken", 5, 5)
    assert bisect(written, f"--good={made[0]}") == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "it is one of" in line]
    assert made[2][:10] in line
    assert made[3][:10] in line
    assert line.endswith(f"can't be measured: {made[2][:10]}: it is broken")
    assert written.is_left_clean()


def test_what_can_not_be_looked_for_is_refused_in_one_line(
    written: AbProject,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def refused(*given: str) -> str:
        assert bisect(written, *given) == 2
        return capsys.readouterr().err.splitlines()[-1]

    made = commits(written, 0, 5, "broken")
    assert "no commit has baselines of toy" in refused()
    assert "v9: no commit of" in refused("--good=v9")
    assert "is no commit before" in refused("--good=HEAD~1", "--bad=HEAD~2")
    assert "is no commit before" in refused("--good=HEAD")
    alone = written.git("commit-tree", "HEAD^{tree}", "-m", "of another history")
    assert "is no commit before" in refused(f"--good={alone}")
    assert f"HEAD ({made[2][:10]}, Toy of 0) has no number: it is broken" in refused(
        "--good=HEAD~1"
    )
    assert "toy: BD-rate +0.00 % at" in refused(f"--good={made[0]}", f"--bad={alike(written)}")
    assert "--metric: no metric is named 'snr'; did you mean psnr" in refused("--metric=snr")
    assert "--timeout 0: expected a number above 0" in refused("--timeout=0")
    shallow = tmp_path / "shallow"
    written.git("clone", "--quiet", "--depth=1", f"file://{written.path}", str(shallow))
    monkeypatch.chdir(shallow)
    assert "is a shallow clone, and has no commit of this name" in refused("--good=HEAD~2")


def test_a_codec_without_loss_has_no_bd_rate_and_the_error_says_so(
    written: AbProject, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def read(side: Side, question: Question) -> Points:
        return {"1": measurement({"one.png": image(psnr=None)})}

    monkeypatch.setattr(bisection, "_coded", read)
    made = commits(written, 0, 5)
    assert bisect(written, f"--good={made[0]}") == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert "quality 1 has no PSNR (one.png: lossless); --metric names another number" in last


def alike(repository: AbProject) -> str:
    """A commit that does what the first one did."""
    return commits(repository, 0)[0]
