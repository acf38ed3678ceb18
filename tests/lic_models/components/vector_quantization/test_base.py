"""What every vector quantizer does: groups, stages, look-ups, and a start from latents."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from lic_models.components import (
    EntropyConstrainedQuantizer,
    MultiCodebookQuantizer,
    SoftToHardQuantizer,
    VectorQuantizer,
)
from pytest_lic.errors import UsageError
from tests.helpers.index_mutants import latents

KINDS = [SoftToHardQuantizer, EntropyConstrainedQuantizer, MultiCodebookQuantizer]


def with_centres(quantizer: VectorQuantizer, channels: int, centres: Tensor) -> VectorQuantizer:
    """A quantizer in evaluation mode with these centres (C, K, d)."""
    quantizer.build(channels)
    with torch.no_grad():
        quantizer.codebooks.copy_(centres.flatten(0, 1) / 16)
    return quantizer.eval()


def test_a_worked_example_of_groups_and_stages() -> None:
    # Four channels in two groups of two: channels 0 and 2, and 1 and 3.
    centres = torch.tensor(
        [
            [[0.0, 0.0], [10.0, 20.0]],
            [[1.0, 1.0], [-5.0, 5.0]],
            [[0.0, 0.0], [0.5, -0.5]],
            [[0.0, 1.0], [1.0, 0.0]],
        ]
    )
    quantizer = with_centres(MultiCodebookQuantizer(2, 2, stages=2), 4, centres)
    given = torch.tensor([10.4, -5.0, 19.6, 6.1]).view(1, 4, 1, 1)
    assert quantizer.indices(given).flatten().tolist() == [1, 1, 1, 0]
    expected = [10.5, -5.0, 19.5, 6.0]
    assert quantizer(given).values.flatten().tolist() == expected
    assert (
        quantizer.values(torch.tensor([1, 1, 1, 0]).view(1, 4, 1, 1)).flatten().tolist() == expected
    )


@pytest.mark.parametrize("kind", KINDS)
def test_evaluation_gives_the_values_and_likelihoods_of_its_indices(kind) -> None:
    quantizer = kind(8, 3)
    quantizer.build(12)
    quantizer.fit(latents(1, 20))
    quantizer.eval()
    given = latents()
    indices, rated = quantizer.indices(given), quantizer(given)
    assert indices.shape == (3, quantizer.codebook_count, 5, 7)
    assert torch.equal(quantizer.values(indices), rated.values)
    bits = quantizer.index_model.all_bits()
    expected = torch.stack([bits[c][indices[:, c]] for c in range(quantizer.codebook_count)], 1)
    torch.testing.assert_close(-rated.likelihoods["indices"].log2(), expected)
    assert bool((rated.likelihoods["indices"] > 0).all())


@pytest.mark.parametrize("kind", KINDS)
def test_fitted_codebooks_lose_less_than_random_ones(kind) -> None:
    given = latents(1, 20)
    errors = []
    for fitted in (False, True):
        torch.manual_seed(0)
        quantizer = kind(16, 3)
        quantizer.build(12)
        if fitted:
            quantizer.fit(given)
        errors.append(float((quantizer.eval()(given).values - given).square().mean().detach()))
    assert errors[1] < 0.5 * errors[0]


def test_later_stages_leave_less() -> None:
    given, errors = latents(1, 20), []
    for stages in (1, 2, 3):
        quantizer = MultiCodebookQuantizer(8, 3, stages=stages)
        quantizer.build(12)
        quantizer.fit(given)
        errors.append(float((quantizer.eval()(given).values - given).square().mean().detach()))
    assert errors[0] > 1.5 * errors[1] > 1.5**2 * errors[2]


@pytest.mark.parametrize("kind", KINDS)
def test_training_follows_the_rate_and_the_distortion(kind) -> None:
    """Some steps on latents alone: error and bits, as they would be coded, fall."""
    torch.manual_seed(0)
    quantizer, given = kind(8, 3), latents(1, 20)
    quantizer.build(12)
    quantizer.fit(latents(2, 20) * 1.5 + 0.5)
    optimizer = torch.optim.Adam(quantizer.parameters(), lr=2e-3)

    def cost() -> Tensor:
        rated = quantizer(given)
        bits = -rated.likelihoods["indices"].log2().sum()
        return (rated.values - given).square().sum() + 0.1 * bits

    before = float(cost().detach() if quantizer.eval() else 0)
    for step in range(60):
        quantizer.train().anneal(step / 60)
        optimizer.zero_grad()
        cost().backward()
        optimizer.step()
    quantizer.eval()
    assert float(cost().detach()) < 0.9 * before


def test_too_few_positions_for_the_entries_are_refused() -> None:
    quantizer = SoftToHardQuantizer(64, 3)
    quantizer.build(12)
    with pytest.raises(UsageError, match="35 positions for codebooks of 64 entries"):
        quantizer.fit(latents(0, 1))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"entries": 1}, "entries: 1; expected 2 to 4096"),
        ({"entries": 5000}, "entries: 5000; expected 2 to 4096"),
        ({"dimensions": 0}, "dimensions: 0; expected at least 1"),
        (
            {"index_model": "even"},
            "index_model: 'even'; expected uniform, frequencies, conditional",
        ),
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_arguments_out_of_range_are_refused(kind, arguments, said) -> None:
    with pytest.raises(UsageError, match=said):
        kind(**arguments)
