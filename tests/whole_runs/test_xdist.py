"""Spread over workers, a run gives what one process gives, whatever happens to a worker."""

from __future__ import annotations

import json
from collections import defaultdict

import pytest

from pytest_lic.report.headline import headline
from pytest_lic.results.json_file import load
from tests.helpers.toy_project import Project

ROUND_TRIP = "pytest_lic.suites.test_roundtrip::test_round_trip"
LOGGED = """
    import os, pathlib, signal

    HERE = pathlib.Path(__file__).parent

    class Logged(Toy):
        def __init__(self, quality):
            super().__init__(quality)
            self.quality = quality
            worker = os.environ.get("PYTEST_XDIST_WORKER", "alone")
            with open(HERE / "builds.txt", "a") as log:
                log.write(f"{worker} {quality}\\n")
"""

KILLED = (
    LOGGED
    + """
    class Killed(Logged):
        def encode(self, images):
            if self.quality == "3":
                with open(HERE / "calls.txt", "a") as calls:
                    calls.write("x")
                if WHEN((HERE / "calls.txt").stat().st_size):
                    os.kill(os.getpid(), signal.SIGKILL)
            return super().encode(images)
"""
)

SHIFTED = (
    LOGGED
    + """
    class Shifted(Logged):
        def code(self, levels):
            coded = super().code(levels)
            return coded + bytes(len(coded) // 20) if self.quality in "24" else coded

        def decode(self, bitstreams):
            whole = zlib.decompress
            zlib.decompress = lambda data: zlib.decompressobj().decompress(data)
            try:
                return super().decode(bitstreams)
            finally:
                zlib.decompress = whole
"""
)

OTHERS = """
first = pytest_lic_codecs

def pytest_lic_codecs():
    from dataclasses import replace

    for family in first():
        yield family
        for name in NAMES:
            yield replace(family, name=name)
"""


def write_families(project: Project, change: str, codec: str, *others: str) -> None:
    """The codec as the family ``toy``, and again under other names."""
    project.write_codec(change, codec=codec, fingerprint="None")
    conftest = project.path / "conftest.py"
    conftest.write_text(conftest.read_text() + OTHERS.replace("NAMES", repr(others)))


def outcomes(result: pytest.RunResult) -> set[tuple[str, str]]:
    """(outcome, test id) of every test of a run with ``-rA``."""
    words = ("PASSED", "FAILED", "ERROR", "SKIPPED")
    return {
        (line.split()[0], line.split()[1])
        for line in result.stdout.str().splitlines()
        if line.startswith(words) and "::" in line
    }


def summary(result: pytest.RunResult) -> list[str]:
    """The lines of the plugin's summary; regressions of equal rank come as they were found."""
    lines = result.stdout.str().splitlines()
    start = next(index for index, line in enumerate(lines) if "= pytest-lic =" in line)
    length = next(index for index, line in enumerate(lines[start:]) if "short test summary" in line)
    return sorted(line.rstrip() for line in lines[start : start + length])


def builds(project: Project) -> dict[str, list[str]]:
    """Worker → the qualities whose network it built, in order."""
    found = defaultdict(list)
    for line in (project.path / "builds.txt").read_text().splitlines():
        worker, quality = line.split()
        found[worker].append(quality)
    (project.path / "builds.txt").unlink()
    return dict(found)


def baselines(project: Project) -> dict[str, bytes]:
    """Every baseline file, each of them valid JSON."""
    found = {path.name: path.read_bytes() for path in (project.path / "baselines").iterdir()}
    for content in found.values():
        json.loads(content)
    return found


ONLY_OURS = ("--lic-codec=toy,second", "-m", "rd", "-rA")


def test_workers_record_the_same_files_and_each_network_is_built_by_one(
    small: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)  # these tests may be spread themselves
    write_families(small, LOGGED, "Logged", "second")
    alone = small.run(*ONLY_OURS, "--lic-update")
    assert alone.ret == 0, alone.stdout.str()
    expected = baselines(small)
    assert set(expected) == {"toy.json", "second.json"}
    # Without a fingerprint nothing is kept between runs, and each network is built once.
    assert builds(small) == {"alone": list("12345") * 2}

    for path in (small.path / "baselines").iterdir():
        path.unlink()
    spread = small.run(*ONLY_OURS, "--lic-update", "-n", "2")
    assert spread.ret == 0, spread.stdout.str()
    assert baselines(small) == expected
    assert outcomes(spread) == outcomes(alone)
    found = builds(small)
    assert set(found) == {"gw0", "gw1"}, "both workers have work"
    assert sorted(found["gw0"] + found["gw1"]) == sorted("1234512345"), "none was built twice"


def test_workers_give_the_same_verdicts_under_loadgroup(small: Project) -> None:
    write_families(small, LOGGED, "Logged", "second")
    assert small.run(*ONLY_OURS, "--lic-update").ret == 0
    write_families(small, SHIFTED, "Shifted", "second")
    alone = small.run(*ONLY_OURS)
    builds(small)
    spread = small.run(*ONLY_OURS, "-n", "2", "--dist", "loadgroup")
    assert alone.ret == spread.ret == 1
    assert outcomes(alone) == outcomes(spread)
    assert {name.split("[")[1] for outcome, name in outcomes(alone) if outcome == "FAILED"} == {
        f"{name}-{subject}images-native-b1-cpu]"
        for name in ("toy", "second")
        for subject in ("q2-", "q4-", "")
    }
    assert summary(alone) == summary(spread)
    found = builds(small)
    assert sorted(found["gw0"] + found["gw1"]) == sorted("1234512345"), "none was built twice"


