"""How each format is written: whole files, without metadata, the same on any machine."""

from __future__ import annotations

import io
import json
import subprocess
import sys

import numpy as np
import pillow_heif
import pytest
import torch
from PIL import AvifImagePlugin, Image, ImageFile

from pytest_lic.adapters.pillow import pillow_family
from pytest_lic.codec import CodecFamily
from tests.helpers.image_files import FAMILIES, MAGIC, middle, noise, psnr

pytestmark = pytest.mark.filterwarnings("error")


def test_a_bitstream_is_the_file_itself_without_metadata(
    family: CodecFamily, photograph: torch.Tensor
) -> None:
    codec = middle(family)
    [bitstream] = codec.encode(photograph)
    assert bitstream.startswith(MAGIC[family.name])
    if family.name == "hevc":
        image = pillow_heif.open_heif(bitstream).to_pillow()
    else:
        image = Image.open(io.BytesIO(bitstream))
    assert image.size == (160, 144)
    for key in ("exif", "xmp", "icc_profile", "comment"):
        if family.name != "jpeg2000" or key != "comment":  # OpenJPEG signs its files
            assert not image.info.get(key)
    assert np.array_equal(
        np.array(image), (codec.decode([bitstream])[0] * 255).permute(1, 2, 0).numpy().round()
    )


def test_bits_and_pixels_do_not_depend_on_how_many_processors_there_are(
    photograph: torch.Tensor,
) -> None:
    """A decoder and an encoder in a process that may use one processor only."""
    coded = {name: middle(family).encode(photograph)[0] for name, family in FAMILIES.items()}
    pixels = {
        name: (middle(FAMILIES[name]).decode([bitstream]) * 255).round().sum().item()
        for name, bitstream in coded.items()
    }
    code = (
        "import os, sys, json, numpy, torch\n"
        "os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])\n"
        "from pytest_lic.adapters.pillow import families\n"
        "levels = numpy.frombuffer(sys.stdin.buffer.read(), numpy.uint8).reshape(1, 3, 144, 160)\n"
        "images = torch.from_numpy(levels.copy()).float() / 255\n"
        "found = {}\n"
        "for family in families():\n"
        "    codec = family.build(list(family.qualities)[2], 'cpu')\n"
        "    [bitstream] = codec.encode(images)\n"
        "    total = (codec.decode([bitstream]) * 255).round().sum().item()\n"
        "    found[family.name] = [bitstream.hex(), total]\n"
        "print(json.dumps(found))\n"
    )
    levels = (photograph * 255).round().to(torch.uint8).numpy().tobytes()
    done = subprocess.run(
        [sys.executable, "-c", code], input=levels, capture_output=True, check=True, timeout=120
    )
    for name, (bitstream, total) in json.loads(done.stdout).items():
        assert bytes.fromhex(bitstream) == coded[name], name
        assert total == pixels[name], name


def test_the_libraries_process_wide_settings_change_nothing_and_are_put_back(
    family: CodecFamily, photograph: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    codec = middle(family)
    [bitstream] = codec.encode(photograph)
    decoded = codec.decode([bitstream])
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    monkeypatch.setattr(AvifImagePlugin, "DEFAULT_MAX_THREADS", 3)
    monkeypatch.setattr(pillow_heif.options, "DECODE_THREADS", 3)
    monkeypatch.setattr(pillow_heif.options, "QUALITY", 1)
    monkeypatch.setattr(pillow_heif.options, "GRID_TILE_SIZE", 64)
    monkeypatch.setattr(pillow_heif.options, "SAVE_NCLX_PROFILE", False)
    assert codec.encode(photograph) == [bitstream]
    assert torch.equal(codec.decode([bitstream]), decoded)
    assert ImageFile.LOAD_TRUNCATED_IMAGES is True
    assert AvifImagePlugin.DEFAULT_MAX_THREADS == 3
    assert pillow_heif.options.DECODE_THREADS == 3


def test_an_optimised_jpeg_of_noise_is_written(capfd: pytest.CaptureFixture[str]) -> None:
    """Pillow's own buffer is too small for it, and says so on stderr."""
    loud = pillow_family("loud", "JPEG", (100,), subsampling="4:4:4")
    codec = loud.build("100", "cpu")
    images = noise(200, 200).round()
    assert psnr(images, codec.decode(codec.encode(images))) > 30
    assert capfd.readouterr().err == ""


def test_jpeg_2000_takes_openjpegs_own_target_too(photograph: torch.Tensor) -> None:
    points = {"30": {"quality_mode": "dB", "quality_layers": [30]}}
    codec = pillow_family("j2k-db", "JPEG2000", points).build("30", "cpu")
    assert psnr(photograph, codec.decode(codec.encode(photograph))) == pytest.approx(30, abs=1)


@pytest.mark.parametrize("quality", list(FAMILIES["jpeg2000"].qualities))
def test_jpeg_2000_labels_are_bits_per_pixel_of_coded_data(quality: str) -> None:
    codec = FAMILIES["jpeg2000"].build(quality, "cpu")
    [bitstream] = codec.encode(noise(256, 256))
    assert (len(bitstream) - 150) * 8 / 256**2 == pytest.approx(float(quality), rel=0.05, abs=0.01)


def test_hevc_chroma_is_not_coarsened_by_x265s_reading_of_a_zero_offset(
    photograph: torch.Tensor,
) -> None:
    zero = {"cbqpoffs": 0, "crqpoffs": 0}
    coarse = pillow_family("coarse", "HEIF", (30,), x265=zero).build("30", "cpu")
    fine = FAMILIES["hevc"].build("30", "cpu")
    gain = psnr(photograph, fine.decode(fine.encode(photograph))) - psnr(
        photograph, coarse.decode(coarse.encode(photograph))
    )
    assert gain > 0.3
