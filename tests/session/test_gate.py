"""What each verdict does to a run, and what a run does to the baselines."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.helpers.toy_project import Project, write_photographs

# Every second column a level darker: PSNR falls.
WORSE = """
    class Worse(Toy):
        def decode(self, bitstreams):
            images = super().decode(bitstreams)
            images[..., ::2] = (images[..., ::2] - 1 / 255).clamp(0, 1)
            return images
"""
# Quality 2 without the checksum that zlib ends with: four bytes less for an image.
BETTER = """
    class Better(Toy):
        def __init__(self, quality):
            super().__init__(quality)
            self.better = quality == "2"

        def code(self, levels):
            coded = super().code(levels)
            return coded[:-4] if self.better else coded  # without zlib's checksum

        def decode(self, bitstreams):
            if not self.better:
                return super().decode(bitstreams)
            whole = zlib.decompress
            zlib.decompress = lambda data: zlib.decompressobj().decompress(data)
            try:
                return super().decode(bitstreams)
            finally:
                zlib.decompress = whole
"""
# One sample of each image a level off: other bits, and nothing that a tolerance would notice.
CHANGED = """
    class Changed(Toy):
        def decode(self, bitstreams):
            images = super().decode(bitstreams)
            images[:, 0, 0, 0] = (images[:, 0, 0, 0] - 1 / 255).abs()
            return images
"""


@pytest.fixture
def noted(small: Project) -> Project:
    """A small project with baselines recorded from the intact codec."""
    result = small.run("-m", "rd", "--lic-update")
    assert result.ret == 0, result.stdout.str()
    return small


def change(project: Project, source: str, codec: str) -> None:
    """Put another codec in the toy's place; it is measured anew in each run."""
    project.write_codec(source, codec=codec, fingerprint="None")


def entries(project: Project) -> dict[str, dict[str, Any]]:
    """Quality → what is recorded of it."""
    stored = json.loads(project.baseline.read_text())
    return {entry["quality"]: entry for entry in stored["entries"]}


def test_an_intact_codec_is_the_same_to_the_bit(noted: Project) -> None:
    before = noted.baseline.read_bytes()
    for arguments in ((), ("--lic-strict",), ("--lic-update",), ("--lic-update-missing",)):
        result = noted.run("-m", "rd", *arguments)
        assert result.ret == 0
        assert sum(line.rstrip().endswith(" same") for line in result.stdout.lines) == 6
        assert noted.baseline.read_bytes() == before


def test_an_improvement_is_reported_and_asks_to_be_recorded(noted: Project) -> None:
    change(noted, BETTER, "Better")
    result = noted.run("-m", "rd", "--lic-strict", "--lic-quality=2")
    assert result.ret == 0, result.stdout.str()
    result.stdout.fnmatch_lines(
        ["2 * improved*", "*quality 2: *record the improvement with --lic-update*"]
    )
    result = noted.run("-m", "rd", "--lic-update")
    result.stdout.fnmatch_lines(["lic: toy, quality 2, images native: improved: * → * bpp, *"])
    assert noted.run("-m", "rd", "--lic-strict").ret == 0


def test_other_bits_on_the_recording_environment_fail_only_when_strict(noted: Project) -> None:
    change(noted, CHANGED, "Changed")
    result = noted.run("-m", "rd", "--lic-quality=1")
    assert result.ret == 0, result.stdout.str()
    result.stdout.fnmatch_lines(["1 * changed*", "*not to the bit*"])
    strict = noted.run("-m", "rd", "--lic-quality=1", "--lic-strict")
    assert strict.ret == 1
    strict.stdout.fnmatch_lines(["toy-q1-*: changed: not to the bit*"])


def test_other_bits_on_another_environment_are_within_tolerance(noted: Project) -> None:
    stored = json.loads(noted.baseline.read_text())
    for environment in stored["environments"].values():
        environment["processor"] = "another"
    noted.baseline.write_text(json.dumps(stored))
    change(noted, CHANGED, "Changed")
    result = noted.run("-m", "rd", "--lic-quality=1", "--lic-strict")
    assert result.ret == 0, result.stdout.str()
    result.stdout.fnmatch_lines(["1 * within tolerance*"])


def test_a_regression_names_metric_image_values_tolerance_and_command(noted: Project) -> None:
    change(noted, WORSE, "Worse")
    result = noted.run("-m", "rd")
    assert result.ret == 1
    result.stdout.re_match_lines(
        [
            r"toy-q5-images-native-b1-cpu: regressed",
            r"  PSNR, mean: baseline 42\.\d+, measured 41\.\d+, -\d\.\d+ dB \(tolerance 0\.01 dB\)",
            r"  PSNR, image photo\d\.png: baseline .* dB \(tolerance 0\.05 dB\)",
            r"  look closer: pytest --pyargs pytest_lic\.suites -m rd --lic-codec toy "
            r"--lic-quality 5 --lic-corpus .*/images",
        ]
    )


