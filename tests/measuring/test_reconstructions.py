"""What was decoded once is found again by its digest, as long as there is room."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pytest_lic.measuring import reconstructions
from pytest_lic.measuring.coding import digest
from pytest_lic.measuring.reconstructions import Reconstructions, kept


def noise(seed: int, side: int = 16) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8)


def test_what_is_kept_is_found_and_nothing_else(tmp_path: Path) -> None:
    held = Reconstructions(tmp_path)
    held.keep(noise(1))
    held.keep(noise(1))
    found = Reconstructions(tmp_path).find(digest(noise(1)))
    assert found is not None
    assert np.array_equal(found, noise(1))
    assert held.find(digest(noise(2))) is None
    assert len(list(kept(tmp_path))) == 1


def test_without_a_cache_nothing_is_kept() -> None:
    held = Reconstructions(None)
    held.keep(noise(1))
    held.use([digest(noise(1))])
    held.trim()
    assert held.find(digest(noise(1))) is None


@pytest.mark.parametrize("content", [b"", b"GIF89a", None], ids=["empty", "other", "other pixels"])
def test_a_damaged_file_is_none(tmp_path: Path, content: bytes | None) -> None:
    held = Reconstructions(tmp_path)
    held.keep(noise(1))
    held.keep(noise(2))
    one, other = (tmp_path / "reconstructions" / f"{digest(noise(seed))}.png" for seed in (1, 2))
    one.write_bytes(other.read_bytes() if content is None else content)
    assert held.find(digest(noise(1))) is None
    one.write_bytes(one.read_bytes()[:100])
    assert held.find(digest(noise(1))) is None


def test_what_was_longest_of_no_use_goes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Reconstructions(tmp_path)
    for seed in range(4):
        held.keep(noise(seed))
    for seed, path in enumerate(held._path(digest(noise(seed))) for seed in range(4)):
        os.utime(path, (1000 + seed, 1000 + seed))
    held.use([digest(noise(0)), digest(noise(9))])
    size = held._path(digest(noise(0))).stat().st_size
    monkeypatch.setattr(reconstructions, "LIMIT", 2 * size + 50)
    Reconstructions(tmp_path).trim()
    assert len(list(kept(tmp_path))) == 4, "a run that kept nothing removes nothing"
    held.trim()
    left = [seed for seed in range(4) if held.find(digest(noise(seed))) is not None]
    assert left == [0, 3]


def test_large_images_are_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconstructions, "LARGEST", 255)
    Reconstructions(tmp_path).keep(noise(1))
    assert list(kept(tmp_path)) == []


def test_a_folder_that_can_t_be_written_costs_the_images_alone(tmp_path: Path) -> None:
    (tmp_path / "reconstructions").write_text("a file")
    held = Reconstructions(tmp_path)
    held.keep(noise(1))
    held.keep(noise(2))
    held.trim()
    assert held.find(digest(noise(1))) is None
