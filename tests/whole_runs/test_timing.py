"""``-m timing``: what is timed, what is stored with it, and what keeps a time from being taken."""

from __future__ import annotations

import json
from importlib import metadata

import pytest
import torch

from pytest_lic.measuring.timed_grid import TimingChoice
from pytest_lic.timing.benchmarking import rounds_for
from tests.helpers.timed_runs import QUICK, SHORT, SMALL, stored, take, write
from tests.helpers.toy_project import Project

UNTRAINED = """
first = pytest_lic_codecs

def pytest_lic_codecs():
    from dataclasses import replace

    for family in first():
        yield family
        changes = {"qualities": ["0"], "build": lambda quality, device: Toy("1")}
        yield replace(family, name="raw", trained=False, **changes)
"""


def test_a_time_is_stored_with_its_circumstances(timed: Project) -> None:
    found = stored(timed, *SMALL)
    assert set(found) == {
        f"toy-q3-rand-16px-b{batch}-cpu-{direction}"
        for batch in (1, 2)
        for direction in ("encode", "decode")
    }
    for name, benchmark in found.items():
        extra = benchmark["extra_info"]
        assert benchmark["name"] == name == f"{extra['cell']}-{extra['direction']}"
        assert benchmark["group"] == extra["direction"]
        assert benchmark["params"]["family"] == extra["family"] == "toy"
        assert (extra["quality"], extra["lambda"]) == ("3", 0.005)
        assert extra["tags"] == {"quantizer": "uniform"}
        assert (extra["corpus"], extra["seed"], extra["device"]) == ("rand", 0, "cpu")
        assert extra["threads"] == extra["environment"]["threads"] == 1
        assert extra["environment"]["packages"]["torch"] == metadata.version("torch")
        assert extra["device_name"] == extra["environment"]["processor"]
        assert len(extra["bytes"]) == len(extra["images"]) == extra["batch"]
        rate = extra["batch"] / benchmark["stats"]["median"]
        assert extra["images_per_second"] == pytest.approx(rate)
        assert extra["megapixels_per_second"] == pytest.approx(rate * 16 * 16 / 1e6)
        assert extra["warm_up"]["rounds"] >= 6
        assert extra["stages"] == {
            "reason": "the codec names no parts (see pytest_lic.SupportsStages)"
        }
        memory = extra["memory"]
        assert "reason" in memory or memory["peak_bytes"] >= memory["before_bytes"] > 0
        assert "device_seconds" not in extra, "a processor has no events"
        assert benchmark["stats"]["rounds"] >= 3
    # Half of one batch is the other: the images are the same ones.
    one, two = (found[f"toy-q3-rand-16px-b{n}-cpu-encode"]["extra_info"]["bytes"] for n in (1, 2))
    assert two[:1] == one


def test_threads_are_those_that_are_stored(timed: Project) -> None:
    change = """
    class Asking(Toy):
        def encode(self, images):
            if torch.get_num_threads() != 2:
                raise RuntimeError(f"{torch.get_num_threads()} threads")
            return super().encode(images)
    """
    write(timed, change, "Asking")
    found = stored(timed, "--lic-threads=2", *SMALL)
    assert {benchmark["extra_info"]["threads"] for benchmark in found.values()} == {2}
    assert take(timed, *SMALL).ret == 1, "with another number of threads the codec refuses"


def test_parts_that_a_codec_offers_are_told_apart(timed: Project) -> None:
    change = """
    class Parted(Toy):
        def __init__(self, quality):
            super().__init__(quality)

            class Analysis(torch.nn.Module):
                def forward(self, images):
                    import time
                    time.sleep(0.02)
                    return images

            self.analysis = Analysis()

        def encode(self, images):
            return super().encode(self.analysis(images))

        def stages(self):
            return {"analysis": self.analysis}
    """
    write(timed, change, "Parted")
    found = stored(timed, "--lic-resolution=16", "--lic-batch=1")
    encode = found["toy-q3-rand-16px-b1-cpu-encode"]["extra_info"]["stages"]
    decode = found["toy-q3-rand-16px-b1-cpu-decode"]["extra_info"]["stages"]
    assert list(encode["seconds"]) == ["analysis", "entropy coding and the rest"]
    assert encode["seconds"]["analysis"] >= 0.02
    assert sum(encode["seconds"].values()) == pytest.approx(encode["total"])
    assert list(decode["seconds"]) == ["entropy coding and the rest"]


# What a GPU would do, on a processor: its clock is pytest-benchmark's timer, its events are kept.
FAKE_GPU = """
from pytest_lic.measuring import coding
from pytest_lic.errors import Unavailable
from pytest_lic.session import collecting
from pytest_lic.system import environment
from pytest_lic.timing import benchmarking
from pytest_lic.timing.clock import Device

on_cpu = coding.image_batch

class Gpu(Device):
    description = "a GPU"
    log = []

    def synchronise(self):
        self.log.append("wait")

    def event(self):
        self.log.append("event")
        return len(self.log)

    def seconds_between(self, start, end):
        return float(end - start)

GPU = Gpu()

def pytest_configure(config):
    benchmarking.device_named = collecting.device_named = lambda name: GPU
    benchmarking.peak_memory = lambda device, work: Unavailable("not here")
    coding.image_batch = lambda images, device: on_cpu(images)
    environment._device = lambda device: "a GPU"

def pytest_sessionfinish():
    print("log:", " ".join(GPU.log))
"""


