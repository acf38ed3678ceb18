"""Bounds: their values, and the gradients that they let pass."""

from __future__ import annotations

import torch

from lic_models.components.bounds import at_least, within


def test_bounds_let_pass_the_gradients_that_lead_back() -> None:
    values = torch.tensor([-3.0, 0.5, 4.0], requires_grad=True)
    assert at_least(values, 0.0).tolist() == [0.0, 0.5, 4.0]
    assert within(values, 0.0, 1.0).tolist() == [0.0, 0.5, 1.0]
    for direction, passed in ((1.0, [0, 1, 1]), (-1.0, [-1, -1, 0])):
        # A loss that falls as the value does wants it lower: not below the least.
        (given,) = torch.autograd.grad((direction * within(values, 0.0, 1.0)).sum(), values)
        assert given.tolist() == passed


def test_a_bounded_scalar_is_a_scalar() -> None:
    value = torch.tensor(-9.0, requires_grad=True)
    bounded = at_least(value, -5.0)
    assert bounded.shape == value.shape
    (-bounded).backward()
    assert value.grad == -1
