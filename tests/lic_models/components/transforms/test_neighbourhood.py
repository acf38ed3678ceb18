"""Neighbourhood attention, against a loop over positions."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from lic_models.components import NeighbourhoodAttentionTransform
from lic_models.components.transforms.neighbourhood import NeighbourhoodAttention
from lic_models.components.transforms.transformer_block import TransformerBlock
from pytest_lic.errors import UsageError

pytestmark = pytest.mark.usefixtures("one_thread")


def made(size: int) -> NeighbourhoodAttention:
    torch.manual_seed(0)
    attention = NeighbourhoodAttention(4, size, 2).double()
    torch.nn.init.normal_(attention.nearness)
    return attention


def position_by_position(attention: NeighbourhoodAttention, tokens: Tensor) -> Tensor:
    """The same of one image's tokens (h, w, C)."""
    height, width, channels = tokens.shape
    size, heads = attention.size, attention.heads
    queries = attention.queries(tokens).reshape(height, width, heads, -1)
    keys, values = attention.keys_values(tokens).reshape(height, width, 2, heads, -1).unbind(2)
    attended = torch.zeros_like(queries)
    for row in range(height):
        for column in range(width):
            top = max(0, min(row - size // 2, height - size))
            left = max(0, min(column - size // 2, width - size))
            near = [
                (r, c)
                for r in range(top, min(height, top + size))
                for c in range(left, min(width, left + size))
            ]
            for head in range(heads):
                scores = torch.stack(
                    [
                        queries[row, column, head] @ keys[r, c, head] / (channels / heads) ** 0.5
                        + attention.nearness[head, r - row + size - 1, c - column + size - 1]
                        for r, c in near
                    ]
                )
                for weight, (r, c) in zip(scores.softmax(0), near, strict=True):
                    attended[row, column, head] += weight * values[r, c, head]
    return attention.joined(attended.reshape(height, width, channels))


@pytest.mark.parametrize("shape", [(1, 1), (2, 11), (9, 17)], ids=str)
@torch.no_grad()
def test_each_position_attends_to_the_square_around_it(shape: tuple[int, int]) -> None:
    attention, tokens = made(3), torch.randn(2, *shape, 4, dtype=torch.float64)
    expected = torch.stack([position_by_position(attention, image) for image in tokens])
    torch.testing.assert_close(attention(tokens), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("place", "rows", "columns"), [((0, 0), (0, 5), (0, 5)), ((6, 9), (4, 9), (7, 12))]
)
def test_what_is_outside_the_square_changes_nothing_and_all_inside_does(
    place: tuple[int, int], rows: tuple[int, int], columns: tuple[int, int]
) -> None:
    tokens = torch.randn(1, 11, 21, 4, dtype=torch.float64, requires_grad=True)
    made(5)(tokens)[0, place[0], place[1]].sum().backward()
    seen = torch.zeros(11, 21, dtype=torch.bool)
    seen[slice(*rows), slice(*columns)] = True
    assert tokens.grad is not None
    assert torch.equal(tokens.grad[0].any(-1), seen)


def test_a_block_begins_as_the_identity() -> None:
    features = torch.randn(1, 4, 5, 9)
    block = TransformerBlock(4, NeighbourhoodAttention(4, 3, 2))
    assert torch.equal(block(features), features)


def test_what_makes_no_square_or_heads_is_refused() -> None:
    for size in (1, 4):
        with pytest.raises(UsageError, match=f"neighbourhood_size: {size}; expected an odd number"):
            NeighbourhoodAttentionTransform(neighbourhood_size=size)
    for heads in (0, 5):
        with pytest.raises(UsageError, match=f"heads: {heads} of 32 channels; expected a divisor"):
            NeighbourhoodAttentionTransform(heads=heads)
