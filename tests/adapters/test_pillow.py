"""The classical codecs: real files, the same bits every time, nothing damaged let through."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import PIL
import pillow_heif
import pytest
import torch
from PIL import AvifImagePlugin, Image, ImageFile, features

from pytest_lic.adapters.pillow import PillowCodec, families, pillow_family
from pytest_lic.codec import Codec, CodecFamily
from pytest_lic.errors import (
    AbsurdSizeError,
    BitstreamError,
    CodecError,
    CorruptBitstreamError,
    ForeignBitstreamError,
    TruncatedBitstreamError,
    UnavailableError,
    UnknownNameError,
    UsageError,
)

FAMILIES = {family.name: family for family in families()}
MAGIC = {
    "jpeg": b"\xff\xd8\xff",
    "jpeg2000": b"\xff\x4f\xff\x51",
    "webp": b"RIFF",
    "avif": b"\x00\x00\x00\x20ftypavif",
    "hevc": b"\x00\x00\x00\x1cftyphei",
}
SIZES = [(1, 1), (1, 2), (2, 1), (1, 67), (67, 1), (3, 3), (8, 8), (13, 17), (63, 61), (64, 65)]

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture(params=FAMILIES)
def family(request: pytest.FixtureRequest) -> CodecFamily:
    return FAMILIES[request.param]


@pytest.fixture(scope="module")
def photograph() -> torch.Tensor:
    """160 × 144 pixels of a face, (1, 3, 144, 160)."""
    from skimage.data import astronaut

    return batch_of(astronaut()[40:184, 140:300])


def batch_of(*pixels: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2).float() / 255


def noise(height: int, width: int) -> torch.Tensor:
    drawn = np.random.default_rng([height, width]).integers(0, 256, (height, width, 3), np.uint8)
    return batch_of(drawn)


def middle(family: CodecFamily) -> PillowCodec:
    codec = family.build(list(family.qualities)[2], "cpu")
    assert isinstance(codec, PillowCodec)
    return codec


def psnr(images: torch.Tensor, decoded: torch.Tensor) -> float:
    return float(-10 * torch.log10(((images - decoded) ** 2).mean()))


def test_importing_the_adapter_loads_neither_torch_nor_pillow() -> None:
    code = (
        "import sys; from pytest_lic.adapters.pillow import families; list(families());"
        "print([m for m in ('torch', 'PIL', 'numpy', 'pillow_heif') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_five_families_of_at_least_five_qualities_are_shipped() -> None:
    assert list(FAMILIES) == ["jpeg", "jpeg2000", "webp", "avif", "hevc"]
    for family in FAMILIES.values():
        assert len(family.qualities) >= 5
        assert family.devices == ("cpu",)
        assert family.tags["architecture"] == family.name
        assert family.tags["kind"] == "classical"
        assert family.unavailable is not None
        assert family.unavailable() is None


def test_rate_and_quality_rise_along_the_qualities(
    family: CodecFamily, photograph: torch.Tensor
) -> None:
    rates, qualities = [], []
    for quality in family.qualities:
        codec = family.build(quality, "cpu")
        bitstreams = codec.encode(photograph)
        rates.append(8 * len(bitstreams[0]) / (144 * 160))
        qualities.append(psnr(photograph, codec.decode(bitstreams)))
    assert rates == sorted(rates)
    assert qualities == sorted(qualities)
    assert rates[0] < 0.4, "a photograph this small carries its headers, up to 0.15 bpp"
    assert rates[-1] > 1.2
    assert qualities[-1] > 33


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[1]}x{size[0]}")
def test_every_size_is_coded_at_both_ends_of_the_range(
    family: CodecFamily, size: tuple[int, int]
) -> None:
    labels = list(family.qualities)
    for quality in (labels[0], labels[-1]):
        codec = family.build(quality, "cpu")
        images = noise(*size)
        bitstreams = codec.encode(images)
        decoded = codec.decode(bitstreams)
        assert decoded.shape == images.shape
        assert decoded.dtype == torch.float32
        assert decoded.is_contiguous()
        assert decoded.min() >= 0
        assert decoded.max() <= 1
        assert codec.encode(images) == bitstreams


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[1]}x{size[0]}")
def test_a_flat_image_stays_flat_at_every_size(family: CodecFamily, size: tuple[int, int]) -> None:
    codec = family.build(list(family.qualities)[-1], "cpu")
    images = torch.full((1, 3, *size), 200 / 255)
    assert (codec.decode(codec.encode(images)) - images).abs().max() <= 3 / 255


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


def test_samples_are_rounded_to_the_nearest_level(
    family: CodecFamily, photograph: torch.Tensor
) -> None:
    codec = middle(family)
    nudged = photograph + 0.4 / 255
    assert codec.encode(nudged) == codec.encode(photograph)
    assert codec.encode(photograph + 0.6 / 255) != codec.encode(photograph)


def test_encoding_leaves_its_input_alone_and_takes_any_memory_layout(
    family: CodecFamily, photograph: torch.Tensor
) -> None:
    codec = middle(family)
    given = photograph.clone().to(memory_format=torch.channels_last)
    assert codec.encode(given) == codec.encode(photograph)
    assert torch.equal(given, photograph)


def test_images_of_a_batch_are_coded_independently(family: CodecFamily) -> None:
    codec = middle(family)
    one, other = noise(40, 24), noise(24, 40).transpose(2, 3)
    bitstreams = codec.encode(torch.cat([one, other]))
    assert bitstreams == codec.encode(one) + codec.encode(other)
    decoded = codec.decode(bitstreams[::-1])
    assert torch.equal(decoded[1:], codec.decode(bitstreams[:1]))


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


def test_a_file_cut_short_anywhere_is_refused(family: CodecFamily) -> None:
    codec = middle(family)
    [bitstream] = codec.encode(noise(31, 33))
    for length in range(len(bitstream)):
        with pytest.raises(TruncatedBitstreamError):
            codec.decode([bitstream[:length]])


@pytest.mark.parametrize("name", ["jpeg", "jpeg2000"])
def test_damage_that_pillow_was_told_to_tolerate_is_refused(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    codec = middle(FAMILIES[name])
    [bitstream] = codec.encode(noise(64, 64))
    refused = []
    for position in range(len(bitstream)):
        damaged = bitstream[:position] + b"\x81" + bitstream[position + 1 :]
        try:
            codec.decode([damaged])
        except BitstreamError as error:
            if isinstance(error.__cause__, OSError):  # Pillow's word, not the header's
                refused.append(damaged)
    assert refused
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    for damaged in refused:
        with pytest.raises(CorruptBitstreamError):
            codec.decode([damaged])


def test_bytes_after_the_end_of_the_file_are_refused(family: CodecFamily) -> None:
    codec = middle(family)
    [bitstream] = codec.encode(noise(31, 33))
    for extra in (b"\x00", b"\xff", b"\xff\xd9", bitstream):
        with pytest.raises((CorruptBitstreamError, TruncatedBitstreamError)):
            codec.decode([bitstream + extra])


def test_another_codecs_bitstream_is_foreign(family: CodecFamily) -> None:
    others = [middle(other).encode(noise(31, 33))[0] for other in FAMILIES.values()]
    others = [other for other in others if not other.startswith(MAGIC[family.name])]
    assert len(others) == len(FAMILIES) - 1
    for foreign in (*others, b"\xd1\x1c\x01" + bytes(40), b"not an image, but long enough"):
        with pytest.raises(ForeignBitstreamError):
            middle(family).decode([foreign])


def test_an_absurd_size_is_refused_before_anything_is_decoded(
    family: CodecFamily, monkeypatch: pytest.MonkeyPatch
) -> None:
    codec = middle(family)
    [bitstream] = codec.encode(noise(31, 33))
    forged = bytearray(bitstream)
    if family.name == "jpeg":
        at = bitstream.index(b"\xff\xc0") + 5
        forged[at : at + 4] = b"\xff\xff\xff\xff"
    elif family.name == "jpeg2000":
        forged[8:16] = b"\x7f\xff\xff\xff" * 2
    elif family.name == "webp":
        forged[26:30] = b"\xff\x3f\xff\x3f"
    else:
        at = bitstream.index(b"ispe") + 8
        forged[at : at + 8] = b"\x7f\xff\xff\xff" * 2

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the library was called")

    monkeypatch.setattr(Image, "open", refuse)
    monkeypatch.setattr(pillow_heif, "open_heif", refuse)
    with pytest.raises(AbsurdSizeError, match="×"):
        codec.decode([bytes(forged)])


def test_a_jpeg_too_short_for_its_pixels_is_truncated(photograph: torch.Tensor) -> None:
    """Its library would draw 67 million pixels in grey."""
    codec = middle(FAMILIES["jpeg"])
    [bitstream] = codec.encode(photograph)
    at = bitstream.index(b"\xff\xc0") + 5
    forged = bitstream[:at] + b"\x1f\xff\x1f\xff" + bitstream[at + 4 :]
    with pytest.raises(TruncatedBitstreamError, match="asks for at least 131072"):
        codec.decode([forged])


def test_pillows_own_limit_counts_too(
    photograph: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    codec = middle(FAMILIES["jpeg"])
    bitstreams = codec.encode(photograph)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(AbsurdSizeError, match="exceeds limit"):
        codec.decode(bitstreams)


def test_a_header_that_contradicts_the_picture_is_corrupt() -> None:
    codec = middle(FAMILIES["hevc"])
    [bitstream] = codec.encode(noise(64, 96))
    at = bitstream.index(b"ispe") + 8
    forged = bitstream[:at] + (48).to_bytes(4, "big") + bitstream[at + 4 :]
    with pytest.raises(CorruptBitstreamError):
        codec.decode([forged])


def test_damage_gives_a_picture_or_a_bitstream_error_and_nothing_else(family: CodecFamily) -> None:
    codec = middle(family)
    [bitstream] = codec.encode(noise(31, 33))
    random = np.random.default_rng(5)
    refused = 0
    for _ in range(150):
        damaged = bytearray(bitstream)
        damaged[random.integers(len(damaged))] ^= 1 << int(random.integers(8))
        try:
            decoded = codec.decode([bytes(damaged)])
        except BitstreamError:
            refused += 1
        else:
            assert decoded.shape[:2] == (1, 3)
    assert refused > 5


def test_an_image_that_the_format_cannot_hold_is_a_codec_error() -> None:
    with pytest.raises(CodecError, match=r"webp-q20: image of 16384×1 pixels.*WEBP"):
        middle(FAMILIES["webp"]).encode(torch.zeros(1, 3, 1, 16384))


def test_an_optimised_jpeg_of_noise_is_written(capfd: pytest.CaptureFixture[str]) -> None:
    """Pillow's own buffer is too small for it, and says so on stderr."""
    loud = pillow_family("loud", "JPEG", (100,), subsampling="4:4:4")
    codec = loud.build("100", "cpu")
    images = noise(200, 200).round()
    assert psnr(images, codec.decode(codec.encode(images))) > 30
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("shape", [(3, 8, 8), (1, 1, 8, 8), (1, 4, 8, 8)])
def test_an_image_batch_of_another_shape_is_a_codec_error(shape: tuple[int, ...]) -> None:
    with pytest.raises(CodecError, match=r"expected \(B, 3, H, W\)"):
        middle(FAMILIES["jpeg"]).encode(torch.zeros(shape))


