"""The bundled photographs, which need nothing."""

from __future__ import annotations

import pytest

from lic_models.data import BundledPhotographs
from pytest_lic.errors import CorpusError
from tests.helpers.image_folders import SMALL, batches


def test_the_bundled_photographs_need_nothing() -> None:
    module = BundledPhotographs(**SMALL)
    module.setup("fit")
    module.setup("test")
    assert [len(module.images(s)) for s in ("train", "validation", "test")] == [4, 1, 5]
    assert batches(module).shape == (4, 3, 3, 16, 16)
    with pytest.raises(CorpusError, match=r"\d+×\d+ pixels, smaller than the crop of 500×500"):
        BundledPhotographs(crop_size=500).setup("fit")
