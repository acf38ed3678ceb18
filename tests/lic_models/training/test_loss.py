"""The training loss by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from lic_models.training.loss import estimated_bits, mean_psnr, rate_distortion_loss
from pytest_lic.errors import UsageError
from pytest_lic.measuring.metrics.psnr import psnr


def outputs(images: Tensor, error: float) -> dict[str, object]:
    """Off by ``error`` everywhere; an eighth of a bit a pixel for y, and as much for z."""
    likelihoods = {
        "latents": torch.full((len(images), 4, 8, 8), 0.5),
        "hyper_latents": torch.full((len(images), 2, 8, 4), 0.0625),
    }
    return {"x_hat": images + error, "likelihoods": likelihoods}


def test_the_loss_is_the_rate_and_lambda_times_the_squared_error_of_8_bit_samples() -> None:
    images = torch.rand(3, 3, 32, 64)
    loss = rate_distortion_loss(outputs(images, 0.1), images, 0.01)
    assert float(loss.bpp) == pytest.approx(0.125 + 0.125)
    assert float(loss.distortion) == pytest.approx(0.01, rel=1e-5)
    assert float(loss.total) == pytest.approx(0.25 + 0.01 * 25.5**2, rel=1e-5)


def test_bits_are_counted_image_by_image() -> None:
    likelihoods = {"a": torch.tensor([[0.5, 0.25], [1.0, 0.125]]).reshape(2, 2, 1, 1)}
    assert estimated_bits(likelihoods).tolist() == [3.0, 3.0]
    likelihoods["b"] = torch.tensor([[0.5], [1.0]]).reshape(2, 1, 1, 1)
    assert estimated_bits(likelihoods).tolist() == [4.0, 3.0]


def test_each_region_may_have_a_lambda_of_its_own() -> None:
    images = torch.rand(2, 3, 32, 64)
    errors = torch.zeros_like(images)
    errors[0, :, 16:, :16] = 0.1  # the place of 0.05, an eighth of an image
    lambdas = torch.full((2, 1, 2, 4), 0.01)
    lambdas[0, 0, 1, 0] = 0.05
    given = {**outputs(images, 0.0), "x_hat": images + errors}
    loss = rate_distortion_loss(given, images, lambdas)
    assert float(loss.total) == pytest.approx(0.25 + 0.05 * 25.5**2 / 8 / 2, rel=1e-5)
    same = rate_distortion_loss(given, images, torch.full((2, 1, 2, 4), 0.02))
    alone = rate_distortion_loss(given, images, torch.tensor([0.02, 0.02]))
    assert float(same.total) == pytest.approx(float(alone.total), rel=1e-5)


def test_structural_similarity_has_no_lambda_of_regions() -> None:
    images = torch.rand(1, 3, 192, 192)
    with pytest.raises(UsageError, match="ms-ssim has no λ of each region; give mse, or regions"):
        rate_distortion_loss(outputs(images, 0.0), images, torch.ones(1, 1, 12, 12), "ms-ssim")


@pytest.mark.parametrize("distortion", ["mae", "laplace"])
def test_absolute_errors_have_no_lambda_of_regions(distortion: str) -> None:
    images = torch.rand(1, 3, 32, 32)
    with pytest.raises(UsageError, match=f"{distortion} has no λ of each region"):
        rate_distortion_loss(outputs(images, 0.0), images, torch.ones(1, 1, 2, 2), distortion)


def test_the_mean_absolute_error_is_of_8_bit_samples_in_the_loss() -> None:
    images = torch.rand(3, 3, 32, 64)
    loss = rate_distortion_loss(outputs(images, -0.1), images, 0.12, "mae")
    assert float(loss.distortion) == pytest.approx(0.1, rel=1e-5)
    assert float(loss.total) == pytest.approx(0.25 + 0.12 * 25.5, rel=1e-5)


def test_a_laplace_likelihood_weighs_errors_by_its_scale_and_is_best_where_that_is_their_mean() -> (
    None
):
    images = torch.rand(2, 3, 32, 64)

    def total(scale: float) -> float:
        given = outputs(images, 0.1)
        return float(rate_distortion_loss(given, images, 2.0, "laplace", torch.tensor(scale)).total)

    assert total(0.2) == pytest.approx(0.25 + 2 * (0.5 + math.log(0.2)), rel=1e-4)
    assert min((0.05, 0.09, 0.1, 0.11, 0.2), key=total) == 0.1
    with pytest.raises(UsageError, match="laplace: no γ, which training alone has"):
        rate_distortion_loss(outputs(images, 0.1), images, 2.0, "laplace")


def test_likelihoods_in_float64_keep_divergences_that_float32_has_none_of() -> None:
    likelihoods = {"a": torch.full((1, 1, 1, 1), 2.0**-400, dtype=torch.float64)}
    assert estimated_bits(likelihoods).tolist() == [400.0]


def test_structural_similarity_takes_the_place_of_the_squared_error() -> None:
    images = torch.rand(1, 3, 176, 192)
    same = rate_distortion_loss(outputs(images, 0.0), images, 20.0, "ms-ssim")
    assert float(same.distortion) == pytest.approx(0.0, abs=1e-6)
    noisy = outputs(images + 0.1 * torch.randn(images.shape), 0.0)
    loss = rate_distortion_loss(noisy, images, 20.0, "ms-ssim")
    assert 0.001 < float(loss.distortion) < 0.5
    assert float(loss.total) == pytest.approx(float(loss.bpp + 20 * loss.distortion), rel=1e-5)


def test_gradients_reach_image_and_likelihoods() -> None:
    images = torch.rand(1, 3, 32, 64)
    given = outputs(images, 0.1)
    given["x_hat"].requires_grad_()
    given["likelihoods"]["latents"].requires_grad_()
    rate_distortion_loss(given, images, 0.01).total.backward()
    pixels = 32 * 64
    expected = 0.01 * 255**2 * 2 * 0.1 / (3 * pixels)
    torch.testing.assert_close(
        given["x_hat"].grad, torch.full_like(images, expected), rtol=1e-4, atol=0
    )
    # d(−log2 p)/dp at ½
    expected = -2 / torch.log(torch.tensor(2.0)) / pixels
    assert float(given["likelihoods"]["latents"].grad[0, 0, 0, 0]) == pytest.approx(float(expected))


def test_what_is_no_distortion_of_these_images_is_refused() -> None:
    images = torch.rand(1, 3, 32, 64)
    with pytest.raises(UsageError, match=r"at least 161 pixels, got 64×32; give --data.crop_size"):
        rate_distortion_loss(outputs(images, 0.0), images, 1.0, "ms-ssim")
    with pytest.raises(
        UsageError, match=r"model.distortion: 'psnr'; expected one of mse, ms-ssim, mae, laplace"
    ):
        rate_distortion_loss(outputs(images, 0.0), images, 1.0, "psnr")  # type: ignore[arg-type]


def test_psnr_is_that_of_the_plugin() -> None:
    torch.manual_seed(0)
    images = (torch.rand(3, 3, 20, 24) * 255).round() / 255
    decoded = images + 0.2 * torch.randn(images.shape)
    expected = [
        psnr(*((each * 255).round().clamp(0, 255).byte().permute(1, 2, 0).numpy() for each in pair))
        for pair in zip(images, decoded, strict=True)
    ]
    assert float(mean_psnr(decoded, images)) == pytest.approx(sum(expected) / 3, abs=1e-4)
