"""Soft-to-hard: assignments are a softmax of distances, and harden as σ rises."""

from __future__ import annotations

import math

import pytest
import torch

from lic_models.components import SoftToHardQuantizer
from pytest_lic.errors import UsageError


def test_weights_and_values_of_small_numbers() -> None:
    quantizer = SoftToHardQuantizer(2, 1, sigma_start=2.0)
    weights, values = quantizer.proxy(
        torch.tensor([[1.0]]), torch.tensor([[0.0], [3.0]]), torch.ones(1, 2)
    )
    # Squared distances 1 and 4, the nearest 1: softmax of −2 and −8.
    far = 1 / (1 + math.exp(6))
    torch.testing.assert_close(weights, torch.tensor([[1 - far, far]]))
    torch.testing.assert_close(values, torch.tensor([[3 * far]]))


def test_sigma_rises_geometrically_and_stays() -> None:
    quantizer = SoftToHardQuantizer(sigma_start=1.0, sigma_end=16.0)
    sigmas = []
    for progress in (-1.0, 0.0, 0.25, 0.5, 1.0, 3.0):
        quantizer.anneal(progress)
        sigmas.append(quantizer.sigma)
    assert sigmas == pytest.approx([1, 1, 2, 4, 16, 16])


def test_the_trained_rate_is_the_cross_entropy_of_the_soft_histogram() -> None:
    torch.manual_seed(0)
    quantizer = SoftToHardQuantizer(4, 2)
    quantizer.build(2)
    with torch.no_grad():
        quantizer.index_model.log_frequencies.normal_(std=0.2)
    given = torch.randn(3, 2, 5, 6)
    rated = quantizer(given)
    vectors = given.movedim(1, 3).reshape(-1, 2)
    weights, _ = quantizer.proxy(vectors, quantizer.centres, torch.ones(1, 4))
    expected = (weights.sum(0) * quantizer.index_model.all_bits()[0]).sum()
    torch.testing.assert_close(-rated.likelihoods["indices"].log2().sum(), expected)


def test_hardened_training_gives_what_coding_does() -> None:
    torch.manual_seed(0)
    quantizer = SoftToHardQuantizer(4, 2, sigma_end=1e6)
    quantizer.build(4)
    quantizer.anneal(1.0)
    given = torch.randn(3, 4, 5, 6)
    torch.testing.assert_close(quantizer(given).values, quantizer.eval()(given).values)


@pytest.mark.parametrize("sigmas", [(0.0, 1.0), (2.0, 1.0), (1.0, math.inf)])
def test_sigmas_out_of_range_are_refused(sigmas: tuple[float, float]) -> None:
    with pytest.raises(UsageError, match="sigma_start"):
        SoftToHardQuantizer(sigma_start=sigmas[0], sigma_end=sigmas[1])
