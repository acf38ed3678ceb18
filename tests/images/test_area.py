"""The area of a corpus: all pixels that are coded of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_lic.errors import CorpusError
from pytest_lic.images.area import area
from tests.helpers.toy_project import write_photographs


def test_area_counts_the_pixels_that_are_coded(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    write_photographs(folder, count=3, side=50)
    assert area(str(folder)) == 3 * 50 * 50
    assert area(str(folder), "16") == 3 * 16 * 16
    assert area(str(folder), "51") == 0, "none is large enough"


def test_a_corpus_that_is_not_there_has_no_area(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="is not there"):
        area(str(tmp_path / "nowhere"))
