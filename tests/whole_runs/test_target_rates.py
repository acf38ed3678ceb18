"""Runs at target rates: cells of their own, recorded, gated and said where a rate is not met."""

from __future__ import annotations

import json

import pytest

from tests.helpers.toy_project import Project

CONTROLLED = """
    import functools
    import struct

    from pytest_lic import Levels

    CodecFamily = functools.partial(CodecFamily, levels=Levels(0, 4, 1 / 256))

    class Controlled(Toy):
        levels = Levels(0, 4, 1 / 256)

        def encode(self, images, level=2):
            step = 64 / 2**level
            symbols = torch.round(images * 255 / step).numpy().astype(np.uint8)
            predicted = np.diff(symbols, axis=3, prepend=np.uint8(0))
            _, _, height, width = images.shape
            head = struct.pack("<fHH", step, height, width)
            return [head + self.deflated(image.tobytes()) for image in predicted]

        def deflated(self, symbols):
            deflate = zlib.compressobj(9, strategy=zlib.Z_HUFFMAN_ONLY)
            return deflate.compress(symbols) + deflate.flush()

        def decode(self, bitstreams):
            images = []
            for bitstream in bitstreams:
                step, height, width = struct.unpack("<fHH", bitstream[:8])
                flat = np.frombuffer(zlib.decompress(bitstream[8:]), np.uint8)
                symbols = np.cumsum(flat.reshape(3, height, width), axis=2, dtype=np.uint8)
                images.append(torch.from_numpy(symbols.astype(np.float32)) * step / 255)
            return torch.stack(images).clamp(0, 1)
"""


@pytest.fixture
def controlled(small: Project) -> Project:
    """The small project; its toy codec has rate control."""
    small.write_codec(CONTROLLED, "Controlled")
    return small


def test_every_image_meets_its_targets_and_they_are_recorded_and_gated(controlled: Project) -> None:
    chosen = ("-m", "rd", "--lic-target-bpp", "6,4.5", "--lic-codec", "toy,jpeg")
    result = controlled.run(*chosen, "--lic-update-missing", "--lic-json", "run.json")
    text = result.stdout.str()
    assert result.ret == 0, text
    assert "each image is coded at the level whose bytes come nearest to 4.5, 6 bpp" in text
    assert "left out, for they have no rate control: jpeg" in text
    assert "not within 1 %" not in text
    points = json.loads((controlled.path / "run.json").read_text())["points"]
    assert [point["comparison"]["subject"] for point in points] == [
        "toy-bpp4.5-images-native-b1-cpu",
        "toy-bpp6-images-native-b1-cpu",
    ]
    entries = json.loads(controlled.baseline.read_text())["entries"]
    for entry, target in zip(entries, (4.5, 6), strict=True):
        assert (entry["quality"], entry["lambda"]) == (f"bpp{target:g}", None)
        for image in entry["images"].values():
            assert 8 * image["bytes"] / 64**2 == pytest.approx(target, rel=0.01)
    again = controlled.run(*chosen)
    assert again.ret == 0, again.stdout.str()
    again.assert_outcomes(passed=2, skipped=1)
    beside = controlled.run("-m", "rd", "--lic-update-missing")
    assert beside.ret == 0, beside.stdout.str()
    kept = json.loads(controlled.baseline.read_text())["entries"]
    assert {entry["quality"] for entry in kept} == {*"12345", "bpp4.5", "bpp6"}


def test_images_that_miss_the_target_are_named_with_what_they_reach(controlled: Project) -> None:
    result = controlled.run("-m", "rd", "--lic-target-bpp", "40", "--lic-update-missing")
    assert result.ret == 0, result.stdout.str()
    text = " ".join(result.stdout.str().split())
    assert "toy-bpp40-images-native-b1-cpu: 2 of 2 images not within 1 % of 40 bpp" in text
    assert "but at the nearest rate that was found: photo" in text


def test_what_regresses_at_equal_rate_fails_and_says_how_to_look_closer(
    controlled: Project,
) -> None:
    chosen = ("-m", "rd", "--lic-target-bpp", "5")
    assert controlled.run(*chosen, "--lic-update").ret == 0
    worse = CONTROLLED.replace("* step / 255)", "* step / 255 * 0.95)")
    controlled.write_codec(worse, "Controlled", fingerprint="lambda quality: 'worse'")
    result = controlled.run(*chosen)
    assert result.ret == 1
    assert "regressed: toy-bpp5-images-native-b1-cpu" in result.stdout.str()
    assert "--lic-target-bpp 5" in result.stdout.str()
    assert "--lic-quality" not in result.stdout.str()


def test_coding_at_a_rate_is_deterministic_in_fresh_processes_too(controlled: Project) -> None:
    result = controlled.run("-m", "determinism or roundtrip", "--lic-target-bpp", "5")
    assert result.ret == 0, result.stdout.str()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--lic-target-bpp", "0.5,none"], "--lic-target-bpp 'none': expected a number"),
        (["--lic-target-bpp", "0"], "--lic-target-bpp: 0.0 bpp; expected a positive number"),
        (["--lic-target-bpp", "1", "--lic-quality", "1"], "--lic-quality chooses stored qualit"),
        (["--lic-target-bpp", "1", "--lic-prune"], "--lic-prune needs a run of every codec"),
        (
            ["--lic-target-bpp", "1", "--lic-codec", "jpeg,webp"],
            "--lic-target-bpp 1: jpeg, webp have no rate control; choose codecs that have some",
        ),
    ],
)
def test_what_can_not_be_asked_for_is_said_in_one_line(
    controlled: Project, arguments: list[str], message: str
) -> None:
    result = controlled.run("-m", "rd", *arguments)
    assert result.ret == 4
    said = result.stdout.str() + result.stderr.str()
    assert message in " ".join(said.split())


def test_a_codec_without_the_levels_of_its_family_is_named(controlled: Project) -> None:
    controlled.write_codec(CONTROLLED, "Toy")
    result = controlled.run("-m", "rd", "--lic-target-bpp", "5")
    assert result.ret == 1
    assert "toy has levels, but its codec is a Toy without" in " ".join(result.stdout.str().split())
