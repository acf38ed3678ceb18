"""What a run measures, said before it starts."""

from __future__ import annotations

import shutil

from tests.helpers.toy_project import Project


def test_linked_folders_go_by_their_own_names_and_what_they_pass_over_is_told(
    small: Project,
) -> None:
    for number, link in enumerate(("kodak", "clic")):
        folder = small.path / f"d{number}" / "images"
        shutil.copytree(small.images, folder)
        (small.path / link).symlink_to(folder)
    (small.path / "d0" / "images" / "raw.dng").touch()
    run = ("-m", "rd", "--collect-only", "-q", "--lic-quality=3")
    result = small.run(*run, "--lic-corpus=kodak", "--lic-corpus=clic")
    assert result.ret == 0
    result.stdout.fnmatch_lines_random(
        [
            "lic: 2 cells of 1 codecs on clic, kodak; *",
            "lic: 1 file of kodak is no image that Pillow reads and is left out: raw.dng",
            "*[[]toy-q3-kodak-native-b1-cpu[]]",
            "*[[]toy-q3-clic-native-b1-cpu[]]",
        ]
    )


def test_a_folder_beside_a_corpus_that_comes_with_us_is_told(small: Project) -> None:
    (small.path / "photos").mkdir()
    result = small.run("-m", "rd", "--collect-only", "-q", "--lic-corpus=photos")
    result.stdout.fnmatch_lines(["lic: photos is the corpus *; the folder is * ./photos"])
