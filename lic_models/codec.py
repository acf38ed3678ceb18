"""A learned codec put together from its components; it trains and codes with the same parts.

x ─► analysis ─► y ─► entropy model (with the quantizer) ─► ŷ ─► synthesis ─► x̂
                         │ symbols and table indices ▲
                         ▼                           │
                    entropy coder ─► bitstring ─► entropy coder
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from lic_models.components.entropy_coders import EntropyCoder, RangeCoder
from lic_models.components.entropy_models import EntropyModel, Factorized
from lic_models.components.frequency_tables import FrequencyTables
from lic_models.components.quantizers import NoiseQuantizer, Quantizer
from lic_models.components.transforms import ConvolutionalTransform, Transform
from pytest_lic.errors import CorruptBitstreamError, UsageError


class LearnedCodec(nn.Module):
    """Transform, quantizer, entropy model and entropy coder, each exchangeable.

    Args:
        transform: analysis and synthesis.
        quantizer: what happens to a latent between its expectation and its symbol.
        entropy_model: what is expected of a latent.
        entropy_coder: how symbols become bytes.

    Raises:
        UsageError: an entropy model for another number of latent channels than the transform's.
    """

    def __init__(
        self,
        transform: Transform | None = None,
        quantizer: Quantizer | None = None,
        entropy_model: EntropyModel | None = None,
        entropy_coder: EntropyCoder | None = None,
    ) -> None:
        super().__init__()
        self.transform = transform or ConvolutionalTransform()
        self.quantizer = quantizer or NoiseQuantizer()
        self.entropy_model = entropy_model or Factorized()
        self.entropy_coder: EntropyCoder = entropy_coder or RangeCoder()
        given, expected = self.transform.latent_channels, self.entropy_model.latent_channels
        if expected is None:
            self.entropy_model.build(given)
        elif expected != given:
            raise UsageError(
                f"entropy_model.init_args.latent_channels is {expected}, but the transform "
                f"({type(self.transform).__name__}) gives {given} latent channels; make them "
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
            mode with the quantizer's proxy; in evaluation mode, what coding would give.
        """
        latents = self.transform.analysis(images)
        # Latents can be in the hundreds, where bfloat16 knows no fractions.
        with torch.autocast(images.device.type, enabled=False):
            rated = self.entropy_model(latents.float(), self.quantizer)
        return {"x_hat": self.transform.synthesis(rated.values), "likelihoods": rated.likelihoods}

    def compress(self, images: Tensor) -> dict[str, Any]:
        """Code an image batch (B, 3, H, W), RGB in [0, 1].

        Returns:
            ``strings``: for each string of the entropy model a list of B; ``shape``: (h, w).
        """
        latents = self.transform.analysis(images)
        coded = [
            self.entropy_model.compress(latent, self.quantizer, self.entropy_coder)
            for latent in latents
        ]
        shape = (latents.shape[-2], latents.shape[-1])
        return {"strings": [list(each) for each in zip(*coded, strict=True)], "shape": shape}

    def decompress(
        self, strings: Sequence[Sequence[bytes]], shape: tuple[int, int]
    ) -> dict[str, Tensor]:
        """Decode what `compress` gave: ``x_hat``, (B, 3, H, W), neither cropped nor clamped.

        Raises:
            CorruptBitstreamError: strings that are no code of a latent of this shape.
        """
        if not strings or len({len(each) for each in strings}) > 1:
            raise CorruptBitstreamError("strings of several batch sizes, or none")
        latents = [
            self.entropy_model.decompress(
                list(each), (shape[0], shape[1]), self.quantizer, self.entropy_coder
            )
            for each in zip(*strings, strict=True)
        ]
        return {"x_hat": self.transform.synthesis(torch.stack(latents))}

    def update(self) -> None:
        """Make the entropy coder's tables from the trained densities. Not needed after loading."""
        self.entropy_model.update(self.quantizer)

    @property
    def tables(self) -> Mapping[str, FrequencyTables]:
        """The entropy coder's tables, by the name of what they code; none before `update`."""
        return self.entropy_model.tables

    @tables.setter
    def tables(self, tables: Mapping[str, FrequencyTables]) -> None:
        self.entropy_model.load_tables(tables)
