"""Arrays are read out of a pickle, and anything else is refused before it is built."""

from __future__ import annotations

import io
import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from pytest_lic.errors import WeightsError
from pytest_lic.measuring.backbones.pickled_arrays import read_arrays


@pytest.mark.parametrize("protocol", [3, 4])
def test_nested_arrays_come_back(protocol: int) -> None:
    held = {"layer": {"kernel": np.arange(6, dtype="<f4").reshape(2, 3), "names": ["a", 1, None]}}
    read = read_arrays(io.BytesIO(pickle.dumps(held, protocol)), "a file")
    assert np.array_equal(read["layer"]["kernel"], held["layer"]["kernel"])
    assert read["layer"]["kernel"].dtype == np.float32
    assert read["layer"]["names"] == ["a", 1, None]


class Trap:
    """Leaves a mark when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.mark),)


def test_a_function_is_refused_by_its_name_and_not_called(tmp_path: Path) -> None:
    trap = pickle.dumps({"kernel": np.zeros(2, np.float32), "layer": Trap(tmp_path / "sprung")})
    with pytest.raises(WeightsError, match=r"^a file: a pickle of more than arrays: .*\.mkdir$"):
        read_arrays(io.BytesIO(trap), "a file")
    assert not (tmp_path / "sprung").exists()


def test_a_function_inside_numpy_is_no_exception() -> None:
    with pytest.raises(WeightsError, match=r"names numpy\.load$"):
        read_arrays(io.BytesIO(b"cnumpy\nload\n(S'file'\ntR."), "a file")


def test_a_damaged_pickle_is_one_clear_error() -> None:
    whole = pickle.dumps({"kernel": np.zeros(200, np.float32)})
    with pytest.raises(WeightsError, match=r"^a file: damaged \("):
        read_arrays(io.BytesIO(whole[:-100]), "a file")
