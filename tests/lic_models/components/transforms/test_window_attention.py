"""Attention in windows, against a loop over positions."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from lic_models.components.transforms.window_attention import WindowAttention

pytestmark = pytest.mark.usefixtures("one_thread")


def position_by_position(attention: WindowAttention, tokens: Tensor) -> Tensor:
    """The same of one image's tokens (h, w, C)."""
    height, width, channels = tokens.shape
    heads, middle = attention.heads, attention.window - 1
    told = attention.queries_keys_values(tokens).reshape(height, width, 3, heads, -1)
    attended = torch.zeros(height, width, heads, channels // heads, dtype=tokens.dtype)
    places = [(row, column) for row in range(height) for column in range(width)]

    def window_of(place: tuple[int, int]) -> tuple[int, ...]:
        return tuple((each + attention.shift) // attention.window for each in place)

    for row, column in places:
        together = [place for place in places if window_of(place) == window_of((row, column))]
        for head in range(heads):
            scores = torch.stack(
                [
                    told[row, column, 0, head] @ told[r, c, 1, head] / (channels / heads) ** 0.5
                    + attention.nearness[head, r - row + middle, c - column + middle]
                    for r, c in together
                ]
            )
            for weight, (r, c) in zip(scores.softmax(0), together, strict=True):
                attended[row, column, head] += weight * told[r, c, 2, head]
    return attention.joined(attended.reshape(height, width, channels))


@pytest.mark.parametrize("shift", [0, 2])
@pytest.mark.parametrize("shape", [(1, 1), (4, 4), (3, 7), (9, 6)], ids=str)
@torch.no_grad()
def test_a_position_attends_to_all_of_its_window_and_to_no_padding(
    shape: tuple[int, int], shift: int
) -> None:
    torch.manual_seed(0)
    attention = WindowAttention(4, window=4, heads=2, shift=shift).double()
    torch.nn.init.normal_(attention.nearness)
    tokens = torch.randn(2, *shape, 4, dtype=torch.float64)
    expected = torch.stack([position_by_position(attention, image) for image in tokens])
    torch.testing.assert_close(attention(tokens), expected, rtol=0, atol=1e-12)
