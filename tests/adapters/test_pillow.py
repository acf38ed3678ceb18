"""The classical codecs: real files, the same bits every time, nothing damaged let through."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import PIL
import pillow_heif
import pytest
import torch
from PIL import features

from pytest_lic.adapters.pillow import families, pillow_family
from pytest_lic.codec import Codec, CodecFamily
from pytest_lic.errors import CodecError, UnavailableError, UnknownNameError, UsageError
from tests.helpers.image_files import FAMILIES, middle, noise, psnr

SIZES = [(1, 1), (1, 2), (2, 1), (1, 67), (67, 1), (3, 3), (8, 8), (13, 17), (63, 61), (64, 65)]
pytestmark = pytest.mark.filterwarnings("error")


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


def test_images_of_a_batch_are_coded_independently(family: CodecFamily) -> None:
    codec = middle(family)
    one, other = noise(40, 24), noise(24, 40).transpose(2, 3)
    bitstreams = codec.encode(torch.cat([one, other]))
    assert bitstreams == codec.encode(one) + codec.encode(other)
    decoded = codec.decode(bitstreams[::-1])
    assert torch.equal(decoded[1:], codec.decode(bitstreams[:1]))


def test_an_image_that_the_format_cannot_hold_is_a_codec_error() -> None:
    with pytest.raises(CodecError, match=r"webp-q20: image of 16384×1 pixels.*WEBP"):
        middle(FAMILIES["webp"]).encode(torch.zeros(1, 3, 1, 16384))


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
