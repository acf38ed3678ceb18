"""The base of vector quantizers: channels in groups, each with codebooks of its own.

    latent (M, h, w) ─► G = M/d groups of d channels ─► indices, one a codebook ─► sum of centres

Channel c is in group c mod G. Latents that begin as principal components have their widest channels
first: so every group has a wide one, and narrower ones that are quantised with it.

What training does in place of choosing an index is each kind's own; coding takes the nearest
centre, one codebook after the other, unless a kind says otherwise.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lic_models.components.entropy_models.base import Rated
from lic_models.components.entropy_models.masses import likelihood
from lic_models.components.quantizers.base import finite, straight_through
from lic_models.components.vector_quantization.centres import first_centres, squared_distances
from lic_models.components.vector_quantization.index_models import (
    INDEX_MODELS,
    IndexModel,
    IndexModelName,
)
from pytest_lic.errors import UsageError

MOST_ENTRIES = 4096
UNIT_STEP_WEIGHT = 8.656
"""6 / ln 2, the slope of error against bits at a step of 1, which a start from principal components
gives latents."""
# Centres are tens of units apart: at a transform's learning rate they'd not keep up with it.
_PACE = 16.0


class VectorQuantizer(nn.Module, ABC):
    """Base of the vector quantizers. d channels of a position are one vector.

    There are G = M/d groups of channels, channel c in group c mod G, and C = stages · G codebooks,
    stage by stage; a codebook of a later stage quantises what the earlier ones left. ``n`` is the
    number of positions, B · h · w of them.

    Args:
        entries: K, of each codebook, 2 to 4096.
        dimensions: d; the latent's channels must be a multiple.
        index_model: what is expected of indices: "uniform" for log2 K bits each, "frequencies" for
            each codebook's own, learnt with the rate, or "conditional" for those given the index
            of the codebook before.

    Attributes:
        codebooks: (C · K, d), the centres in sixteenths, one codebook after the other; made by
            `build`.
        index_model: made by `build`.
        stages: how many, 1 by default.
        weight: bits that a squared error of 1 in a latent is worth. Where it is not 0, gradients of
            the distortion pass straight through to the latent, and those of the rate have
            weight · ‖z − ẑ‖² added, which keeps latents and centres together.

    Raises:
        UsageError: an argument outside its range.
    """

    index_model: IndexModel
    codebooks: nn.Parameter

    def __init__(
        self, entries: int = 64, dimensions: int = 4, index_model: IndexModelName = "frequencies"
    ) -> None:
        super().__init__()
        if not 2 <= entries <= MOST_ENTRIES:
            raise UsageError(f"entries: {entries}; expected 2 to {MOST_ENTRIES}")
        if dimensions < 1:
            raise UsageError(f"dimensions: {dimensions}; expected at least 1")
        if index_model not in INDEX_MODELS:
            raise UsageError(f"index_model: {index_model!r}; expected {', '.join(INDEX_MODELS)}")
        self.entries = entries
        self.dimensions = dimensions
        self.stages = 1
        self.weight = 0.0
        self._kind: IndexModelName = index_model
        self._groups = 0

    def build(self, channels: int) -> None:
        """Make codebooks and index model for a latent of M channels.

        Raises:
            UsageError: M that is no multiple of d, or more entries than the index model takes.
        """
        if channels < 1 or channels % self.dimensions:
            raise UsageError(
                f"dimensions: {self.dimensions}; expected a divisor of the {channels} latent "
                "channels, which are split into vectors of so many"
            )
        self._groups = channels // self.dimensions
        count = self.stages * self._groups
        # In two dimensions, as matrices, which are stored in half precision.
        self.codebooks = nn.Parameter(torch.randn(count * self.entries, self.dimensions))
        self.index_model = INDEX_MODELS[self._kind](count, self.entries)

    @property
    def centres(self) -> Tensor:
        """Those of all codebooks, (C · K, d), float32."""
        return _PACE * self.codebooks

    @property
    def codebook_count(self) -> int:
        """C."""
        return self.stages * self._groups

    def forward(self, latents: Tensor) -> Rated:
        """Latents (B, M, h, w), quantised, and the likelihoods of their indices (B, C, h, w).

        In training mode with what the kind trains with: 2 to the power of minus the bits that an
        index is expected to take. In evaluation mode as coding does it.

        Raises:
            CodecError: in evaluation mode, latents that are not finite.
        """
        batch, _, height, width = latents.shape
        if self.training:
            values, bits = self._trained(self._split(latents))
        else:
            indices = self._chosen(self._split(finite(latents).double()))
            values = self._looked_up(indices)
            bits = self._bits(indices)
        likelihoods = torch.exp2(-bits).reshape(-1, batch, height, width).transpose(0, 1)
        rated = likelihood(likelihoods, self.training)
        return Rated(self._joined(values, latents.shape), {"indices": rated})

    @torch.no_grad()
    def indices(self, latents: Tensor) -> Tensor:
        """The indices (B, C, h, w), int64, that coding takes for latents (B, M, h, w).

        In float64 and element by element, so that neither the batch nor threads make a difference;
        of equally good entries the first.

        Raises:
            CodecError: latents that are not finite.
        """
        batch, _, height, width = latents.shape
        chosen = self._chosen(self._split(finite(latents).double()))
        return chosen.reshape(-1, batch, height, width).transpose(0, 1)

    @torch.no_grad()
    def values(self, indices: Tensor) -> Tensor:
        """The latents (B, M, h, w), float32, of indices (B, C, h, w): a look-up, and sums.

        The same on every machine: what is added is added in the stages' order.
        """
        batch, _, height, width = indices.shape
        looked_up = self._looked_up(indices.transpose(0, 1).flatten(1))
        channels = self._groups * self.dimensions
        return self._joined(looked_up, (batch, channels, height, width))

    def anneal(self, progress: float) -> None:
        """Tell how far training has come, from 0 to 1."""

    @torch.no_grad()
    def fit(self, latents: Tensor) -> None:
        """Begin with the centres of latents (B, M, h, w), and with their frequencies.

        Each codebook's are those of k-means, on what the earlier stages left; see `first_centres`.

        Raises:
            UsageError: fewer positions than entries.
        """
        left, chosen = self._split(latents.double()), []
        if left.size(1) < self.entries:
            raise UsageError(
                f"fit: latents of {left.size(1)} positions for codebooks of {self.entries} entries;"
                " expected as many at least: give more or larger images, or fewer entries"
            )
        for codebook, own in enumerate(self.codebooks.split(self.entries)):
            group = codebook % self._groups
            centres = first_centres(left[group], self.entries, seed=codebook)
            own.copy_(centres / _PACE)
            centres = _PACE * own.double()
            # Though a kind weighs bits too, it has none to weigh yet.
            chosen.append(squared_distances(left[group], centres).argmin(1))
            left[group] -= centres[chosen[-1]]
        self.index_model.count(torch.stack(chosen))

    @abstractmethod
    def proxy(self, vectors: Tensor, centres: Tensor, bits: Tensor) -> tuple[Tensor, Tensor]:
        """What stands in for choosing in training.

        Args:
            vectors: (n, d).
            centres: (K, d).
            bits: what each entry costs, (n, K) or (1, K).

        Returns:
            How much of each entry is taken, (n, K), of which the rate is made, and the values
            (n, d), both with gradients; with a weight, those of the values need not be to vectors.
        """

    def choose(self, distances: Tensor, bits: Tensor) -> Tensor:
        """The entry that coding takes, (n,), of equally good ones the first.

        Args:
            distances: ‖z − c‖², (n, K).
            bits: what each entry costs, (n, K) or (1, K).
        """
        return distances.argmin(1)

    def _trained(self, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """Values (G, n, d) and bits (C, n) of vectors (G, n, d).

        Assignments learn from the bits, and the frequencies from what coding would take.
        """
        left = list(vectors.unbind())
        totals: list[Tensor | None] = [None] * self._groups
        spent: list[Tensor] = []
        all_bits, before = self.index_model.all_bits().to(vectors), None
        for codebook, centres in enumerate(self._each()):
            group = codebook % self._groups
            bits = all_bits[self._row(codebook, before)]
            weights, values = self.proxy(left[group], centres, bits.detach())
            before = self.choose(
                squared_distances(left[group].detach(), centres.detach()), bits.detach()
            )
            taken = bits.expand(len(before), -1).gather(1, before[:, None])[:, 0]
            spent.append((weights * bits.detach()).sum(1) + taken - taken.detach())
            left[group] = left[group] - values
            so_far = totals[group]
            totals[group] = values if so_far is None else so_far + values
        quantised = torch.stack([total for total in totals if total is not None])
        if not self.weight:
            return quantised, torch.stack(spent)
        error = self.weight * (vectors - quantised).square().sum(2)
        spent[-self._groups :] = torch.stack(spent[-self._groups :]) + error - error.detach()
        return straight_through(vectors, quantised), torch.stack(spent)

    def _chosen(self, vectors: Tensor) -> Tensor:
        """The indices (C, n) of vectors (G, n, d), float64."""
        all_bits = self.index_model.all_bits().to(vectors)
        left, chosen, before = list(vectors.unbind()), [], None
        for codebook, centres in enumerate(self._each()):
            group = codebook % self._groups
            bits = all_bits[self._row(codebook, before)]
            before = self.choose(squared_distances(left[group], centres.double()), bits)
            left[group] = left[group] - centres.double()[before]
            chosen.append(before)
        return torch.stack(chosen)

    def _looked_up(self, indices: Tensor) -> Tensor:
        """Values (G, n, d), float32, of indices (C, n)."""
        books = self.centres.reshape(self.codebook_count, self.entries, self.dimensions)
        each = torch.stack([book[index] for book, index in zip(books, indices, strict=True)])
        total, *later = each.split(self._groups)
        for stage in later:
            total = total + stage
        return total

    def _bits(self, indices: Tensor) -> Tensor:
        """What indices (C, n) cost: (C, n)."""
        all_bits = self.index_model.all_bits().to(indices.device)
        befores = [None, *indices[:-1]]
        return torch.stack(
            [
                all_bits[self._row(codebook, before), index]
                for codebook, (before, index) in enumerate(zip(befores, indices, strict=True))
            ]
        )

    def _row(self, codebook: int, before: Tensor | None) -> Tensor:
        return self.index_model.row_of(codebook, before).to(self.codebooks.device)

    def _each(self) -> Sequence[Tensor]:
        """Every codebook, (K, d)."""
        return self.centres.split(self.entries)

    def _split(self, latents: Tensor) -> Tensor:
        """(B, M, h, w) → (G, n, d)."""
        grouped = latents.unflatten(1, (self.dimensions, self._groups))
        return grouped.permute(2, 0, 3, 4, 1).flatten(1, 3)

    def _joined(self, vectors: Tensor, shape: Sequence[int]) -> Tensor:
        """(G, n, d) → (B, M, h, w)."""
        batch, _, height, width = shape
        apart = vectors.unflatten(1, (batch, height, width))
        return apart.permute(1, 4, 0, 2, 3).flatten(1, 2)
