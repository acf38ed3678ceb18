"""One image's latent while `JointEntropyModel` codes it: what both sides have alike, and decoding.

All of it is computed in float64; what chooses a table is then snapped to a grid.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lic_models.components.entropy_coding.coders import EntropyCoder
from lic_models.components.entropy_coding.counts import Integers
from lic_models.components.entropy_coding.tables import FrequencyTables
from lic_models.components.entropy_models.base import check_strings
from lic_models.components.entropy_models.contexts.base import positions
from lic_models.components.entropy_models.distributions import Components
from lic_models.components.entropy_models.side_information.base import CODING_DTYPE, snapped
from lic_models.components.entropy_models.symbols import to_tensor
from lic_models.components.quantizers import Quantizer
from pytest_lic.errors import CodecError

if TYPE_CHECKING:
    from lic_models.components.entropy_models.joint import JointEntropyModel


class Coding:
    """What encoder and decoder have alike of one image's latent (M, h, w), in float64.

    Attributes:
        centres: (M · h · w,), what the cells are counted from.
        unit: (M · h · w,), that of each position's channel.
        variant: (M · h · w,), the dither level of each position.
        passes: of those that have any, the number and the places in the flattened latent.
    """

    def __init__(self, model: JointEntropyModel, features: Tensor, quantizer: Quantizer) -> None:
        if not bool(torch.isfinite(features).all()):
            raise CodecError(
                "side information is not finite; look for NaN in the weights, or train with a "
                "lower learning rate"
            )
        self.context = copy.deepcopy(model.context).to(CODING_DTYPE)
        means, log_scales = features[0].chunk(2)
        shape = tuple(means.shape)
        log_unit = model.log_unit.to(CODING_DTYPE)[:, None, None].expand(shape)
        self.unit = log_unit.exp().reshape(-1)
        means = means.reshape(-1) * self.unit
        self.centres = snapped(means)
        variant = quantizer.variant(shape).to(features.device)
        self.variant = variant.expand(shape).reshape(-1)
        schedule = self.context.schedule(shape[1], shape[2]).to(features.device)
        listed = positions(schedule, self.context.passes(shape[1], shape[2]))
        self.passes = [(number, places) for number, places in enumerate(listed) if len(places)]
        self._starts = means - self.centres, (log_scales + log_unit).reshape(-1)
        self._model, self._quantizer = model, quantizer

    def choose(
        self, places: Tensor, corrections: Tensor
    ) -> tuple[Integers, Integers, FrequencyTables]:
        """How the symbols of some places are coded; see `Distribution.choose`.

        Args:
            places: (n,).
            corrections: (1, P, n).
        """
        return self._model.distribution.choose(
            self._components(places, corrections),
            self.variant[places],
            self._quantizer,
            self._model.tables.get("latents"),
        )

    def expected(self, places: Tensor, corrections: Tensor) -> Tensor:
        """The mean of what some places (n,) hold, given corrections (1, P, n)."""
        weights, shifts, _ = self._components(places, corrections)
        return self.centres[places] + (weights.exp() * shifts).sum(0)

    def _components(self, places: Tensor, corrections: Tensor) -> Components:
        shifts, log_scales = (start[None, places] for start in self._starts)
        distribution, unit = self._model.distribution, self.unit[places]
        count = len(distribution.kinds)
        corrections = torch.cat([corrections[:, :count] * unit, corrections[:, count:]], 1)
        components = distribution.components(shifts, log_scales, corrections)
        return Components(*(part[0] for part in components))


class Decoding:
    """A latent (M, h, w) that is read pass by pass.

    Attributes:
        passes: as those of `Coding`.
        reader: of the latent's own string.

    Args:
        model: whose latent it is.
        strings: of side information, then the latent's own, or the first bytes of that.
        size: (h, w).
        quantizer: as for `JointEntropyModel.compress`.
        coder: as for `JointEntropyModel.compress`.
        length: of the whole of the last string, where only the first bytes are there.
    """

    def __init__(
        self,
        model: JointEntropyModel,
        strings: Sequence[bytes],
        size: tuple[int, int],
        quantizer: Quantizer,
        coder: EntropyCoder,
        length: int | None = None,
    ) -> None:
        model.check_tables(quantizer)
        check_strings(strings, 1 + model.side_information.strings)
        self._features = model.side_information.decompress(strings[:-1], size, coder)
        self._coding = Coding(model, self._features, quantizer)
        self._quantizer = quantizer
        self._predictor = self._coding.context.predictor(self._features)
        self._shape = (len(model.log_unit), *size)
        self._values = torch.zeros_like(self._coding.centres)
        self._decoded = torch.zeros_like(self._coding.centres)
        self._read = 0
        self.passes = self._coding.passes
        self.reader = coder.reader(strings[-1], self._values.numel(), length)

    def read_pass(self) -> None:
        """Decode the next pass."""
        number, places = self.passes[self._read]
        corrections = self._predictor.predict(number, self._decoded.view(1, *self._shape))
        whole, indices, tables = self._coding.choose(places, corrections)
        read = self.reader.read(indices, tables)
        symbols = to_tensor(read + whole, places.shape, places.device)
        residual = self._quantizer.values(symbols, self._coding.variant[places]).to(CODING_DTYPE)
        self._take(places, residual + self._coding.centres[places])
        self._read += 1

    def channels(self, count: int) -> Tensor:
        """The first so many channels, float32: 0 where nothing is decoded."""
        return self._values.view(self._shape)[:count].float()

    def latent(self) -> Tensor:
        """The latent, float32: where nothing is decoded, the mean of what is expected there."""
        if self._read < len(self.passes):
            rest = torch.cat([places for _, places in self.passes[self._read :]])
            # What the context tells of later passes rests on the means of those before.
            self._take(rest, self._coding.centres[rest])
            corrections = self._coding.context(self._decoded.view(1, *self._shape), self._features)
            self._take(rest, self._coding.expected(rest, corrections.flatten(2)[:, :, rest]))
        values = self._values.view(self._shape)
        decoded = self._decoded.view(1, *self._shape)
        residual = self._coding.context.residual(decoded, self._features)
        return (values if residual is None else values + residual[0]).float()

    def _take(self, places: Tensor, values: Tensor) -> None:
        self._values[places] = values
        self._decoded[places] = values / self._coding.unit[places]
