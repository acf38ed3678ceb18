"""A learned codec put together from its components; it trains and codes with the same parts.

x ─► analysis ─► y ─► entropy model (with the quantizer) ─► ŷ ─► synthesis ─► x̂
                         │ symbols and table indices ▲
                         ▼                           │
                    entropy coder ─► bitstring ─► entropy coder
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lic_models.components.entropy_coding.coders import AnsCoder, EntropyCoder, PassReader
from lic_models.components.entropy_coding.counts import Integers
from lic_models.components.entropy_coding.tables import FrequencyTables
from lic_models.components.entropy_models import EntropyModel, Factorized
from lic_models.components.quantizers import NoiseQuantizer, Quantizer
from lic_models.components.transforms import ConvolutionalTransform, Transform
from pytest_lic.errors import CodecError, CorruptBitstreamError, UsageError

_NOTHING = np.empty(0, np.int32)


class LearnedCodec(nn.Module):
    """Transform, quantizer, entropy model and entropy coder, each exchangeable.

    Args:
        transform: analysis and synthesis.
        quantizer: what happens to a latent between its expectation and its symbol.
        entropy_model: what is expected of a latent.
        entropy_coder: how symbols become bytes.

    Raises:
        UsageError: an entropy model for another number of latent channels than the transform's,
            or a transform that gives none.
    """

    def __init__(
        self,
        transform: Transform | None = None,
        quantizer: Quantizer | None = None,
        entropy_model: EntropyModel | None = None,
        entropy_coder: EntropyCoder | None = None,
    ) -> None:
        super().__init__()
        self.transform = ConvolutionalTransform() if transform is None else transform
        self.quantizer = NoiseQuantizer() if quantizer is None else quantizer
        self.entropy_model = Factorized() if entropy_model is None else entropy_model
        self.entropy_coder: EntropyCoder = AnsCoder() if entropy_coder is None else entropy_coder
        channels, expected = self.transform.latent_channels, self.entropy_model.latent_channels
        if expected is None:
            self.entropy_model.build(channels)
        elif expected != channels:
            raise UsageError(
                f"entropy_model.init_args.latent_channels is {expected}, but the transform "
                f"({type(self.transform).__name__}) gives {channels} latent channels; make them "
                "equal, or leave the entropy model's out"
            )

    @property
    def downsampling_factor(self) -> int:
        """What both sides of an image, in pixels, must be multiples of."""
        return self.transform.downsampling_factor

    def forward(self, images: Tensor) -> dict[str, Any]:
        """Estimate, in CompressAI's manner.

        Args:
            images: image batch (B, 3, H, W), RGB in [0, 1], sides multiples of
                `downsampling_factor`.

        Returns:
            ``x_hat``, of the images' shape, and ``likelihoods``: name → (B, C, h, w). In training
            mode with the quantizer's proxy; in evaluation mode, what coding would give
            up to rounding (see `EntropyModel.forward`).

        Raises:
            CodecError: no image batch of such sides, or (in evaluation mode) latents that are not
                finite.
        """
        latents = self._analysed(images)
        # Latents can be in the hundreds, where bfloat16 knows no fractions.
        with torch.autocast(images.device.type, enabled=False):
            rated = self.entropy_model(latents.float(), self.quantizer)
        return {"x_hat": self.transform.synthesis(rated.values), "likelihoods": rated.likelihoods}

    @torch.no_grad()
    def compress(self, images: Tensor) -> dict[str, Any]:
        """Code an image batch (B, 3, H, W), RGB in [0, 1], sides as for `forward`.

        Returns:
            ``strings``: for each string of the entropy model a list of B; ``shape``: (h, w).

        Raises:
            CodecError: no such image batch, latents that are not finite, or no tables yet.
        """
        latents = self._analysed(images)
        coded = [
            self.entropy_model.compress(latent, self.quantizer, self.entropy_coder)
            for latent in latents
        ]
        shape = (latents.shape[-2], latents.shape[-1])
        return {"strings": [list(strings) for strings in zip(*coded, strict=True)], "shape": shape}

    @torch.no_grad()
    def decompress(
        self, strings: Sequence[Sequence[bytes]], shape: Sequence[int]
    ) -> dict[str, Tensor]:
        """Decode what `compress` gave: ``x_hat``, (B, 3, H, W), neither cropped nor clamped.

        Raises:
            CorruptBitstreamError: strings that are noticed to be no code of a latent of this
                shape.
            CodecError: no tables yet.
        """
        counts = {len(images) for images in strings}
        if len(counts) != 1 or 0 in counts:
            raise CorruptBitstreamError(
                f"strings of {sorted(counts) or 'no'} images; expected of one number of images"
            )
        if len(shape) != 2 or min(shape) < 1:
            raise CorruptBitstreamError(f"latent of shape {tuple(shape)}; expected (h, w)")
        latents = [
            self.entropy_model.decompress(
                list(image_strings), (shape[0], shape[1]), self.quantizer, self.entropy_coder
            )
            for image_strings in zip(*strings, strict=True)
        ]
        return {"x_hat": self.transform.synthesis(torch.stack(latents))}

    @contextmanager
    def noting(self, note: Callable[[str, Tensor], None]) -> Iterator[None]:
        """Within the block, decoding notes the ``table indices`` and ``symbols`` of latents.

        Both are int32 (M · h · w,), one image after the other.
        """
        coder = self.entropy_coder
        self.entropy_coder = _NotingCoder(coder, self.tables.get("latents"), note)
        try:
            yield
        finally:
            self.entropy_coder = coder

    def update(self) -> None:
        """Make the entropy coder's tables from the trained densities. Not needed after loading."""
        self.entropy_model.update(self.quantizer)

    @property
    def tables(self) -> Mapping[str, FrequencyTables]:
        """The entropy coder's tables, by the name of what they code; none before `update`."""
        return self.entropy_model.tables

    @tables.setter
    def tables(self, tables: Mapping[str, FrequencyTables]) -> None:
        self.entropy_model.load_tables(tables, self.quantizer)

    def _analysed(self, images: Tensor) -> Tensor:
        factor = self.downsampling_factor
        if images.ndim != 4 or images.size(1) != 3 or not images.numel():
            raise CodecError(f"images of shape {tuple(images.shape)}; expected (B, 3, H, W)")
        if images.size(2) % factor or images.size(3) % factor:
            raise CodecError(
                f"images of {images.size(3)}×{images.size(2)} pixels; this codec takes multiples "
                f"of {factor}: pad or crop them"
            )
        latents: Tensor = self.transform.analysis(images)
        return latents