def test_bitstreams_of_different_sizes_are_a_codec_error() -> None:
    codec = middle(FAMILIES["jpeg"])
    bitstreams = codec.encode(noise(8, 9)) + codec.encode(noise(9, 8))
    with pytest.raises(CodecError, match="8×9, 9×8"):
        codec.decode(bitstreams)
    with pytest.raises(CodecError, match="at least one"):
        codec.decode([])


def test_a_setting_of_ones_own_is_one_line(photograph: torch.Tensor) -> None:
    family = pillow_family("jpeg-444", "JPEG", (10, 90), subsampling="4:4:4", tags={"chroma": "4"})
    assert list(family.qualities) == ["10", "90"]
    assert family.tags == {"architecture": "jpeg-444", "kind": "classical", "chroma": "4"}
    codec = family.build("90", "cpu")
    assert isinstance(codec, Codec)
    full = codec.encode(photograph)
    halved = pillow_family("jpeg-420", "JPEG", (90,)).build("90", "cpu").encode(photograph)
    assert psnr(photograph, codec.decode(full)) > psnr(photograph, codec.decode(halved))


def test_a_quality_can_be_any_set_of_options(photograph: torch.Tensor) -> None:
    points = {"fast": {"quality": 50, "method": 0}, "exact": {"lossless": True, "quality": 1}}
    family = pillow_family("webp-mix", "WEBP", points)
    exact = family.build("exact", "cpu")
    assert psnr(photograph, exact.decode(exact.encode(photograph))) > 100
    fast, shipped = family.build("fast", "cpu"), FAMILIES["webp"].build("50", "cpu")
    assert fast.encode(photograph) != shipped.encode(photograph)


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


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (("a", "JPG", (1,)), {}, "no format is named 'JPG'; did you mean JPEG"),
        (("a", "JPEG", (1,)), {"subsamplng": 0}, "no JPEG option.*did you mean subsampling"),
        (("a", "JPEG", {"1": {"exif": b""}}), {}, "no JPEG option is named 'exif'"),
        (("a", "AVIF", (1,)), {"max_threads": 8}, "no AVIF option is named 'max_threads'"),
        (("a", "JPEG", (1, 1.0)), {}, "one label"),
        (("a", "JPEG", ()), {}, "no qualities"),
    ],
)
def test_a_family_that_makes_no_sense_is_refused_at_once(
    arguments: tuple, options: dict, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        pillow_family(*arguments, **options)


def test_unknown_qualities_and_devices_are_named(family: CodecFamily) -> None:
    with pytest.raises(UnknownNameError, match="'1000'"):
        family.build("1000", "cpu")
    with pytest.raises(UsageError, match="cuda"):
        family.build(next(iter(family.qualities)), "cuda")


def test_a_pillow_without_the_format_makes_the_family_unavailable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(features, "check", lambda feature: feature != "avif")
    avif, jpeg = FAMILIES["avif"], FAMILIES["jpeg"]
    assert avif.unavailable is not None
    assert "built without AVIF" in str(avif.unavailable())
    assert avif.fingerprint is not None
    assert avif.fingerprint("10") is None
    with pytest.raises(UnavailableError, match="codec family 'avif': this Pillow was built"):
        avif.build("10", "cpu")
    assert jpeg.unavailable is not None
    assert jpeg.unavailable() is None


def _without_x265() -> dict[str, object]:
    return {"encoders": {}, "decoders": {"libde265": ""}}


def test_hevc_is_unavailable_without_pillow_heif_or_x265(monkeypatch: pytest.MonkeyPatch) -> None:
    hevc = FAMILIES["hevc"]
    assert hevc.unavailable is not None
    with monkeypatch.context() as patch:
        patch.setattr(pillow_heif, "libheif_info", _without_x265)
        assert "x265" in str(hevc.unavailable())
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    assert "pip install pillow-heif" in str(hevc.unavailable())


@pytest.fixture
def fingerprints() -> Iterator[list[str | None]]:
    found: list[str | None] = []
    yield found
    assert None not in found
    assert len(set(found)) == len(found)


def test_a_fingerprint_tells_qualities_options_and_versions_apart(
    family: CodecFamily, fingerprints: list[str | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert family.fingerprint is not None
    first = next(iter(family.qualities))
    again = next(each for each in families() if each.name == family.name)
    assert again.fingerprint is not None
    assert again.fingerprint(first) == family.fingerprint(first)
    fingerprints += [family.fingerprint(quality) for quality in family.qualities]
    if family.name == "hevc":
        fingerprints.append(
            pillow_family("hevc", "HEIF", (10,), preset="fast").fingerprint("10")  # type: ignore[misc]
        )
        monkeypatch.setattr(pillow_heif, "__version__", "0")
    else:
        monkeypatch.setattr(PIL, "__version__", "0")
    fingerprints.append(family.fingerprint(first))
