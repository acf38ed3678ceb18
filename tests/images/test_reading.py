"""Image files of every kind, as 8-bit RGB or refused."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from PIL import Image as Pillow
from PIL import PngImagePlugin

from pytest_lic.errors import CorpusError
from pytest_lic.images import reading
from pytest_lic.images.reading import read_image
from tests.helpers.written_images import picture, store


def handmade_png(path: Path, width: int, height: int, bits: int, colour: int, rows: bytes) -> Path:
    """A PNG with a header of one's choice; ``colour`` 0 is grey, 2 is RGB."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + body)
    return path


class TestImageFiles:
    def test_grey_is_replicated(self, tmp_path: Path) -> None:
        grey = picture(8, 12)[..., 0]
        assert (read_image(store(tmp_path / "a.png", grey)) == grey[..., None]).all()

    def test_palettes_and_bilevel_are_looked_up(self, tmp_path: Path) -> None:
        pixels = np.where(picture(8, 12) > 127, 255, 0).astype(np.uint8)
        Pillow.fromarray(pixels).convert("P", palette=Pillow.Palette.WEB).save(tmp_path / "p.png")
        assert (read_image(tmp_path / "p.png") == pixels).all()
        Pillow.fromarray(pixels[..., 0] > 0).save(tmp_path / "b.png")
        assert (read_image(tmp_path / "b.png") == pixels[..., :1]).all()

    def test_opaque_alpha_is_dropped(self, tmp_path: Path) -> None:
        pixels = np.dstack((picture(8, 12), np.full((8, 12), 255, np.uint8)))
        assert (read_image(store(tmp_path / "a.png", pixels)) == pixels[..., :3]).all()

    def test_transparency_is_refused(self, tmp_path: Path) -> None:
        alpha = np.dstack((picture(8, 12), np.full((8, 12), 255, np.uint8)))
        alpha[3, 4, 3] = 254
        store(tmp_path / "alpha.png", alpha)
        store(tmp_path / "key.png", np.zeros((2, 2, 3), np.uint8), transparency=(0, 0, 0))
        for name in ("alpha.png", "key.png"):
            with pytest.raises(CorpusError, match=rf"{name}: has transparent pixels; flatten"):
                read_image(tmp_path / name)

    def test_more_than_8_bits_is_refused(self, tmp_path: Path) -> None:
        tifffile = pytest.importorskip("tifffile", reason="tifffile writes the 16-bit TIFF")
        # Pillow would open this one as plain 8-bit RGB.
        handmade_png(tmp_path / "rgb.png", 2, 2, 16, 2, 2 * (b"\0" + bytes(12)))
        store(tmp_path / "grey.png", np.zeros((4, 4), np.uint16))
        (tmp_path / "rgb.ppm").write_bytes(b"P6 2 2 1023\n" + bytes(24))
        tifffile.imwrite(tmp_path / "rgb.tif", np.zeros((4, 4, 3), np.uint16), photometric="rgb")
        for name in ("rgb.png", "grey.png", "rgb.ppm", "rgb.tif"):
            with pytest.raises(CorpusError, match=rf"{name}: more than 8 bits a sample.*convert"):
                read_image(tmp_path / name)

    def test_more_than_8_bits_is_seen_in_headers_that_pillow_hides(self, tmp_path: Path) -> None:
        whole = bytearray(store(tmp_path / "a.jp2").read_bytes())
        depth = whole.index(b"\xff\x4f\xff\x51") + 42
        assert whole[depth] == 7
        whole[depth] = 11
        (tmp_path / "a.jp2").write_bytes(whole)
        heif = pillow_heif.from_bytes("RGB;16", (64, 64), bytes(64 * 64 * 6))
        heif.save(tmp_path / "a.heic")
        for name in ("a.jp2", "a.heic"):
            with pytest.raises(CorpusError, match=rf"{name}: more than 8 bits"):
                read_image(tmp_path / name)

    def test_more_than_8_bits_is_seen_in_an_av1_configuration(self, tmp_path: Path) -> None:
        # Pillow writes 8 bits only: the flag of a file with more is set by hand.
        whole = bytearray(store(tmp_path / "a.avif").read_bytes())
        assert not reading._is_deep_codestream(whole)
        whole[whole.index(b"av1C") + 6] |= 0x40
        assert reading._is_deep_codestream(whole)

    @pytest.mark.parametrize("suffix", ["jp2", "avif", "heic", "webp", "qoi", "tga", "gif", "jpg"])
    def test_8_bits_of_any_format_are_read(self, tmp_path: Path, suffix: str) -> None:
        path = tmp_path / f"a.{suffix}"
        read_image(store(tmp_path / "b.png"))  # registers the plugins that Pillow lacks
        assert read_image(store(path, picture(32, 48))).shape == (32, 48, 3)

    def test_cmyk_is_refused(self, tmp_path: Path) -> None:
        Pillow.new("CMYK", (8, 8)).save(tmp_path / "a.jpg")
        with pytest.raises(CorpusError, match=r"a\.jpg: colour model CMYK; expected RGB or grey"):
            read_image(tmp_path / "a.jpg")

    def test_animations_are_refused(self, tmp_path: Path) -> None:
        frames = [Pillow.fromarray(picture(8, 8, seed)) for seed in (1, 2)]
        frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
        with pytest.raises(CorpusError, match=r"a\.gif: has several frames"):
            read_image(tmp_path / "a.gif")

    def test_garbage_and_truncation_are_refused_by_path(self, tmp_path: Path) -> None:
        (tmp_path / "garbage.png").write_bytes(b"this is no image" * 10)
        (tmp_path / "empty.jpg").write_bytes(b"")
        whole = store(tmp_path / "cut.png", picture(64, 64)).read_bytes()
        (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
        for name in ("garbage.png", "empty.jpg", "cut.png"):
            with pytest.raises(CorpusError, match=rf"{name}: not a readable image .*; repair it"):
                read_image(tmp_path / name)

    def test_another_program_is_never_run_on_a_disguised_file(self, tmp_path: Path) -> None:
        (tmp_path / "a.png").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EOF\n")
        with pytest.raises(CorpusError, match="not a readable image"):
            read_image(tmp_path / "a.png")

    def test_bombs_are_refused_before_they_are_decoded(self, tmp_path: Path) -> None:
        handmade_png(tmp_path / "large.png", 10_000, 10_000, 1, 0, b"")
        handmade_png(tmp_path / "huge.png", 20_000, 20_000, 1, 0, b"")
        with pytest.raises(CorpusError, match=r"large\.png: 10000×10000 pixels; at most"):
            read_image(tmp_path / "large.png")
        with pytest.raises(CorpusError, match=r"huge\.png: .*decompression bomb"):
            read_image(tmp_path / "huge.png")

    @pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "avif", "tif"])
    def test_orientation_is_left_as_stored_but_where_the_decoder_turns_it(
        self, tmp_path: Path, suffix: str
    ) -> None:
        exif = Pillow.Exif()
        exif[0x0112] = 6  # rotated by a quarter turn
        read_image(store(tmp_path / "b.png"))  # registers the plugins that Pillow lacks
        options = {"tiffinfo": {0x0112: 6}} if suffix == "tif" else {"exif": exif}
        path = store(tmp_path / f"a.{suffix}", picture(32, 48), **options)
        assert read_image(path).shape == ((48, 32, 3) if suffix == "tif" else (32, 48, 3))

    @pytest.mark.parametrize("compression", [None, "zlib"])
    @pytest.mark.parametrize("planes", ["contig", "separate"])
    def test_deep_samples_are_seen_however_a_tiff_stores_them(
        self, tmp_path: Path, planes: str, compression: str | None
    ) -> None:
        tifffile = pytest.importorskip("tifffile", reason="tifffile writes the 16-bit TIFF")
        pixels = np.zeros((16, 16, 3), np.uint16)
        pixels = pixels.transpose(2, 0, 1) if planes == "separate" else pixels
        how = {"photometric": "rgb", "planarconfig": planes, "compression": compression}
        tifffile.imwrite(tmp_path / "a.tif", pixels, **how)
        with pytest.raises(CorpusError, match=r"a\.tif: more than 8 bits"):
            read_image(tmp_path / "a.tif")

    def test_deep_samples_are_seen_in_separate_planes(self, tmp_path: Path) -> None:
        (tmp_path / "a.tif").write_bytes(planar_tiff(16))
        with pytest.raises(CorpusError, match=r"a\.tif: more than 8 bits"):
            read_image(tmp_path / "a.tif")
        (tmp_path / "b.tif").write_bytes(planar_tiff(8))
        assert (read_image(tmp_path / "b.tif") == 7).all()

    def test_deep_samples_are_seen_in_formats_that_pillow_cuts_to_8_bits(
        self, tmp_path: Path
    ) -> None:
        Pillow.fromarray(picture(8, 8)).save(tmp_path / "a.sgi", bpc=2)
        Pillow.fromarray(picture(8, 8)).save(tmp_path / "b.sgi")
        whole = bytearray(store(tmp_path / "c.jp2", picture(32, 32)).read_bytes())
        whole[whole.index(b"\xff\x4f\xff\x51") + 42 + 3] = 11  # of the second component
        (tmp_path / "c.jp2").write_bytes(whole)
        assert read_image(tmp_path / "b.sgi").shape == (8, 8, 3)
        for name in ("a.sgi", "c.jp2"):
            with pytest.raises(CorpusError, match=rf"{name}: more than 8 bits"):
                read_image(tmp_path / name)

    def test_long_texts_beside_the_pixels_of_a_png_are_passed_over(self, tmp_path: Path) -> None:
        texts = PngImagePlugin.PngInfo()
        texts.add_text("history", "x" * 3_000_000, zip=True)
        texts.add_itxt("more", "y" * 3_000_000, zip=True)
        for _ in range(70):
            texts.add_text("plain", "z" * 1_000_000)
        pixels = picture(8, 12)
        path = store(tmp_path / "a.png", pixels, pnginfo=texts, icc_profile=bytes(2_000_000))
        assert (read_image(path) == pixels).all()
        path.write_bytes(path.read_bytes()[:-40])
        with pytest.raises(CorpusError, match="not a readable image"):
            read_image(path)

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS.*git lfs pull"),
            ("/annex/objects/SHA256E-s48123--0.png\n", "git-annex.*git annex get"),
        ],
    )
    def test_what_was_not_fetched_is_told(self, tmp_path: Path, text: str, told: str) -> None:
        (tmp_path / "a.png").write_text(text)
        with pytest.raises(CorpusError, match=rf"a\.png: a pointer of {told}$"):
            read_image(tmp_path / "a.png")

    def test_garbage_is_not_called_it(self, tmp_path: Path) -> None:
        (tmp_path / "a.png").write_bytes(b"this is no image" * 10)
        with pytest.raises(CorpusError, match=r"\(it begins as no image does that Pillow knows\)"):
            read_image(tmp_path / "a.png")


