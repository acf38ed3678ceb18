"""A folder of images, and what is refused where none is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_lic.errors import CorpusError
from tests.helpers.image_folders import folder


def test_a_folder_without_images_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(CorpusError, match=f"{tmp_path}: no image in it"):
        folder(tmp_path).setup("fit")
