"""CLIC 2020 in each of the layouts that its archives unpack to."""

from __future__ import annotations

from pathlib import Path

import pytest

from lic_models.data import Clic
from tests.helpers.image_folders import SMALL, names, write_image


@pytest.mark.parametrize(
    ("train", "valid", "test"),
    [
        ("{0}_train_2020/train", "{0}_valid_2020/valid", "CLIC2020{1}_test/{0}"),
        ("{0}_train_2020", "{0}_valid_2020", "CLIC2020{1}_test"),
        ("{0}_train", "{0}_valid", "{0}_test"),
        ("{0}/train", "{0}/valid", "{0}/test"),
        ("train", "valid", "{0}"),
    ],
)
def test_clic_is_found_in_every_layout(tmp_path: Path, train: str, valid: str, test: str) -> None:
    for number, part in enumerate(("mobile", "professional")):
        for folder_name in (train, valid, test):
            path = tmp_path / folder_name.format(part, part.capitalize())
            write_image(path / f"{part}-{path.name}.png", number)
    for part in ("mobile", "professional", "both"):
        module = Clic(tmp_path, part, **SMALL)
        module.setup("fit")
        module.setup("test")
        expected = 2 if part == "both" else 1
        assert len(names(module, "test")) == expected
        assert (
            len(names(module, "train"))
            == len(names(module, "validation"))
            == (2 if train == "train" else expected)
        )
        if part != "both" and train != "train":
            assert all(part in name for name in names(module, "train"))
