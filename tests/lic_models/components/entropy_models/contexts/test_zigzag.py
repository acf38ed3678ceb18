"""Planes see the planes before them, and each layer's values are computed once."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lic_models.components import ZigzagContext
from lic_models.components.entropy_models.contexts import zigzag
from lic_models.under_test import context_models
from pytest_lic import properties
from pytest_lic.errors import PropertyError, UsageError
from tests.lic_models.components.entropy_models.joint_parts import stir

CHANNELS = 6
MASKED = zigzag._MaskedConvolution


def made(**arguments: Any) -> ZigzagContext:
    torch.manual_seed(2)
    context = ZigzagContext(4, **arguments)
    context.build(CHANNELS, [0.0, 0.0])
    stir(context)
    return context.double().eval()


def seen_from(context: ZigzagContext, channel: int, row: int, column: int) -> Tensor:
    """The positions, relative to one, that move what is predicted of it, (n, 3)."""
    latents = torch.randn(1, CHANNELS, 9, 9).double().requires_grad_()
    features = torch.randn(1, 2 * CHANNELS, 9, 9).double()
    context(latents, features)[0, :, channel, row, column].sum().backward()
    assert latents.grad is not None
    return latents.grad[0].nonzero() - torch.tensor([channel, row, column])


def test_one_layer_sees_the_ten_neighbours_of_earlier_planes() -> None:
    seen = seen_from(made(layers=1), 3, 4, 4)
    assert len(seen) == 10
    assert (seen.sum(1) < 0).all()
    assert seen.abs().max() == 1


@pytest.mark.parametrize(("layers", "kernel_size"), [(2, 3), (3, 3), (2, 5)])
def test_more_layers_see_farther_in_earlier_planes(layers: int, kernel_size: int) -> None:
    context = made(layers=layers, kernel_size=kernel_size)
    seen = seen_from(context, 3, 4, 4)
    assert (seen.sum(1) < 0).all()
    # In the middle of a latent this large, all of what such layers reach is there along a row.
    assert seen[:, 1:].abs().max() == min(4, layers * (kernel_size // 2))


def test_the_first_plane_sees_nothing() -> None:
    assert not len(seen_from(made(), 0, 0, 0))


def test_each_position_is_convolved_once_in_each_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    context = made()
    latents = torch.randn(2, CHANNELS, 4, 5).double()
    predictor = context.predictor(torch.randn(2, 2 * CHANNELS, 4, 5).double())
    gathered = []
    index_select = Tensor.index_select

    def counted(values: Tensor, dimension: int, index: Tensor) -> Tensor:
        gathered.append(len(index))
        return index_select(values, dimension, index)

    monkeypatch.setattr(Tensor, "index_select", counted)
    for number in range(context.passes(4, 5)):
        predictor.predict(number, latents)
    assert sum(gathered) == CHANNELS * 4 * 5 * (10 + 17 + 17)


def test_weights_are_those_of_a_few_features_whatever_the_channels() -> None:
    context = ZigzagContext()
    context.build(128, [0.0, 0.0])
    assert sum(weight.numel() for weight in context.parameters()) < 10_000


def test_side_information_of_a_symbol_moves_no_earlier_plane() -> None:
    context = made()
    latents = torch.randn(1, CHANNELS, 3, 3).double()
    features = torch.randn(1, 2 * CHANNELS, 3, 3).double()
    changed = features.clone()
    changed[:, CHANNELS + 1, 2, 2] += 1.0  # the scale of channel 1, in the last corner
    moved = (context(latents, features) != context(latents, changed)).any(1)[0]
    schedule = context.schedule(3, 3)
    assert moved[1, 2, 2]
    assert not moved[schedule < schedule[1, 2, 2]].any()


def foreseen(monkeypatch: pytest.MonkeyPatch, where: object, name: str, wrong: object) -> None:
    (tested,) = (each for each in context_models() if each.name == "zigzag")
    monkeypatch.setattr(where, name, wrong)
    with pytest.raises(PropertyError, match="the same whatever stands at"):
        properties.context_models.causality(tested)


@pytest.mark.parametrize("later", [0, 1])
def test_masks_that_are_planes_off_are_caught(later: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first layer sees the position itself, or all layers the next plane."""
    build = MASKED.__init__

    def wrong(self: nn.Conv3d, hidden: int, side: int, latest: int) -> None:
        build(self, hidden, side, latest + 1 if later else 0)  # type: ignore[misc]

    foreseen(monkeypatch, MASKED, "__init__", wrong)


def test_a_mask_in_raster_order_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """It sees the row above to the right, which is of the same plane."""

    def raster(side: int) -> Tensor:
        return torch.arange(side**3).reshape(side, side, side) - side**3 // 2

    foreseen(monkeypatch, zigzag, "_planes", raster)


def test_a_norm_over_positions_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    symbols = ZigzagContext.symbols

    def normed(self: ZigzagContext, latents: Tensor, features: Tensor) -> Tensor:
        return symbols(self, latents / (1 + latents.abs().mean()), features)

    foreseen(monkeypatch, ZigzagContext, "symbols", normed)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"hidden": 0}, "hidden: 0, layers: 3, kernel_size: 3; expected"),
        ({"layers": 0}, "layers: 0"),
        ({"kernel_size": 4}, "kernel_size: 4; expected at least 1, at least 1, and an odd"),
        ({"kernel_size": 1}, "kernel_size: 1"),
    ],
)
def test_planes_that_can_not_be(arguments: dict[str, int], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        ZigzagContext(**arguments)
