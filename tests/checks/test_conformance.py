"""What old bitstreams do to a run, and what a run does to them: kept, decoded, named, replaced."""

from __future__ import annotations

import json
import re
import shutil

import pytest

from tests.helpers.kept_streams import (
    SHIFTED,
    conformance,
    failure,
    files,
    folder,
    manifest,
    streams,
)
from tests.helpers.toy_project import Project

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


def elsewhere(project: Project) -> None:
    """Make the kept bitstreams another machine's."""
    stored = json.loads(manifest(project).read_text())
    for environment in stored["environments"].values():
        environment["processor"] = "Another CPU"
        environment["packages"]["torch"] = "2.0"
    manifest(project).write_text(json.dumps(stored))


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


def test_what_is_kept_decodes_to_the_bit_and_stays_as_it_is(with_streams: Project) -> None:
    before = files(with_streams)
    for arguments in ((), ("--lic-update",), ("--lic-update-missing",), ("-n", "2")):
        result = conformance(with_streams, *arguments)
        assert result.ret == 0, result.stdout.str()
        result.stdout.fnmatch_lines(["lic: conformance: toy: 10 old bitstreams: 10 to the bit"])
        assert files(with_streams) == before


def test_workers_and_one_process_keep_the_same(with_streams: Project) -> None:
    before = files(with_streams)
    shutil.rmtree(folder(with_streams))
    assert conformance(with_streams, "--lic-update", "-n", "2").ret == 0
    assert files(with_streams) == before


def test_a_quality_without_a_kept_bitstream_fails_and_says_how_to_keep_one(small: Project) -> None:
    assert failure(conformance(small), 2) == (
        "toy-q2-conformance-native-b1-cpu: missing: no bitstream is kept of astronaut_128x96, "
        "chelsea_67x45; keep one: pytest --pyargs pytest_lic.suites -m conformance --lic-codec toy "
        "--lic-quality 2 --lic-update-missing"
    )
    assert not folder(small).exists()


def write_heir(project: Project, decodes: str, codec: str = "Toy", quality: str = "1") -> None:
    """Beside the toy codec another family, which is to decode the bitstreams of ``decodes``."""
    project.write_codec()
    conftest = project.path / "conftest.py"
    hook = "    yield CodecFamily(\n"
    heir = f"""    yield CodecFamily(
        "heir", ["{quality}"], build=lambda quality, device: {codec}, decodes="{decodes}"
    )
"""
    conftest.write_text(conftest.read_text().replace(hook, heir + hook))


def test_a_family_keeps_bitstreams_of_its_own_beside_those_that_it_is_held_to(
    with_streams: Project,
) -> None:
    before = files(with_streams)
    write_heir(with_streams, "toy", 'Toy("1")')
    lacking = conformance(with_streams, "--lic-codec=heir")
    assert lacking.ret == 1
    assert "no bitstream is kept of astronaut_128x96, chelsea_67x45; keep" in lacking.stdout.str()
    assert conformance(with_streams, "--lic-codec=heir", "--lic-update-missing").ret == 0
    result = conformance(with_streams, "--lic-codec=heir")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["lic: conformance: heir: 4 old bitstreams: 4 to the bit"])
    assert before.items() < files(with_streams).items()


def test_a_family_that_does_not_decode_what_it_is_held_to_is_told_whose_that_is(
    with_streams: Project,
) -> None:
    before = files(with_streams)
    write_heir(with_streams, "toy", 'Toy("2")')
    result = conformance(with_streams, "--lic-codec=heir", "--lic-update")
    assert result.ret == 1
    text = result.stdout.str()
    assert (
        "heir-q1-conformance-native-b1-cpu: regressed: 2 of 2 old bitstreams of toy, which heir is "
        "to decode (CodecFamily.decodes), do not decode as they did; mend the decoder, or take "
        "decodes away"
    ) in text
    assert "  astronaut_128x96 of toy: model fingerprint: " in text
    assert before.items() < files(with_streams).items(), "those of toy stay, its own are new"


