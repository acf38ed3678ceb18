"""What every kind of transform keeps to."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor

from lic_models.components import (
    ConvolutionalTransform,
    DeformableResidualTransform,
    GeneralisedOctaveTransform,
    LiteDeformableTransform,
    NeighbourhoodAttentionTransform,
    Nonlinearity,
    OctaveTransform,
    ReLU,
    ResidualAttentionTransform,
    ResidualTransform,
    SwinTransform,
    TCMTransform,
    Transform,
    WindowAttentionTransform,
)
from pytest_lic.errors import UsageError

NARROW = {"channels": 8, "latent_channels": 12}
KERNELS = {"kernel_sizes": (5, 5, 3, 3)}
KINDS: dict[str, Callable[..., Transform]] = {
    "convolutional": partial(ConvolutionalTransform, **NARROW, **KERNELS),
    "residual": partial(ResidualTransform, **NARROW),
    "residual-attention": partial(ResidualAttentionTransform, **NARROW),
    "swin": partial(SwinTransform, **NARROW, **KERNELS, heads=2, window=3),
    "window-attention": partial(
        WindowAttentionTransform, **NARROW, **KERNELS, heads=2, windows=(3, 2)
    ),
    "tcm": partial(TCMTransform, **NARROW, **KERNELS, window=4),
    "neighbourhood-attention": partial(NeighbourhoodAttentionTransform, **NARROW, **KERNELS),
    "octave": partial(OctaveTransform, **NARROW, **KERNELS),
    "generalised-octave": partial(GeneralisedOctaveTransform, **NARROW, **KERNELS),
    "deformable-residual": partial(DeformableResidualTransform, **NARROW, **KERNELS),
    "lite-deformable": partial(LiteDeformableTransform, **NARROW, **KERNELS),
}
pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(params=KINDS.values(), ids=KINDS)
def transform(request: pytest.FixtureRequest) -> Transform:
    """In float64, with weights that make every part count."""
    torch.manual_seed(0)
    made: Transform = request.param().double()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_((0.1 if parameter.any() else 0.3) * torch.randn_like(parameter))
    return made


def through(transform: Transform, images: Tensor) -> tuple[Tensor, Tensor]:
    latents = transform.analysis(images)
    return latents, transform.synthesis(latents)


@pytest.mark.parametrize("size", [(16, 16), (48, 80)])
@torch.no_grad()
def test_a_latent_is_at_a_sixteenth_and_each_image_is_coded_alone(
    transform: Transform, size: tuple[int, int]
) -> None:
    images = torch.rand(3, 3, *size, dtype=torch.float64)
    latents, made = through(transform, images)
    assert latents.shape == (3, 12, size[0] // 16, size[1] // 16)
    assert made.shape == images.shape
    for together, alone in zip((latents, made), through(transform, images[1:2]), strict=True):
        torch.testing.assert_close(together[1:2], alone)
    assert (transform.latent_channels, transform.downsampling_factor) == (12, 16)


def test_gradients_reach_every_parameter_whatever_the_memory_layout(transform: Transform) -> None:
    # At 1/16 of the sides there are 3 × 3, more than in one window.
    images = torch.rand(2, 3, 48, 48, dtype=torch.float64)

    def gradients(layout: torch.memory_format) -> dict[str, Tensor]:
        transform.to(memory_format=layout).zero_grad()
        _, made = through(transform, images.to(memory_format=layout))
        (made - images).square().mean().backward()
        return {name: each.grad.clone() for name, each in transform.named_parameters()}

    contiguous = gradients(torch.contiguous_format)
    assert [name for name, each in contiguous.items() if not each.any()] == []
    for name, each in gradients(torch.channels_last).items():
        torch.testing.assert_close(each, contiguous[name])


def test_it_can_be_trained_in_bfloat16(transform: Transform) -> None:
    transform, images = transform.float(), torch.rand(1, 3, 32, 32)
    with torch.autocast("cpu", torch.bfloat16):
        latents, made = through(transform, images)
        made.float().sum().backward()
    exact = transform.analysis(images).detach()
    torch.testing.assert_close(latents.float(), exact, rtol=0, atol=0.02 * float(exact.abs().max()))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("swin", "convolutional")])
def test_another_nonlinearity_takes_the_place_of_gdn(kind: str) -> None:
    made = KINDS[kind](nonlinearity=ReLU)
    for side, inverse in ((made.analysis, False), (made.synthesis, True)):
        found = [layer for layer in side.modules() if isinstance(layer, Nonlinearity)]
        assert {(type(layer), layer.inverse) for layer in found} == {(ReLU, inverse)}


@pytest.mark.parametrize(
    ("kind", "near"),
    [
        ("convolutional", 0.0),
        ("tcm", 0.0),
        ("neighbourhood-attention", 0.0),
        ("deformable-residual", 1e-5),
        ("lite-deformable", 1e-5),
        ("window-attention", 0.05),
    ],
)
@torch.no_grad()
def test_with_the_weights_of_the_layers_alone_blocks_change_nothing_or_little(
    kind: str, near: float
) -> None:
    torch.manual_seed(0)
    plain, images = KINDS["convolutional"](), torch.rand(1, 3, 64, 64)
    made = KINDS[kind]()
    made.load_state_dict(made.adopted(plain.state_dict()))
    for ours, theirs in zip(through(made, images), through(plain, images), strict=True):
        assert float((ours - theirs).abs().max()) <= near * float(theirs.abs().max())


@pytest.mark.parametrize("kind", ["residual", "octave", "swin"])
def test_weights_of_other_layers_are_left_as_they_are(kind: str) -> None:
    weights = KINDS["convolutional"]().state_dict()
    adopted = KINDS[kind]().adopted(weights)
    assert adopted.keys() == weights.keys()
    assert all(adopted[name] is weights[name] for name in weights)


@pytest.mark.parametrize("kind", KINDS)
def test_a_width_that_there_is_not_is_refused(kind: str) -> None:
    with pytest.raises(UsageError, match="Transform: no width is named 'pica'; did you mean pico"):
        KINDS[kind](width="pica")


@pytest.mark.parametrize("kind", [kind for kind in KINDS if not kind.startswith("residual")])
def test_kernels_that_make_no_layers_are_refused(kind: str) -> None:
    with pytest.raises(UsageError, match=r"kernel_sizes: \[5, 4, 3, 3\]; expected four odd"):
        KINDS[kind](kernel_sizes=(5, 4, 3, 3))


@pytest.mark.parametrize(
    ("kind", "arguments", "told"),
    [
        ("residual", {"channels": 0}, "channels: 0 and latent_channels: 12; expected at least 1"),
        ("residual", {"blocks": (1, 1)}, r"blocks: \[1, 1\]; expected three numbers from 0 on"),
        ("residual-attention", {"blocks": (0, -1, 0)}, r"blocks: \[0, -1, 0\]; expected three"),
        ("swin", {"heads": 3}, "heads: 3; expected a divisor of the 8 channels"),
        ("swin", {"heads": 0}, "heads: 0; expected a divisor of the 8 channels"),
        ("swin", {"window": 1}, "window: 1; expected at least 2"),
        ("swin", {"depths": (2, 2)}, r"depths: \[2, 2\]; expected three numbers from 0 on"),
        ("swin", {"depths": (2, -1, 2)}, r"depths: \[2, -1, 2\]; expected three numbers from 0"),
        ("swin", {"expansion": 0}, "expansion: 0; expected at least 1"),
        ("window-attention", {"windows": (8,)}, r"windows: \[8\]; expected two, for 1/4 and 1/16"),
        ("window-attention", {"windows": (8, 0)}, "window: 0; expected at least 2"),
        ("window-attention", {"heads": 8}, "heads: 8; expected a divisor of the 12 channels"),
    ],
)
def test_what_makes_no_transform_is_refused(
    kind: str, arguments: dict[str, object], told: str
) -> None:
    with pytest.raises(UsageError, match=told):
        KINDS[kind](**arguments)
