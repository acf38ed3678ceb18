"""Two commits compared: the slower and the worse is named, and nothing is left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from pytest_lic import cli
from tests.helpers.ab_project import SPIN, AbProject, processes_of

ONE = ("--quality=3", "--budget=60")
NO_TIMES = ("--quality=3", "--budget=0.001")


def test_a_slower_encoder_fails_and_is_named(
    repository: AbProject, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.commit()
    repository.commit(SPIN.format(direction="encode", share=1.0), "Slow")
    written = {name: repository.path.parent / f"ab.{name}" for name in ("json", "md")}
    more = (f"--json={written['json']}", f"--markdown={written['md']}")
    assert repository.ab("HEAD~1", "HEAD", *ONE, *more, "--fail-slower=30") == 1
    out = capsys.readouterr().out
    assert "SLOWER: toy-q3-images-native-b1-cpu encode: " in out
    assert "decode: " not in out, "the decoder is as fast as before"
    assert "rate and quality: 1 cell the same to the bit" in out
    (cell,) = json.loads(written["json"].read_text())["cells"]
    assert cell["slower"] == ["encode"]
    encode = cell["times"]["estimates"]["encode"]
    assert encode["verdict"] == "slower"
    # Twice as long; generous bounds, as the machine may be busy.
    assert 1.6 < encode["ratio"] < 2.5
    assert encode["interval"]["low"] < encode["ratio"] < encode["interval"]["high"]
    assert len(cell["times"]["starts"]) >= 3
    assert "SLOWER: toy-q3-images-native-b1-cpu encode" in written["md"].read_text()
    assert repository.is_left_clean()


def test_equal_code_passes(repository: AbProject, capsys: pytest.CaptureFixture[str]) -> None:
    repository.commit()
    repository.commit(README="what it is for")
    assert repository.ab("HEAD~1", "HEAD", *ONE, "--fail-slower=50") == 0
    out = capsys.readouterr().out
    # On a busy machine this little work may leave it undecided, but no more than that.
    assert "nothing got worse; times: " in out
    assert "SLOWER" not in out
    assert "rate and quality: 1 cell the same to the bit" in out


def test_the_working_tree_is_compared_with_its_changes(
    repository: AbProject, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.commit()
    repository.write("STEPS['3'] = 21", README="new, and not yet added")
    assert repository.ab("HEAD", *NO_TIMES) == 1
    out = capsys.readouterr().out
    assert "head: working tree (on " in out
    assert "WORSE: toy-q3-images-native-b1-cpu: " in out
    assert "psnr" in out
    assert repository.git("status", "--porcelain").splitlines() == ["M conftest.py", "?? README"]


def test_every_quality_is_coded_and_the_middle_one_timed(
    repository: AbProject, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.commit()
    repository.commit("STEPS['5'] = 6")
    assert repository.ab("HEAD~1", "HEAD", "--budget=0.001") == 1
    out = capsys.readouterr().out
    assert "WORSE: toy-q5-images-native-b1-cpu: " in out
    assert "bpp" in out
    assert "rate and quality: 4 cells the same to the bit" in out
    assert "no times: toy-q1-images-native-b1-cpu and 3 more: not taken of this quality" in out
    assert "no times: toy-q3-images-native-b1-cpu: 0 pairs of processes within --budget" in out


def test_an_improvement_passes_and_is_reported(
    repository: AbProject, capsys: pytest.CaptureFixture[str]
) -> None:
    finer = """
    class Finer(Toy):
        def code(self, levels):
            return super().code(levels)[:-4] + super().code(levels)[-4:]
        def decode(self, bitstreams):
            return super().decode(bitstreams)
    """
    padded = """
    from dataclasses import replace
    class Padded(Toy):
        def encode(self, images):
            return [pack(replace(unpack(b), sections=(*unpack(b).sections, bytes(200))))
                    for b in super().encode(images)]
    """
    repository.commit(padded, "Padded")
    repository.commit(finer, "Finer")
    assert repository.ab("HEAD~1", "HEAD", *NO_TIMES) == 0
    assert "improved: toy-q3-images-native-b1-cpu: " in capsys.readouterr().out


def test_a_head_that_breaks_fails_and_says_how(
    repository: AbProject, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = """
    class Broken(Toy):
        def decode(self, bitstreams):
            raise ValueError("no such table")
    """
    repository.commit()
    repository.commit(broken, "Broken")
    assert repository.ab("HEAD~1", "HEAD", *NO_TIMES) == 1
    out = capsys.readouterr().out
    assert "WORSE: toy-q3-images-native-b1-cpu: it broke: decoder failed on photo0.png" in out
    assert "head: decoding failed: ValueError: no such table" in out
    assert repository.ab("HEAD", "HEAD~1", *NO_TIMES) == 2, "mended, so there is no comparison"
    out, err = capsys.readouterr()
    assert "broken on base: toy-q3-images-native-b1-cpu: " in out
    assert "nothing could be compared" in err


def test_a_family_or_quality_of_one_side_is_reported_and_the_rest_compared(
    repository: AbProject, capsys: pytest.CaptureFixture[str]
) -> None:
    more = """
    def renamed(name):
        return CodecFamily(name, ["3"], build=lambda quality, device: Toy(quality))
    """
    repository.commit(more)
    text = (repository.path / "conftest.py").read_text()
    added = text.replace("def pytest_lic_codecs():", "def pytest_lic_codecs():\n    yield NEW")
    (repository.path / "conftest.py").write_text(
        added.replace("NEW", "renamed('toynew')").replace('"5": 0.02', "")
    )
    repository.git("commit", "--quiet", "--all", "--message", "toynew, and no quality 5")
    assert repository.ab("HEAD~1", "HEAD", "--codec=toynew", "--budget=0.001") == 0
    out = capsys.readouterr().out
    assert "only on head: toynew" in out
    assert "only on base: toy, quality 5" in out
    assert "rate and quality: 4 cells the same to the bit" in out


def test_sides_without_a_common_codec_can_t_be_compared(
    repository: AbProject, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.commit()
    (repository.path / "conftest.py").write_text("")
    repository.git("commit", "--quiet", "--all", "--message", "no codec")
    assert repository.ab("HEAD~1", "HEAD", *NO_TIMES) == 2
    assert "no codec can be compared: toy (only on base)" in capsys.readouterr().err


def test_a_commit_that_does_not_import_can_t_be_compared(
    repository: AbProject, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.commit()
    repository.commit("import no_such_package")
    assert repository.ab("HEAD~1", "HEAD", *NO_TIMES) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("pytest-lic: HEAD (")
    assert "head: finding its codecs failed" in error
    assert "No module named 'no_such_package'" in error
    assert repository.is_left_clean()


@pytest.mark.parametrize("side", ["HEAD", "HEAD~0"])
def test_a_dirty_tree_given_as_a_commit_is_refused(
    repository: AbProject, capsys: pytest.CaptureFixture[str], side: str
) -> None:
    repository.commit()
    repository.commit()
    repository.write("STEPS['3'] = 21")
    assert repository.ab("HEAD~1", side, *NO_TIMES) == 2
    error = capsys.readouterr().err
    assert f"{side} is checked out with changes that the commit lacks (conftest.py)" in error
    assert "leave HEAD out to compare the working tree" in error


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nowhere",), "nowhere: no commit of "),
        (("HEAD", "--budget=0"), "--budget 0: expected a number above 0"),
        (("HEAD", "--fail-slower=-1"), "--fail-slower -1: expected a number above 0"),
        (("HEAD", "--json=nowhere/x.json"), "--json nowhere/x.json: there is no folder "),
        (("HEAD", "--codec=tay"), "--codec: no codec is named 'tay'; did you mean toy"),
        (("HEAD", "--device=cpu", "--device=cuda"), "--device: one at a time"),
        pytest.param(
            ("HEAD", "--device=cuda"),
            "sees no CUDA GPU",
            marks=pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA GPU"),
        ),
    ],
)
def test_what_can_t_be_carried_out_is_refused(
    repository: AbProject,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    message: str,
) -> None:
    repository.commit()
    given = repository.arguments(*arguments)
    if "--codec=tay" in arguments:
        given.remove("--codec=toy")
    assert cli.main(given) == 2
    assert message in capsys.readouterr().err


def test_outside_a_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["ab", "HEAD"]) == 2
    assert f"{tmp_path} is in no git repository" in capsys.readouterr().err


HANGS = """
import pathlib, time
CALLS = [0]
class Hangs(Toy):
    def decode(self, bitstreams):
        CALLS[0] += 1
        if CALLS[0] > {calls}:
            {act}
        return super().decode(bitstreams)