@pytest.mark.parametrize(("decodes", "quality"), [("tou", "1"), ("toy", "9")])
def test_a_family_that_is_held_to_bitstreams_that_nobody_kept_is_missing_them(
    with_streams: Project, decodes: str, quality: str
) -> None:
    write_heir(with_streams, decodes, 'Toy("1")', quality)
    result = conformance(with_streams, "--lic-codec=heir", "--lic-update-missing")
    assert result.ret == 1
    assert (
        f"missing: no bitstream is kept of astronaut_128x96, chelsea_67x45; no bitstream is kept "
        f"of {decodes} quality {quality}, which heir is to decode (CodecFamily.decodes); correct "
    ) in result.stdout.str()


def test_other_suites_ask_for_no_kept_bitstream(small: Project) -> None:
    result = small.run("-m", "rd or roundtrip", "--lic-update")
    assert result.ret == 0
    assert not folder(small).exists()


def test_pixels_that_changed_fail_on_the_recording_environment(with_streams: Project) -> None:
    with_streams.write_codec(SHIFTED.replace("LEVELS", "1"), codec="Shifted")
    result = conformance(with_streams)
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


def test_elsewhere_one_level_is_within_tolerance_and_two_are_not(with_streams: Project) -> None:
    elsewhere(with_streams)
    with_streams.write_codec(SHIFTED.replace("LEVELS", "1"), codec="Shifted")
    result = conformance(with_streams)
    assert result.ret == 0, result.stdout.str()
    result.stdout.fnmatch_lines(
        ["lic: conformance: toy: 10 old bitstreams: 10 within 1 level of 255"]
    )
    with_streams.write_codec(SHIFTED.replace("LEVELS", "2"), codec="Shifted")
    told = failure(conformance(with_streams))
    assert "pixels: 1 of 12288 pixels differ, by up to 2 levels of 255" in told
    assert "differs from this one in processor Another CPU (now " in told
    assert ", torch 2.0 (now " in told


def test_the_message_names_the_commit_that_wrote_the_stream(with_streams: Project) -> None:
    stored = json.loads(manifest(with_streams).read_text())
    for place, stream in enumerate(stored["streams"]):
        stream |= {"commit": "0123456789abcdef0123", "changed": place > 0}
    manifest(with_streams).write_text(json.dumps(stored))
    with_streams.write_codec(SHIFTED.replace("LEVELS", "9"), codec="Shifted")
    first, second = failure(conformance(with_streams)).splitlines()[1:]
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
    with_streams: Project, error: str, told: str
) -> None:
    with_streams.write_codec(REFUSING.replace("ERROR", error), codec="Refusing")
    assert f"\n  astronaut_128x96: {told}; written by" in failure(conformance(with_streams))


PARTED = """
    class Parted(Toy):
        refuses = REFUSES

        def part_digests(self):
            return {"weights": "0" * 16, "tables": "1" * 16}

        def decode(self, bitstreams):
            if self.refuses:
                raise CorruptBitstreamError("symbols ran out")
            return super().decode(bitstreams)
"""


def test_a_decoder_that_changed_alone_is_said_to_be_the_decoder(small: Project) -> None:
    small.write_codec(PARTED.replace("REFUSES", "False"), "Parted")
    assert conformance(small, "--lic-update").ret == 0
    small.write_codec(PARTED.replace("REFUSES", "True"), "Parted")
    told = failure(conformance(small))
    assert "\n  astronaut_128x96: decoder: entropy decoding failed: symbols ran out; " in told
    assert "weights and tables as they were, so what changed is the decoder's code" in told


def test_another_models_stream_says_fingerprint(with_streams: Project) -> None:
    with_streams.write_codec('Toy.__init__.__globals__["STEPS"]["1"] = 41')
    conftest = with_streams.path / "conftest.py"
    conftest.write_text(conftest.read_text().replace('f"toy {quality}"', 'f"new {self.step}"'))
    told = failure(conformance(with_streams))
    assert "astronaut_128x96: model fingerprint: bitstream was written by model " in told


