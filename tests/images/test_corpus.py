"""Corpora: what is in them, what is read from a folder, and what is refused with which words."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
import unicodedata
import zlib
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from PIL import Image as Pillow

from pytest_lic.errors import CorpusError, UsageError
from pytest_lic.images import corpus as corpora
from pytest_lic.images import reading
from pytest_lic.images.corpus import Corpus, Image, batches, check_corpus, corpus_name, load_corpus
from pytest_lic.images.reading import read_image


def picture(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def store(path: Path, pixels: np.ndarray | None = None, **options: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Pillow.fromarray(picture(8, 12) if pixels is None else pixels).save(path, **options)
    return path


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


class TestPhotos:
    def test_are_the_photographs_they_always_were(self) -> None:
        photos = load_corpus("photos")
        assert photos.digest == "16fcc91bd1f1fbde"
        assert [image.name for image in photos.images] == list(corpora.PHOTOS)

    def test_are_8_bit_rgb_and_large_enough_for_every_metric(self) -> None:
        for image in load_corpus("photos").images:
            assert image.pixels.dtype == np.uint8
            assert image.pixels.shape == (image.height, image.width, 3)
            assert min(image.height, image.width) >= 161

    def test_none_dominates(self) -> None:
        sizes = [image.height * image.width for image in load_corpus("photos").images]
        assert max(sizes) < 0.3 * sum(sizes)

    def test_another_photograph_under_the_same_name_is_refused(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(corpora.PHOTOS, "coffee.png", "0123456789abcdef")
        corpora._load.cache_clear()
        with pytest.raises(CorpusError, match=r"coffee\.png.*other pixels.*0123456789abcdef"):
            load_corpus("photos")

    def test_a_missing_photograph_is_named_before_anything_runs(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(corpora.PHOTOS, "eagle.png", "0")
        with pytest.raises(CorpusError, match=r"eagle\.png.*missing; reinstall scikit-image"):
            check_corpus("photos")


class TestEdge:
    def test_is_the_same_on_every_machine(self) -> None:
        assert load_corpus("edge").digest == "dfa0f7d3a6476940"

    def test_holds_the_sizes_and_contents_on_which_codecs_break(self) -> None:
        images = load_corpus("edge").images
        sizes = {(image.width, image.height) for image in images}
        assert {(1, 1), (67, 1), (1, 67), (61, 47), (97, 89)} <= sizes
        assert max(max(size) for size in sizes) < 100
        values = {image.name: image.pixels for image in images}
        assert not values["black_64x64"].any()
        assert (values["white_65x63"] == 255).all()
        assert set(np.unique(values["saturated_90x61"])) == {0, 255}
        assert set(np.unique(values["text_like_96x53"])) == {0, 255}

    def test_names_tell_the_size(self) -> None:
        for image in load_corpus("edge").images:
            assert image.name.endswith(f"_{image.width}x{image.height}")


class TestConformance:
    def test_is_the_same_on_every_machine(self) -> None:
        assert load_corpus("conformance").digest == "9d9e1186eadfc25c"

    def test_holds_small_crops_one_of_which_no_network_takes_without_padding(self) -> None:
        images = load_corpus("conformance").images
        assert [(image.name, image.width, image.height) for image in images] == [
            ("astronaut_128x96", 128, 96),
            ("chelsea_67x45", 67, 45),
        ]


class TestFolder:
    def test_is_read_recursively_and_sorted_by_relative_path(self, tmp_path: Path) -> None:
        for name in ("b.png", "a/z.PNG", "a/b/c.bmp", "a.tif"):
            store(tmp_path / name)
        names = [image.name for image in load_corpus(str(tmp_path)).images]
        assert names == ["a.tif", "a/b/c.bmp", "a/z.PNG", "b.png"]

    def test_ignores_hidden_files_and_other_files(self, tmp_path: Path) -> None:
        store(tmp_path / "kept.png")
        store(tmp_path / ".cache" / "x.png")
        (tmp_path / "._kept.png").write_bytes(b"resource fork")
        (tmp_path / "README.txt").write_text("not an image")
        (tmp_path / "page.eps").write_text("%!PS-Adobe")
        assert [image.name for image in load_corpus(str(tmp_path)).images] == ["kept.png"]

    def test_digest_does_not_depend_on_the_place(self, tmp_path: Path) -> None:
        store(tmp_path / "here" / "x" / "a.png")
        shutil.copytree(tmp_path / "here", tmp_path / "there")
        here, there = (load_corpus(str(tmp_path / name)) for name in ("here", "there"))
        assert here.digest == there.digest
        assert (here.name, there.name) == ("here", "there")

    def test_digest_does_not_depend_on_the_file_format(self, tmp_path: Path) -> None:
        plain = store(tmp_path / "one" / "a.png")
        store(tmp_path / "two" / "a.png", dpi=(72, 72))
        assert plain.read_bytes() != (tmp_path / "two" / "a.png").read_bytes()
        digests = {load_corpus(str(tmp_path / name)).digest for name in ("one", "two")}
        assert len(digests) == 1

    def test_digest_depends_on_names_sizes_and_pixels(self, tmp_path: Path) -> None:
        pixels = picture(8, 12)
        changed = pixels.copy()
        changed[-1, -1, -1] ^= 1
        store(tmp_path / "0" / "a.png", pixels)
        store(tmp_path / "1" / "b.png", pixels)
        store(tmp_path / "2" / "a.png", changed)
        store(tmp_path / "3" / "a.png", pixels.reshape(12, 8, 3))
        assert len({load_corpus(str(tmp_path / str(n))).digest for n in range(4)}) == 4

    def test_missing_empty_and_file_are_told_apart(self, tmp_path: Path) -> None:
        image = store(tmp_path / "a.png")
        (tmp_path / "empty").mkdir()
        for check in (check_corpus, load_corpus):
            with pytest.raises(CorpusError, match="'photoz' is not there; expected 'photos'"):
                check("photoz")
            with pytest.raises(CorpusError, match=r"a\.png' is a file; expected"):
                check(str(image))
            with pytest.raises(CorpusError, match=r"empty': no image in this folder"):
                check(str(tmp_path / "empty"))
        check_corpus(str(tmp_path))

    def test_loops_of_links_end_and_linked_folders_are_followed(self, tmp_path: Path) -> None:
        store(tmp_path / "elsewhere" / "far.png")
        store(tmp_path / "set" / "near.png")
        (tmp_path / "set" / "loop").symlink_to(tmp_path / "set")
        (tmp_path / "set" / "more").symlink_to(tmp_path / "elsewhere")
        images = load_corpus(str(tmp_path / "set")).images
        assert [image.name for image in images] == ["more/far.png", "near.png"]

    def test_links_to_nowhere_and_pipes_are_errors_and_hang_nothing(self, tmp_path: Path) -> None:
        for name in ("link", "pipe"):
            (tmp_path / name).mkdir()
        (tmp_path / "link" / "gone.png").symlink_to(tmp_path / "nowhere.png")
        os.mkfifo(tmp_path / "pipe" / "pipe.png")
        for name in ("link", "pipe"):
            with pytest.raises(CorpusError, match=r"\.png: not a file that can be read"):
                load_corpus(str(tmp_path / name))

    def test_two_spellings_of_one_name_clash(self, tmp_path: Path) -> None:
        for form in ("NFC", "NFD"):
            store(tmp_path / unicodedata.normalize(form, "café.png"))
        if len(list(tmp_path.iterdir())) == 1:
            pytest.skip("this file system keeps one spelling only")
        with pytest.raises(CorpusError, match=r"has the same name as .*; rename one"):
            load_corpus(str(tmp_path))

    def test_names_that_no_report_could_print_are_refused(self, tmp_path: Path) -> None:
        store(tmp_path / "fine 漢é.png")
        check = load_corpus(str(tmp_path))
        assert check.images[0].name == "fine 漢é.png"
        shutil.copy(tmp_path / "fine 漢é.png", os.fsencode(tmp_path) + b"/\xff.png")
        with pytest.raises(CorpusError, match="a name that can't be printed; rename"):
            load_corpus(str(tmp_path))

    def test_is_decoded_once_and_again_after_a_change(self, tmp_path: Path) -> None:
        store(tmp_path / "a.png")
        first = load_corpus(str(tmp_path))
        assert load_corpus(str(tmp_path)) is first
        store(tmp_path / "a.png", picture(9, 9))
        assert load_corpus(str(tmp_path)).images[0].height == 9

    def test_cannot_be_changed_by_a_codec(self, tmp_path: Path) -> None:
        store(tmp_path / "a.png")
        for spec, resolution in ((str(tmp_path), "native"), (str(tmp_path), "8"), ("edge", "1")):
            with pytest.raises(ValueError, match="read-only"):
                load_corpus(spec, resolution).images[0].pixels[0, 0, 0] = 1


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


class TestResolution:
    def test_is_a_crop_from_the_centre(self, tmp_path: Path) -> None:
        pixels = picture(9, 14)
        store(tmp_path / "a.png", pixels)
        image = load_corpus(str(tmp_path), "4").images[0]
        assert (image.pixels == pixels[2:6, 5:9]).all()

    def test_keeps_the_digest_of_the_whole_corpus(self) -> None:
        assert load_corpus("photos", "256").digest == load_corpus("photos").digest

    def test_names_the_images_that_it_leaves_out(self) -> None:
        cropped = load_corpus("photos", "420")
        assert cropped.left_out == ("chelsea.png (451×300)", "coffee.png (600×400)")
        assert len(cropped.images) == len(corpora.PHOTOS) - 2
        assert load_corpus("photos").left_out == ()

    def test_without_any_image_left_is_an_error(self) -> None:
        message = "'photos' at resolution 513: all 5 images are smaller; .* at most 512"
        with pytest.raises(CorpusError, match=message):
            load_corpus("photos", "513")

    @pytest.mark.parametrize("resolution", ["0", "-4", "256px", "", "Native", "1e3", "٣"])
    def test_must_be_native_or_a_number(self, resolution: str) -> None:
        with pytest.raises(UsageError, match="expected 'native' or a number of pixels"):
            load_corpus("edge", resolution)


class TestBatches:
    def corpus(self, *sizes: tuple[int, int]) -> Corpus:
        images = (
            Image(f"{index}", np.zeros((*size, 3), np.uint8)) for index, size in enumerate(sizes)
        )
        return Corpus("made", tuple(images), "")

    def test_group_equal_sizes_in_corpus_order(self) -> None:
        made = self.corpus((4, 6), (6, 4), (4, 6), (4, 6), (6, 4))
        names = [[image.name for image in group] for group in batches(made, 2)]
        assert names == [["0", "2"], ["3"], ["1", "4"]]

    def test_of_one_hold_one_image_each(self) -> None:
        assert [len(group) for group in batches(self.corpus((4, 6), (4, 6)), 1)] == [1, 1]

    def test_must_hold_something(self) -> None:
        with pytest.raises(UsageError, match="batch size 0"):
            batches(self.corpus((4, 6)), 0)


class TestName:
    def test_of_a_folder_is_fit_for_cell_ids(self, tmp_path: Path) -> None:
        assert corpus_name("photos") == "photos"
        assert corpus_name(str(tmp_path / "CLIC-2020 (pro)")) == "CLIC_2020__pro_"
        assert corpus_name("/") == "root"

    def test_of_a_folder_is_never_that_of_a_corpus_of_ours(self, tmp_path: Path) -> None:
        assert corpus_name(str(tmp_path / "photos")) == "folder.photos"


@pytest.mark.parametrize(
    ("statement", "heavy"),
    [
        (
            "import pytest_lic.images.corpus, pytest_lic.measuring.metrics",
            "{'torch', 'numpy', 'PIL', 'lpips'}",
        ),
        (
            "from pytest_lic.images.corpus import load_corpus as c; c('photos'); c('edge')",
            "{'torch'}",
        ),
    ],
)
def test_nothing_heavy_is_imported_before_it_is_needed(statement: str, heavy: str) -> None:
    code = f"import sys; {statement}; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"
