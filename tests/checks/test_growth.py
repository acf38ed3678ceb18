"""Growth: a codec that keeps 50 MiB an image is remarked, one that grows once is not."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_lic.checks.determinism import CodedBatch
from pytest_lic.checks.growth import growth
from tests.helpers.raw_codec import photo

MIB = 1 << 20


def coded(*resident: int | None, side: int = 8) -> list[CodedBatch]:
    pixels = np.zeros((side, side, 3), np.uint8)
    return [
        CodedBatch((photo("a.png"), photo("b.png")), [b"1", b"2"], [pixels, pixels], memory)
        for memory in resident
    ]


def test_memory_that_grows_with_each_image_is_remarked() -> None:
    remark = growth(coded(*(step * 100 * MIB for step in range(5))))
    assert remark is not None
    assert "grows by 50 MiB with each image" in remark


@pytest.mark.parametrize(
    "resident",
    [
        (0, 900 * MIB, 900 * MIB, 900 * MIB, 900 * MIB),  # once
        (0, 30 * MIB, 60 * MIB, 90 * MIB),  # 15 MiB an image
        (0, 500 * MIB, 1000 * MIB),  # too few to tell
        (None, None, None, None, None),  # a system that does not tell
    ],
)
def test_other_memory_is_not(resident: tuple[int | None, ...]) -> None:
    assert growth(coded(*resident)) is None


def test_what_the_run_itself_keeps_is_not_counted() -> None:
    held = 3 * 3000 * 3000
    assert growth(coded(*(step * 2 * held for step in range(5)), side=3000)) is None
