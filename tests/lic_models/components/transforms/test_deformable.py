"""Deformable convolutions: plain ones at first, and taps that move."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from lic_models.components import DeformableResidualTransform, LiteDeformableTransform
from lic_models.components.transforms.deformable import (
    DeformableBlock,
    DeformableResidualBlock,
    LiteDeformableBlock,
)
from pytest_lic.errors import UsageError

pytestmark = pytest.mark.usefixtures("one_thread")
BLOCKS = [lambda: DeformableResidualBlock(4, 3), lambda: LiteDeformableBlock(4, 3, 2)]


def features() -> Tensor:
    torch.manual_seed(0)
    return torch.randn(2, 4, 5, 7, dtype=torch.float64)


@pytest.mark.parametrize("make", BLOCKS, ids=["residual", "lite"])
def test_at_first_it_is_a_plain_convolution_in_a_block_that_changes_nothing(
    make: Callable[[], DeformableBlock],
) -> None:
    block, given = make().double(), features()
    layer = block.weighted
    plain = F.conv2d(given, layer.weight, layer.bias, padding=1, groups=layer.groups)
    deformed = block.deformed(given, *block.taps(given))
    torch.testing.assert_close(deformed, plain, rtol=0, atol=1e-12)
    assert torch.equal(block(given), given)


@pytest.mark.parametrize("make", BLOCKS, ids=["residual", "lite"])
def test_offsets_of_one_row_move_what_is_seen_by_a_row(make: Callable[[], DeformableBlock]) -> None:
    block, given = make().double(), features()
    offsets, modulations = block.taps(given)
    offsets = torch.ones_like(offsets)
    offsets[:, 1::2] = 0.0  # across
    layer, above = block.weighted, F.pad(given, [1, 1, 0, 2])
    moved = F.conv2d(above, layer.weight, layer.bias, groups=layer.groups)
    deformed = block.deformed(given, offsets, modulations)
    torch.testing.assert_close(deformed, moved, rtol=0, atol=1e-12)


@pytest.mark.parametrize("make", BLOCKS, ids=["residual", "lite"])
def test_its_operations_count_as_those_of_a_plain_convolution(
    make: Callable[[], DeformableBlock],
) -> None:
    block, given = make().double(), features()
    offsets, modulations = block.taps(given)

    def counted(work: Callable[[], object]) -> int:
        with FlopCounterMode(display=False) as counter:
            work()
        return counter.get_total_flops()

    plain = counted(lambda: block.weighted(given))
    assert counted(lambda: block.deformed(given, offsets, modulations)) == plain > 0


@pytest.mark.parametrize("make", BLOCKS, ids=["residual", "lite"])
def test_it_codes_in_bfloat16_too(make: Callable[[], DeformableBlock]) -> None:
    block = make()
    torch.nn.init.normal_(block.joined.weight)
    given = features().float()
    exact = block(given)
    found = block.bfloat16()(given.bfloat16())
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), exact, rtol=0.05, atol=0.1)


def test_a_residual_modules_modulations_lie_between_0_and_2() -> None:
    block = DeformableResidualBlock(4, 3).double()
    torch.nn.init.normal_(block.from_features.weight)
    _, modulations = block.taps(features())
    assert modulations.min() > 0.0
    assert modulations.max() < 2.0
    assert modulations.std() > 0.1


def test_a_groups_modulations_share_one_sum() -> None:
    block = LiteDeformableBlock(4, 3, 2).double()
    torch.nn.init.normal_(block.from_features.weight)
    offsets, modulations = block.taps(features())
    assert offsets.shape == (2, 2 * 18, 5, 7)
    sums = modulations.unflatten(1, (2, 9)).sum(2)
    torch.testing.assert_close(sums, torch.full_like(sums, 9.0))
    assert modulations.std() > 0.1


def test_what_makes_no_kernel_or_groups_is_refused() -> None:
    for kind in (DeformableResidualTransform, LiteDeformableTransform):
        for size in (1, 4):
            with pytest.raises(UsageError, match=f"deformable_size: {size}; expected an odd numb"):
                kind(deformable_size=size)
    for groups in (0, 3):
        with pytest.raises(UsageError, match=f"groups: {groups} of 32 channels; expected a divi"):
            LiteDeformableTransform(groups=groups)