def test_a_missing_baseline_fails_and_says_how_to_record(small: Project) -> None:
    result = small.run("-m", "rd", "--lic-resolution=32", "--lic-batch=2")
    assert result.ret == 1
    result.assert_outcomes(failed=5, skipped=1)
    result.stdout.fnmatch_lines(
        [
            "toy-q1-images-32px-b2-cpu: missing: no baseline; if it is right, record it: "
            "pytest --pyargs pytest_lic.suites -m rd --lic-codec toy --lic-quality 1 "
            "--lic-corpus */images --lic-resolution 32 --lic-batch 2 --lic-metrics psnr "
            "--lic-update-missing",
            "lic: 5 points have no baseline; record them with --lic-update-missing",
        ]
    )
    assert not small.baseline.exists()


def test_the_command_that_is_printed_records(small: Project) -> None:
    result = small.run("-m", "rd", "--lic-quality=3")
    line = next(line for line in result.stdout.lines if "record it: pytest " in line)
    words = line.partition("record it: pytest ")[2].split()
    again = small.pytester.runpytest_inprocess(*words, "--lic-no-cache")
    assert again.ret == 0
    assert list(entries(small)) == ["3"]
    assert small.run("-m", "rd", "--lic-quality=3").ret == 0


def test_update_missing_records_what_is_missing_and_gates_the_rest(noted: Project) -> None:
    stored = json.loads(noted.baseline.read_text())
    stored["entries"] = [entry for entry in stored["entries"] if entry["quality"] != "4"]
    noted.baseline.write_text(json.dumps(stored))
    kept = entries(noted)
    change(noted, WORSE, "Worse")
    result = noted.run("-m", "rd", "--lic-update-missing")
    assert result.ret == 1
    failed = [line for line in result.stdout.lines if line.startswith("FAILED")]
    assert not any("toy-q4" in line for line in failed)
    assert any("toy-q5" in line for line in failed)
    now = entries(noted)
    assert now.pop("4")
    assert now == kept


def test_a_metric_that_the_baseline_lacks_is_new_and_no_failure(small: Project) -> None:
    small.images = small.path / "larger"
    write_photographs(small.images, count=1, side=176)
    assert small.run("-m", "rd", "--lic-quality=1", "--lic-update").ret == 0
    result = small.run("-m", "rd", "--lic-quality=1", "--lic-metrics=ms_ssim")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*quality 1: ms_ssim is new: the baseline lacks it*"])
    recorded = small.run("-m", "rd", "--lic-quality=1", "--lic-metrics=ms_ssim", "--lic-update")
    assert recorded.ret == 0
    assert {"bpp", "psnr", "ms_ssim"} <= set(entries(small)["1"]["mean"])


def test_a_metric_that_can_not_be_computed_is_reported_and_fails_when_required(
    noted: Project,
) -> None:
    metrics = ("--lic-metrics=lpips,ms_ssim",)
    result = noted.run("-m", "rd", "--lic-quality=1", *metrics)
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            "lic: lpips unavailable: *no weights for alex: `pytest-lic weights lpips` brings them*",
            "lic: ms_ssim unavailable: photo0.png: *64×64*161*",
        ]
    )
    for metric in ("lpips", "ms_ssim"):
        required = noted.run("-m", "rd", "--lic-quality=1", *metrics, f"--lic-require={metric}")
        assert required.ret == 1
        required.stdout.fnmatch_lines([f"toy-q1-*: {metric} is required, but unavailable: *"])


def test_an_unavailable_codec_is_skipped_with_its_reason_and_fails_when_required(
    noted: Project,
) -> None:
    conftest = noted.path / "conftest.py"
    reason = 'unavailable=lambda: "program bpgenc is not installed",'
    conftest.write_text(conftest.read_text().replace("build=", f"{reason} build="))
    result = noted.run("-m", "rd", "-rs")
    assert result.ret == 0
    result.assert_outcomes(skipped=6)
    result.stdout.fnmatch_lines(["SKIPPED * unavailable: program bpgenc is not installed"])
    assert "unavailable" in result.stdout.str()
    required = noted.run("-m", "rd", "--lic-require=toy")
    assert required.ret == 1
    required.stdout.fnmatch_lines(["*: required, but program bpgenc is not installed"])
    updated = noted.run("-m", "rd", "--lic-update")
    assert updated.ret == 0
    assert set(entries(noted)) == set("12345"), "what can't run here keeps its baselines"


def test_what_fails_its_round_trip_in_the_same_run_is_never_recorded(small: Project) -> None:
    # It decodes photographs; on the edge cases, one quality is a pixel short.
    change(
        small,
        """
        class Short(Toy):
            def decode(self, bitstreams):
                images = super().decode(bitstreams)
                return images[..., :-1] if self.step == 20 and images.shape[-1] > 64 else images
        """,
        "Short",
    )
    result = small.run("-m", "rd or roundtrip", "--lic-update")
    assert result.ret == 1
    assert set(entries(small)) == {"1", "2", "4", "5"}
    result.stdout.fnmatch_lines(
        ["lic: toy, quality 3: not recorded, its round trip or another check failed"]
    )