"""


@pytest.mark.parametrize(
    ("act", "message"),
    [
        ("time.sleep(1000)", "head: decoding took over 3 s and was stopped; raise --timeout"),
        ("import os; os._exit(7)", "head: its process died decoding: exit status 7"),
        ("import os; os.kill(os.getpid(), 11)", "head: its process died decoding: killed by sig"),
    ],
)
def test_a_side_that_hangs_or_dies_is_a_result(
    repository: AbProject, capsys: pytest.CaptureFixture[str], act: str, message: str
) -> None:
    repository.commit()
    repository.commit(HANGS.format(calls=0, act=act), "Hangs")
    assert repository.ab("HEAD~1", "HEAD", *NO_TIMES, "--timeout=3") == 1
    assert message in capsys.readouterr().out
    assert repository.is_left_clean()
    assert not processes_of(repository.path.parent)


def test_a_side_that_dies_while_times_are_taken_is_a_result(
    repository: AbProject, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.commit()
    repository.commit(HANGS.format(calls=4, act="import os; os._exit(7)"), "Hangs")
    assert repository.ab("HEAD~1", "HEAD", *ONE) == 1
    out = capsys.readouterr().out
    named = "WORSE: toy-q3-images-native-b1-cpu: it broke: head: its process died coding: "
    assert named in out
    assert repository.ab("HEAD", "HEAD~1", *ONE) == 0
    out = capsys.readouterr().out
    assert "no times: toy-q3-images-native-b1-cpu: base: its process died coding" in out
    assert "rate and quality: 1 cell the same to the bit" in out


def test_a_base_that_dies_while_timed_does_not_hide_that_head_is_worse(
    repository: AbProject, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.commit(HANGS.format(calls=4, act="import os; os._exit(7)"), "Hangs")
    repository.commit("STEPS['3'] = 21")
    assert repository.ab("HEAD~1", "HEAD", *ONE) == 1
    out = capsys.readouterr().out
    assert "no times: toy-q3-images-native-b1-cpu: base: its process died coding" in out
    assert "WORSE: toy-q3-images-native-b1-cpu: " in out


def test_a_family_that_can_t_run_on_head_any_more_fails(
    repository: AbProject, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.commit()
    conftest = repository.path / "conftest.py"
    text = conftest.read_text()
    raises = "    def unavailable():\n        raise KeyError('boom')\n    yield CodecFamily("
    text = text.replace("    yield CodecFamily(", raises.encode().decode("unicode_escape"))
    conftest.write_text(text.replace('"toy",', '"toy", unavailable=unavailable, qualities=', 1))
    repository.git("commit", "--quiet", "--all", "--message", "unavailable")
    assert repository.ab("HEAD~1", "HEAD", *NO_TIMES) == 1
    told = "WORSE: toy: it ran on base, and can't on head: finding out failed: KeyError: 'boom'"
    assert told in capsys.readouterr().out
    assert repository.ab("HEAD", "HEAD~1", *NO_TIMES) == 2
    assert "no codec can be compared: toy (finding out failed" in capsys.readouterr().err


def test_a_fault_of_our_own_is_no_verdict(
    repository: AbProject, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.commit()

    def fault(*given: object) -> None:
        raise RuntimeError("a fault")

    monkeypatch.setattr("pytest_lic.commands.ab.compare_sides", fault)
    assert repository.ab("HEAD", *NO_TIMES) == 2
    assert "RuntimeError: a fault" in capsys.readouterr().err
    assert repository.is_left_clean()


def test_options_of_the_project_s_own_in_addopts_don_t_matter(repository: AbProject) -> None:
    option = """
    def pytest_addoption(parser):
        parser.addoption("--fancy", action="store_true")
    """
    ini = "[pytest]\naddopts = --fancy\nlic_quality = 3\n"
    repository.commit(option, pytest__ini=ini)
    assert repository.ab("HEAD", "--budget=0.001") == 0


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_comparison_leaves_nothing(
    repository: AbProject, number: signal.Signals
) -> None:
    repository.commit()
    running = started(repository)
    wait_until(lambda: bool(processes_of(repository.path)), running)
    running.send_signal(number)
    _, err = running.communicate(timeout=30)
    assert running.returncode == 130
    assert "interrupted; both checkouts are removed" in err
    assert repository.is_left_clean()
    assert not processes_of(repository.path)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")
def test_what_a_killed_comparison_left_is_removed_by_the_next(repository: AbProject) -> None:
    repository.commit()
    running = started(repository)
    wait_until(lambda: bool(processes_of(repository.path)), running)
    running.kill()
    running.communicate(timeout=30)
    assert not repository.is_left_clean()
    deadline = time.monotonic() + 10
    while processes_of(repository.path) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not processes_of(repository.path), "a side dies with its parent"
    assert repository.ab("HEAD", *NO_TIMES) == 0
    assert repository.is_left_clean()


def started(repository: AbProject) -> subprocess.Popen[str]:
    """A long comparison in a process of its own."""
    program = "import sys; from pytest_lic.cli import main; sys.exit(main())"
    return subprocess.Popen(
        [sys.executable, "-c", program, *repository.arguments("HEAD", *ONE)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ},
    )


def wait_until(true: object, running: subprocess.Popen[str]) -> None:
    """Until the sides' processes run."""
    deadline = time.monotonic() + 60
    while not true():  # type: ignore[operator]
        assert running.poll() is None, running.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
