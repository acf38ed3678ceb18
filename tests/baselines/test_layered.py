"""The user's baselines first, then the shipped ones; and nothing hides a damaged file."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_lic.baselines.entries import BaselineKey, Baselines, save
from pytest_lic.errors import BaselineError
from tests.helpers.measurements import as_stored, image, measurement, of


@pytest.fixture
def folders(tmp_path: Path) -> Baselines:
    """The user's folder, and the shipped one behind it."""
    return Baselines(tmp_path / "own", tmp_path / "shipped", frozenset({"toy"}))


def test_the_users_folder_comes_first_and_the_shipped_one_fills_the_gaps(
    folders: Baselines,
) -> None:
    shipped = measurement({"one.png": image(bits="shipped")})
    other = measurement({"one.png": image(bits="shipped")}, quality="2")
    own = measurement({"one.png": image(bits="own")})
    save(folders.shipped, "toy", of(shipped, other))
    assert folders.find("toy", BaselineKey.of(own)) == as_stored(shipped)
    save(folders.folder, "toy", of(own))
    assert folders.find("toy", BaselineKey.of(own)) == as_stored(own)
    assert folders.find("toy", BaselineKey.of(other)) == as_stored(other)
    assert folders.find("toy", BaselineKey("d1", "native", "9")) is None


def test_a_family_that_is_not_shipped_is_not_looked_up_among_the_shipped(
    folders: Baselines,
) -> None:
    save(folders.shipped, "mine", of(measurement(family="mine")))
    assert folders.find("mine", BaselineKey.of(measurement())) is None


def test_a_damaged_file_is_never_covered_by_the_shipped_one(folders: Baselines) -> None:
    save(folders.shipped, "toy", of(measurement()))
    folders.folder.mkdir()
    (folders.folder / "toy.json").write_text("{")
    with pytest.raises(BaselineError):
        folders.find("toy", BaselineKey.of(measurement()))


def test_only_baselines_count_as_families(folders: Baselines) -> None:
    assert folders.families() == []
    save(folders.folder, "toy", of(measurement()))
    save(folders.folder, "another", of(measurement()))
    (folders.folder / "notes.json").write_text('{"family": "of mine", "entries": []}')
    (folders.folder / "list.json").write_text("[]")
    (folders.folder / "cut.json").write_text("{")
    (folders.folder / ".toy.json.abc.new").write_text("{")
    assert folders.families() == ["another", "toy"]
