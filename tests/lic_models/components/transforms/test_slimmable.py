"""A transform of several widths against plain transforms of the sliced weights."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from lic_models.components import (
    GDN,
    GSDN,
    ConvolutionalTransform,
    Nonlinearity,
    OneDN,
    ReLU,
    SlimmableTransform,
)
from lic_models.components.slimmable import SlimmableConv2d, at_width
from pytest_lic.errors import UsageError

WIDTHS = [(2, 4), (3, 8), (5, 12)]
LAYOUTS = [torch.contiguous_format, torch.channels_last]


def transform_of(kind: type[Nonlinearity]) -> SlimmableTransform:
    """One with other parameters at each width."""
    torch.manual_seed(1)
    transform = SlimmableTransform(WIDTHS, kind, (5, 5, 3, 3))
    with torch.no_grad():
        for parameter in transform.parameters():
            parameter.add_(0.05 * torch.rand_like(parameter))
    return transform


def sliced(transform: SlimmableTransform, index: int, kind: type[Nonlinearity]) -> Any:
    """The plain transform of the first weights, by their names."""
    n, m = WIDTHS[index]
    plain = ConvolutionalTransform(
        channels=n, latent_channels=m, nonlinearity=kind, kernel_sizes=(5, 5, 3, 3)
    )
    all_weights = transform.state_dict()
    taken = {}
    for name, value in plain.state_dict().items():
        side, number, own = name.split(".", 2)
        of_width = f"{side}.{number}.of_width.{index}.{own}"
        weights = all_weights[of_width if of_width in all_weights else name]
        taken[name] = weights[tuple(slice(0, size) for size in value.shape)]
    plain.load_state_dict(taken)
    return plain


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("kind", [ReLU, GDN, GSDN, OneDN])
@pytest.mark.parametrize("index", [2, 1, 0])
def test_every_width_is_the_plain_transform_of_the_sliced_weights_to_the_bit(
    index: int, kind: type[Nonlinearity], layout: torch.memory_format
) -> None:
    transform = transform_of(kind).to(memory_format=layout)
    images = torch.rand(2, 3, 48, 32).to(memory_format=layout)
    for plain in (sliced(transform, index, kind), transform.narrowed(index)):
        plain.to(memory_format=layout)
        with at_width(transform, index):
            latents = transform.analysis(images)
            decoded = transform.synthesis(latents)
        assert latents.shape == (2, WIDTHS[index][1], 3, 2)
        assert torch.equal(latents, plain.analysis(images))
        assert torch.equal(decoded, plain.synthesis(latents))


def test_at_full_width_it_is_the_plain_transform_before_any_width_is_chosen() -> None:
    transform = transform_of(GDN)
    plain = sliced(transform, 2, GDN)
    images = torch.rand(1, 3, 32, 32)
    assert torch.equal(transform.analysis(images), plain.analysis(images))
    assert transform.latent_channels == 12
    assert transform.downsampling_factor == plain.downsampling_factor


def test_a_width_moves_its_own_weights_alone() -> None:
    transform = transform_of(GDN)
    with at_width(transform, 0):
        transform.synthesis(transform.analysis(torch.rand(1, 3, 32, 32))).square().sum().backward()
    moved = {
        name
        for name, parameter in transform.named_parameters()
        if parameter.grad is not None and bool(parameter.grad.any())
    }
    assert {name for name in moved if "of_width" in name} == {
        name for name, _ in transform.named_parameters() if "of_width.0." in name
    }
    layer = transform.analysis[2]
    assert isinstance(layer, SlimmableConv2d)
    assert layer.weight.grad is not None
    assert bool(layer.weight.grad[:2, :2].all())
    assert not layer.weight.grad[2:].any()
    assert not layer.weight.grad[:, 2:].any()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"widths": []}, r"widths: \[\]; expected N and M"),
        ({"widths": [(4, 0)]}, r"widths: \[\[4, 0\]\]; expected N and M, at least 1"),
        ({"widths": [(4, 4), (4, 8)]}, "the narrowest first, each N more than the last"),
        ({"widths": [(4, 8), (6, 4)]}, "the narrowest first, each N more than the last"),
        ({"kernel_sizes": (5, 4, 5, 5)}, "expected four odd numbers"),
    ],
)
def test_what_makes_no_transform_is_refused(arguments: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        SlimmableTransform(**arguments)


def test_a_width_that_does_not_exist_can_not_be_taken_out() -> None:
    with pytest.raises(UsageError, match="width 3 of"):
        transform_of(GDN).narrowed(3)
