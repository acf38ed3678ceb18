"""Whose turn it is: the network that has come least far, whoever is busy left alone."""

from __future__ import annotations

from pathlib import Path

from lic_models.zoo.networks import Network
from lic_models.zoo.turns import next_network, slice_minutes, start


def network(family: str, quality: int, goal: int = 100, width: int = 8) -> Network:
    lmbda, components = 0.01 * quality, {"channels": width}
    return Network(Path("c.yaml"), family, str(quality), lmbda, goal, 10, components, Path("runs"))


def test_the_one_that_has_come_least_far_is_next() -> None:
    networks = [network("a", 1), network("a", 2, goal=1000), network("b", 1)]
    pixels = {"a-1": 50, "a-2": 400, "b-1": 60}
    assert next_network(networks, pixels, set()) == networks[1]  # 40 % of its own way
    assert next_network(networks, pixels, {"a-2"}) == networks[0]
    assert next_network(networks, pixels, {"a-2", "a-1", "b-1"}) is None


def test_among_equals_the_largest_is_first() -> None:
    networks = [network("b", 1), network("b", 2), network("a", 2)]
    pixels = {each.name: 0 for each in networks}
    assert next_network(networks, pixels, set()) == networks[2]


def test_one_that_has_come_to_its_end_has_no_turn() -> None:
    networks = [network("a", 1), network("a", 2)]
    assert next_network(networks, {"a-1": 100, "a-2": 120}, set()) is None


def test_a_slice_is_as_long_as_lets_all_have_one_within_bounds() -> None:
    assert slice_minutes(40, processes=2, networks=8) == 10
    assert slice_minutes(600, processes=2, networks=8) == 15
    assert slice_minutes(9, processes=2, networks=32) == 3


def test_a_network_starts_from_its_settled_neighbour_of_the_same_size() -> None:
    first, second, wide, other = networks = [
        network("a", 1),
        network("a", 2),
        network("a", 3, width=16),
        network("b", 2),
    ]
    settled = {"a-1": 10, "a-2": 10, "a-3": 0, "b-2": 50}
    assert start(second, networks, settled) == first
    assert start(second, networks, settled | {"a-1": 9}) is None
    assert start(first, networks, settled) is None
    assert start(wide, networks, settled) is None
    assert start(other, networks, settled) is None
