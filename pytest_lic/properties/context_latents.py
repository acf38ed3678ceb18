"""What context models are given in a search: latents of a size, and how a place in them is told."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from hypothesis import strategies as st
from torch import Tensor

from pytest_lic.context_model import MOST_SIDE, ContextModel, ContextModelUnderTest

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Latents:
    """Latents of a size, and one element that is changed.

    ``seed`` draws the values. ``place`` counts through (C, h, w), and what stands there is changed
    by ``change``.
    """

    shape: Shape
    seed: int
    place: int = 0
    change: float = 0.0

    def values(self, batch: int = 1) -> Tensor:
        """Whole numbers, float64 (B, C, h, w)."""
        generator = torch.Generator().manual_seed(self.seed)
        drawn = torch.randn(batch, *self.shape, generator=generator, dtype=torch.float64)
        return (3 * drawn).round()

    def changed(self) -> Tensor:
        """The same, with the change, (1, C, h, w)."""
        values = self.values()
        values.view(-1)[self.place] += self.change
        return values


class Built:
    """One model for each number of channels, built when it is asked for."""

    def __init__(self, subject: ContextModelUnderTest) -> None:
        self._subject = subject
        self._models: dict[int, ContextModel] = {}

    def __call__(self, shape: Shape) -> ContextModel:
        """The model for latents of this shape; the same object for the same number of channels."""
        channels = shape[0]
        if channels not in self._models:
            self._models[channels] = self._subject.build(channels)
        return self._models[channels]


def shapes_of(subject: ContextModelUnderTest, least: int = 1) -> st.SearchStrategy[Shape]:
    """Shapes (C, h, w) that it takes, of sides from ``least`` on."""
    side = st.integers(least, MOST_SIDE)
    return st.tuples(st.sampled_from(sorted(subject.channels)), side, side)


def latents_of(subject: ContextModelUnderTest, changed: bool = False) -> st.SearchStrategy[Latents]:
    """Latents of any shape that it takes; with an element that is changed, if asked for."""
    seeds = st.integers(0, 2**16)
    if not changed:
        return st.builds(Latents, shapes_of(subject), seeds)
    changes = st.sampled_from([1.0, -1.0, 5.0, -17.0, 1000.0])

    def of(shape: Shape) -> st.SearchStrategy[Latents]:
        places = st.integers(0, math.prod(shape) - 1)
        return st.builds(Latents, st.just(shape), seeds, places, changes)

    return shapes_of(subject).flatmap(of)


def places_of(model: ContextModel, shape: Shape) -> list[Tensor]:
    """The positions of each declared pass, int64, ascending through (C, h, w)."""
    schedule = torch.as_tensor(model.schedule(*shape[1:])).reshape(-1)
    return [(schedule == number).nonzero()[:, 0] for number in range(model.passes(*shape[1:]))]


def place_of(place: int, shape: Shape) -> str:
    """A place that counts through (C, h, w), as channel, row and column."""
    _, height, width = shape
    channel, rest = divmod(place, height * width)
    return told([channel, *divmod(rest, width)])


def told(place: list[int]) -> str:
    """Channel, row and column."""
    return f"({', '.join(map(str, place))})"


def dimensions(shape: tuple[int, ...]) -> str:
    """Such as 2 × 3 × 3."""
    return " × ".join(map(str, shape))


def shown_shape(shape: Shape) -> str:
    """A shape, as an example is shown."""
    return f"a latent {dimensions(shape)}"


def shown(latents: Latents) -> str:
    """Latents, as an example is shown."""
    return f"a latent {dimensions(latents.shape)} of the seed {latents.seed}"


def shown_change(latents: Latents) -> str:
    """The same with what is changed."""
    where = place_of(latents.place, latents.shape)
    return f"{shown(latents)}, changed by {latents.change:g} at {where}"
