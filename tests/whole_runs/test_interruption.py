"""Whatever ends a run, baselines are old or new in whole, and the next run goes on from there."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest

from tests.helpers.toy_project import Project

# Quality 4 stops the run on its second image; a file says that it may.
STOPPED = """
    import os, pathlib, signal

    ARMED = pathlib.Path(__file__).with_name("armed")

    class Stopped(Toy):
        calls = 0

        def encode(self, images):
            Stopped.calls += self.step == 12
            if Stopped.calls == 2 and ARMED.exists():
                os.kill(os.getpid(), signal.SIGNAL)
            return super().encode(images)
"""

# The run ends while it writes: once the new file has been filled, before it takes its place.
KILLED_WRITING = """
    import os, pathlib, signal

    if pathlib.Path(__file__).with_name("armed").exists():
        os.fsync = lambda file: os.kill(os.getpid(), signal.SIGKILL)
"""

# Two contents take turns in one file, by a process that is killed again and again.
KILLED_SAVING = """
import os, random, signal, sys, time
from pathlib import Path

from pytest_lic.baselines import entries as baseline

path = Path(sys.argv[1])
folder = path.parent
whole = baseline.load(folder, "toy")
less = dict(list(whole.items())[2:])
contents = {baseline.dumps("toy", each.values()) for each in (whole, less)}
seen = set()
for moment in range(80):
    child = os.fork()
    if child == 0:
        while True:
            baseline.save(folder, "toy", less)
            baseline.save(folder, "toy", whole)
    time.sleep(random.Random(moment).uniform(0, 0.06))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    text = path.read_text(encoding="utf-8")
    assert text in contents, "neither the old file nor the new one"
    seen.add(text)
assert seen == contents, "the kills came too early or too late to show anything"
baseline.save(folder, "toy", whole)
assert os.listdir(path.parent) == [path.name], "what killed runs left behind is cleared away"
"""


def write_stopped(project: Project, name: str) -> None:
    """The toy codec, whose quality 4 sends its own process a signal while ``armed`` exists."""
    project.write_codec(STOPPED.replace("SIGNAL", name), codec="Stopped")
    (project.path / "armed").touch()


def record_an_older_codec(project: Project) -> bytes:
    """Baselines of a codec that is not the one of the test, so that an update changes them."""
    project.write_codec(
        "STEPS.update({'1': 41, '2': 29, '3': 21, '4': 13, '5': 8})", fingerprint="None"
    )
    assert project.run("-m", "rd", "--lic-update").ret == 0
    return project.baseline.read_bytes()


def run_to_its_death(project: Project) -> None:
    """An update in a process of its own, which ends by SIGKILL."""
    command = project.command("-m", "rd", "--lic-update", cached=True)
    result = project.pytester.runpytest_subprocess(*command, timeout=120)
    assert result.ret == -signal.SIGKILL, result.stdout.str() + result.stderr.str()


def run_again(project: Project) -> pytest.RunResult:
    """The update once more; in a process of its own too, as conftest files are part of a key."""
    command = project.command("-m", "rd", "--lic-update", cached=True)
    return project.pytester.runpytest_subprocess(*command, timeout=120)


def test_a_run_killed_while_it_measures_leaves_the_old_file_and_is_resumed(small: Project) -> None:
    before = record_an_older_codec(small)
    write_stopped(small, "SIGKILL")
    run_to_its_death(small)
    assert small.baseline.read_bytes() == before

    (small.path / "armed").unlink()
    resumed = run_again(small)
    assert resumed.ret == 0, resumed.stdout.str()
    resumed.stdout.fnmatch_lines(["lic: 5 points: 2 measured now, 3 from the cache"])
    assert small.baseline.read_bytes() != before


def test_a_run_killed_while_it_writes_leaves_the_old_file(small: Project) -> None:
    before = record_an_older_codec(small)
    small.write_codec(KILLED_WRITING)
    (small.path / "armed").touch()
    run_to_its_death(small)
    assert small.baseline.read_bytes() == before
    assert len(list(small.baseline.parent.iterdir())) == 2, "the file it was writing is left behind"

    (small.path / "armed").unlink()
    after = run_again(small)
    assert after.ret == 0, after.stdout.str()
    after.stdout.fnmatch_lines(["lic: 5 points, all from the cache: nothing was coded"])
    assert list(small.baseline.parent.iterdir()) == [small.baseline], "and cleared by the next run"
    assert small.baseline.read_bytes() != before


def test_a_file_killed_at_any_moment_of_its_writing_is_old_or_new_in_whole(small: Project) -> None:
    record_an_older_codec(small)
    subprocess.run([sys.executable, "-c", KILLED_SAVING, small.baseline], check=True, timeout=120)


def test_ctrl_c_leaves_the_old_file_and_says_so(small: Project) -> None:
    before = record_an_older_codec(small)
    write_stopped(small, "SIGINT")
    command = small.command("-m", "rd", "--lic-update", cached=True)
    stopped = small.pytester.runpytest_inprocess(*command, no_reraise_ctrlc=True)
    assert stopped.ret == pytest.ExitCode.INTERRUPTED
    stopped.stdout.fnmatch_lines(["lic: baselines left as they were: the run did not end"])
    assert small.baseline.read_bytes() == before

    (small.path / "armed").unlink()
    resumed = small.run("-m", "rd", "--lic-update", cached=True)
    resumed.stdout.fnmatch_lines(["lic: 5 points: 2 measured now, 3 from the cache"])
    entries = json.loads(small.baseline.read_text())["entries"]
    assert [entry["quality"] for entry in entries] == list("12345")


def test_a_run_told_to_stop_at_the_first_failure_records_what_passed(small: Project) -> None:
    small.write_codec(
        """
        class Failing(Toy):
            def encode(self, images):
                if self.step == 20:
                    raise RuntimeError("no")
                return super().encode(images)
        """,
        codec="Failing",
    )
    result = small.run("-m", "rd", "--lic-update", "-x")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    entries = json.loads(small.baseline.read_text())["entries"]
    assert [entry["quality"] for entry in entries] == ["1", "2"]
