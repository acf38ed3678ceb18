"""Corpora: what is in them, what is read from a folder, and what is refused with which words."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pytest

from pytest_lic.errors import CorpusError, UsageError
from pytest_lic.images import corpus as corpora
from pytest_lic.images.corpus import (
    Corpus,
    Image,
    batches,
    check_corpus,
    corpus_name,
    corpus_notes,
    load_corpus,
)
from pytest_lic.measuring.selection import absolute_corpora
from tests.helpers.written_images import picture, store


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

    def test_files_that_may_be_images_and_are_passed_over_are_told(self, tmp_path: Path) -> None:
        for name in ("kept.png", "README.txt", "list.json", ".hidden.dng", "page.pdf"):
            (tmp_path / name).touch()
        assert list(corpus_notes(str(tmp_path))) == []
        (tmp_path / "b.jxl").touch()
        told = f"1 file of {tmp_path.name} is no image that Pillow reads and is left out: b.jxl"
        assert list(corpus_notes(str(tmp_path))) == [told]
        (tmp_path / "raw").mkdir()
        for name in ("d", "raw/c.dng"):
            (tmp_path / name).touch()
        told = f"3 files of {tmp_path.name} are no images that Pillow reads and are left out: "
        assert list(corpus_notes(str(tmp_path))) == [told + "b.jxl, d, raw/c.dng"]

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
            with pytest.raises(
                CorpusError, match="'photoz' is not there; expected 'photos', 'edge'"
            ):
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

    def test_of_a_link_is_its_own(self, tmp_path: Path) -> None:
        (tmp_path / "d1" / "images").mkdir(parents=True)
        (tmp_path / "kodak").symlink_to(tmp_path / "d1" / "images")
        (absolute,) = absolute_corpora(["kodak"], tmp_path)
        assert (absolute, corpus_name(absolute)) == (str(tmp_path / "kodak"), "kodak")
        (parent,) = absolute_corpora(["kodak/.."], tmp_path)
        assert parent == str(tmp_path.resolve() / "d1")

    def test_that_a_folder_has_beside_a_corpus_of_ours_is_told(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        assert list(corpus_notes("photos")) == []
        (tmp_path / "photos").mkdir()
        (note,) = corpus_notes("photos")
        assert note.endswith("comes with pytest-lic; the folder is --lic-corpus ./photos")

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