def planar_tiff(bits: int) -> bytes:
    """2×2 RGB of sevens, planes apart, not compressed."""
    plane = bytes([7]) * (4 * bits // 8)
    start, entries = 8 + 3 * len(plane), 10
    after = start + 2 + 12 * entries + 4

    def entry(tag: int, kind: int, count: int, value: int) -> bytes:
        short = kind == 3 and count == 1
        return struct.pack("<HHI", tag, kind, count) + struct.pack(
            "<HH" if short else "<I", *((value, 0) if short else (value,))
        )

    directory = b"".join(
        (
            entry(256, 3, 1, 2),  # width
            entry(257, 3, 1, 2),  # height
            entry(258, 3, 3, after),  # bits per sample
            entry(259, 3, 1, 1),  # no compression
            entry(262, 3, 1, 2),  # RGB
            entry(273, 4, 3, after + 6),  # where the planes begin
            entry(277, 3, 1, 3),  # samples per pixel
            entry(278, 3, 1, 2),  # rows per strip
            entry(279, 4, 3, after + 18),  # sizes of the planes
            entry(284, 3, 1, 2),  # planes apart
        )
    )
    arrays = struct.pack("<3H", bits, bits, bits)
    arrays += struct.pack("<3I", *(8 + index * len(plane) for index in range(3)))
    arrays += struct.pack("<3I", *[len(plane)] * 3)
    head = struct.pack("<2sHI", b"II", 42, start)
    return head + 3 * plane + struct.pack("<H", entries) + directory + bytes(4) + arrays
