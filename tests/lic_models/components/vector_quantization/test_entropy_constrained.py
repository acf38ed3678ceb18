"""Entropy-constrained: an entry that is nearer loses to one that costs fewer bits."""

from __future__ import annotations

import math

import pytest
import torch

from lic_models.components import EntropyConstrainedQuantizer
from pytest_lic.errors import UsageError


def test_the_nearer_entry_is_taken_only_where_its_bits_are_worth_it() -> None:
    quantizer = EntropyConstrainedQuantizer(2, 1, weight=2.0)
    distances = torch.tensor([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]])
    bits = torch.tensor([[1.0, 2.9], [1.0, 3.0], [1.0, 3.1]])
    assert quantizer.choose(distances, bits).tolist() == [1, 0, 0]  # of equal costs the first


def test_training_rates_the_entry_that_coding_takes() -> None:
    torch.manual_seed(0)
    quantizer = EntropyConstrainedQuantizer(8, 2, weight=0.7)
    quantizer.build(4)
    with torch.no_grad():
        quantizer.index_model.log_frequencies.normal_(std=0.2)
    given = torch.randn(3, 4, 5, 6)
    trained, coded = quantizer.train()(given), quantizer.eval()(given)
    torch.testing.assert_close(trained.values, coded.values)
    torch.testing.assert_close(trained.likelihoods["indices"], coded.likelihoods["indices"])


def test_gradients_are_straight_through_and_those_of_the_cost() -> None:
    quantizer = EntropyConstrainedQuantizer(2, 1, "uniform", weight=2.0)
    quantizer.build(1)
    with torch.no_grad():
        quantizer.codebooks.copy_(torch.tensor([[0.0], [4.0]]) / 16)
    given = torch.tensor(1.0).view(1, 1, 1, 1).requires_grad_()
    rated = quantizer(given)
    rated.values.sum().backward()
    assert float(given.grad) == 1
    assert (quantizer.codebooks.grad * 16).flatten().tolist() == [256, 0]  # in sixteenths
    given.grad = None
    # Uniform bits have no slope, so that of the rate is the weighed error's: 2 · 2 · (1 − 0).
    (-quantizer(given).likelihoods["indices"].log2()).sum().backward()
    assert float(given.grad) == pytest.approx(4, rel=1e-5)


@pytest.mark.parametrize("weight", [0.0, -1.0, math.inf, math.nan])
def test_a_weight_out_of_range_is_refused(weight: float) -> None:
    with pytest.raises(UsageError, match="weight"):
        EntropyConstrainedQuantizer(weight=weight)
