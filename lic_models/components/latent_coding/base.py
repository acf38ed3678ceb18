"""The seat of latent coding: how a latent becomes bytes."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager

from torch import Tensor, nn

from lic_models.components.entropy_coding.tables import FrequencyTables
from lic_models.components.entropy_models.base import Rated
from pytest_lic.errors import UsageError

Note = Callable[[str, Tensor], None]


class LatentCoding(ABC):
    """Base of the ways to turn a latent into bytes; the same object trains and codes.

    No module itself: its `parts` are, and the codec has them as its own, under their names.
    """

    @property
    @abstractmethod
    def parts(self) -> Mapping[str, nn.Module]:
        """Name → a part that is trained; the same ones each time."""

    @abstractmethod
    def build(self, channels: int, transform: str) -> None:
        """Make the parameters for the M channels that a transform gives.

        Raises:
            UsageError: parts that are made for other channels.
        """

    @abstractmethod
    def forward(self, latents: Tensor) -> Rated:
        """Latents (B, M, h, w) as the synthesis gets them, and their likelihoods.

        Raises:
            CodecError: in evaluation mode, latents or predictions that are not finite.
        """

    @abstractmethod
    def compress(self, latents: Tensor) -> list[bytes]:
        """One image's latent (M, h, w) as strings.

        Raises:
            CodecError: a latent that is not finite, or no tables yet.
        """

    @abstractmethod
    def decompress(self, strings: Sequence[bytes], size: tuple[int, int]) -> Tensor:
        """The latent (M, h, w), float32, as the synthesis gets it, from its strings and (h, w).

        Raises:
            CorruptBitstreamError: strings that are noticed to be no code of such a latent.
            CodecError: no tables yet.
        """

    def decompress_part(
        self, strings: Sequence[bytes], size: tuple[int, int], passes: int, length: int
    ) -> Tensor:
        """The latent of the first passes; what later ones hold is what is expected of it.

        Args:
            strings: as `compress` gave them; the last may end where pass ``passes`` does.
            size: (h, w).
            passes: how many to read, from 1 on.
            length: of the whole of the last string, in bytes.

        Raises:
            TruncatedBitstreamError: a last string that ends before that pass does.
            UsageError: no such number of passes.
        """
        raise UsageError(
            f"passes: {passes}; {type(self).__name__} decodes a latent in one, so a part of its "
            "stream gives no picture; decode it whole"
        )

    def pass_lengths(self, strings: Sequence[bytes], size: tuple[int, int]) -> list[int]:
        """How many bytes of the last string each number of passes needs, from 1 pass on."""
        return [len(strings[-1])] if strings else []

    @property
    def groups(self) -> Sequence[int]:
        """Channels of each group that is decoded before the next; all in one by default."""
        return ()

    def passes_of(self, channels: int, size: tuple[int, int]) -> int:
        """How many passes hold all of the first channels of a latent of (h, w)."""
        return 1

    def decompress_channels(
        self, strings: Sequence[bytes], size: tuple[int, int], channels: int, length: int
    ) -> Tensor:
        """The first channels alone, (n, h, w) of them; as `decompress_part`, but nothing guessed.

        Args:
            strings: as `compress` gave them; the last may end where `passes_of` them do.
            size: (h, w).
            channels: n.
            length: of the whole of the last string, in bytes.

        Raises:
            TruncatedBitstreamError: a last string that ends before that.
            UsageError: a latent that is decoded all at once.
        """
        raise UsageError(
            f"{type(self).__name__} decodes all channels of a latent at once; decode it whole"
        )

    @abstractmethod
    def update(self) -> None:
        """Make the entropy coder's tables anew from the parameters.

        Raises:
            CodecError: parameters that are not finite.
        """

    @property
    @abstractmethod
    def tables(self) -> Mapping[str, FrequencyTables]:
        """The entropy coder's tables, by the name of what they code; none before `update`."""

    @abstractmethod
    def load_tables(self, tables: Mapping[str, FrequencyTables]) -> None:
        """Take tables that came with the weights, so that every machine codes with the same.

        Raises:
            WeightsError: tables of other names or numbers than are needed.
        """

    def adopted(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Weights of the parts, those of other kinds made these ones' where they can be.

        Args:
            tensors: name, which begins with its part's → weights.
        """
        return dict(tensors)

    @abstractmethod
    def fit(self, latents: Tensor) -> None:
        """Start from distributions as wide as the channels of ``latents`` (B, M, h, w).

        Raises:
            UsageError: a single latent a channel, which has no width.
        """

    @abstractmethod
    def auxiliary_loss(self) -> Tensor:
        """What is minimised beside the rate, such as how far quantiles are off."""

    @property
    def refines(self) -> bool:
        """Whether values are more than what is coded, so that training needs the distortion."""
        return False

    @property
    def remark(self) -> str:
        """What whoever exports weights should know of them, on a line; nothing by default."""
        return ""

    @property
    def anneals(self) -> str | None:
        """The class of what `anneal` moves; None where nothing is moved."""
        return None

    @abstractmethod
    def anneal(self, progress: float) -> None:
        """Move what depends on how far training has come, from 0 to 1."""

    @abstractmethod
    def noting(self, note: Note) -> AbstractContextManager[None]:
        """Within the block, decoding notes the ``table indices`` and ``symbols`` of latents.

        Both are int32 (M · h · w,), one image after the other.
        """

    def fingerprint(self) -> str:
        """SHA-256 of weights and tables: equal ones decode each other's strings."""
        sha = hashlib.sha256()
        arrays = {
            f"{part}.{name}": value.detach().cpu().contiguous().numpy()
            for part, module in self.parts.items()
            for name, value in module.state_dict().items()
        }
        for name, tables in self.tables.items():
            arrays |= {f"tables.{name}.{k}": array for k, array in tables.to_arrays().items()}
        for name, array in sorted(arrays.items()):
            sha.update(f"{name} {array.dtype} {array.shape} ".encode())
            sha.update(array.tobytes())
        return sha.hexdigest()
