"""What old bitstreams do to a run, and what a run does to them: kept, decoded, named, replaced."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_lic.baselines import kept_streams
from tests.helpers.toy_project import Project

# One sample of each image a level off.
SHIFTED = """
    class Shifted(Toy):
        def decode(self, bitstreams):
            images = super().decode(bitstreams)
            images[:, 1, 2, 3] = (images[:, 1, 2, 3] - LEVELS / 255).abs()
            return images
"""
REFUSING = """
    from pytest_lic.errors import CorruptBitstreamError

    class Refusing(Toy):
        def decode(self, bitstreams):
            raise ERROR
"""


def write_version(project: Project, version: int, *, passed_on: bool = True) -> None:
    """The toy codec in another version of its format; ``passed_on``: written into its streams."""
    project.write_codec()
    conftest = project.path / "conftest.py"
    text = conftest.read_text().replace("build=", f"format_version={version}, build=")
    if passed_on:
        text = text.replace("(self.code(levels),)", f"(self.code(levels),), {version}")
        given = "fingerprint=self.fingerprint"
        text = text.replace(f"{given})", f"{given}, format_version={version})")
    conftest.write_text(text)


def conformance(project: Project, *arguments: str) -> pytest.RunResult:
    """A run of the conformance suite alone."""
    return project.run("-m", "conformance", *arguments)


@pytest.fixture
def kept(small: Project) -> Project:
    """A project with bitstreams kept of the intact codec."""
    result = conformance(small, "--lic-update")
    assert result.ret == 0, result.stdout.str()
    return small


def folder(project: Project) -> Path:
    """Where the bitstreams are kept."""
    return project.path / "baselines" / "conformance"


def manifest(project: Project, family: str = "toy") -> Path:
    """What is known of them."""
    return folder(project) / f"{family}.json"


def files(project: Project) -> dict[str, bytes]:
    """Everything that is kept."""
    return {
        str(path.relative_to(folder(project))): path.read_bytes()
        for path in sorted(folder(project).rglob("*"))
        if path.is_file()
    }


def streams(project: Project) -> list[dict[str, Any]]:
    """The streams of the manifest."""
    found: list[dict[str, Any]] = json.loads(manifest(project).read_text())["streams"]
    return found


def elsewhere(project: Project) -> None:
    """Make the kept bitstreams another machine's."""
    stored = json.loads(manifest(project).read_text())
    for environment in stored["environments"].values():
        environment["processor"] = "Another CPU"
        environment["packages"]["torch"] = "2.0"
    manifest(project).write_text(json.dumps(stored))


def failure(result: pytest.RunResult, quality: int = 1) -> str:
    """What one quality's failed test says."""
    assert result.ret == 1, result.stdout.str()
    text = result.stdout.str()
    assert "Traceback" not in text
    subject = f"toy-q{quality}-conformance-native-b1-cpu"
    found = re.search(rf"^{subject}: .*(\n  .*)*", text, re.MULTILINE)
    assert found is not None, text
    return found[0]


def test_bitstreams_are_kept_with_their_images_and_circumstances(small: Project) -> None:
    result = conformance(small, "--lic-update-missing")
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            "lic: toy, quality 1, bitstreams: astronaut_128x96 first kept, * bytes; "
            "chelsea_67x45 first kept, * bytes"
        ]
    )
    found = streams(small)
    assert [(each["quality"], each["image"]) for each in found] == [
        (quality, image) for quality in "12345" for image in ("astronaut_128x96", "chelsea_67x45")
    ]
    for each in found:
        size = len(files(small)[f"toy/{each['quality']}-{each['image']}-{each['bitstream']}.bin"])
        assert size == each["bytes"]
        assert f"toy/{each['quality']}-{each['image']}-{each['reconstruction']}.png" in files(small)
        assert 15 < each["psnr"] < 60
    assert len(files(small)) == 1 + 2 * len(found)


def test_what_is_kept_decodes_to_the_bit_and_stays_as_it_is(kept: Project) -> None:
    before = files(kept)
    for arguments in ((), ("--lic-update",), ("--lic-update-missing",), ("-n", "2")):
        result = conformance(kept, *arguments)
        assert result.ret == 0, result.stdout.str()
        result.stdout.fnmatch_lines(["lic: conformance: toy: 10 old bitstreams: 10 to the bit"])
        assert files(kept) == before