def test_on_a_gpu_its_clock_is_the_timer_and_its_events_of_the_same_rounds_are_stored(
    timed: Project,
) -> None:
    # In a process of its own, whose plugin may be changed.
    write(timed, more=FAKE_GPU)
    path = timed.path / "times.json"
    arguments = ["--lic-device=cuda", "--lic-resolution=16", "--lic-batch=1", "-s"]
    command = ["--pyargs", "pytest_lic.suites", *QUICK, *SHORT, "-m", "timing", "--lic-codec=toy"]
    result = timed.pytester.runpytest_subprocess(
        *command, *arguments, f"--benchmark-json={path}", timeout=120
    )
    assert result.ret == 0, result.stdout.str()
    for benchmark in json.loads(path.read_text())["benchmarks"]:
        extra = benchmark["extra_info"]
        assert benchmark["options"]["timer"].startswith("Clock(Gpu")
        assert (extra["device"], extra["device_name"]) == ("cuda", "a GPU")
        assert len(extra["device_seconds"]) == benchmark["stats"]["rounds"]
        assert set(extra["device_seconds"]) == {1.0}, "two events in a row around each round"
    rounds = "wait event event wait"
    assert f"{rounds} {rounds} {rounds}" in result.stdout.str()


class TestChoice:
    def test_a_full_preset_with_a_size_of_ones_own_takes_fifty_rounds(self, timed: Project) -> None:
        found = stored(timed, "--lic-preset=full", *SMALL)
        assert {benchmark["stats"]["rounds"] for benchmark in found.values()} == {50}

    def test_rounds_are_as_many_as_pytest_benchmark_is_told(self) -> None:
        assert rounds_for(0.01, TimingChoice("quick")) == 100
        assert rounds_for(3.0, TimingChoice("quick")) == 5
        assert rounds_for(0.01, TimingChoice("full")) == 50
        assert rounds_for(0.01, TimingChoice("full", least_rounds=80)) == 80

    def test_a_misspelt_preset(self, timed: Project) -> None:
        result = take(timed, "--lic-preset=quik")
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines(
            ["*--lic-preset: no preset is named 'quik'; did you mean quick*"]
        )

    def test_the_run_says_what_it_times(self, timed: Project) -> None:
        result = take(timed, *SMALL, "--benchmark-disable")
        result.stdout.fnmatch_lines(
            [
                "lic: timing 1 codecs on rand images: 16 px, batches of 1, 2; 1 thread per process",
                "lic: one quality of each codec is timed, its middle one: toy q3; *",
            ]
        )
        result.stdout.no_fnmatch_line("lic: * cells of *")

    def test_untrained_codecs_are_timed_where_asked_for_and_gated_nowhere(
        self, timed: Project
    ) -> None:
        write(timed, more=UNTRAINED)
        found = stored(timed, "--lic-codec=raw", *SMALL)
        assert {benchmark["extra_info"]["family"] for benchmark in found.values()} == {"raw"}
        assert all(b["extra_info"]["tags"]["weights"] == "untrained" for b in found.values())
        for marker in ("rd", "roundtrip", "determinism", None):
            result = take(timed, "--lic-codec=raw", "--lic-update", marker=marker)
            assert result.ret == pytest.ExitCode.USAGE_ERROR
            result.stderr.fnmatch_lines(["*only untrained codecs are chosen (raw)*-m timing*"])
        anchored = take(timed, "--lic-anchor=raw", marker="rd")
        assert anchored.ret == pytest.ExitCode.USAGE_ERROR
        anchored.stderr.fnmatch_lines(["*--lic-anchor: no anchor is named 'raw'*"])
        both = take(timed, "--lic-codec=toy,raw", "--collect-only", "-q", marker="rd")
        assert "toy-q1" in both.stdout.str()
        assert "raw-q" not in both.stdout.str()


