"""Several codebooks for one vector: each quantises what the earlier ones left."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from lic_models.components.vector_quantization.base import UNIT_STEP_WEIGHT, VectorQuantizer
from lic_models.components.vector_quantization.centres import in_nearest, squared_distances
from lic_models.components.vector_quantization.index_models import IndexModelName
from pytest_lic.errors import UsageError

MOST_STAGES = 8


class MultiCodebookQuantizer(VectorQuantizer):
    """Residual stages, trained with Gumbel-softmax draws; coding takes the nearest centres.

    Zhu, Song, Gao, Zheng and Shen, "Unified multivariate Gaussian mixture for efficient neural
    image compression", CVPR 2022, https://arxiv.org/abs/2203.10897; Jang, Gu and Poole,
    "Categorical reparameterization with Gumbel-softmax", ICLR 2017,
    https://arxiv.org/abs/1611.01144. A vector is taken for a draw of a mixture of Gaussians around
    the centres, of variance T/2: an entry is drawn with probability softmax(−‖z − c‖² / T). T falls
    over training, and with it both the noise and the softness. Gradients of the rate are those of
    the softmax that is drawn from; those of the distortion pass straight through, since with the
    softmax's a codec of 48 latent channels got worse as it was trained.

    In the paper, stages work on ever smaller latents; here all have the size of the one.

    Args:
        entries: see `VectorQuantizer`; of the codebook of each stage.
        dimensions: see `VectorQuantizer`.
        index_model: see `VectorQuantizer`; each stage has its own frequencies.
        stages: how many, 1 to 8.
        temperature_start: T at the start of training, in units of the mean squared distance to the
            nearest centre.
        temperature_end: T at its end; it moves geometrically.
        weight: see `VectorQuantizer`.

    Raises:
        UsageError: an argument outside its range.
    """

    def __init__(
        self,
        entries: int = 64,
        dimensions: int = 4,
        index_model: IndexModelName = "frequencies",
        stages: int = 2,
        temperature_start: float = 0.3,
        temperature_end: float = 0.03,
        weight: float = UNIT_STEP_WEIGHT,
    ) -> None:
        super().__init__(entries, dimensions, index_model)
        if not 1 <= stages <= MOST_STAGES:
            raise UsageError(f"stages: {stages}; expected 1 to {MOST_STAGES}")
        if not 0 < temperature_end <= temperature_start < math.inf:
            raise UsageError(
                f"temperature_start: {temperature_start:g}, temperature_end: {temperature_end:g}; "
                "expected positive numbers, the end not above the start"
            )
        if not 0 < weight < math.inf:
            raise UsageError(f"weight: {weight:g}; expected a positive number")
        self.stages = stages
        self.weight = weight
        self.temperature_start = temperature_start
        self.temperature_end = temperature_end
        self.temperature = temperature_start

    def anneal(self, progress: float) -> None:
        """Set T for this part of training, from 0 to 1; beyond, it stays at its end."""
        part = min(max(progress, 0.0), 1.0)
        self.temperature = self.temperature_start ** (1 - part) * self.temperature_end**part

    def proxy(self, vectors: Tensor, centres: Tensor, bits: Tensor) -> tuple[Tensor, Tensor]:
        """One entry drawn for each vector; see `VectorQuantizer.proxy`."""
        logits = -in_nearest(squared_distances(vectors, centres)) / self.temperature
        # Of numbers below 1, the largest float32 keeps −log(−log u) finite; so does a smallest.
        uniform = torch.rand_like(logits).clamp(1e-20, 1 - 2**-24)
        soft = (logits - torch.log(-torch.log(uniform))).softmax(1)
        drawn = F.one_hot(soft.argmax(1), self.entries).to(soft)
        weights = drawn + soft - soft.detach()
        return weights, drawn @ centres
