"""Entropy-constrained vector quantization: distances and bits weighed against each other."""

from __future__ import annotations

import math

from torch import Tensor
from torch.nn import functional as F

from lic_models.components.vector_quantization.base import UNIT_STEP_WEIGHT, VectorQuantizer
from lic_models.components.vector_quantization.centres import squared_distances
from lic_models.components.vector_quantization.index_models import IndexModelName
from pytest_lic.errors import UsageError


class EntropyConstrainedQuantizer(VectorQuantizer):
    """The entry of least weight · ‖z − c‖² + bits, in training as in coding.

    Chou, Lookabaugh and Gray, "Entropy-constrained vector quantization", IEEE Trans. ASSP 1989,
    https://doi.org/10.1109/29.17498; with a learnt transform Ballé et al., "Nonlinear transform
    coding", 2020, https://arxiv.org/abs/2007.03034. The codebook is moved by the distortion of what
    is decoded and by its own, and the frequencies by the rate. Gradients pass straight through to
    the latent; those of its rate are of the assignment exp(−cost), of which the one taken is the
    likeliest, and of the weighed error.

    An entry that is never taken loses its frequency, costs more, and stays dead: none is seeded
    again. At low rates that is what an entropy constraint asks for; see `CodebookUse`.

    Args:
        entries: see `VectorQuantizer`.
        dimensions: see `VectorQuantizer`.
        index_model: see `VectorQuantizer`.
        weight: see `VectorQuantizer`; by default that of a start from principal components.

    Raises:
        UsageError: an argument outside its range.
    """

    def __init__(
        self,
        entries: int = 64,
        dimensions: int = 4,
        index_model: IndexModelName = "frequencies",
        weight: float = UNIT_STEP_WEIGHT,
    ) -> None:
        super().__init__(entries, dimensions, index_model)
        if not 0 < weight < math.inf:
            raise UsageError(f"weight: {weight:g}; expected a positive number")
        self.weight = weight

    def proxy(self, vectors: Tensor, centres: Tensor, bits: Tensor) -> tuple[Tensor, Tensor]:
        """The entry taken, and its centre; see `VectorQuantizer.proxy`."""
        costs = self.weight * squared_distances(vectors, centres) + bits
        soft = (-math.log(2.0) * costs).softmax(1)
        taken = costs.argmin(1)
        weights = F.one_hot(taken, self.entries).to(soft) + soft - soft.detach()
        return weights, centres[taken]

    def choose(self, distances: Tensor, bits: Tensor) -> Tensor:
        """The entry of least cost."""
        return (self.weight * distances + bits).argmin(1)
