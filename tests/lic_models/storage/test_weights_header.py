"""Headers of weights files: cut short or missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from lic_models.storage.weights_header import read_header
from pytest_lic.errors import WeightsError


def test_missing(shipped_weights: Path) -> None:
    shipped_weights.unlink()
    with pytest.raises(WeightsError, match=r"\.safetensors: can't be read"):
        read_header(shipped_weights)


@pytest.mark.parametrize("kept", [0, 5, 1000])
def test_a_header_cut_short(shipped_weights: Path, kept: int) -> None:
    shipped_weights.write_bytes(shipped_weights.read_bytes()[:kept])
    with pytest.raises(WeightsError, match=r"\.safetensors: truncated, or no exported"):
        read_header(shipped_weights)


def test_weights_that_were_not_fetched(shipped_weights: Path) -> None:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 48123\n"
    shipped_weights.write_text(pointer)
    with pytest.raises(WeightsError, match=r"a pointer of Git LFS.*: git lfs pull$"):
        read_header(shipped_weights)
