"""QVRF: a finer rounding of what a hyperprior tells, whose tables follow."""

from __future__ import annotations

import copy
import math

import pytest
import torch

from lic_models.codec import LearnedCodec
from lic_models.components import (
    QVRF,
    ConvolutionalTransform,
    Factorized,
    MeanScaleHyperprior,
    MixedQuantizer,
    Quantizer,
    ScaleHyperprior,
)
from lic_models.components.rate_control.qvrf import RegulatedBins
from pytest_lic.errors import UsageError

LAMBDAS = [0.002, 0.008, 0.032]
pytestmark = pytest.mark.usefixtures("one_thread")


def made(
    control: QVRF | None, quantizer: Quantizer | None = None, scale_only: bool = False
) -> LearnedCodec:
    torch.manual_seed(0)
    transform = ConvolutionalTransform(channels=4, latent_channels=6)
    model = (ScaleHyperprior if scale_only else MeanScaleHyperprior)(hyper_channels=4)
    codec = LearnedCodec(transform, quantizer, model, rate_control=control).eval()
    with torch.no_grad():
        for layer in (transform.analysis[0], transform.analysis[-1]):
            layer.weight.mul_(20.0)
        model.log_unit.fill_(math.log(4.0))
    codec.update()
    return codec


@pytest.fixture
def images() -> torch.Tensor:
    torch.manual_seed(1)
    return torch.rand(2, 3, 48, 32)


@pytest.mark.parametrize("scale_only", [False, True])
def test_a_regulator_of_one_is_none_to_the_bit(images: torch.Tensor, scale_only: bool) -> None:
    plain, codec = made(None, scale_only=scale_only), made(QVRF(LAMBDAS), scale_only=scale_only)
    assert codec.compress(images, level=2.0)["strings"] == plain.compress(images)["strings"]
    expected = plain(images)
    given = codec(images, 2.0)
    assert torch.equal(given["x_hat"], expected["x_hat"])
    for name, likelihoods in expected["likelihoods"].items():
        assert torch.equal(given["likelihoods"][name], likelihoods), name


@torch.no_grad()
@pytest.mark.parametrize("level", [0.0, 0.5, 1.25])
def test_residuals_are_rounded_in_bins_of_one_over_a_and_rated_by_scales_times_a(
    images: torch.Tensor, level: float
) -> None:
    codec = made(QVRF(LAMBDAS, [0.25, 0.5, 2.0]))
    model = codec.entropy_model
    latents = codec.transform.analysis(images)
    a = {0.0: 0.25, 0.5: math.sqrt(0.25 * 0.5), 1.25: 0.5**0.75 * 2.0**0.25}[level]
    z = model.hyper_prior(model.hyper_analysis(latents / 4.0), model.hyper_quantizer).values
    means, log_scales = model.hyper_synthesis(z)[..., :3, :2].chunk(2, 1)
    means, scales = 4.0 * means, (4.0 * log_scales.exp() * a).clamp(0.11, 256.0)
    symbols = torch.round(a * (latents - means))
    normal = torch.distributions.Normal(0.0, scales)
    with codec.rate_control.at(torch.tensor([level])):
        rated = codec.latent_coding.forward(latents)
    torch.testing.assert_close(rated.values, symbols / a + means, rtol=1e-5, atol=1e-5)
    mass = normal.cdf(symbols + 0.5) - normal.cdf(symbols - 0.5)
    torch.testing.assert_close(
        rated.likelihoods["latents"], mass.clamp(min=2.0**-16), rtol=1e-3, atol=1e-5
    )


def test_what_the_hyperprior_is_told_is_the_same_at_every_level(images: torch.Tensor) -> None:
    codec = made(QVRF(LAMBDAS))
    of_level = [codec.compress(images, level=level)["strings"] for level in (0.0, 0.7, 2.0)]
    assert of_level[0][1] == of_level[1][1] == of_level[2][1], "z's strings"
    assert len({tuple(strings[0]) for strings in of_level}) == 3


def test_between_two_anchors_the_rate_rises_with_the_level(images: torch.Tensor) -> None:
    codec = made(QVRF(LAMBDAS, [0.25, 1.0, 4.0]))
    sizes = [
        sum(map(len, codec.compress(images, level=level)["strings"][0]))
        for level in torch.linspace(0.0, 2.0, 17).tolist()
    ]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[8] < sizes[16]


def test_rounding_passes_its_error_to_the_regulator() -> None:
    """d/da of r + (round(a r) − a r) / a is −(round(a r) − a r) / a²."""
    control = QVRF(LAMBDAS, [0.5, 1.0, 2.0])
    control.build(ConvolutionalTransform(channels=4, latent_channels=6))
    residual = 3.0 * torch.randn(2, 6, 5, 4)
    bins = RegulatedBins(control)
    with control.at(torch.tensor([1.5])):
        counted = bins.counted(residual)
        restored = bins.restored(MixedQuantizer().train()(counted).values, counted)
    restored.sum().backward()
    a = math.sqrt(2.0)
    error = torch.round(a * residual) - a * residual
    of_log_a = float((-error / a**2).sum() * a)  # half of it to each of the two anchors' logarithms
    expected = torch.tensor([0.0, 0.5 * of_log_a, 0.5 * of_log_a])
    torch.testing.assert_close(control.log_regulators.grad, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("learned", [True, False])
def test_regulators_are_trained_or_held(images: torch.Tensor, learned: bool) -> None:
    codec = made(QVRF(LAMBDAS, learned=learned), MixedQuantizer()).train()
    codec(images, torch.tensor([0.3, 1.6]))["x_hat"].sum().backward()
    gradient = codec.rate_control.log_regulators.grad
    assert (gradient is not None) == learned
    assert not learned or bool(gradient.all())


def test_a_decoder_that_does_not_follow_the_bins_is_out_of_step(images: torch.Tensor) -> None:
    """What is seen where the scales of the tables are those of bins one wide."""
    codec = made(QVRF(LAMBDAS))
    broken = copy.deepcopy(codec)
    assert broken.entropy_model.bins is not codec.entropy_model.bins
    broken.entropy_model.bins.log_scales = lambda log_scales: log_scales
    assert broken.compress(images, level=2.0) == codec.compress(images, level=2.0)
    other, right = (one.compress(images, level=0.0) for one in (broken, codec))
    assert other["strings"][0] != right["strings"][0]
    assert torch.equal(broken.decompress(**other)["x_hat"], codec.decompress(**right)["x_hat"])
    assert sum(map(len, right["strings"][0])) < sum(map(len, other["strings"][0]))


@pytest.mark.parametrize(
    "regulators", [[0.5, 1.0], [1.0, 0.5, 2.0], [0.0, 1.0, 2.0], [0.5, 1.0, math.inf]]
)
def test_regulators_that_do_not_rise_with_lambda_are_refused(regulators: list[float]) -> None:
    with pytest.raises(
        UsageError, match=r"regulators: .*; expected a positive number for each of 3"
    ):
        QVRF(LAMBDAS, regulators)


def test_an_entropy_model_whose_scales_can_not_follow_is_refused() -> None:
    transform = ConvolutionalTransform(channels=4, latent_channels=6)
    with pytest.raises(UsageError, match=r"QVRF needs .* given Factorized"):
        LearnedCodec(transform, entropy_model=Factorized(), rate_control=QVRF(LAMBDAS))
