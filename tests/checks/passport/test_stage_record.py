"""What is kept of a stage, and where another one's differs from it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from pytest_lic.checks.passport.stage_record import (
    StageRecord,
    as_array,
    difference,
    kept_values,
    recorded,
)


def apart(there: Any, here: Any, stage: str = "some") -> str | None:
    return difference(*recorded(stage, there, "0.raw"), here)


def large() -> np.ndarray[Any, Any]:
    return np.random.default_rng(0).normal(size=(1, 8, 128, 128)).astype(np.float32)


def test_moments_are_those_of_the_values() -> None:
    record, content = recorded("some", np.array([1.0, 3.0]), "0.raw")
    assert (record.mean, record.deviation, record.least, record.most) == (2, 1, 1, 3)
    assert record.whole
    assert kept_values(record, content).tolist() == [1, 3]


def test_moments_that_are_not_finite_are_left_out() -> None:
    record, _ = recorded("some", np.array([1.0, np.nan]), "0.raw")
    assert (record.mean, record.most) == (None, None)


def test_the_same_values_differ_nowhere_whatever_their_kind_of_whole_number() -> None:
    assert apart(large(), large()) is None
    assert apart(np.arange(5, dtype=np.int64), np.arange(5, dtype=np.int32)) is None


def test_a_whole_number_is_found_to_the_place() -> None:
    there = np.zeros((3, 4, 5), np.int64)
    here = there.copy()
    here[1, 2, 3] = 7
    assert apart(there, here) == (
        "1 of 60 values differ, by up to 7, first at channel 1, row 2, column 3: 0 there, 7 here"
    )


def test_a_large_tensor_keeps_little_and_is_found_to_the_block() -> None:
    there = large()
    record, content = recorded("some", there, "0.raw")
    assert not record.whole
    assert len(content) == there.size // 256 * 16
    here = there.copy()
    here[0, 3, 64:] += np.float32(1e-3)
    assert difference(record, content, here) == (
        "32 of 512 blocks of 256 values differ, by up to 0.001 at their first values, first "
        "between channel 3, row 64, column 0 and channel 3, row 65, column 127"
    )


def test_latents_are_kept_whole_however_large() -> None:
    record, content = recorded("latents", large(), "0.raw")
    assert record.whole
    assert np.array_equal(kept_values(record, content), large())


def test_pixels_are_named_by_row_and_column() -> None:
    there = np.zeros((2, 3, 3), np.uint8)
    here = there.copy()
    here[1, 2, 0] = 9
    assert "first at row 1, column 2, channel 0: 0 there, 9 here" in str(
        apart(there, here, "pixels")
    )


def test_signs_of_zeros_are_told_apart_from_values() -> None:
    assert apart(np.array([0.0]), np.array([-0.0])) == (
        "differs in the signs of zeros or the bits of NaN alone"
    )


def test_other_shapes_and_kinds_are_told() -> None:
    assert apart(np.zeros(3), np.zeros(4)) == "of shape (4,) here, (3,) there"
    assert apart(large(), large().astype(np.float64)) == "of kind <f8 here, <f4 there"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"kind": "|O"}, "expected one of"),
        ({"shape": (2**14, 2**14, 2)}, "has 536870912 values"),
    ],
)
def test_a_record_that_no_array_can_have_is_refused(change: Any, expected: str) -> None:
    record, _ = recorded("some", np.zeros(3), "0.raw")
    with pytest.raises(ValueError, match=expected):
        StageRecord(**{**vars(record), **change})


def test_content_that_is_not_of_the_record_is_refused() -> None:
    record, content = recorded("some", np.zeros(3), "0.raw")
    with pytest.raises(ValueError, match="holds 23 bytes; expected 24"):
        kept_values(record, content[:-1])
    with pytest.raises(ValueError, match="not what its digest says"):
        kept_values(record, b"\x01" * 24)
    large_record, blocks = recorded("some", large(), "0.raw")
    with pytest.raises(ValueError, match="holds 511 blocks; expected 512"):
        difference(large_record, blocks[:-16], large() + 1)


def test_tensors_of_every_type_become_arrays() -> None:
    assert as_array(torch.tensor([1.5], dtype=torch.bfloat16)).dtype == np.float32
    assert as_array(torch.tensor([True])).tolist() == [1]
