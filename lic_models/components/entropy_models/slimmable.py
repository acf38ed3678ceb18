"""An entropy model of its own for each width of a slimmable transform."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from lic_models.components.entropy_coding.coders import EntropyCoder
from lic_models.components.entropy_coding.tables import FrequencyTables
from lic_models.components.entropy_models.base import EntropyModel, Rated
from lic_models.components.entropy_models.factorized import Factorized
from lic_models.components.quantizers import Quantizer
from lic_models.components.slimmable import Slimmable
from pytest_lic.errors import CodecError, UsageError


class SlimmableEntropyModel(Slimmable, EntropyModel):
    """One ordinary entropy model for each width; that of the chosen width rates and codes.

    As in Yang, Herranz, Cheng and Mozerov, "Slimmable compressive autoencoders for practical neural
    image compression", CVPR 2021, https://arxiv.org/abs/2103.15726, where each is a factorized
    prior. A width's tables are named after it: ``latents-1`` codes the narrowest one's latents.

    Args:
        latent_channels: M of each width, the narrowest first.
        entropy_model: its class, given M; built once for each width.

    Raises:
        UsageError: no width, or channels that fall.
    """

    def __init__(
        self,
        latent_channels: Sequence[int] = (48, 64, 96, 128),
        entropy_model: Callable[[int], EntropyModel] = Factorized,
    ) -> None:
        EntropyModel.__init__(self)
        if not latent_channels or list(latent_channels) != sorted(latent_channels):
            raise UsageError(
                f"latent_channels: {list(latent_channels)}; expected those of the narrowest width "
                "first, and none less than the last"
            )
        Slimmable.__init__(self, len(latent_channels))
        self.of_width = nn.ModuleList(entropy_model(channels) for channels in latent_channels)
        self.latent_channels = latent_channels[-1]

    @property
    def models(self) -> list[EntropyModel]:
        """Those of the widths, the narrowest's first."""
        return [model for model in self.of_width if isinstance(model, EntropyModel)]

    @property
    def tables(self) -> dict[str, FrequencyTables]:
        """Those of all widths, each name with the number of the width, from 1 on."""
        # Empty while the base's constructor runs, before there are any models.
        models = self.models if "of_width" in self._modules else []
        return {
            f"{name}-{number}": tables
            for number, model in enumerate(models, 1)
            for name, tables in model.tables.items()
        }

    @tables.setter
    def tables(self, tables: Mapping[str, FrequencyTables]) -> None:
        if tables:
            raise CodecError("the tables of a slimmable entropy model are set by load_tables")

    @property
    def latent_tables(self) -> list[FrequencyTables]:
        """Those that latents are coded with, at any width."""
        return [tables for model in self.models for tables in model.latent_tables]

    def narrowed(self, index: int) -> EntropyModel:
        """A copy of the model of one width, from 0 on, with its tables."""
        return copy.deepcopy(self.models[index])

    @property
    def refines(self) -> bool:
        """Whether the models do; see `EntropyModel.refines`."""
        return self._model.refines

    def check_quantizer(self, quantizer: Quantizer) -> None:
        """Refuse what the models refuse."""
        for model in self.models:
            model.check_quantizer(quantizer)

    def _make(self, channels: int) -> None:
        """Nothing: the models are made already."""

    @property
    def _model(self) -> EntropyModel:
        return self.models[self.chosen]

    def forward(self, latents: Tensor, quantizer: Quantizer) -> Rated:
        """Latents (B, M, h, w) of the chosen width; see `EntropyModel.forward`."""
        rated: Rated = self._model(latents, quantizer)
        return rated

    def compress(self, latents: Tensor, quantizer: Quantizer, coder: EntropyCoder) -> list[bytes]:
        """One image's latent (M, h, w) of the chosen width; see `EntropyModel.compress`."""
        return self._model.compress(latents, quantizer, coder)

    def decompress(
        self,
        strings: Sequence[bytes],
        size: tuple[int, int],
        quantizer: Quantizer,
        coder: EntropyCoder,
    ) -> Tensor:
        """The latent (M, h, w) of the chosen width; see `EntropyModel.decompress`."""
        return self._model.decompress(strings, size, quantizer, coder)

    def update(self, quantizer: Quantizer) -> None:
        """Make the tables of all widths anew."""
        for model in self.models:
            model.update(quantizer)

    def table_counts(self, quantizer: Quantizer) -> dict[str, int]:
        """Those of all widths."""
        return {
            f"{name}-{number}": count
            for number, model in enumerate(self.models, 1)
            for name, count in model.table_counts(quantizer).items()
        }

    def load_tables(self, tables: Mapping[str, FrequencyTables], quantizer: Quantizer) -> None:
        """Give each width its tables; see `EntropyModel.load_tables`."""
        self._check_tables(tables, quantizer)
        for number, model in enumerate(self.models, 1):
            own = model.table_counts(quantizer)
            model.load_tables({name: tables[f"{name}-{number}"] for name in own}, quantizer)

    def fit(self, latents: Tensor) -> None:
        """Start each width from the first channels of latents (B, M, h, w) of the widest."""
        for model in self.models:
            model.fit(latents[:, : model.latent_channels])

    def auxiliary_loss(self) -> Tensor:
        """That of all widths, summed."""
        return torch.stack([model.auxiliary_loss() for model in self.models]).sum()