def test_a_header_that_is_read_otherwise_says_header(
    with_streams: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pytest_lic.container._CRC", 5)
    told = failure(conformance(with_streams))
    assert re.search(r"astronaut_128x96: header: bitstream of \d+ bytes; its header asks", told)


def test_a_format_that_was_raised_refuses_old_streams_by_name_until_new_ones_are_kept(
    with_streams: Project,
) -> None:
    write_version(with_streams, 2)
    told = failure(conformance(with_streams))
    assert "the family's format has changed; record bitstreams of the new one: pytest " in told
    assert (
        "\n  astronaut_128x96: format version: bitstream was written by version 1 of this codec's "
        "format; this decoder reads version 2: decode it with the release that wrote it, or encode "
        "again; written by no commit" in told
    )
    before = files(with_streams)
    updated = conformance(with_streams, "--lic-update")
    assert updated.ret == 0
    updated.stdout.fnmatch_lines(
        ["lic: toy, quality 1, bitstreams: astronaut_128x96 in place of one that broke (format *"]
    )
    assert {each["format_version"] for each in streams(with_streams)} == {2}
    assert len(files(with_streams)) == len(before), "the old files are gone"
    assert conformance(with_streams).ret == 0
    with_streams.write_codec()
    assert "written by version 2 of this codec's format; this decoder reads version 1: " in failure(
        conformance(with_streams)
    )


def test_a_decoder_that_takes_streams_of_another_version_is_named(with_streams: Project) -> None:
    write_version(with_streams, 2, passed_on=False)
    told = failure(conformance(with_streams))
    assert "format version: bitstream was written by version 1 of" in told
    assert "(this decoder took it all the same)" in told
    recorded = conformance(with_streams, "--lic-update")
    assert "the family's format_version is 2, but its bitstreams say 1; give it to" in failure(
        recorded
    )
    assert {each["format_version"] for each in streams(with_streams)} == {1}, "such are never kept"


def test_update_missing_gates_what_is_there_and_update_replaces_what_broke(
    with_streams: Project,
) -> None:
    before = files(with_streams)
    with_streams.write_codec(SHIFTED.replace("LEVELS", "9"), codec="Shifted")
    failure(conformance(with_streams, "--lic-update-missing"))
    assert files(with_streams) == before
    result = conformance(with_streams, "--lic-update", "--lic-quality=1")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["lic: toy, quality 1, bitstreams: * that broke (pixels), *"])
    assert conformance(with_streams, "--lic-quality=1").ret == 0
    assert {name for name in before if name.startswith("toy/2")} < set(files(with_streams))
    assert len(files(with_streams)) == len(before)


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
    with_streams: Project, suffix: str
) -> None:
    before = files(with_streams)
    (path,) = folder(with_streams).glob(f"toy/1-astronaut_128x96-*{suffix}")
    path.unlink()
    told = failure(conformance(with_streams))
    assert ": error: 1 of 2 old bitstreams can't be read\n" in told
    assert f"kept file: {path} can't be read (No such file or directory); restore it from" in told
    path.write_bytes(before[f"toy/{path.name}"][:99] + bytes(99))
    said = "was changed since it was recorded" if suffix == ".bin" else "is not the PNG that was"
    assert f"kept file: {path} {said}" in failure(conformance(with_streams))
    other = next(folder(with_streams).glob(f"toy/2-astronaut_128x96-*{suffix}"))
    shutil.copy(other, path)
    assert f"{path} was changed since it was recorded: its digest is " in failure(
        conformance(with_streams)
    )
    assert conformance(with_streams, "--lic-update").ret == 0
    assert files(with_streams) == before


def test_a_damaged_manifest_is_said_once_before_anything_runs(with_streams: Project) -> None:
    whole = manifest(with_streams).read_text()
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
        manifest(with_streams).write_text(damaged)
        result = conformance(with_streams)
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        (line,) = (line for line in result.stderr.lines if line.strip())
        assert str(manifest(with_streams)) in line
        assert told in line


def test_an_image_of_the_wrong_size_is_the_decoders_fault(with_streams: Project) -> None:
    with_streams.write_codec(
        """
        class Short(Toy):
            def decode(self, bitstreams):
                return super().decode(bitstreams)[..., :-1]
        """,
        codec="Short",
    )
    told = failure(conformance(with_streams))
    assert "astronaut_128x96: decoder: decoder returned shape (1, 3, 96, 127) for " in told
