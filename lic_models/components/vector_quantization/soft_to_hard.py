"""Soft-to-hard vector quantization: soft assignments that harden over training."""

from __future__ import annotations

import math

from torch import Tensor

from lic_models.components.vector_quantization.base import VectorQuantizer
from lic_models.components.vector_quantization.centres import in_nearest, squared_distances
from lic_models.components.vector_quantization.index_models import IndexModelName
from pytest_lic.errors import UsageError


class SoftToHardQuantizer(VectorQuantizer):
    """Every centre takes part as softmax(−σ‖z − c‖²) says, with σ rising over training.

    Agustsson, Mentzer, Tschannen, Cavigelli, Timofte, Benini and Van Gool, "Soft-to-hard vector
    quantization for end-to-end learning compressible representations", NeurIPS 2017,
    https://arxiv.org/abs/1704.00648. Values in training are the means of the centres with these
    weights; the rate is the cross-entropy of the weights' histogram with the indices' frequencies,
    which its section 3 has as an upper bound on the entropy. Coding takes the nearest centre.

    Args:
        entries: see `VectorQuantizer`.
        dimensions: see `VectorQuantizer`.
        index_model: see `VectorQuantizer`.
        sigma_start: σ at the start of training, in units of one over the mean squared
            distance to the nearest centre.
        sigma_end: σ at its end; it moves geometrically.

    Raises:
        UsageError: an argument outside its range.
    """

    def __init__(
        self,
        entries: int = 64,
        dimensions: int = 4,
        index_model: IndexModelName = "frequencies",
        sigma_start: float = 3.0,
        sigma_end: float = 20.0,
    ) -> None:
        super().__init__(entries, dimensions, index_model)
        if not 0 < sigma_start <= sigma_end < math.inf:
            raise UsageError(
                f"sigma_start: {sigma_start:g}, sigma_end: {sigma_end:g}; expected positive "
                "numbers, the end not below the start"
            )
        self.sigma_start = sigma_start
        self.sigma_end = sigma_end
        self.sigma = sigma_start

    def anneal(self, progress: float) -> None:
        """Set σ for this part of training, from 0 to 1; beyond, it stays at its end."""
        part = min(max(progress, 0.0), 1.0)
        self.sigma = self.sigma_start ** (1 - part) * self.sigma_end**part

    def proxy(self, vectors: Tensor, centres: Tensor, bits: Tensor) -> tuple[Tensor, Tensor]:
        """Soft assignments and the means that they make; see `VectorQuantizer.proxy`."""
        weights = (-self.sigma * in_nearest(squared_distances(vectors, centres))).softmax(1)
        return weights, weights @ centres
