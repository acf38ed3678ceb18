"""Image files of every kind, as 8-bit RGB or refused."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from PIL import Image as Pillow

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

    def test_orientation_is_left_as_stored(self, tmp_path: Path) -> None:
        exif = Pillow.Exif()
        exif[0x0112] = 6  # rotated by a quarter turn
        assert read_image(store(tmp_path / "a.png", exif=exif)).shape == (8, 12, 3)
