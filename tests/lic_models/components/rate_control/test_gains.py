"""Gains: one is none, and more of it is finer."""

from __future__ import annotations

import pytest
import torch

from lic_models.components import BottleneckScaling, ConvolutionalTransform, GainUnits
from pytest_lic.errors import UsageError

LAMBDAS = [0.002, 0.008, 0.032]


def built(kind: type[BottleneckScaling], trained_for: float | None = None) -> BottleneckScaling:
    control = kind(LAMBDAS, trained_for)
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


@pytest.mark.parametrize(
    ("trained_for", "expected"), [(None, [0.25, 0.5, 1.0]), (0.008, [0.5, 1.0, 2.0])]
)
@torch.no_grad()
def test_it_begins_with_steps_as_lambda_has_them(
    trained_for: float | None, expected: list[float]
) -> None:
    control = built(GainUnits, trained_for)
    ones = torch.ones(1, 5, 1, 1)
    gains = []
    for level in (0.0, 1.0, 2.0):
        with control.at(torch.tensor([level])):
            gains.append(float(control.scaled(ones)[0, 0]))
            torch.testing.assert_close(control.restored(control.scaled(ones)), ones)
    assert gains == pytest.approx(expected)


@pytest.mark.parametrize("trained_for", [0.0, -1.0, float("inf")])
def test_a_lambda_that_is_none_is_refused(trained_for: float) -> None:
    with pytest.raises(UsageError, match=r"trained_for: .*; expected a positive λ"):
        GainUnits(LAMBDAS, trained_for)
