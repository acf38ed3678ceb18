"""Index models: what an index costs follows from its codebook, and from the index before."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lic_models.components.vector_quantization.index_models import (
    ConditionalFrequencies,
    IndexFrequencies,
    UniformIndices,
)
from pytest_lic.errors import CodecError, UsageError

INDICES = torch.tensor([[0, 0, 0, 1, 1, 2], [2, 2, 2, 0, 0, 1]])


def test_uniform_indices_cost_as_much_whichever_they_are() -> None:
    model = UniformIndices(2, 64)
    assert torch.equal(model.all_bits(), torch.full((1, 64), 6.0))
    row = model.make_tables().row(0)[:-1] / 2**16
    assert -(np.log2(row) / 64).sum() == pytest.approx(6, abs=0.002)
    assert not (row == row[0]).all()


def test_frequencies_are_those_counted_with_half_a_time_added() -> None:
    model = IndexFrequencies(2, 3)
    model.count(INDICES)
    expected = torch.tensor([[3.5, 2.5, 1.5], [2.5, 1.5, 3.5]]) / 7.5
    torch.testing.assert_close(torch.exp2(-model.all_bits()), expected)
    tables = model.make_tables()
    assert tables.count == 2
    for row, masses in zip(range(2), expected, strict=True):
        np.testing.assert_allclose(tables.row(row)[:-1] / 2**16, masses, atol=2 / 2**16)


def test_conditions_are_the_indices_before() -> None:
    model = ConditionalFrequencies(2, 3)
    model.count(INDICES)
    masses = torch.exp2(-model.all_bits())
    torch.testing.assert_close(masses[0], torch.tensor([3.5, 2.5, 1.5]) / 7.5)
    torch.testing.assert_close(masses[3 + 0], torch.tensor([0.5, 0.5, 3.5]) / 4.5)
    torch.testing.assert_close(masses[3 + 1], torch.tensor([2.5, 0.5, 0.5]) / 3.5)
    assert model.row_of(1, torch.tensor([2, 0])).tolist() == [5, 3]
    assert model.make_tables().count == 6


def test_conditions_of_large_codebooks_are_refused() -> None:
    with pytest.raises(UsageError, match=r"65² frequencies .* at most 64"):
        ConditionalFrequencies(2, 65)


def test_frequencies_that_are_not_finite_make_no_tables() -> None:
    model = IndexFrequencies(2, 3)
    with torch.no_grad():
        model.log_frequencies[0, 0] = torch.inf
    with pytest.raises(CodecError, match="not finite"):
        model.make_tables()


def test_the_rate_trains_frequencies_towards_those_that_come() -> None:
    model = IndexFrequencies(1, 3)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(300):
        optimizer.zero_grad()
        model.all_bits()[0, INDICES[0]].mean().backward()
        optimizer.step()
    expected = torch.tensor([[3.0, 2.0, 1.0]]) / 6
    torch.testing.assert_close(torch.exp2(-model.all_bits()), expected, rtol=0.01, atol=0)
