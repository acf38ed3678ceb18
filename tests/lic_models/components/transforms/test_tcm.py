"""Blocks of two halves: one sees its neighbours, the other its window."""

from __future__ import annotations

import pytest
import torch

from lic_models.components import TCMTransform
from lic_models.components.transforms.tcm import TCMBlock
from pytest_lic.errors import UsageError

pytestmark = pytest.mark.usefixtures("one_thread")


def seen_from(block: TCMBlock, row: int, column: int) -> torch.Tensor:
    """Which of 12 × 12 positions one of them depends on."""
    features = torch.randn(1, 4, 12, 12, dtype=torch.float64, requires_grad=True)
    block(features)[0, :, row, column].sum().backward()
    assert features.grad is not None
    return features.grad[0].any(0)


def made(shift: int, half: int) -> TCMBlock:
    """A block that makes use of one half alone."""
    torch.manual_seed(0)
    block = TCMBlock(4, window=4, heads=1, shift=shift).double()
    for layer in (block.joined, block.swin.attention[1].joined, block.swin.alone[3]):
        torch.nn.init.normal_(layer.weight)
    with torch.no_grad():
        block.joined.weight[:, 2 * half : 2 * half + 2] = 0.0
    return block


def test_the_first_half_sees_two_positions_far() -> None:
    expected = torch.zeros(12, 12, dtype=torch.bool)
    expected[3:8, 4:9] = True
    assert torch.equal(seen_from(made(0, half=1), 5, 6), expected)


@pytest.mark.parametrize(("shift", "first"), [(0, 4), (2, 6)])
def test_the_second_half_sees_its_window(shift: int, first: int) -> None:
    expected = torch.zeros(12, 12, dtype=torch.bool)
    expected[first : first + 4, first : first + 4] = True
    assert torch.equal(seen_from(made(shift, half=0), 7, 6), expected)


def test_windows_of_the_second_block_are_shifted_and_both_begin_as_the_identity() -> None:
    blocks = TCMTransform(channels=8).analysis[4]
    assert [block.swin.attention[1].shift for block in blocks] == [0, 4]
    features = torch.randn(1, 8, 5, 9)
    assert torch.equal(blocks(features), features)


def test_what_makes_no_windows_or_heads_is_refused() -> None:
    for window in (0, 5):
        with pytest.raises(UsageError, match=f"window: {window}; expected an even number from 2"):
            TCMTransform(window=window)
    for channels, heads in ((32, 0), (32, 3), (9, 1)):
        told = f"heads: {heads} of {channels} channels; expected a divisor of half the channels"
        with pytest.raises(UsageError, match=told):
            TCMTransform(channels=channels, heads=heads)
