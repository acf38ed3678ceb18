"""Gains: one is none, and more of it is finer."""

from __future__ import annotations

import pytest
import torch

from lic_models.components import BottleneckScaling, ConvolutionalTransform, GainUnits

LAMBDAS = [0.002, 0.008, 0.032]


def built(kind: type[BottleneckScaling]) -> BottleneckScaling:
    control = kind(LAMBDAS)
    control.build(ConvolutionalTransform(channels=4, latent_channels=5))
    return control


@pytest.mark.parametrize("kind", [BottleneckScaling, GainUnits])
@torch.no_grad()
def test_a_gain_of_one_is_no_gain_to_the_bit(kind: type[BottleneckScaling]) -> None:
    control = built(kind)
    for parameter in control.parameters():
        parameter.zero_()
    latents = 100 * torch.randn(3, 5, 4, 4)
    for level in (0.0, 0.3, 1.0, 2.0):
        with control.at(torch.tensor([level])):
            assert torch.equal(control.scaled(latents), latents)
            assert torch.equal(control.restored(latents), latents)


@pytest.mark.parametrize("kind", [BottleneckScaling, GainUnits])
@torch.no_grad()
def test_between_two_anchors_gains_are_interpolated_exponentially(
    kind: type[BottleneckScaling],
) -> None:
    control = built(kind)
    for parameter in control.parameters():
        parameter.copy_(torch.randn_like(parameter))
    ones = torch.ones(1, 5, 1, 1)
    with control.at(torch.tensor([1.25])):
        gain, inverse = control.scaled(ones), control.restored(ones)
    logs = control.log_gains
    expected = torch.exp(logs[1]) ** 0.75 * torch.exp(logs[2]) ** 0.25
    torch.testing.assert_close(gain.flatten(), expected)
    back = getattr(control, "log_inverse_gains", -logs)
    torch.testing.assert_close(
        inverse.flatten(), torch.exp(back[1]) ** 0.75 * torch.exp(back[2]) ** 0.25
    )


@torch.no_grad()
def test_it_begins_with_steps_as_lambda_has_them() -> None:
    control = built(GainUnits)
    ones = torch.ones(1, 5, 1, 1)
    gains = []
    for level in (0.0, 1.0, 2.0):
        with control.at(torch.tensor([level])):
            gains.append(float(control.scaled(ones)[0, 0]))
            torch.testing.assert_close(control.restored(control.scaled(ones)), ones)
    assert gains == pytest.approx([0.25, 0.5, 1.0])