def test_a_killed_worker_costs_one_test_and_what_it_tested_is_not_recorded(small: Project) -> None:
    # Its point coded the two images; the round trip dies on the first.
    write_families(small, KILLED.replace("WHEN", "(3).__eq__"), "Killed")
    result = small.run("-m", "rd or roundtrip", "-rA", "--lic-update", "-n", "2", "-k", "not edge")
    assert result.ret == 1
    assert {(word, name) for word, name in outcomes(result) if word != "PASSED"} == {
        ("FAILED", f"{ROUND_TRIP}[toy-q3-images-native-b1-cpu]")
    }
    assert result.parseoutcomes()["passed"] == 10  # five points, four round trips and the curve
    result.stdout.fnmatch_lines(
        [
            f"*crashed while running '{ROUND_TRIP}?toy-q3-images-*",
            "lic: toy, quality 3: not recorded, its round trip or another check failed",
        ]
    )
    recorded = json.loads(baselines(small)["toy.json"])["entries"]
    assert [entry["quality"] for entry in recorded] == ["1", "2", "4", "5"]


def test_a_worker_killed_at_every_try_leaves_the_other_qualities(small: Project) -> None:
    write_families(small, KILLED.replace("WHEN", "bool"), "Killed")
    result = small.run(
        *("-m", "rd", "--lic-update", "-n", "2", "--lic-quality", "2,3,4"),
        "--lic-json=results.json",
    )
    assert result.ret == 1
    assert result.parseoutcomes()["failed"] == 1, result.stdout.str()
    found = load(small.path / "results.json")
    assert headline([found]) == "failed: 1 test failed"
    (dead,) = (test for test in found.tests if test.outcome == "failed")
    assert dead.subject == "toy-q3-images-native-b1-cpu"
    assert "crashed while running" in dead.text
    recorded = json.loads(baselines(small)["toy.json"])["entries"]
    assert [entry["quality"] for entry in recorded] == ["2", "4"]


def test_why_a_test_failed_does_not_begin_with_the_worker_that_ran_it(small: Project) -> None:
    result = small.run("-m", "rd", "--lic-quality=1,2", "-n", "2", "--lic-json=results.json")
    assert result.ret == 1
    for test in load(small.path / "results.json").tests:
        assert test.text.startswith(f"{test.subject}: missing: no baseline")


def test_more_workers_than_networks_end(small: Project) -> None:
    result = small.run("-m", "rd", "--lic-update", "--lic-quality=1,2", "-n", "3")
    assert result.ret == 0, result.stdout.str()
    assert result.parseoutcomes()["passed"] == 2


def test_curves_alone_end_and_wait_for_nothing(small: Project) -> None:
    # More curves than workers, and no point to set the first one off.
    write_families(small, LOGGED, "Logged", "second", "third", "fourth", "fifth")
    names = "--lic-codec=toy,second,third,fourth,fifth"
    result = small.run("-m", "rd", "-k", "test_curve", names, "--lic-update", "-n", "2")
    assert result.ret == 0, result.stdout.str()
    assert result.parseoutcomes()["passed"] == 5


def test_a_wrong_name_is_said_once_and_ends_the_run(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_subprocess(
        "--pyargs", "pytest_lic.suites", "-n", "2", "--lic-codec=jpek", timeout=120
    )
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    text = result.stdout.str() + result.stderr.str()
    assert text.count("no codec is named 'jpek'") == 1
    assert "Traceback" not in text
    assert "INTERNALERROR" not in text


def test_the_plugin_needs_no_xdist(small: Project) -> None:
    small.write_codec(
        """
        import sys

        for name in [name for name in sys.modules if name.split(".")[0] == "xdist"]:
            del sys.modules[name]
        sys.modules["xdist"] = None  # import then fails as it does where nothing is installed
        """
    )
    absent = ("-p", "no:xdist", "-p", "no:xdist.looponfail")
    result = small.run("-m", "rd", "--lic-update", *absent)
    assert result.ret == 0, result.stdout.str()
    assert small.baseline.exists()


def test_tests_of_the_users_own_are_summed_up_and_recorded_too(small: Project) -> None:
    small.pytester.makepyfile(
        """
        def test_mine(lic, lic_cell):
            lic.point(lic_cell)
        """
    )
    chosen = ("--lic-codec=toy", "--lic-quality=1,2", f"--lic-corpus={small.images}")
    options = ("-n2", "-p", "no:hypothesispytest", "--lic-no-cache", "--lic-metrics=psnr")
    result = small.pytester.runpytest_subprocess(*options, *chosen, "--lic-update", timeout=120)
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(
        ["*toy on images-native-b1-cpu*", "lic: toy, quality 1, *recorded*"]
    )
    assert small.baseline.exists()
