"""Attention that goes several layers deep sees anchors alone, in windows that reach one another."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lic_models.components import StackedCheckerboardContext
from lic_models.under_test import context_models
from pytest_lic import properties
from pytest_lic.errors import PropertyError, UsageError
from tests.lic_models.components.entropy_models.joint_parts import stir

CHANNELS = 6


def made(**arguments: Any) -> StackedCheckerboardContext:
    torch.manual_seed(2)
    context = StackedCheckerboardContext(8, **arguments)
    context.build(CHANNELS, [0.0, 0.0])
    stir(context)
    return context.double().eval()


def moved_by(context: StackedCheckerboardContext, row: int, column: int, side: int) -> Tensor:
    """Where predictions move with what stands at a position, bool (side, side)."""
    features = torch.randn(1, 2 * CHANNELS, side, side).double()
    latents = torch.randn(1, CHANNELS, side, side).double()
    changed = latents.clone()
    changed[:, :, row, column] += 1.0
    return (context(latents, features) != context(changed, features)).any(0).flatten(0, 1).any(0)


@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("window", [2, 4])
def test_an_anchor_moves_the_others_alone_and_those_far_away_with_more_layers(
    layers: int, window: int
) -> None:
    moved = moved_by(made(layers=layers, window=window), 12, 12, 25)
    rows, columns = moved.nonzero(as_tuple=True)
    assert ((rows + columns) % 2 == 1).all()
    assert moved[[11, 13, 12, 12], [12, 12, 11, 13]].all()
    farthest = max((rows - 12).abs().max(), (columns - 12).abs().max())
    reach = 3 * window // 2 - 1
    assert (layers - 1) * window // 2 < farthest <= layers * reach


def test_what_is_no_anchor_moves_nothing() -> None:
    assert not moved_by(made(), 5, 6, 11).any()


def test_a_larger_picture_beyond_what_is_seen_moves_nothing() -> None:
    """So what is padded is left out of attention, and no statistics are taken over positions."""
    context = made()
    features = torch.randn(1, 2 * CHANNELS, 32, 32).double()
    latents = torch.randn(1, CHANNELS, 32, 32).double()
    whole, part = (
        context(latents[..., :side, :side], features[..., :side, :side]) for side in (32, 20)
    )
    torch.testing.assert_close(whole[..., :8, :8], part[..., :8, :8], rtol=1e-11, atol=1e-12)
    assert not torch.allclose(whole[..., 18, 19], part[..., 18, 19], rtol=1e-6)


def test_what_is_added_to_all_keys_moves_nothing_as_padding_is_not_attended_to() -> None:
    """Softmax does not see it; but padding, which has none of it, would weigh less."""
    context = made()
    features = torch.randn(1, 2 * CHANNELS, 3, 5).double()
    latents = torch.randn(1, CHANNELS, 3, 5).double()
    before = context(latents, features)
    for layer in context.layers:
        keys, _ = layer.keys_values.bias.data.view(layer.heads, -1).chunk(2, 1)
        keys += 3.0
    torch.testing.assert_close(context(latents, features), before, rtol=1e-9, atol=1e-10)


def foreseen(monkeypatch: pytest.MonkeyPatch, where: object, name: str, wrong: object) -> None:
    (tested,) = (each for each in context_models() if each.name == "stacked-checkerboard")
    monkeypatch.setattr(where, name, wrong)
    with pytest.raises(PropertyError, match="the same whatever stands at"):
        properties.context_models.causality(tested)


def test_tokens_of_all_of_the_latent_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    attended = StackedCheckerboardContext.attended

    def of_all(
        self: StackedCheckerboardContext, known: Tensor, latents: Tensor, stages: Tensor
    ) -> Tensor:
        return attended(self, known, latents, torch.zeros_like(stages))

    foreseen(monkeypatch, StackedCheckerboardContext, "attended", of_all)


def test_anchors_that_see_anchors_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are all decoded in the same pass."""

    def told(seen: Tensor, known: Tensor, attended: Tensor) -> Tensor:
        return attended

    foreseen(monkeypatch, torch, "where", told)


def test_norms_over_positions_are_caught_by_what_they_do_to_a_larger_picture(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def over_positions(self: nn.Module, tokens: Tensor) -> Tensor:
        return (tokens - tokens.mean((1, 2, 3), keepdim=True)) / tokens.std((1, 2, 3), keepdim=True)

    monkeypatch.setattr(nn.LayerNorm, "forward", over_positions)
    with pytest.raises(AssertionError):
        test_a_larger_picture_beyond_what_is_seen_moves_nothing()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"hidden": 6}, "hidden: 6, layers: 2, heads: 8; expected"),
        ({"layers": 0}, "layers: 0"),
        ({"window": 3}, "window: 3; expected an even number from 2 on"),
        ({"window": 0}, "window: 0"),
    ],
)
def test_attention_that_can_not_be(arguments: dict[str, int], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        StackedCheckerboardContext(**arguments)
