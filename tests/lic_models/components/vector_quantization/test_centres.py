"""Centres: distances are exact, and where they begin follows the vectors."""

from __future__ import annotations

import torch

from lic_models.components.vector_quantization.centres import (
    first_centres,
    in_nearest,
    squared_distances,
)


def test_distances_of_small_numbers() -> None:
    found = squared_distances(torch.tensor([[1.0, 2.0], [0.0, -1.0]]), torch.tensor([[1.0, 0.0]]))
    assert found.tolist() == [[4.0], [2.0]]


def test_a_usual_error_is_one() -> None:
    found = in_nearest(torch.tensor([[2.0, 6.0], [8.0, 4.0]]))
    torch.testing.assert_close(found, torch.tensor([[2.0, 6.0], [8.0, 4.0]]) / 3)


def test_clusters_that_lie_apart_are_found() -> None:
    middles = torch.tensor([[0.0, 0.0], [50.0, 0.0], [0.0, 50.0], [50.0, 50.0]])
    noise = torch.randn((4, 100, 2), generator=torch.Generator().manual_seed(1))
    vectors = (middles[:, None] + noise).flatten(0, 1)
    found = first_centres(vectors, 4, seed=0)
    expected = (middles[:, None] + noise).mean(1).double()
    nearest = squared_distances(expected, found).amin(1)
    assert bool((nearest < 1e-9).all())


def test_the_same_seed_gives_the_same_centres() -> None:
    vectors = torch.randn((300, 3), generator=torch.Generator().manual_seed(1))
    assert torch.equal(first_centres(vectors, 16, 3), first_centres(vectors, 16, 3))
    assert not torch.equal(first_centres(vectors, 16, 3), first_centres(vectors, 16, 4))


def test_fewer_different_vectors_than_centres_make_centres_that_are_there_twice() -> None:
    vectors = torch.tensor([[1.0, 0.0], [2.0, 0.0]]).repeat(10, 1)
    found = first_centres(vectors, 5, seed=0)
    assert bool(torch.isfinite(found).all())
    assert set(found[:, 0].tolist()) == {1.0, 2.0}
