"""An entropy model of three seats: side information, context and distribution.

    y ─► side information ─► features ──┬─► mean, which the cells are counted from
                                        ├─► start of each symbol's distribution
    ŷ of the passes before ─► context ──┴─► corrections ─► distribution ─► table

The encoder knows all of ŷ before it predicts, since the cells are counted from what side
information tells; a context moves the distribution over them. So every context codes the same ŷ.

While coding, all of this is computed in float64 and snapped to a grid: see `distributions`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from lic_models.components.entropy_coding.coders import EntropyCoder
from lic_models.components.entropy_coding.tables import FrequencyTables
from lic_models.components.entropy_models.base import (
    EntropyModel,
    Rated,
    channel_deviations,
)
from lic_models.components.entropy_models.contexts import Context, NoContext
from lic_models.components.entropy_models.contexts.grouped import GroupedContext
from lic_models.components.entropy_models.distributions import (
    Components,
    Distribution,
    Gaussian,
)
from lic_models.components.entropy_models.joint_coding import Coding, Decoding
from lic_models.components.entropy_models.masses import likelihood
from lic_models.components.entropy_models.side_information import (
    MeanScaleInformation,
    SideInformation,
)
from lic_models.components.entropy_models.side_information.base import CODING_DTYPE, snapped
from lic_models.components.entropy_models.symbols import to_array
from lic_models.components.quantizers import Quantizer
from pytest_lic.errors import CorruptBitstreamError, UsageError

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

    def check_quantizer(self, quantizer: Quantizer) -> None:
        """Raise UsageError where a symbol can't be moved by whole steps."""
        symbols = torch.arange(-8, 9, dtype=torch.int32)
        even = not list(quantizer.parameters())  # else what is even now is to be learned
        for variant in range(quantizer.variants):
            levels = torch.full_like(symbols, variant).long()
            lower, upper = quantizer.edges(symbols, levels, torch.float64)
            widths = torch.diff(lower, append=upper[-1:])
            even &= torch.allclose(widths, torch.ones_like(widths))
        if not even:
            raise UsageError(
                f"quantizer: the cells of {type(quantizer).__name__} are not one step wide, over "
                "which entropy_model: JointEntropyModel moves its distributions; take another "
                "quantizer, or MeanScaleHyperprior"
            )

    def forward(self, latents: Tensor, quantizer: Quantizer) -> Rated:
        """Latents (B, M, h, w), quantised and rated; see `EntropyModel.forward`."""
        unit = self.log_unit.exp()[:, None, None]
        features, likelihoods = self.side_information(latents / unit)
        means = features.chunk(2, 1)[0] * unit
        centres = means if self.training else snapped(means)
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
        self.check_quantizer(quantizer)
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
        self.check_quantizer(quantizer)
        super().load_tables(tables, quantizer)
        names = self.side_information.table_counts()
        self.side_information.load_tables({name: self.tables[name] for name in names})

    @torch.no_grad()
    def compress(self, latents: Tensor, quantizer: Quantizer, coder: EntropyCoder) -> list[bytes]:
        """One image's latent (M, h, w): the strings of side information, then its own."""
        self.check_tables(quantizer)
        unit = self.log_unit.exp()[:, None, None]
        strings, features = self.side_information.compress(latents / unit, coder)
        coding = Coding(self, features, quantizer)
        symbols = quantizer.symbols(latents.double().reshape(-1) - coding.centres, coding.variant)
        values = quantizer.values(symbols, coding.variant).to(CODING_DTYPE) + coding.centres
        decoded = (values / coding.unit).reshape(1, *latents.shape)
        corrections = coding.context(decoded, features).flatten(2)
        passes = []
        for _, places in coding.passes:
            whole, indices, tables = coding.choose(places, corrections[:, :, places])
            passes.append((to_array(symbols[places]) - whole, indices, tables))
        return [*strings, coder.encode_passes(passes)]

    @torch.no_grad()
    def decompress(
        self,
        strings: Sequence[bytes],
        size: tuple[int, int],
        quantizer: Quantizer,
        coder: EntropyCoder,
    ) -> Tensor:
        """The latent (M, h, w), float32, from its strings; see `EntropyModel.decompress`."""
        decoding = Decoding(self, strings, size, quantizer, coder)
        for _ in decoding.passes:
            decoding.read_pass()
        decoding.reader.close()
        return decoding.latent()

    @torch.no_grad()
    def decompress_part(
        self,
        strings: Sequence[bytes],
        size: tuple[int, int],
        quantizer: Quantizer,
        coder: EntropyCoder,
        passes: int,
        length: int,
    ) -> Tensor:
        """The latent of the first passes; what later ones hold is what is expected of it.

        Args:
            strings: the last of them may end where pass ``passes`` does.
            size: (h, w).
            quantizer: as for `compress`.
            coder: as for `compress`.
            passes: how many to read; see `pass_lengths`.
            length: of the whole of the last string.

        Returns:
            (M, h, w), float32.

        Raises:
            TruncatedBitstreamError: a last string that ends before that.
            UsageError: no such number of passes, or a coder whose strings are read whole.
        """
        decoding = Decoding(self, strings, size, quantizer, coder, length)
        if not 1 <= passes <= len(decoding.passes):
            raise UsageError(
                f"passes: {passes}; expected 1 to {len(decoding.passes)}, which this latent has"
            )
        if len(strings[-1]) > length:
            raise CorruptBitstreamError(
                f"string of {len(strings[-1])} bytes; expected {length} at most"
            )
        for _ in range(passes):
            decoding.read_pass()
        if passes == len(decoding.passes):
            decoding.reader.close()
        return decoding.latent()

    @property
    def groups(self) -> Sequence[int]:
        """Channels of each group of a context that has some."""
        return self.context.groups if isinstance(self.context, GroupedContext) else ()

    def passes_of(self, channels: int, size: tuple[int, int]) -> int:
        """How many passes, of those that have any position, hold all of the first channels."""
        schedule = self.context.schedule(*size)
        return int((schedule.unique() <= schedule[:channels].max()).sum())

    @torch.no_grad()
    def decompress_channels(
        self,
        strings: Sequence[bytes],
        size: tuple[int, int],
        quantizer: Quantizer,
        coder: EntropyCoder,
        channels: int,
        length: int,
    ) -> Tensor:
        """The first channels (n, h, w), float32, and no more decoded than they need.

        Args:
            strings: the last of them may end where `passes_of` these channels do.
            size: (h, w).
            quantizer: as for `compress`.
            coder: as for `compress`.
            channels: n.
            length: of the whole of the last string.

        Raises:
            TruncatedBitstreamError: a last string that ends before that.
            UsageError: a coder whose strings are read whole.
        """
        decoding = Decoding(self, strings, size, quantizer, coder, length)
        for _ in range(self.passes_of(channels, size)):
            decoding.read_pass()
        return decoding.channels(channels)

    @torch.no_grad()
    def pass_lengths(
        self,
        strings: Sequence[bytes],
        size: tuple[int, int],
        quantizer: Quantizer,
        coder: EntropyCoder,
    ) -> list[int]:
        """How many bytes of the last string each number of passes needs, from 1 pass on."""
        decoding = Decoding(self, strings, size, quantizer, coder)
        lengths = []
        for _ in decoding.passes:
            decoding.read_pass()
            lengths.append(decoding.reader.used)
        decoding.reader.close()
        return [*lengths[:-1], len(strings[-1])] if lengths else []

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

    def check_tables(self, quantizer: Quantizer) -> None:
        """Raise CodecError where there are no tables to code with."""
        for name in self.table_counts(quantizer):
            self._table(name)
