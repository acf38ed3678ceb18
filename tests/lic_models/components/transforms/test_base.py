"""What every kind of transform keeps to."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from lic_models.components import (
    ConvolutionalTransform,
    DeformableResidualTransform,
    GeneralisedOctaveTransform,
    LiteDeformableTransform,
    NeighbourhoodAttentionTransform,
    OctaveTransform,
    TCMTransform,
    Transform,
)
from pytest_lic.errors import UsageError

KINDS = [
    ConvolutionalTransform,
    OctaveTransform,
    GeneralisedOctaveTransform,
    DeformableResidualTransform,
    LiteDeformableTransform,
    NeighbourhoodAttentionTransform,
    TCMTransform,
]
pytestmark = [
    pytest.mark.usefixtures("one_thread"),
    pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__),
]


def made(kind: Callable[..., Transform]) -> Transform:
    """One in float64, of which nothing is 0 that only begins so."""
    torch.manual_seed(0)
    transform = kind(channels=8, latent_channels=6, kernel_sizes=(5, 5, 3, 3)).double()
    with torch.no_grad():
        for parameter in transform.parameters():
            if not parameter.any():
                parameter.normal_(0.0, 0.3)
    return transform


@pytest.mark.parametrize("size", [(16, 16), (48, 80)])
def test_sixteen_pixels_are_one_latent_and_the_way_back_has_the_images_size(
    kind: Callable[..., Transform], size: tuple[int, int]
) -> None:
    transform = kind(channels=8, latent_channels=6)
    latents = transform.analysis(torch.rand(2, 3, *size))
    assert latents.shape == (2, 6, size[0] // 16, size[1] // 16)
    assert transform.synthesis(latents).shape == (2, 3, *size)
    assert (transform.latent_channels, transform.downsampling_factor) == (6, 16)


def test_an_image_is_coded_the_same_beside_others_and_with_its_channels_last(
    kind: Callable[..., Transform],
) -> None:
    transform, images = made(kind), torch.rand(3, 3, 48, 32, dtype=torch.float64)
    latents = transform.analysis(images)
    alone = images[1:2].to(memory_format=torch.channels_last)
    transform.to(memory_format=torch.channels_last)
    torch.testing.assert_close(transform.analysis(alone), latents[1:2], rtol=0, atol=1e-12)
    torch.testing.assert_close(
        transform.synthesis(latents[1:2]), transform.synthesis(latents)[1:2], rtol=0, atol=1e-12
    )


def test_a_gradient_reaches_every_parameter(kind: Callable[..., Transform]) -> None:
    transform, images = made(kind), torch.rand(2, 3, 48, 32, dtype=torch.float64)
    (transform.synthesis(transform.analysis(images)) - images).square().sum().backward()
    for name, parameter in transform.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.any(), name


def test_it_can_be_trained_in_bfloat16(kind: Callable[..., Transform]) -> None:
    transform, images = made(kind).float(), torch.rand(1, 3, 32, 32)
    with torch.autocast("cpu", torch.bfloat16):
        latents = transform.analysis(images)
        transform.synthesis(latents).float().sum().backward()
    torch.testing.assert_close(latents.float(), transform.analysis(images), rtol=0, atol=0.1)


def test_kernels_that_make_no_transform_are_refused(kind: Callable[..., Transform]) -> None:
    with pytest.raises(UsageError, match=r"kernel_sizes: \[5, 4, 3, 3\]; expected four odd"):
        kind(kernel_sizes=(5, 4, 3, 3))
    with pytest.raises(UsageError, match="no width is named 'pica'"):
        kind(width="pica")