class TestFailure:
    def test_under_xdist_it_fails_with_the_reason(self, timed: Project) -> None:
        result = take(timed, "-n1", "--lic-resolution=16", "--lic-batch=1")
        result.assert_outcomes(failed=2)
        result.stdout.fnmatch_lines(
            ["toy-q3-rand-16px-b1-cpu: pytest-benchmark takes no times under pytest-xdist*-n*"]
        )

    def test_switched_off_by_the_user_it_codes_once(self, timed: Project) -> None:
        result = take(timed, "--benchmark-disable", *SMALL)
        result.assert_outcomes(passed=4)
        assert "rounds of warm-up" not in result.stdout.str()

    def test_a_broken_codec_is_not_timed(self, timed: Project) -> None:
        change = """
        class Broken(Toy):
            def decode(self, bitstreams):
                return super().decode(bitstreams)[..., :-1]
        """
        write(timed, change, "Broken")
        path = timed.path / "times.json"
        result = take(timed, *SMALL, f"--benchmark-json={path}")
        result.assert_outcomes(failed=4)
        result.stdout.fnmatch_lines(["*toy-q3-rand-16px-b1-cpu: decoder returned shape*"])
        assert not path.exists() or not path.read_text()

    def test_a_codec_that_breaks_when_repeated_is_named(self, timed: Project) -> None:
        change = """
        class Tiring(Toy):
            calls = 0

            def encode(self, images):
                Tiring.calls += 1
                if Tiring.calls > 4:
                    raise RuntimeError("out of memory")
                return super().encode(images)
        """
        write(timed, change, "Tiring")
        result = take(timed, "--lic-resolution=16", "--lic-batch=1")
        result.assert_outcomes(failed=1, passed=1)
        result.stdout.fnmatch_lines(["*b1-cpu: encode again: RuntimeError: out of memory*"])

    def test_times_that_do_not_settle_are_named(self, timed: Project) -> None:
        change = """
        class Restless(Toy):
            calls = 0

            def encode(self, images):
                import time
                Restless.calls += 1
                time.sleep(0.005 * 1.25 ** min(Restless.calls, 20))
                return super().encode(images)
        """
        write(timed, change, "Restless")
        result = take(timed, "--lic-resolution=16", "--lic-batch=1")
        result.stdout.fnmatch_lines(["lic: not settled when patience ran out*b1-cpu-encode*"])

    def test_rounds_that_are_uneven_after_the_warm_up_are_named(self, timed: Project) -> None:
        change = """
        class Uneven(Toy):
            calls = 0

            def encode(self, images):
                import time
                Uneven.calls += 1
                # Even at first: the check, and six rounds of warm-up.
                time.sleep(0.03 if Uneven.calls > 8 and Uneven.calls % 2 else 0.005)
                return super().encode(images)
        """
        write(timed, change, "Uneven")
        sizes = ("--lic-resolution=16", "--lic-batch=1", "--benchmark-min-rounds=10")
        result = take(timed, *sizes)
        result.stdout.fnmatch_lines(["lic: half of the rounds differ by more than 20%*-encode*"])

    @pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
    def test_a_device_that_is_not_here(self, timed: Project) -> None:
        result = take(timed, *SMALL, "--lic-device=cuda")
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines(["*device 'cuda': torch * sees no CUDA GPU*"])

    def test_a_codec_that_can_not_run_here_is_skipped_with_the_reason(self, timed: Project) -> None:
        conftest = timed.path / "conftest.py"
        refused = (
            "fingerprint=lambda quality: 'toy',\n        unavailable=lambda: \"no such library\","
        )
        conftest.write_text(
            conftest.read_text().replace("fingerprint=lambda quality: 'toy',", refused)
        )
        result = take(timed, *SMALL)
        result.assert_outcomes(skipped=4)
        result.stdout.fnmatch_lines(["lic: not timed: toy-q3-rand-16px-b1-cpu, *: no such library"])
        required = take(timed, *SMALL, "--lic-require=toy")
        required.assert_outcomes(failed=4)


def test_a_run_that_failed_over_its_times_is_told_as_failed(
    timed: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = timed.path / "summary.md"
    summary.write_text("another step's\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    one = (*SMALL[:1], "--lic-batch=1", "--lic-quality=3")
    assert take(timed, "--benchmark-save=first", *one).ret == 0
    (saved,) = timed.path.glob(".benchmarks/*/0001_first.json")
    times = json.loads(saved.read_text())
    for benchmark in times["benchmarks"]:
        benchmark["stats"] |= {key: benchmark["stats"][key] / 1000 for key in ("min", "mean")}
    saved.write_text(json.dumps(times))
    summary.write_text("another step's\n")
    files = {kind: timed.path / f"r.{kind}" for kind in ("json", "markdown", "html")}
    result = take(
        timed,
        *("--benchmark-compare=0001", "--benchmark-compare-fail=mean:5%"),
        *(f"--lic-{kind}={path}" for kind, path in files.items()),
        *one,
    )
    assert result.ret != 0
    run = json.loads(files["json"].read_text())["run"]
    assert run["exit_status"] == 1
    why = "PerformanceRegression: Performance has regressed. (toy-q3-rand-16px-b1-cpu-"
    assert run["failure"].startswith(why)
    assert "mean" in run["failure"]
    first = files["markdown"].read_text().splitlines()[0]
    assert first.startswith("### pytest-lic: failed: PerformanceRegression")
    assert "failed: PerformanceRegression" in files["html"].read_text()
    steps, _, ours = summary.read_text().partition("\n")
    assert (steps, ours.count("### pytest-lic")) == ("another step's", 1)
    assert "failed: PerformanceRegression" in ours


def test_a_run_that_another_plugin_fails_is_told_as_failed(timed: Project) -> None:
    strict = """
import pytest

@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session):
    session.exitstatus = 6
"""
    write(timed, more=strict)
    path = timed.path / "r.json"
    take(timed, "--lic-resolution=16", "--lic-batch=1", "--lic-quality=3", f"--lic-json={path}")
    run = json.loads(path.read_text())["run"]
    assert (run["exit_status"], run["failure"]) == (6, "ended with exit status 6 after its tests")