class _NotingCoder:
    """An entropy coder, overheard where it decodes what ``tables`` code."""

    def __init__(
        self,
        coder: EntropyCoder,
        tables: FrequencyTables | None,
        note: Callable[[str, Tensor], None],
    ) -> None:
        self.name = coder.name
        self.encode = coder.encode
        self.encode_passes = coder.encode_passes
        self._coder = coder
        self._tables = tables
        self._note = note

    def decode(self, string: bytes, indices: Integers, tables: FrequencyTables) -> Integers:
        if tables is not self._tables:
            return self._coder.decode(string, indices, tables)
        self._note("table indices", torch.from_numpy(indices))
        symbols = self._coder.decode(string, indices, tables)
        self._note("symbols", torch.from_numpy(symbols))
        return symbols

    def reader(self, string: bytes, count: int) -> PassReader:
        return _NotingReader(self._coder.reader(string, count), self._note)


class _NotingReader:
    """What reads the passes of a latent; they are noted together, at the end."""

    def __init__(self, reader: PassReader, note: Callable[[str, Tensor], None]) -> None:
        self._reader = reader
        self._note = note
        self._noted: dict[str, list[Integers]] = {"table indices": [], "symbols": []}

    def read(self, indices: Integers, tables: FrequencyTables) -> Integers:
        self._noted["table indices"].append(indices)
        symbols = self._reader.read(indices, tables)
        self._noted["symbols"].append(symbols)
        return symbols

    def close(self) -> None:
        for stage, arrays in self._noted.items():
            self._note(stage, torch.from_numpy(np.concatenate([*arrays, _NOTHING])))
        self._reader.close()
