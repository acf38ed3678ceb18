"""A position is estimated of side information around it, and of the latent above and left."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from lic_models.components import ContextAdaptiveContext
from lic_models.under_test import context_models
from pytest_lic import properties
from pytest_lic.errors import PropertyError, UsageError
from tests.lic_models.components.entropy_models.joint_parts import stir

CHANNELS = 6
SIDE = 9


def made(**arguments: Any) -> ContextAdaptiveContext:
    torch.manual_seed(2)
    context = ContextAdaptiveContext(8, **arguments)
    context.build(CHANNELS, [0.0, 0.0])
    stir(context)
    return context.double().eval()


def seen_from(context: ContextAdaptiveContext, row: int, column: int, of: str) -> list[list[int]]:
    """The positions, relative to one, that move what is predicted of it."""
    latents = torch.randn(1, CHANNELS, SIDE, SIDE).double().requires_grad_()
    features = torch.randn(1, 2 * CHANNELS, SIDE, SIDE).double().requires_grad_()
    context(latents, features)[..., row, column].sum().backward()
    gradient = (latents if of == "latents" else features).grad
    assert gradient is not None
    places: Tensor = gradient[0].abs().sum(0).nonzero() - torch.tensor([row, column])
    found: list[list[int]] = places.tolist()
    return found


def test_of_the_latent_a_window_above_and_left_is_seen() -> None:
    above = [[row, column] for row in (-3, -2, -1) for column in (-2, -1, 0, 1)]
    assert seen_from(made(), 4, 4, "latents") == [*above, [0, -2], [0, -1]]
    assert seen_from(made(window=2), 4, 4, "latents") == [[-1, -1], [-1, 0], [0, -1]]


def test_of_side_information_a_window_around_is_seen() -> None:
    around = [[row, column] for row in (-2, -1, 0, 1) for column in (-2, -1, 0, 1)]
    assert seen_from(made(), 4, 4, "features") == around


def test_the_first_position_sees_side_information_alone() -> None:
    assert seen_from(made(), 0, 0, "latents") == []
    assert seen_from(made(), 0, 0, "features") == [[0, 0], [0, 1], [1, 0], [1, 1]]


def foreseen(monkeypatch: pytest.MonkeyPatch, where: object, name: str, wrong: object) -> None:
    (tested,) = (each for each in context_models() if each.name == "context-adaptive")
    monkeypatch.setattr(where, name, wrong)
    with pytest.raises(PropertyError, match="the same whatever stands at"):
        properties.context_models.causality(tested)


def test_an_encoder_that_sees_the_position_itself_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def up_to(self: ContextAdaptiveContext) -> Tensor:
        places = torch.arange(self.window**2).reshape(self.window, self.window)
        last = self.window * (self.window - 1) + self.window // 2
        return self.bit_free.weight * (places <= last)

    foreseen(monkeypatch, ContextAdaptiveContext, "seen", up_to)


def test_a_window_one_column_too_far_right_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    def margins(self: ContextAdaptiveContext) -> list[int]:
        return [self.window // 2 - 1, (self.window + 1) // 2, self.window - 1, 0]

    foreseen(monkeypatch, ContextAdaptiveContext, "margins", margins)


def test_a_norm_over_positions_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its deviation is that of the whole latent, which the encoder has."""
    forward = ContextAdaptiveContext.forward

    def normed(self: ContextAdaptiveContext, latents: Tensor, features: Tensor) -> Tensor:
        return forward(self, latents / (1 + latents.abs().mean((2, 3), keepdim=True)), features)

    foreseen(monkeypatch, ContextAdaptiveContext, "forward", normed)


@pytest.mark.parametrize("arguments", [{"hidden": 0}, {"window": 1}])
def test_windows_that_can_not_be(arguments: dict[str, int]) -> None:
    with pytest.raises(UsageError, match="expected at least 1, and at least 2"):
        ContextAdaptiveContext(**arguments)
