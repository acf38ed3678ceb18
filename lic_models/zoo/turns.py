"""Which network is trained next, and for how long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set

from lic_models.zoo.networks import Network

LEAST_MINUTES = 0.5
"""Less is not worth starting a process for."""
_SETTLED = 0.1
_SHORTEST, _LONGEST = 3.0, 15.0  # minutes of a slice, where nothing is said


def start(
    network: Network, networks: Sequence[Network], pixels: Mapping[str, int]
) -> Network | None:
    """The network whose weights another begins with; None for the start that its config names.

    That of the same family at the next lower λ, if it is of the same size and has settled. (A
    wider one has more to gain from a start of its own: what a narrow one has lost, its weights
    can't give.)

    Args:
        network: that begins.
        networks: all.
        pixels: name → pixels that it has been trained on so far.
    """
    lower = [n for n in networks if n.family == network.family and n.lmbda < network.lmbda]
    neighbour = max(lower, key=lambda n: n.lmbda, default=None)
    if neighbour is None or neighbour.components != network.components:
        return None
    return neighbour if pixels[neighbour.name] >= _SETTLED * neighbour.goal else None


def next_network(
    networks: Sequence[Network], pixels: Mapping[str, int], busy: Set[str]
) -> Network | None:
    """The network that has come least far, of those that wait; None where none does.

    Args:
        networks: all.
        pixels: name → pixels that it has been trained on so far.
        busy: names of those that are being trained, or that can't be.
    """
    waiting = [n for n in networks if n.name not in busy and pixels[n.name] < n.goal]
    # The largest first among equals: what is left at the end is then short.
    return min(
        waiting,
        key=lambda n: (pixels[n.name] / n.goal, -n.lmbda, n.family),
        default=None,
    )


def slice_minutes(minutes: float, processes: int, networks: int) -> float:
    """How long a slice is where nothing is said: all networks get one, but for short budgets."""
    return min(_LONGEST, max(_SHORTEST, minutes * processes / max(1, networks)))
