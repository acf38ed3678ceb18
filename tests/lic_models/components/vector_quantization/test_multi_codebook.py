"""Multi-codebook: entries are drawn in training as often as the mixture says."""

from __future__ import annotations

import math

import pytest
import torch

from lic_models.components import MultiCodebookQuantizer
from pytest_lic.errors import UsageError


def test_draws_are_as_frequent_as_their_softmax() -> None:
    torch.manual_seed(0)
    quantizer = MultiCodebookQuantizer(3, 1, temperature_start=2.0)
    vectors, centres = torch.ones(40000, 1), torch.tensor([[0.0], [2.5], [3.0]])
    weights, values = quantizer.proxy(vectors, centres, torch.ones(1, 3))
    assert bool(((weights.detach() == 0) | ((weights.detach() - 1).abs() < 1e-6)).all())
    torch.testing.assert_close(values, weights.detach().round() @ centres)
    expected = (-torch.tensor([1.0, 2.25, 4.0]) / 2.0).softmax(0)
    torch.testing.assert_close(weights.detach().mean(0), expected, rtol=0, atol=0.01)


def test_cold_training_gives_what_coding_does() -> None:
    torch.manual_seed(0)
    quantizer = MultiCodebookQuantizer(4, 2, stages=3, temperature_end=1e-7)
    quantizer.build(4)
    quantizer.anneal(1.0)
    given = torch.randn(3, 4, 5, 6)
    trained, coded = quantizer(given), quantizer.eval()(given)
    torch.testing.assert_close(trained.values, coded.values, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(trained.likelihoods["indices"], coded.likelihoods["indices"])


def test_the_temperature_falls_geometrically_and_stays() -> None:
    quantizer = MultiCodebookQuantizer(temperature_start=1.0, temperature_end=0.01)
    found = []
    for progress in (-1.0, 0.0, 0.5, 1.0, 3.0):
        quantizer.anneal(progress)
        found.append(quantizer.temperature)
    assert found == pytest.approx([1, 1, 0.1, 0.01, 0.01])


def test_each_stage_has_frequencies_of_its_own() -> None:
    quantizer = MultiCodebookQuantizer(4, 2, stages=3)
    quantizer.build(4)
    assert quantizer.codebook_count == 6
    assert quantizer.index_model.rows == 6


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"stages": 0}, "stages: 0; expected 1 to 8"),
        ({"stages": 9}, "stages: 9; expected 1 to 8"),
        ({"temperature_end": 0.0}, "temperature_end: 0"),
        ({"temperature_start": 0.01, "temperature_end": 0.1}, "temperature_start: 0.01"),
        ({"weight": math.nan}, "weight: nan"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, said) -> None:
    with pytest.raises(UsageError, match=said):
        MultiCodebookQuantizer(**arguments)
