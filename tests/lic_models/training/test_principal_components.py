"""A codec that starts from principal components is the linear one that numpy finds."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from torch import Tensor, nn

from lic_models.codec import LearnedCodec
from lic_models.components import (
    GDN,
    GSDN,
    ConvolutionalTransform,
    DeformableResidualTransform,
    Factorized,
    LeakyReLU,
    MeanScaleHyperprior,
    NeighbourhoodAttentionTransform,
    Nonlinearity,
    OneDN,
    ReLU,
    ResidualTransform,
    SwinTransform,
    TCMTransform,
    Transform,
    WindowAttentionTransform,
)
from lic_models.training.loss import rate_distortion_loss
from lic_models.training.principal_components import start_from_principal_components
from pytest_lic.errors import UsageError

EVERY = [GDN, OneDN, GSDN, ReLU, LeakyReLU]
LAMBDA = 0.0067
Blocks = NDArray[np.float64]


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def images() -> Tensor:
    """144 blocks of 16 × 16, with more to them than 64 numbers tell.

    The same image at four places of the 16 × 16 grid: each 8 × 8 pixels are in all four quarters
    of a block once, so that these have one mean, as those of a stationary source have.
    """
    torch.manual_seed(0)
    smooth = nn.functional.interpolate(torch.rand(1, 3, 48, 48), size=(96, 96), mode="bicubic")
    image = (0.8 * smooth + 0.2 * torch.rand(1, 3, 96, 96)).clamp(0, 1)
    shifts = ((0, 0), (0, 8), (8, 0), (8, 8))
    return torch.cat([image.roll(shift, (2, 3)) for shift in shifts])


def started(
    images: Tensor, kind: type[Nonlinearity], channels: int, latent_channels: int
) -> LearnedCodec:
    torch.manual_seed(1)
    codec = LearnedCodec(
        ConvolutionalTransform(
            channels=channels,
            latent_channels=latent_channels,
            nonlinearity=kind,
            kernel_sizes=(5, 3, 5, 3),
        )
    )
    start_from_principal_components(codec, images, LAMBDA)
    return codec


def blocks_of(images: Tensor) -> Blocks:
    """(n, 768): 16 × 16 blocks."""
    rows = nn.functional.unfold(images.double(), 16, stride=16).transpose(1, 2)
    return rows.reshape(-1, 768).numpy()


def decoded_blocks(codec: LearnedCodec, images: Tensor) -> Blocks:
    with torch.no_grad():
        return blocks_of(codec.transform.synthesis(codec.transform.analysis(images)))


@pytest.mark.parametrize("kind", EVERY)
def test_every_nonlinearity_starts_as_the_best_linear_codec_of_its_size(
    kind: type[Nonlinearity], images: Tensor
) -> None:
    # Layers 1 to 3 lose nothing (12, 48, 192 numbers), layer 4 keeps 64 of 768.
    codec = started(images, kind, 192, 64)
    blocks = blocks_of(images)
    mean = blocks.mean(0)
    _, singular, basis = np.linalg.svd(blocks - mean, full_matrices=False)
    kept = (blocks - mean) @ basis[:64].T
    error = decoded_blocks(codec, images) - (kept @ basis[:64] + mean)
    # Division by all but 1 leaves 1e-3; what 64 numbers overshoot the rectifiers cut off.
    assert np.quantile(np.abs(error), 0.95) < 1e-3
    assert np.sqrt((error**2).mean()) < 4e-3
    # The latents are these coefficients in units of the step.
    latents = codec.transform.analysis(images).detach().double().square().sum((0, 2, 3))
    gains = latents.numpy() / singular[:64] ** 2
    np.testing.assert_allclose(gains, gains[0], rtol=2e-3)


@pytest.mark.parametrize("kind", EVERY)
def test_with_as_many_latents_as_samples_nothing_is_lost(
    kind: type[Nonlinearity], images: Tensor
) -> None:
    error = decoded_blocks(started(images, kind, 192, 768), images) - blocks_of(images)
    assert np.abs(error).max() < 3e-5


def test_all_nonlinearities_start_with_the_same_rate_and_distortion(images: Tensor) -> None:
    losses = []
    for kind in EVERY:
        codec = started(images, kind, 32, 48).eval()
        with torch.no_grad():
            losses.append(rate_distortion_loss(codec(images), images, LAMBDA))
    for loss in losses[1:]:
        assert float(loss.bpp) == pytest.approx(float(losses[0].bpp), rel=0.01)
        assert float(loss.distortion) == pytest.approx(float(losses[0].distortion), rel=0.01)


def test_latents_are_quantised_in_the_steps_that_pay_off(images: Tensor) -> None:
    def cost(step: float) -> float:
        return LAMBDA * 255**2 * step**2 / 12 / 3 - np.log2(step)

    best = minimize_scalar(cost, bounds=(0.01, 10), method="bounded", options={"xatol": 1e-9}).x
    codec = started(images, LeakyReLU, 192, 64)
    energy = float(codec.transform.analysis(images).detach()[:, 0].square().sum())
    centred = blocks_of(images) - blocks_of(images).mean(0)
    largest = np.linalg.norm(centred, 2) ** 2
    assert np.sqrt(largest / energy) == pytest.approx(best, rel=1e-3)


@pytest.mark.parametrize(
    ("transform", "model"),
    [
        (ConvolutionalTransform, Factorized),
        (ConvolutionalTransform, MeanScaleHyperprior),
        (DeformableResidualTransform, Factorized),
        (NeighbourhoodAttentionTransform, Factorized),
        (SwinTransform, Factorized),
        (TCMTransform, Factorized),
        (WindowAttentionTransform, Factorized),
    ],
)
def test_the_start_is_far_better_than_random_weights(
    transform: type[Transform], model: type[Factorized], images: Tensor
) -> None:
    torch.manual_seed(0)
    codec = LearnedCodec(transform(), entropy_model=model()).eval()
    with torch.no_grad():
        before = rate_distortion_loss(codec(images), images, LAMBDA)
        start_from_principal_components(codec, images, LAMBDA)
        after = rate_distortion_loss(codec(images), images, LAMBDA)
        plain = LearnedCodec(ConvolutionalTransform(), entropy_model=model()).eval()
        start_from_principal_components(plain, images, LAMBDA)
        known = rate_distortion_loss(plain(images), images, LAMBDA)
    assert float(after.distortion) < float(before.distortion) / 5
    # Whatever stands between the convolutions begins by changing little.
    assert float(after.total) == pytest.approx(float(known.total), rel=0.02)


def test_a_start_that_is_not_known_is_refused(images: Tensor) -> None:
    own = Transform(nn.Conv2d(3, 7, 8, 8), nn.ConvTranspose2d(7, 3, 8, 8), 7, 8)
    with pytest.raises(UsageError, match=r"not for Transform; give model\.start=random"):
        start_from_principal_components(LearnedCodec(own), images, LAMBDA)
    with pytest.raises(UsageError, match="not for ResidualTransform; give"):
        start_from_principal_components(LearnedCodec(ResidualTransform()), images, LAMBDA)
    for odd in (
        {"kernel_size": 4, "padding": 1},
        {"kernel_size": 5, "padding": 1},
        {"kernel_size": 3, "padding": 1, "bias": False},
    ):
        downs = [nn.Conv2d(*pair, stride=2, **odd) for pair in ((3, 4), (4, 4), (4, 4), (4, 4))]
        ups = [nn.ConvTranspose2d(*p, stride=2, **odd) for p in ((4, 4), (4, 4), (4, 4), (4, 3))]
        other = Transform(nn.Sequential(*downs), nn.Sequential(*ups), 4, 16)
        with pytest.raises(UsageError, match="not for Transform; give"):
            start_from_principal_components(LearnedCodec(other), images, LAMBDA)
    with pytest.raises(UsageError, match=r"crops of 96×90 pixels; .*multiples of 16"):
        started(images[:, :, :90], GDN, 4, 4)
