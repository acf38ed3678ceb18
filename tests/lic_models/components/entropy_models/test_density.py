"""The learned density of a channel: to the bit what CompressAI makes of the same weights."""

from __future__ import annotations

import pytest
import torch
from compressai.entropy_models import EntropyBottleneck

from lic_models.components.entropy_models.density import Density
from tests.helpers.entropy_cases import compressais, random_density

C = 7


def test_a_fresh_density_draws_and_names_its_weights_as_compressai() -> None:
    torch.manual_seed(0)
    expected, drawn = EntropyBottleneck(C).state_dict(), torch.rand(1)
    torch.manual_seed(0)
    found = Density(C).state_dict()
    assert torch.rand(1) == drawn
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        assert torch.equal(found[name], tensor), name
        assert found[name].dtype == tensor.dtype


@pytest.mark.parametrize("seed", range(3))
def test_logits_quantiles_and_their_loss_are_compressais_to_the_bit(seed: int) -> None:
    density = random_density(C, seed)
    theirs = compressais(density)
    values = 20 * torch.randn(C, 1, 50)
    assert torch.equal(density.logits(values), theirs._logits_cumulative(values, False))
    loss, expected = density.quantile_loss(), theirs.loss()
    assert torch.equal(loss, expected)
    loss.backward()
    expected.backward()
    assert torch.equal(density.quantiles.grad, theirs.quantiles.grad)
    assert all(matrix.grad is None for matrix in density.matrices)
    density.find_quantiles()
    theirs._update_quantiles()
    assert torch.equal(density.quantiles, theirs.quantiles)


def test_quantiles_beyond_the_search_end_at_its_edge() -> None:
    density = Density(1)
    with torch.no_grad():
        density.matrices[0].fill_(-30.0)  # so flat that the tails are far away
    density.find_quantiles()
    assert density.quantiles.flatten().abs().max() == 1e5


def test_density_masses_keep_their_digits_in_single_precision() -> None:
    density = random_density(C)
    edges = torch.tensor([-150.0, -40.0, 40.0, 150.0]).expand(1, C, 1, -1)
    single = density.mass(edges, edges + 1)
    double = density.double().mass(edges.double(), edges.double() + 1)
    assert double.min() < 1e-9
    torch.testing.assert_close(single.double(), double, rtol=1e-3, atol=0)