def test_workers_and_one_process_keep_the_same(kept: Project) -> None:
    before = files(kept)
    shutil.rmtree(folder(kept))
    assert conformance(kept, "--lic-update", "-n", "2").ret == 0
    assert files(kept) == before


def test_a_quality_without_a_kept_bitstream_fails_and_says_how_to_keep_one(small: Project) -> None:
    assert failure(conformance(small), 2) == (
        "toy-q2-conformance-native-b1-cpu: missing: no bitstream is kept of astronaut_128x96, "
        "chelsea_67x45; keep one: pytest --pyargs pytest_lic.suites -m conformance --lic-codec toy "
        "--lic-quality 2 --lic-update-missing"
    )
    assert not folder(small).exists()


def test_other_suites_ask_for_no_kept_bitstream(small: Project) -> None:
    result = small.run("-m", "rd or roundtrip", "--lic-update")
    assert result.ret == 0
    assert not folder(small).exists()


def test_pixels_that_changed_fail_on_the_recording_environment(kept: Project) -> None:
    kept.write_codec(SHIFTED.replace("LEVELS", "1"), codec="Shifted")
    result = conformance(kept)
    told = failure(result)
    assert told.startswith(
        "toy-q1-conformance-native-b1-cpu: regressed: 2 of 2 old bitstreams no longer decode as "
        "they did; to break with old bitstreams on purpose, raise format_version and record: "
        "pytest --pyargs pytest_lic.suites -m conformance --lic-codec toy --lic-quality 1 "
        "--lic-update\n  astronaut_128x96: pixels: 1 of 12288 pixels differ, by up to 1 levels of "
        "255, first at row 2, column 3, G: "
    )
    assert re.search(r"PSNR \d+\.\d{3} dB then, \d+\.\d{3} dB now; written by no commit; ", told)
    assert "its environment, " in told
    assert told.endswith(", is this one")
    result.stdout.fnmatch_lines(
        [
            "*= pytest-lic =*",
            "toy-q1-conformance-native-b1-cpu: regressed: 2 of 2 old bitstreams *",
            "lic: conformance: toy: 10 old bitstreams: 10 broken",
        ]
    )


def test_elsewhere_one_level_is_within_tolerance_and_two_are_not(kept: Project) -> None:
    elsewhere(kept)
    kept.write_codec(SHIFTED.replace("LEVELS", "1"), codec="Shifted")
    result = conformance(kept)
    assert result.ret == 0, result.stdout.str()
    result.stdout.fnmatch_lines(
        ["lic: conformance: toy: 10 old bitstreams: 10 within 1 level of 255"]
    )
    kept.write_codec(SHIFTED.replace("LEVELS", "2"), codec="Shifted")
    told = failure(conformance(kept))
    assert "pixels: 1 of 12288 pixels differ, by up to 2 levels of 255" in told
    assert "differs from this one in processor Another CPU (now " in told
    assert ", torch 2.0 (now " in told


def test_the_message_names_the_commit_that_wrote_the_stream(kept: Project) -> None:
    stored = json.loads(manifest(kept).read_text())
    for place, stream in enumerate(stored["streams"]):
        stream |= {"commit": "0123456789abcdef0123", "changed": place > 0}
    manifest(kept).write_text(json.dumps(stored))
    kept.write_codec(SHIFTED.replace("LEVELS", "9"), codec="Shifted")
    first, second = failure(conformance(kept)).splitlines()[1:]
    assert "written by commit 0123456789; its environment" in first
    assert "written by commit 0123456789, with uncommitted changes; its environment" in second


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ("RuntimeError('no')", "decoder: no"),
        ("CorruptBitstreamError('gone')", "tables: entropy decoding failed: gone"),
    ],
)
def test_a_decoder_that_fails_is_told_from_one_that_deviates(
    kept: Project, error: str, told: str
) -> None:
    kept.write_codec(REFUSING.replace("ERROR", error), codec="Refusing")
    assert f"\n  astronaut_128x96: {told}; written by" in failure(conformance(kept))


def test_another_models_stream_says_fingerprint(kept: Project) -> None:
    kept.write_codec('Toy.__init__.__globals__["STEPS"]["1"] = 41')
    conftest = kept.path / "conftest.py"
    conftest.write_text(conftest.read_text().replace('f"toy {quality}"', 'f"new {self.step}"'))
    told = failure(conformance(kept))
    assert "astronaut_128x96: model fingerprint: bitstream was written by model " in told


