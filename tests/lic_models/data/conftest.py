"""A folder of eight images."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.image_folders import write_images


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    return write_images(tmp_path / "photographs", *(f"{n}.png" for n in range(8)))
