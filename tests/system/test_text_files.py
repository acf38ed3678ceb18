"""Texts are read from where they lie, and not after their file was changed."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_lic.errors import ResultsError
from pytest_lic.system import text_files
from pytest_lic.system.text_files import TextFiles


@given(content=st.binary(max_size=60), data=st.data())
def test_any_text_of_a_file_is_read(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, data: st.DataObject
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_files, "_BLOCK", 7)
        patch.setattr(text_files, "_AT_HAND", 2)
        path = tmp_path_factory.mktemp("texts") / "file"
        path.write_bytes(content)
        files = TextFiles()
        file = files.add(path)
        assert file.content == content
        for _ in range(5):
            start = data.draw(st.integers(0, len(content)))
            size = data.draw(st.integers(0, len(content) - start))
            assert files.read(file.place(start, size)) == content[start : start + size]


def test_a_text_of_no_file_is_itself() -> None:
    assert TextFiles().read(b"made here") == b"made here"


def test_a_file_that_was_changed_is_named(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"before")
    files = TextFiles()
    place = files.add(path).place(0, 5)
    path.write_bytes(b"afterwards")
    with pytest.raises(ResultsError, match="file was changed while it was read; start again"):
        files.read(place)
    path.unlink()
    with pytest.raises(ResultsError, match="file can't be read any more"):
        files.read(place)
