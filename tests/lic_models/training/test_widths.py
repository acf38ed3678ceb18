"""All widths are trained in one step, each with its own λ."""

from __future__ import annotations

import pytest
import torch

from lic_models.components import SlimmableEntropyModel, SlimmableTransform
from lic_models.components.slimmable import at_width
from lic_models.training.loss import rate_distortion_loss
from lic_models.training.module import CodecTraining
from lic_models.training.widths import mean_over_widths


def training_of_two_widths() -> CodecTraining:
    torch.manual_seed(0)
    transform = SlimmableTransform([(2, 3), (4, 8)], kernel_sizes=(3, 3, 3, 3))
    training = CodecTraining(transform, entropy_model=SlimmableEntropyModel([3, 8]), lmbda=0.01)
    assert training.width_lambdas == [0.01, 0.01]
    return training


def test_the_loss_is_the_mean_of_what_each_width_has_with_its_own_lambda() -> None:
    training = training_of_two_widths().eval()
    training.width_lambdas = [0.002, 0.05]
    images = torch.rand(1, 3, 32, 32)
    expected = []
    for index, lmbda in enumerate(training.width_lambdas):
        with at_width(training.codec, index):
            loss = rate_distortion_loss(training.codec(images), images, lmbda)
            expected.append(float(loss.total))
    found = mean_over_widths(
        training,
        lambda lmbda: {
            "loss": rate_distortion_loss(training.codec(images), images, lmbda).total,
        },
    )
    assert found["loss"].item() == pytest.approx(sum(expected) / 2)
    assert expected[0] != pytest.approx(expected[1], rel=0.1)


def test_a_step_reaches_the_weights_of_every_width() -> None:
    training = training_of_two_widths()
    training._rated_eagerly(torch.rand(1, 3, 32, 32))["loss"].backward()
    for name, parameter in training.codec.named_parameters():
        if not name.endswith("quantiles"):
            assert parameter.grad is not None, name


def test_a_codec_of_one_width_is_rated_once_with_the_lambda_of_the_run() -> None:
    training = CodecTraining(lmbda=0.03)
    assert training.width_lambdas == []
    asked = []
    mean_over_widths(training, lambda lmbda: asked.append(lmbda) or {})
    assert asked == [0.03]