def test_what_can_not_be_measured_leaves_the_other_qualities_recorded(small: Project) -> None:
    change(
        small,
        """
        class Failing(Toy):
            def encode(self, images):
                if self.step == 20:
                    raise RuntimeError("no")
                return super().encode(images)
        """,
        "Failing",
    )
    result = small.run("-m", "rd", "--lic-update")
    assert result.ret == 1
    assert result.parseoutcomes()["failed"] == 2  # the point, and the curve that needs it
    assert set(entries(small)) == {"1", "2", "4", "5"}


@pytest.fixture
def entry_points(monkeypatch: pytest.MonkeyPatch) -> None:
    """No codec but those of the project's conftest.py."""
    monkeypatch.setattr("pytest_lic.project.registration.metadata.entry_points", lambda **group: [])


@pytest.mark.usefixtures("entry_points")
def test_stale_entries_are_named_by_complete_runs_and_removed_when_pruned(noted: Project) -> None:
    other = noted.baseline.with_name("gone.json")
    other.write_text(noted.baseline.read_text().replace('"toy"', '"gone"'))
    noted.write_codec("STEPS.pop('5')")
    conftest = noted.path / "conftest.py"
    conftest.write_text(conftest.read_text().replace(', "5": 0.02', ""))
    command = [word for word in noted.command("-m", "rd") if word != "--lic-codec=toy"]
    stale = ["gone, quality 5, native: no codec has this name", "toy, quality 5, native: *is gone"]

    narrowed = noted.pytester.runpytest_inprocess(*command, "--lic-quality=1")
    narrowed.stdout.no_fnmatch_line("lic: stale*")
    refused = noted.pytester.runpytest_inprocess(*command, "--lic-quality=1", "--lic-prune")
    assert refused.ret == pytest.ExitCode.USAGE_ERROR
    deselected = noted.pytester.runpytest_inprocess(*command, "-k", "q1", "--lic-prune")
    assert deselected.ret == 1
    deselected.stdout.fnmatch_lines(["lic: --lic-prune refused: not every cell was measured*"])
    assert other.exists()

    complete = noted.pytester.runpytest_inprocess(*command)
    assert complete.ret == 0
    complete.stdout.fnmatch_lines(
        [f"lic: stale (--lic-prune removes it): {line}" for line in stale]
    )
    assert other.exists()
    assert set(entries(noted)) == set("12345")

    pruned = noted.pytester.runpytest_inprocess(*command, "--lic-prune")
    assert pruned.ret == 0
    pruned.stdout.fnmatch_lines([f"lic: removed: {line}" for line in stale])
    assert not other.exists()
    assert set(entries(noted)) == set("1234")
    noted.pytester.runpytest_inprocess(*command).stdout.no_fnmatch_line("lic: stale*")


@pytest.mark.usefixtures("entry_points")
def test_entries_of_another_corpus_are_not_stale(noted: Project) -> None:
    command = [word for word in noted.command("-m", "rd") if not word.startswith("--lic-co")]
    result = noted.pytester.runpytest_inprocess(
        *command, "--lic-corpus=edge", "--lic-update", "--lic-prune"
    )
    assert result.ret == 0, result.stdout.str()
    result.stdout.no_fnmatch_line("lic: stale*")
    assert {entry["corpus"] for entry in json.loads(noted.baseline.read_text())["entries"]} == {
        "edge",
        "images",
    }


def test_what_lacks_a_required_metric_is_not_recorded(small: Project) -> None:
    required = ("--lic-metrics=psnr,lpips", "--lic-require=lpips")
    result = small.run("-m", "rd", "--lic-update", *required)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*toy-q1-*: lpips is required, but unavailable: *"])
    assert not small.baseline.exists()


def test_one_broken_codec_is_one_line_of_the_summary(small: Project) -> None:
    change(small, "class Broken(Toy):\n    def encode(self, images):\n        return 7\n", "Broken")
    result = small.run("--lic-quality=1", "-m", "roundtrip or determinism")
    lines = [line for line in result.stdout.lines if line.startswith("error: toy-q1-images-")]
    assert len(set(lines)) == len(lines)
    assert len([line for line in lines if "returned int for 1 images" in line]) == 1


# One sample of each image a level off where two threads decode.
THREADED = """
    class Threaded(Toy):
        def decode(self, bitstreams):
            images = super().decode(bitstreams)
            if torch.get_num_threads() == 2:
                images[:, 0, 0, 0] = (images[:, 0, 0, 0] - 1 / 255).abs()
            return images
"""


def test_one_level_with_other_threads_is_a_remark_even_when_strict(small: Project) -> None:
    change(small, THREADED, "Threaded")
    arguments = ("-m", "determinism", "-k", "threads", "--lic-quality=1")
    for strict in ((), ("--lic-strict",)):
        result = small.run(*arguments, *strict)
        assert result.ret == 0, result.stdout.str()
        result.stdout.fnmatch_lines(
            ["*toy-q1-*: decoded with 2 threads: 2 of 2 images differ by one level*"]
        )
