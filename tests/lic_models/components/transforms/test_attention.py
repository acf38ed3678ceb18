"""A gate that decides where features are refined."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from lic_models.components.transforms.attention import GatedAttention

pytestmark = pytest.mark.usefixtures("one_thread")


@torch.no_grad()
@pytest.mark.parametrize("channels", [1, 4])
def test_it_adds_what_the_gate_lets_through_of_three_residual_units(channels: int) -> None:
    torch.manual_seed(0)
    module = GatedAttention(channels, nn.Tanh()).double()
    features = torch.randn(2, channels, 3, 5, dtype=torch.float64)
    layers = [layer for layer in module.modules() if isinstance(layer, nn.Conv2d)]
    assert len(layers) == 3 * 3 + 3 * 3 + 1
    refined, gate = features, features.tanh()
    for unit in range(3):
        one, two, three = layers[3 * unit : 3 * unit + 3]
        refined = F.relu(refined + three(F.relu(two(F.relu(one(refined))))))
        one, two, three = layers[9 + 3 * unit : 12 + 3 * unit]
        gate = F.relu(gate + three(F.relu(two(F.relu(one(gate))))))
    expected = features + refined / (1 + torch.exp(-layers[-1](gate)))
    torch.testing.assert_close(module(features), expected)


@torch.no_grad()
def test_it_begins_by_changing_little() -> None:
    torch.manual_seed(0)
    features = torch.randn(1, 32, 8, 8)
    change = GatedAttention(32)(features) - features
    assert 0 < change.square().mean() < 1e-4 * features.square().mean()
