"""Vector-quantised codings that are wrong in one place, and the promises that show it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lic_models.components import (
    EntropyConstrainedQuantizer,
    MultiCodebookQuantizer,
    SoftToHardQuantizer,
    VectorQuantisedCoding,
    VectorQuantizer,
)
from lic_models.components.entropy_coding.tables import FrequencyTables

CHANNELS, SIZE = 12, (5, 7)
Make = Callable[[], VectorQuantisedCoding]


def latents(seed: int = 0, batch: int = 3, size: tuple[int, int] = SIZE) -> Tensor:
    """(B, 12, h, w) of channels that are ever narrower, and depend on each other."""
    generator = torch.Generator().manual_seed(seed)
    widths = torch.linspace(4, 0.5, CHANNELS)[:, None, None]
    drawn = widths * torch.randn((batch, CHANNELS, *size), generator=generator)
    return drawn + drawn.roll(1, 1) / 2


def ready(
    quantizer: VectorQuantizer, coding: type[VectorQuantisedCoding] = VectorQuantisedCoding
) -> VectorQuantisedCoding:
    """Fitted to some latents, in evaluation mode, with tables."""
    made = coding(quantizer)
    made.build(CHANNELS, "Test")
    made.fit(latents(1, 20))
    quantizer.eval()
    made.update()
    return made


def decodes(make: Make) -> bool:
    """A decoder that coded nothing gets, to the bit, the values of evaluation mode."""
    given = latents()
    strings = [make().compress(latent) for latent in given]
    found = torch.stack([make().decompress(string, SIZE) for string in strings])
    return torch.equal(found, make().forward(given).values)


def takes_the_least_cost(make: Make) -> bool:
    """Each vector of the only stage has the centre of least cost, of equal ones the first."""
    coding, given = make(), latents()
    quantizer = coding.vector_quantizer
    assert quantizer.stages == 1
    centres = quantizer.centres.detach().double().numpy()
    costs = quantizer.index_model.all_bits().detach().double().numpy()
    of_cost = isinstance(quantizer, EntropyConstrainedQuantizer)
    weight = quantizer.weight if of_cost else 1.0
    for codebook, own in enumerate(np.split(centres, quantizer.codebook_count)):
        vectors = given[:, codebook :: quantizer.codebook_count].double().movedim(1, 3).numpy()
        cost = weight * ((vectors[..., None, :] - own) ** 2).sum(-1)
        if of_cost:
            cost += costs[codebook]
        if not np.array_equal(quantizer.indices(given)[:, codebook], cost.argmin(-1)):
            return False
    return True


PROMISES = [decodes, takes_the_least_cost]


def soft() -> VectorQuantisedCoding:
    """Nearest centres."""
    return ready(SoftToHardQuantizer(8, 3))


def constrained() -> VectorQuantisedCoding:
    """Least costs."""
    return ready(EntropyConstrainedQuantizer(8, 3, weight=0.3))


def staged() -> VectorQuantisedCoding:
    """Two stages."""
    return ready(MultiCodebookQuantizer(8, 3, stages=3))


def conditional() -> VectorQuantisedCoding:
    """Two stages, an index a pass."""
    return ready(MultiCodebookQuantizer(8, 3, "conditional", stages=2))


class WrapsIndices(VectorQuantisedCoding):
    """Takes any index modulo K."""

    def _entries(self, symbols: NDArray[np.int32]) -> NDArray[np.int32]:
        return symbols % self.vector_quantizer.entries


class OffByOne(VectorQuantisedCoding):
    """Decodes the entry after the one that was sent."""

    def decode(self, string: bytes, size: tuple[int, int]) -> Tensor:
        return (super().decode(string, size) + 1) % self.vector_quantizer.entries


class OffByOneOnBothSides(SoftToHardQuantizer):
    """Encoder and decoder agree on the entry after the nearest."""

    def choose(self, distances: Tensor, bits: Tensor) -> Tensor:
        return (super().choose(distances, bits) + 1) % self.entries


class LastOfEqual(SoftToHardQuantizer):
    """Of equally near centres the last."""

    def choose(self, distances: Tensor, bits: Tensor) -> Tensor:
        return self.entries - 1 - distances.flip(1).argmin(1)


class CentredOnTheBatch(SoftToHardQuantizer):
    """Distances are compared with what is usual among all that is chosen together."""

    def choose(self, distances: Tensor, bits: Tensor) -> Tensor:
        return (distances - distances.mean(0)).argmin(1)


class ForgetsTheBits(EntropyConstrainedQuantizer):
    """Trains with costs and codes the nearest."""

    def choose(self, distances: Tensor, bits: Tensor) -> Tensor:
        return distances.argmin(1)


class SumsFromTheLastStage(MultiCodebookQuantizer):
    """A decoder that adds the stages in another order than evaluation does."""

    def values(self, indices: Tensor) -> Tensor:
        self.stages_last_first = True
        return super().values(indices)

    def _looked_up(self, indices: Tensor) -> Tensor:
        if not getattr(self, "stages_last_first", False):
            return super()._looked_up(indices)
        books = self.centres.reshape(self.codebook_count, self.entries, self.dimensions)
        each = [book[index] for book, index in zip(books, indices, strict=True)]
        return sum(torch.stack(each).split(self._groups)[::-1], torch.zeros(()))


def with_equal_centres(quantizer: VectorQuantizer) -> VectorQuantisedCoding:
    """Every centre is there twice."""
    coding = ready(quantizer)
    with torch.no_grad():
        own = quantizer.codebooks.view(-1, quantizer.entries, quantizer.dimensions)
        own[:, 4:] = own[:, :4].flip(1)
    return coding


MUTANTS = {
    "an index off by one": (lambda: ready(SoftToHardQuantizer(8, 3), OffByOne), decodes),
    "an index off by one on both sides": (
        lambda: ready(OffByOneOnBothSides(8, 3)),
        takes_the_least_cost,
    ),
    "the last of equal ones": (
        lambda: with_equal_centres(LastOfEqual(8, 3)),
        takes_the_least_cost,
    ),
    "an assignment without the bits": (
        lambda: ready(ForgetsTheBits(8, 3, weight=0.3)),
        takes_the_least_cost,
    ),
    "stages added in another order": (
        lambda: ready(SumsFromTheLastStage(8, 3, stages=3)),
        decodes,
    ),
}
"""What is wrong → the coding, and the promise that it breaks."""


def as_if_of(entries: int, rows: int) -> FrequencyTables:
    """Tables of even frequencies, of so many entries."""
    return FrequencyTables.from_masses([np.full(entries, 1 / entries)] * rows, [0] * rows)
