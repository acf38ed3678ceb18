"""An entropy model of three seats: side information, context and distribution.

    y ─► side information ─► features ──┬─► mean, which the cells are counted from
                                        ├─► start of each symbol's distribution
    ŷ of the passes before ─► context ──┴─► corrections ─► distribution ─► table

The encoder knows all of ŷ before it predicts, since the cells are counted from what side
information tells; a context moves the distribution over them. So every context codes the same ŷ.

While coding, all of this is computed in float64 and snapped to a grid: see `distributions`.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from lic_models.components.entropy_coding.coders import EntropyCoder
from lic_models.components.entropy_coding.counts import Integers
from lic_models.components.entropy_coding.tables import FrequencyTables
from lic_models.components.entropy_models.base import (
    EntropyModel,
    Rated,
    channel_deviations,
    check_strings,
)
from lic_models.components.entropy_models.contexts import Context, NoContext
from lic_models.components.entropy_models.contexts.base import positions
from lic_models.components.entropy_models.distributions import (
    Components,
    Distribution,
    Gaussian,
)
from lic_models.components.entropy_models.masses import likelihood
from lic_models.components.entropy_models.side_information import (
    MeanScaleInformation,
    SideInformation,
)
from lic_models.components.entropy_models.side_information.base import CODING_DTYPE
from lic_models.components.entropy_models.symbols import to_array, to_tensor
from lic_models.components.quantizers import Quantizer
from pytest_lic.errors import CodecError, UsageError

_GRID = 1024.0  # places between two whole numbers that a mean is snapped to
_LEAST_UNIT = 0.1


class JointEntropyModel(EntropyModel):
    """Side information, a context and a distribution, each exchangeable.

    Minnen, Ballé and Toderici, "Joint autoregressive and hierarchical priors for learned image
    compression", NeurIPS 2018, https://arxiv.org/abs/1809.02736, is one of these.

    Args:
        side_information: default `MeanScaleInformation`.
        context: default `NoContext`.
        distribution: default `Gaussian`.
        latent_channels: M; None takes as many as the transform gives.

    Raises:
        UsageError: parts that do not fit each other.
    """

    def __init__(
        self,
        side_information: SideInformation | None = None,
        context: Context | None = None,
        distribution: Distribution | None = None,
        latent_channels: int | None = None,
    ) -> None:
        super().__init__()
        self.side_information: SideInformation = side_information or MeanScaleInformation()
        self.context: Context = context or NoContext()
        self.distribution: Distribution = distribution or Gaussian()
        if latent_channels is not None:
            self.build(latent_channels)

    def _make(self, channels: int) -> None:
        self.side_information.build(channels)
        self.context.build(channels, self.distribution.start())
        self.log_unit = nn.Parameter(torch.zeros(channels))

    @property
    def refines(self) -> bool:
        """Whether its context predicts residuals."""
        return self.context.predicts_residuals

    @property
    def hyper_analysis(self) -> nn.Module | None:
        """That of side information, a stage of coding; None where there is none."""
        return getattr(self.side_information, "hyper_analysis", None)

    @property
    def hyper_synthesis(self) -> nn.Module | None:
        """That of side information, a stage of decoding; None where there is none."""
        return getattr(self.side_information, "hyper_synthesis", None)

    def forward(self, latents: Tensor, quantizer: Quantizer) -> Rated:
        """Latents (B, M, h, w), quantised and rated; see `EntropyModel.forward`."""
        unit = self.log_unit.exp()[:, None, None]
        features, likelihoods = self.side_information(latents / unit)
        means = features.chunk(2, 1)[0] * unit
        centres = means if self.training else _snapped(means)
        quantized = quantizer(latents - centres)
        values = quantized.values + centres
        corrections = self.context(values / unit, features)
        components = self._components(features, centres, corrections)
        mass = self.distribution.mass(components, quantized.lower, quantized.upper)
        likelihoods = {"latents": likelihood(mass, self.training), **likelihoods}
        # Detached, so that what the rate trains is trained by nothing else.
        residual = self.context.residual((values / unit).detach(), features.detach())
        return Rated(values if residual is None else values + residual, likelihoods)

    @torch.no_grad()
    def update(self, quantizer: Quantizer) -> None:
        """Make the tables.

        Raises:
            CodecError: parameters of z's densities that are not finite.
            UsageError: a quantizer whose cells are not all one step wide.
        """
        _check_steps(quantizer)
        self.side_information.update()
        tables = self.distribution.tables(quantizer)
        own = {} if tables is None else {"latents": tables}
        self.tables = {**own, **self.side_information.tables}

    def table_counts(self, quantizer: Quantizer) -> dict[str, int]:
        """Those of the distribution and of side information; mixtures have none."""
        count = self.distribution.table_count(quantizer)
        own = {"latents": count} if count else {}
        return {**own, **self.side_information.table_counts()}

    def load_tables(self, tables: Mapping[str, FrequencyTables], quantizer: Quantizer) -> None:
        """Take tables that came with the weights; see `EntropyModel.load_tables`."""
        _check_steps(quantizer)
        super().load_tables(tables, quantizer)
        names = self.side_information.table_counts()
        self.side_information.load_tables({name: self.tables[name] for name in names})

    @torch.no_grad()
    def compress(self, latents: Tensor, quantizer: Quantizer, coder: EntropyCoder) -> list[bytes]:
        """One image's latent (M, h, w): its own string, then those of side information."""
        self._check_tables(quantizer)
        unit = self.log_unit.exp()[:, None, None]
        strings, features = self.side_information.compress(latents / unit, coder)
        coding = _Coding(self, features, quantizer)
        symbols = quantizer.symbols(latents.double().reshape(-1) - coding.centres, coding.variant)
        values = quantizer.values(symbols, coding.variant).to(CODING_DTYPE) + coding.centres
        decoded = (values / coding.unit).reshape(1, *latents.shape)
        corrections = coding.context(decoded, features).flatten(2)
        passes = []
        for _, places in coding.passes:
            whole, indices, tables = coding.choose(places, corrections[:, :, places])
            passes.append((to_array(symbols[places]) - whole, indices, tables))
        return [coder.encode_passes(passes), *strings]

    @torch.no_grad()
    def decompress(
        self,
        strings: Sequence[bytes],
        size: tuple[int, int],
        quantizer: Quantizer,
        coder: EntropyCoder,
    ) -> Tensor:
        """The latent (M, h, w), float32, from its strings; see `EntropyModel.decompress`."""
        self._check_tables(quantizer)
        check_strings(strings, 1 + self.side_information.strings)
        features = self.side_information.decompress(strings[1:], size, coder)
        coding = _Coding(self, features, quantizer)
        predictor = coding.context.predictor(features)
        values, decoded = torch.zeros_like(coding.centres), torch.zeros_like(coding.centres)
        shape = (len(self.log_unit), *size)
        reader = coder.reader(strings[0], values.numel())
        for number, places in coding.passes:
            corrections = predictor.predict(number, decoded.view(1, *shape))
            whole, indices, tables = coding.choose(places, corrections)
            symbols = to_tensor(reader.read(indices, tables) + whole, places.shape, places.device)
            residual = quantizer.values(symbols, coding.variant[places]).to(CODING_DTYPE)
            values[places] = residual + coding.centres[places]
            decoded[places] = values[places] / coding.unit[places]
        reader.close()
        predicted = coding.context.residual(decoded.view(1, *shape), features)
        if predicted is not None:
            values += predicted.reshape(-1)
        return values.view(shape).float()

    def adopted(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Weights of this model; a hyperprior's, with a context that predicts nothing yet."""
        if any(name.startswith("side_information.") for name in tensors):
            return dict(tensors)
        own = {name: value for name, value in self.state_dict().items() if name != "log_unit"}
        moved = self.side_information.adopted(tensors)
        return {
            **own,
            **{name: value for name, value in tensors.items() if name == "log_unit"},
            **{f"side_information.{name}": value for name, value in moved.items()},
        }

    @torch.no_grad()
    def fit(self, latents: Tensor) -> None:
        """Let each channel's unit be its deviation, and z's densities as wide as z begins."""
        deviations = channel_deviations(latents).clamp(min=_LEAST_UNIT)
        self.log_unit.copy_(deviations.log())
        self.side_information.fit(latents / deviations[:, None, None])

    def auxiliary_loss(self) -> Tensor:
        """The loss of z's quantiles."""
        return self.side_information.auxiliary_loss()

    def _components(self, features: Tensor, centres: Tensor, corrections: Tensor) -> Components:
        """Of symbols (B, M, …), from features (B, 2M, …) and corrections (B, P, M, …)."""
        log_unit = self.log_unit.to(features.dtype).reshape(-1, *[1] * (features.ndim - 2))
        means, log_scales = features.chunk(2, 1)
        count = len(self.distribution.kinds)
        moved = corrections[:, :count] * log_unit.exp()
        return self.distribution.components(
            means * log_unit.exp() - centres,
            log_scales + log_unit,
            torch.cat([moved, corrections[:, count:]], 1),
        )

    def _check_tables(self, quantizer: Quantizer) -> None:
        for name in self.table_counts(quantizer):
            self._table(name)


class _Coding:
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
        self.centres = _snapped(means)
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
        shifts, log_scales = (start[None, places] for start in self._starts)
        distribution, tables = self._model.distribution, self._model.tables.get("latents")
        count, unit = len(distribution.kinds), self.unit[places]
        corrections = torch.cat([corrections[:, :count] * unit, corrections[:, count:]], 1)
        components = distribution.components(shifts, log_scales, corrections)
        return distribution.choose(
            Components(*(part[0] for part in components)),
            self.variant[places],
            self._quantizer,
            tables,
        )


def _snapped(means: Tensor) -> Tensor:
    return torch.round(means * _GRID) / _GRID


def _check_steps(quantizer: Quantizer) -> None:
    """Raise UsageError where a symbol can't be moved by whole steps."""
    symbols = torch.arange(-8, 9, dtype=torch.int32)
    for variant in range(quantizer.variants):
        levels = torch.full_like(symbols, variant).long()
        lower, upper = quantizer.edges(symbols, levels, torch.float64)
        if not torch.allclose(torch.diff(lower, append=upper[-1:]), torch.ones(17).double()):
            raise UsageError(
                f"quantizer: the cells of {type(quantizer).__name__} are not one step wide, over "
                "which JointEntropyModel moves its distributions; take another quantizer, or "
                "MeanScaleHyperprior"
            )