def test_a_header_that_is_read_otherwise_says_header(
    kept: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pytest_lic.container._CRC", 5)
    told = failure(conformance(kept))
    assert re.search(r"astronaut_128x96: header: bitstream of \d+ bytes; its header asks", told)


def test_a_format_that_was_raised_refuses_old_streams_by_name_until_new_ones_are_kept(
    kept: Project,
) -> None:
    write_version(kept, 2)
    told = failure(conformance(kept))
    assert "the family's format has changed; record bitstreams of the new one: pytest " in told
    assert (
        "\n  astronaut_128x96: format version: bitstream was written by version 1 of this codec's "
        "format; this decoder reads version 2: decode it with the release that wrote it, or encode "
        "again; written by no commit" in told
    )
    before = files(kept)
    updated = conformance(kept, "--lic-update")
    assert updated.ret == 0
    updated.stdout.fnmatch_lines(
        ["lic: toy, quality 1, bitstreams: astronaut_128x96 in place of one that broke (format *"]
    )
    assert {each["format_version"] for each in streams(kept)} == {2}
    assert len(files(kept)) == len(before), "the old files are gone"
    assert conformance(kept).ret == 0
    kept.write_codec()
    assert "written by version 2 of this codec's format; this decoder reads version 1: " in failure(
        conformance(kept)
    )


def test_a_decoder_that_takes_streams_of_another_version_is_named(kept: Project) -> None:
    write_version(kept, 2, passed_on=False)
    told = failure(conformance(kept))
    assert "format version: bitstream was written by version 1 of" in told
    assert "(this decoder took it all the same)" in told
    recorded = conformance(kept, "--lic-update")
    assert "the family's format_version is 2, but its bitstreams say 1; give it to" in failure(
        recorded
    )
    assert {each["format_version"] for each in streams(kept)} == {1}, "such are never kept"


def test_update_missing_gates_what_is_there_and_update_replaces_what_broke(kept: Project) -> None:
    before = files(kept)
    kept.write_codec(SHIFTED.replace("LEVELS", "9"), codec="Shifted")
    failure(conformance(kept, "--lic-update-missing"))
    assert files(kept) == before
    result = conformance(kept, "--lic-update", "--lic-quality=1")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["lic: toy, quality 1, bitstreams: * that broke (pixels), *"])
    assert conformance(kept, "--lic-quality=1").ret == 0
    assert {name for name in before if name.startswith("toy/2")} < set(files(kept))
    assert len(files(kept)) == len(before)


def test_what_fails_its_round_trip_is_never_kept(small: Project) -> None:
    small.write_codec(
        """
        class Short(Toy):
            def decode(self, bitstreams):
                images = super().decode(bitstreams)
                return images[..., :-1] if self.step == 20 and images.shape[-1] == 1 else images
        """,
        codec="Short",
    )
    result = small.run("-m", "conformance or roundtrip", "--lic-update")
    assert result.ret == 1
    assert {each["quality"] for each in streams(small)} == {"1", "2", "4", "5"}


@pytest.mark.parametrize("suffix", [".bin", ".png"])
def test_a_kept_file_that_is_gone_or_changed_is_an_error_that_update_mends(
    kept: Project, suffix: str
) -> None:
    before = files(kept)
    (path,) = folder(kept).glob(f"toy/1-astronaut_128x96-*{suffix}")
    path.unlink()
    told = failure(conformance(kept))
    assert ": error: 1 of 2 old bitstreams can't be read\n" in told
    assert f"kept file: {path} can't be read (No such file or directory); restore it from" in told
    path.write_bytes(before[f"toy/{path.name}"][:99] + bytes(99))
    said = "was changed since it was recorded" if suffix == ".bin" else "is not the PNG that was"
    assert f"kept file: {path} {said}" in failure(conformance(kept))
    other = next(folder(kept).glob(f"toy/2-astronaut_128x96-*{suffix}"))
    shutil.copy(other, path)
    assert f"{path} was changed since it was recorded: its digest is " in failure(conformance(kept))
    assert conformance(kept, "--lic-update").ret == 0
    assert files(kept) == before


