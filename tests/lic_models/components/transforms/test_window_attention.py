"""Window attention between the layers of the convolutional transform."""

from __future__ import annotations

import pytest
import torch

from lic_models.components import ConvolutionalTransform, WindowAttentionTransform
from lic_models.components.transforms.attention import GatedAttention
from lic_models.components.transforms.windows import WindowAttention

pytestmark = pytest.mark.usefixtures("one_thread")


@torch.no_grad()
def test_with_its_gates_closed_it_is_the_convolutional_transform() -> None:
    torch.manual_seed(0)
    made = WindowAttentionTransform(channels=8, latent_channels=16, windows=(4, 2)).double()
    images = torch.rand(1, 3, 32, 48, dtype=torch.float64)
    plain = ConvolutionalTransform(channels=8, latent_channels=16).double()
    for own, other in ((made.analysis, plain.analysis), (made.synthesis, plain.synthesis)):
        layers = [layer for layer in own if not isinstance(layer, GatedAttention)]
        for layer, copy in zip(layers, other, strict=True):
            copy.load_state_dict(layer.state_dict())
    latents = plain.analysis(images)
    assert not torch.allclose(made.analysis(images), latents)
    for module in made.modules():
        if isinstance(module, GatedAttention):
            module.gate[-1].bias.fill_(-1e3)
    torch.testing.assert_close(made.analysis(images), latents)
    torch.testing.assert_close(made.synthesis(latents), plain.synthesis(latents))


@torch.no_grad()
def test_windows_of_each_size_stand_where_the_features_are_a_quarter_and_a_sixteenth() -> None:
    made = WindowAttentionTransform(channels=8, latent_channels=16, windows=(4, 2))
    seen: list[tuple[int, torch.Size]] = []
    for module in made.modules():
        if isinstance(module, WindowAttention):
            assert module.shift == 0
            module.register_forward_hook(lambda m, _, out: seen.append((m.window, out.shape)))
    made.synthesis(made.analysis(torch.rand(1, 3, 32, 48)))
    fine, coarse = (4, (1, 8, 12, 8)), (2, (1, 2, 3, 16))
    assert seen == [fine, coarse, coarse, fine]


@torch.no_grad()
def test_a_gate_sees_all_of_its_window() -> None:
    made = WindowAttentionTransform(channels=8, latent_channels=16, windows=(4, 2)).double()
    within = made.analysis[4].gate[0]
    features = torch.randn(1, 8, 8, 8, dtype=torch.float64)
    other = features.clone()
    other[0, :, 1, 5] += torch.randn(8, dtype=torch.float64)
    changed = (within(features) != within(other))[0].any(0)
    expected = torch.zeros(8, 8, dtype=torch.bool)
    expected[:4, 4:] = True
    assert torch.equal(changed, expected)
