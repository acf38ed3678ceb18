"""Self-attention in windows: against a loop over windows, and who sees whom."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from lic_models.components.transforms.windows import WindowAttention

pytestmark = pytest.mark.usefixtures("one_thread")
SIZES = [(1, 1), (4, 4), (5, 7), (3, 8)]


def attention(window: int, shift: int, channels: int = 4, heads: int = 2) -> WindowAttention:
    torch.manual_seed(0)
    made = WindowAttention(channels, heads, window, shift).double()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.normal_()
    return made


def tokens_of(size: tuple[int, int], channels: int = 4) -> Tensor:
    torch.manual_seed(1)
    return torch.randn(2, *size, channels, dtype=torch.float64)


def window_of(place: tuple[int, int], window: int, shift: int) -> tuple[int, int]:
    return (place[0] + shift) // window, (place[1] + shift) // window


def by_loop(made: WindowAttention, tokens: Tensor) -> Tensor:
    """One query after the other, over the keys of its window that there are."""
    projected, side = made.queries_keys_values(tokens), 2 * made.window - 1
    _, height, width, channels = tokens.shape
    size = channels // made.heads
    told = torch.zeros_like(tokens)
    # Queries, keys and values of a head stand side by side.
    places = [(row, column) for row in range(height) for column in range(width)]
    for batch in range(len(tokens)):
        for query in places:
            own = window_of(query, made.window, made.shift)
            seen = [key for key in places if window_of(key, made.window, made.shift) == own]
            for head in range(made.heads):
                first = 3 * size * head
                weights = []
                for key in seen:
                    down, across = (
                        k - q + made.window - 1 for k, q in zip(key, query, strict=True)
                    )
                    score = (
                        projected[batch, *query, first : first + size]
                        @ (projected[batch, *key, first + size : first + 2 * size])
                    )
                    bias = made.bias[side * down + across, head]
                    weights.append(math.exp(score / size**0.5 + bias))
                for key, weight in zip(seen, weights, strict=True):
                    value = projected[batch, *key, first + 2 * size : first + 3 * size]
                    share = weight / sum(weights)
                    told[batch, *query, size * head : size * (head + 1)] += share * value
    joined: Tensor = made.joined(told)
    return joined


@torch.no_grad()
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("window", "shift"), [(4, 0), (4, 2), (3, 1)])
def test_it_is_what_a_loop_over_queries_makes(
    size: tuple[int, int], window: int, shift: int
) -> None:
    made, tokens = attention(window, shift), tokens_of(size)
    torch.testing.assert_close(made(tokens), by_loop(made, tokens))


@torch.no_grad()
def test_the_loop_tells_when_what_is_beyond_the_tokens_is_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made, tokens = attention(4, 2), tokens_of((5, 7))
    monkeypatch.setattr(Tensor, "masked_fill", lambda scores, *_: scores)
    assert not torch.allclose(made(tokens), by_loop(made, tokens), rtol=1e-3)


@pytest.mark.parametrize("shift", [0, 2])
def test_a_token_moves_its_window_alone_and_all_of_it(shift: int) -> None:
    made, tokens = attention(4, shift), tokens_of((6, 9))[:1]
    # What is beyond the right border is next to the left one where windows shift cyclically.
    for moved in ((0, 0), (5, 8), (2, 3), (1, 7)):
        other = tokens.clone()
        other[0, *moved] += 1.0
        changed = (made(other) != made(tokens))[0].any(-1)
        own = window_of(moved, 4, shift)
        expected = [[window_of((r, c), 4, shift) == own for c in range(9)] for r in range(6)]
        assert changed.tolist() == expected


@torch.no_grad()
def test_relative_positions_alone_count() -> None:
    made, tokens = attention(4, 0), tokens_of((8, 8))
    moved = tokens.roll((4, 4), (1, 2))  # by whole windows
    torch.testing.assert_close(made(moved), made(tokens).roll((4, 4), (1, 2)))
    nn.init.zeros_(made.bias)
    mirrored = made(tokens.flip(1)).flip(1)  # without a bias, a window is a set
    torch.testing.assert_close(mirrored, made(tokens))
