"""Which network is trained next, and for how long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set

from lic_models.zoo.networks import Network

LEAST_MINUTES = 0.5
"""Less is not worth starting a process for."""
_SHORTEST, _LONGEST = 3.0, 15.0  # minutes of a slice, where nothing is said


def neighbour(network: Network, networks: Sequence[Network]) -> Network | None:
    """The network of the same family at the next lower λ; None for the first."""
    lower = [n for n in networks if n.family == network.family and n.lmbda < network.lmbda]
    return max(lower, key=lambda n: n.lmbda, default=None)


def next_network(
    networks: Sequence[Network], steps: Mapping[str, int], busy: Set[str]
) -> Network | None:
    """The network that has come least far, of those that wait; None where none does.

    Args:
        networks: all.
        steps: name → steps taken so far.
        busy: names of those that are being trained, or that can't be.
    """
    waiting = [n for n in networks if n.name not in busy and steps[n.name] < n.steps]
    # The largest first among equals: what is left at the end is then short.
    return min(
        waiting,
        key=lambda n: (steps[n.name] / n.steps, -n.lmbda, n.family),
        default=None,
    )


def slice_minutes(minutes: float, processes: int, networks: int) -> float:
    """How long a slice is where nothing is said: all networks get one, but for short budgets."""
    return min(_LONGEST, max(_SHORTEST, minutes * processes / max(1, networks)))
