"""Flickr2W: one flat folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from lic_models.data import Flickr2W
from pytest_lic.errors import UsageError
from tests.helpers.image_folders import SMALL, names, write_images


def test_flickr2w_is_one_flat_folder(tmp_path: Path) -> None:
    images = write_images(tmp_path / "flicker_2W_images", "1.jpg", "2.jpg", "crops/3.jpg")
    for path in (images, tmp_path):
        module = Flickr2W(path, **SMALL)
        module.setup("fit")
        assert sorted(names(module, "train") + names(module, "validation")) == ["1.jpg", "2.jpg"]
    with pytest.raises(UsageError, match=r"Flickr2W has no images for test.*Kodak"):
        module.setup("test")
