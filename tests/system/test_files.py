"""A file is written whole or not at all, also where several processes write the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_lic.system.files import write_whole, written_whole


def test_a_file_takes_the_place_of_the_old_one_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"
    write_whole(path, b"one")
    with written_whole(path) as new:
        new.write_bytes(b"two")
        assert path.read_bytes() == b"one"
    assert path.read_bytes() == b"two"
    assert [file.name for file in path.parent.iterdir()] == ["file"]


def test_what_fails_half_way_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_whole(path, b"one")

    def half_way() -> None:
        with written_whole(path) as new:
            new.write_bytes(b"tw")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        half_way()
    assert path.read_bytes() == b"one"
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("shared", [False, True])
def test_what_another_process_is_writing_is_swept_up_unless_the_file_is_shared(
    tmp_path: Path, shared: bool
) -> None:
    half = tmp_path / ".file.abc.new"
    half.write_text("half")
    write_whole(tmp_path / "file", b"whole", shared=shared)
    assert half.exists() is shared
