"""Results that can't be: gains that no codec brings, a lost BD-rate, curves in disorder."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from tests.helpers.toy_project import Project, write_photographs

CHEATING = """
SEEN = {}

class Cheating(Toy):
    def encode(self, images):
        bitstreams = super().encode(images)
        SEEN.update((bitstream[:40], bitstream) for bitstream in bitstreams)
        return [bitstream[:40] for bitstream in bitstreams]

    def decode(self, bitstreams):
        return super().decode([SEEN[bitstream] for bitstream in bitstreams])
"""
DISORDERED = """
STEPS["4"] = STEPS["3"] + 2
STEPS["5"] = 14
"""


@pytest.fixture
def project(pytester: pytest.Pytester) -> Project:
    project = Project(pytester, "-m", "rd")
    write_photographs(project.images, count=4)
    project.write_codec()
    return project


def test_a_gain_that_no_codec_brings_fails_until_it_is_recorded(project: Project) -> None:
    assert project.run("--lic-update", "--lic-quality=2").ret == 0
    project.write_codec(CHEATING, codec="Cheating")
    ended = project.run("--lic-quality=2")
    assert ended.ret == 1
    ended.stdout.fnmatch_lines(
        [
            "*too good to be true on 4 of 4 images: photo*.png took * bytes for * dB, and now 40 "
            "bytes for * dB; look whether the decoder has the image from elsewhere*",
        ]
    )
    recorded = project.run("--lic-update", "--lic-quality=2")
    assert recorded.ret == 0
    recorded.stdout.fnmatch_lines(["lic: recorded, but it looks wrong: *too good to be true on*"])


def test_a_bd_rate_that_is_lost_fails(project: Project) -> None:
    assert project.run("--lic-update").ret == 0
    project.write_codec(DISORDERED)
    ended = project.run("-k", "curve", "--lic-strict")
    assert ended.ret == 1
    ended.stdout.fnmatch_lines(["*BD-rate is lost: toy is not monotone: *; the recorded curve*"])


def test_a_curve_in_disorder_is_recorded_with_a_word(project: Project) -> None:
    project.write_codec(DISORDERED)
    ended = project.run("--lic-update")
    assert ended.ret == 0
    ended.stdout.fnmatch_lines(
        [
            "lic: recorded, but it looks wrong: toy-*: toy is not monotone: *",
            "lic: recorded, but it looks wrong: toy-*: worse than jpeg by PSNR at every rate",
        ]
    )
    again = project.run("--lic-update")
    again.stdout.no_fnmatch_line("*looks wrong*")


RUINED = """
class Ruined(Toy):
    def encode(self, images):
        if float(images.double().sum()) == RUINS:
            images = torch.round(images)
        return super().encode(images)
"""


def test_an_image_far_below_the_others_is_recorded_with_a_word(project: Project) -> None:
    pixels = np.asarray(Image.open(project.images / "photo2.png"))
    ruins = float((torch.from_numpy(pixels.copy()).float() / 255).double().sum())
    project.write_codec(RUINED.replace("RUINS", repr(ruins)), codec="Ruined")
    ended = project.run("--lic-update", "--lic-quality=3")
    assert ended.ret == 0
    ended.stdout.fnmatch_lines(
        [
            "lic: recorded, but it looks wrong: toy-q3-images-native-b1-cpu: photo2.png comes back "
            "with * dB, half of the images with over * dB"
        ]
    )


def test_a_codec_that_codes_the_mean_colour_alone_is_recorded_with_a_word(project: Project) -> None:
    change = """
class Collapsed(Toy):
    def encode(self, images):
        return super().encode(images.mean((2, 3), keepdim=True).expand_as(images))
"""
    project.write_codec(change, codec="Collapsed")
    ended = project.run("--lic-update")
    ended.stdout.fnmatch_lines(
        [
            "lic: recorded, but it looks wrong: toy-q*: no image comes back better than filled*",
            "lic: recorded, but it looks wrong: toy-images*: from the lowest PSNR of a quality to "
            "the highest are * dB: the qualities hardly differ",
        ]
    )


def test_nothing_is_called_recorded_that_was_not(project: Project) -> None:
    change = """
class Collapsed(Toy):
    def encode(self, images):
        return super().encode(images.mean((2, 3), keepdim=True).expand_as(images))

    def decode(self, bitstreams):
        if len(bitstreams) > 1:
            raise RuntimeError("one at a time")
        return super().decode(bitstreams)
"""
    project.write_codec(change, codec="Collapsed")
    ended = project.run("--lic-update", "-m", "rd or determinism", "--lic-quality=1")
    ended.stdout.fnmatch_lines(["lic: toy, quality 1*: not recorded*"])
    ended.stdout.no_fnmatch_line("*recorded, but it looks wrong: toy-q1*")
