"""Quantised coding: latents become symbols, which an entropy model expects and a coder writes.

y ─► entropy model (with the quantizer) ─► ŷ
         │ symbols and table indices ▲
         ▼                           │
    entropy coder ─► strings ─► entropy coder
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from torch import Tensor, nn

from lic_models.components.entropy_coding.coders import AnsCoder, EntropyCoder
from lic_models.components.entropy_coding.noting import NotingCoder
from lic_models.components.entropy_coding.tables import FrequencyTables
from lic_models.components.entropy_models import EntropyModel, Factorized, JointEntropyModel
from lic_models.components.entropy_models.base import Rated
from lic_models.components.latent_coding.base import LatentCoding, Note
from lic_models.components.quantizers import NoiseQuantizer, Quantizer
from pytest_lic.errors import UsageError

_ENTROPY_MODEL = "entropy_model."


class QuantisedCoding(LatentCoding):
    """A quantizer, an entropy model and an entropy coder, each exchangeable.

    Args:
        quantizer: what happens to a latent between its expectation and its symbol.
        entropy_model: what is expected of a latent.
        entropy_coder: how symbols become bytes.
    """

    def __init__(
        self,
        quantizer: Quantizer | None = None,
        entropy_model: EntropyModel | None = None,
        entropy_coder: EntropyCoder | None = None,
    ) -> None:
        self.quantizer = NoiseQuantizer() if quantizer is None else quantizer
        self.entropy_model = Factorized() if entropy_model is None else entropy_model
        self.entropy_coder: EntropyCoder = AnsCoder() if entropy_coder is None else entropy_coder

    @property
    def parts(self) -> Mapping[str, nn.Module]:
        """Quantizer and entropy model."""
        return {"quantizer": self.quantizer, "entropy_model": self.entropy_model}

    def build(self, channels: int, transform: str) -> None:
        """Make the entropy model's parameters; see `LatentCoding.build`."""
        self.entropy_model.check_quantizer(self.quantizer)
        expected = self.entropy_model.latent_channels
        if expected is None:
            self.entropy_model.build(channels)
        elif expected != channels:
            raise UsageError(
                f"entropy_model.init_args.latent_channels is {expected}, but the transform "
                f"({transform}) gives {channels} latent channels; make them "
                "equal, or leave the entropy model's out"
            )

    def forward(self, latents: Tensor) -> Rated:
        """Latents (B, M, h, w), quantised and rated; see `EntropyModel.forward`."""
        rated: Rated = self.entropy_model(latents, self.quantizer)
        return rated

    def compress(self, latents: Tensor) -> list[bytes]:
        """One image's latent (M, h, w) as strings; see `EntropyModel.compress`."""
        return self.entropy_model.compress(latents, self.quantizer, self.entropy_coder)

    def decompress(self, strings: Sequence[bytes], size: tuple[int, int]) -> Tensor:
        """The latent (M, h, w) of strings; see `EntropyModel.decompress`."""
        return self.entropy_model.decompress(strings, size, self.quantizer, self.entropy_coder)

    def decompress_part(
        self, strings: Sequence[bytes], size: tuple[int, int], passes: int, length: int
    ) -> Tensor:
        """The latent of the first passes; see `LatentCoding.decompress_part`."""
        model = self.entropy_model
        if not isinstance(model, JointEntropyModel):
            return super().decompress_part(strings, size, passes, length)
        return model.decompress_part(
            strings, size, self.quantizer, self.entropy_coder, passes, length
        )

    def pass_lengths(self, strings: Sequence[bytes], size: tuple[int, int]) -> list[int]:
        """How many bytes of the last string each number of passes needs."""
        model = self.entropy_model
        if not isinstance(model, JointEntropyModel):
            return super().pass_lengths(strings, size)
        return model.pass_lengths(strings, size, self.quantizer, self.entropy_coder)

    @property
    def groups(self) -> Sequence[int]:
        """Those of the entropy model's context."""
        model = self.entropy_model
        return model.groups if isinstance(model, JointEntropyModel) else super().groups

    def passes_of(self, channels: int, size: tuple[int, int]) -> int:
        """How many passes hold all of the first channels."""
        model = self.entropy_model
        if not isinstance(model, JointEntropyModel):
            return super().passes_of(channels, size)
        return model.passes_of(channels, size)

    def decompress_channels(
        self, strings: Sequence[bytes], size: tuple[int, int], channels: int, length: int
    ) -> Tensor:
        """The first channels alone; see `LatentCoding.decompress_channels`."""
        model = self.entropy_model
        if not isinstance(model, JointEntropyModel):
            return super().decompress_channels(strings, size, channels, length)
        return model.decompress_channels(
            strings, size, self.quantizer, self.entropy_coder, channels, length
        )

    def update(self) -> None:
        """Make the tables from the trained densities."""
        self.entropy_model.update(self.quantizer)

    @property
    def tables(self) -> Mapping[str, FrequencyTables]:
        """The entropy coder's tables, by the name of what they code."""
        return self.entropy_model.tables

    def load_tables(self, tables: Mapping[str, FrequencyTables]) -> None:
        """Take tables that came with the weights; see `EntropyModel.load_tables`."""
        self.entropy_model.load_tables(tables, self.quantizer)

    def adopted(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Weights of the parts; see `EntropyModel.adopted`."""
        own = {key: value for key, value in tensors.items() if not key.startswith(_ENTROPY_MODEL)}
        told = {
            key.removeprefix(_ENTROPY_MODEL): value
            for key, value in tensors.items()
            if key.startswith(_ENTROPY_MODEL)
        }
        moved = self.entropy_model.adopted(told)
        return own | {f"{_ENTROPY_MODEL}{key}": value for key, value in moved.items()}

    def fit(self, latents: Tensor) -> None:
        """Start from distributions as wide as the latents; see `EntropyModel.fit`."""
        self.entropy_model.fit(latents)

    def auxiliary_loss(self) -> Tensor:
        """How far the quantiles are off."""
        return self.entropy_model.auxiliary_loss()

    @property
    def refines(self) -> bool:
        """Whether the entropy model does; see `EntropyModel.refines`."""
        return self.entropy_model.refines

    def anneal(self, progress: float) -> None:
        """Move the quantizer's proxy; see `Quantizer.anneal`."""
        self.quantizer.anneal(progress)

    @property
    def anneals(self) -> str | None:
        """The quantizer's class, where its proxy moves."""
        kind = type(self.quantizer)
        return None if kind.anneal is Quantizer.anneal else kind.__name__

    @contextmanager
    def noting(self, note: Note) -> Iterator[None]:
        """Within the block, decoding notes its symbols; see `LatentCoding.noting`."""
        coder = self.entropy_coder
        self.entropy_coder = NotingCoder(coder, self.entropy_model.latent_tables, note)
        try:
            yield
        finally:
            self.entropy_coder = coder