def test_a_damaged_manifest_is_said_once_before_anything_runs(kept: Project) -> None:
    whole = manifest(kept).read_text()
    for damaged, told in (
        (whole[:-9], "is not valid JSON"),
        (
            whole.replace('"bytes"', '"octets"', 1),
            "is damaged: $.streams[0]: object missing required field `bytes`",
        ),
        (
            whole.replace('"1"', '"../1"', 1),
            "$.streams[0].quality is '../1': expected `str` matching regex",
        ),
        (whole.replace('"quality": "2"', '"quality": "1"', 1), "$.streams[2]: 1-astronaut_128x96-"),
        (whole.replace('"format": 1', '"format": 9'), "is of format 9; this pytest-lic reads up"),
    ):
        manifest(kept).write_text(damaged)
        result = conformance(kept)
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        (line,) = (line for line in result.stderr.lines if line.strip())
        assert str(manifest(kept)) in line
        assert told in line


def test_stale_bitstreams_are_named_by_complete_runs_and_removed_when_pruned(
    kept: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pytest_lic.project.registration.metadata.entry_points", lambda **group: [])
    stored = json.loads(manifest(kept).read_text())
    manifest(kept, "gone").write_text(json.dumps({**stored, "family": "gone"}))
    shutil.copytree(folder(kept) / "toy", folder(kept) / "gone")
    kept.write_codec("STEPS.pop('5')")
    conftest = kept.path / "conftest.py"
    conftest.write_text(conftest.read_text().replace(', "5": 0.02', ""))
    command = [word for word in kept.command("-m", "conformance") if word != "--lic-codec=toy"]
    stale = [
        "gone, quality 5, bitstream of chelsea_67x45: no codec has this name",
        "toy, quality 5, bitstream of astronaut_128x96: quality 5 is gone",
    ]
    complete = kept.pytester.runpytest_inprocess(*command)
    assert complete.ret == 0
    complete.stdout.fnmatch_lines(
        [f"lic: stale (--lic-prune removes it): {line}" for line in stale]
    )
    assert len(streams(kept)) == 10
    part = kept.pytester.runpytest_inprocess(*command, "-k", "q1", "--lic-prune")
    part.stdout.fnmatch_lines(["lic: --lic-prune refused: not every cell was measured*"])
    pruned = kept.pytester.runpytest_inprocess(*command, "--lic-prune")
    assert pruned.ret == 0
    pruned.stdout.fnmatch_lines([f"lic: removed: {line}" for line in stale])
    assert len(streams(kept)) == 8
    assert len(files(kept)) == 17, "the manifest, and two files for each stream"
    kept.pytester.runpytest_inprocess(*command).stdout.no_fnmatch_line("lic: stale*")


def test_bitstreams_of_an_image_that_is_gone_are_decoded_until_they_are_pruned(
    kept: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pytest_lic.project.registration.metadata.entry_points", lambda **group: [])
    streams = kept_streams.load(folder(kept), "toy")
    before = files(kept)
    first = kept_streams.read(folder(kept), "toy", streams["1", "chelsea_67x45"])
    gone = replace(first, stream=replace(first.stream, image="gone"))
    kept_streams.save(folder(kept), "toy", streams, [gone])
    command = [word for word in kept.command("-m", "conformance") if word != "--lic-codec=toy"]
    decoded = kept.pytester.runpytest_inprocess(*command)
    assert decoded.ret == 0
    decoded.stdout.fnmatch_lines(
        [
            "lic: conformance: toy: 11 old bitstreams: 11 to the bit",
            "lic: stale (*): toy, quality 1, bitstream of gone: image gone is gone",
        ]
    )
    kept.write_codec(SHIFTED.replace("LEVELS", "9"), codec="Shifted")
    assert re.search("gone: pixels: .* dB then, .* dB now", failure(conformance(kept))) is None
    assert "gone: pixels: " in failure(conformance(kept))
    kept.write_codec()
    assert kept.pytester.runpytest_inprocess(*command, "--lic-prune").ret == 0
    assert files(kept) == before


def test_an_image_of_the_wrong_size_is_the_decoders_fault(kept: Project) -> None:
    kept.write_codec(
        """
        class Short(Toy):
            def decode(self, bitstreams):
                return super().decode(bitstreams)[..., :-1]
        """,
        codec="Short",
    )
    told = failure(conformance(kept))
    assert "astronaut_128x96: decoder: decoder returned shape (1, 3, 96, 127) for " in told
