"""Layers at any of several widths, against plain layers of sliced weights and formulas anew."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lic_models.components import GDN, GSDN, Nonlinearity, OneDN, ReLU
from lic_models.components.slimmable import (
    SlimmableConv2d,
    SlimmableConvTranspose2d,
    SlimmableNonlinearity,
    at_width,
)
from pytest_lic.errors import UsageError

INNER, OUTER = (2, 3, 5), (3, 5, 8)
EVERY_WIDTH = range(len(INNER))
KINDS = [ReLU, GDN, GSDN, OneDN]


def convolution() -> tuple[nn.Module, Callable[[int, int], nn.Module]]:
    return SlimmableConv2d(INNER, OUTER, 5, 2, 2), lambda i, o: nn.Conv2d(i, o, 5, 2, 2)


def transposed() -> tuple[nn.Module, Callable[[int, int], nn.Module]]:
    return (
        SlimmableConvTranspose2d(INNER, OUTER, 5, 2, 2, output_padding=1),
        lambda i, o: nn.ConvTranspose2d(i, o, 5, 2, 2, output_padding=1),
    )


def agrees_with_sliced(layer: nn.Module, plain: nn.Module, index: int) -> bool:
    """Whether a width computes, to the bit, what a plain layer of the first weights does."""
    with torch.no_grad():
        for name, value in plain.named_parameters():
            value.copy_(getattr(layer, name)[tuple(slice(0, size) for size in value.shape)])
    features = torch.randn(2, INNER[index], 12, 10)
    with at_width(layer, index):
        found = layer(features)
    wanted = plain(features)
    return bool(found.shape == wanted.shape and torch.equal(found, wanted))


@pytest.mark.parametrize("index", EVERY_WIDTH)
@pytest.mark.parametrize("made", [convolution, transposed])
def test_a_width_is_the_plain_layer_of_the_first_weights(
    made: Callable[[], Any], index: int
) -> None:
    layer, plain = made()
    assert agrees_with_sliced(layer, plain(INNER[index], OUTER[index]), index)


@pytest.mark.parametrize("made", [convolution, transposed])
def test_a_slice_that_begins_one_channel_late_is_noticed(
    made: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(tensor: Tensor, *sizes: int) -> Tensor:
        moved = tensor.roll(-1, 0)
        return moved[tuple(slice(size) for size in sizes)]

    monkeypatch.setattr("lic_models.components.slimmable._first", late)
    layer, plain = made()
    for index in EVERY_WIDTH:
        assert not agrees_with_sliced(layer, plain(INNER[index], OUTER[index]), index)


def weighted(kind: type[Nonlinearity], inverse: bool) -> SlimmableNonlinearity:
    """One whose widths all have other parameters."""
    layer = SlimmableNonlinearity(OUTER, inverse, kind).double()
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in layer.parameters():
            noise = torch.rand(parameter.shape, generator=generator, dtype=torch.float64)
            parameter.add_(0.3 * noise)
    return layer


def formula(kind: type[Nonlinearity], inverse: bool, own: dict[str, Tensor], x: Tensor) -> Tensor:
    """The paper's, from the parameters (β and γ as roots) of one width."""
    if kind is ReLU:
        threshold = own["threshold"].reshape(1, -1, 1, 1)
        return torch.where(x > threshold, x, threshold)
    prefix = "divisor" if kind is GSDN else "layer"
    beta = (own[f"{prefix}.beta"] ** 2 - 2.0**-36).reshape(1, -1, 1, 1)
    gamma = own[f"{prefix}.gamma"] ** 2 - 2.0**-36
    u = x.abs() if kind is OneDN else x**2
    norm = beta + torch.einsum("ij,bjhw->bihw", gamma, u)
    norm = norm if kind is OneDN else norm**0.5
    mean = torch.zeros_like(x)
    if kind is GSDN:
        mean = own["mean_bias"].reshape(1, -1, 1, 1)
        mean = mean + torch.einsum("ij,bjhw->bihw", own["mean_weight"], x)
    return x * norm + mean if inverse else (x - mean) / norm


def agrees_with_formula(layer: SlimmableNonlinearity, kind: type[Nonlinearity], index: int) -> bool:
    """Whether values and gradients of a width are the formula's of that width's parameters."""
    generator = torch.Generator().manual_seed(7)
    x = torch.randn(2, OUTER[index], 3, 4, generator=generator, dtype=torch.float64)
    weights = torch.randn(x.shape, generator=generator, dtype=torch.float64)
    own = dict(layer.of_width[index].named_parameters())
    given = [x.requires_grad_(), *own.values()]
    with at_width(layer, index):
        found = layer(x)
    wanted = formula(kind, layer.inverse, own, x)
    pairs = [(found, wanted)]
    gradients = [
        torch.autograd.grad((out * weights).sum(), given, allow_unused=True)
        for out in (found, wanted)
    ]
    pairs += zip(*gradients, strict=True)
    return all(a is not None and b is not None and torch.allclose(a, b) for a, b in pairs)


@pytest.mark.parametrize("index", EVERY_WIDTH)
@pytest.mark.parametrize("inverse", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_values_and_gradients_are_the_formulas_with_the_widths_own_parameters(
    kind: type[Nonlinearity], inverse: bool, index: int
) -> None:
    assert agrees_with_formula(weighted(kind, inverse), kind, index)


class OfAnother(SlimmableNonlinearity):
    """Mutant: the first of the widest width's parameters serve every width."""

    def forward(self, features: Tensor) -> Tensor:
        channels = features.size(1)
        widest = self.of_width[-1]
        own = self.of_width[self.chosen]
        first = {
            name: widest.state_dict()[name][tuple(slice(0, size) for size in value.shape)]
            for name, value in own.named_parameters()
        }
        assert own.channels == channels
        return torch.func.functional_call(own, first, features)


@pytest.mark.parametrize("kind", KINDS)
def test_parameters_of_another_width_are_noticed(kind: type[Nonlinearity]) -> None:
    layer = weighted(kind, False)
    layer.__class__ = OfAnother
    assert not any(agrees_with_formula(layer, kind, index) for index in EVERY_WIDTH[:-1])


@pytest.mark.parametrize("kind", KINDS)
def test_every_width_starts_linear(kind: type[Nonlinearity]) -> None:
    layer = weighted(kind, False)
    layer.start_linear(torch.full((OUTER[-1],), -9.0, dtype=torch.float64))
    for index, channels in enumerate(OUTER):
        x = torch.rand(1, channels, 4, 4, dtype=torch.float64)
        with at_width(layer, index):
            assert torch.allclose(layer(x), x, atol=1e-3)


def test_the_widest_runs_before_and_after_a_width_was_chosen_even_in_an_error() -> None:
    layer = convolution()[0]
    assert layer.chosen == 2
    with at_width(layer, 0):
        assert layer.chosen == 0
        with pytest.raises(RuntimeError), at_width(layer, 1):
            layer(torch.zeros(1, 7, 8, 8))
        assert layer.chosen == 0
    assert layer.chosen == 2


@pytest.mark.parametrize("index", [-1, 3, 1.5])
def test_a_width_that_does_not_exist_is_refused(index: float) -> None:
    layer = nn.Sequential(convolution()[0])
    told = f"width {index} of SlimmableConv2d, which has 3 and none between them; expected a whole"
    with pytest.raises(UsageError, match=told), at_width(layer, index):
        pass
