"""A learned codec put together from its components; it trains and codes with the same parts.

x ─► analysis ─► y ─► latent coding ─► ŷ ─► synthesis ─► x̂
                       │       ▲
                       └ bytes ┘

Rate control, where there is any, conditions all of it on a level, which the bytes tell. The codec
may also have a thumbnail synthesis, which makes a small picture of the first bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor, nn

from lic_models.components.entropy_coding.coders import EntropyCoder
from lic_models.components.entropy_coding.tables import FrequencyTables
from lic_models.components.entropy_models import EntropyModel
from lic_models.components.latent_coding import LatentCoding, QuantisedCoding
from lic_models.components.latent_coding.base import Note
from lic_models.components.quantizers import Quantizer
from lic_models.components.rate_control import NoRateControl, RateControl
from lic_models.components.thumbnails import DOWNSAMPLING_FACTOR, ThumbnailSynthesis
from lic_models.components.transforms import ConvolutionalTransform, Transform
from pytest_lic.errors import CodecError, CorruptBitstreamError, UsageError


class LearnedCodec(nn.Module):
    """A transform and what turns its latents into bytes, each exchangeable.

    Args:
        transform: analysis and synthesis.
        quantizer: of `QuantisedCoding`.
        entropy_model: of `QuantisedCoding`.
        entropy_coder: of `QuantisedCoding`.
        latent_coding: in place of these three.
        rate_control: how the network serves a range of rates; `NoRateControl` by default.

    Attributes:
        level: what is coded at where no other is asked for; the highest at first.

    Raises:
        UsageError: a latent coding for another number of latent channels than the transform's, or
            a transform that gives none; a latent coding beside parts of another.
    """

    def __init__(
        self,
        transform: Transform | None = None,
        quantizer: Quantizer | None = None,
        entropy_model: EntropyModel | None = None,
        entropy_coder: EntropyCoder | None = None,
        latent_coding: LatentCoding | None = None,
        rate_control: RateControl | None = None,
    ) -> None:
        super().__init__()
        self.transform = ConvolutionalTransform() if transform is None else transform
        self.rate_control = NoRateControl() if rate_control is None else rate_control
        self.rate_control.build(self.transform)
        self.level = self.rate_control.highest
        beside = {"quantizer": quantizer, "entropy_model": entropy_model}
        beside["entropy_coder"] = entropy_coder
        doubled = [name for name, part in beside.items() if part is not None]
        if latent_coding is not None and doubled:
            raise UsageError(
                f"latent_coding: {type(latent_coding).__name__} has parts of its own, and takes "
                f"the place of {', '.join(doubled)}; expected null there"
            )
        self.latent_coding: LatentCoding = latent_coding or QuantisedCoding(
            quantizer, entropy_model, entropy_coder
        )
        self.latent_coding.build(self.transform.latent_channels, type(self.transform).__name__)
        for name, part in self.latent_coding.parts.items():
            if hasattr(self, name):
                raise UsageError(
                    f"latent_coding: {type(self.latent_coding).__name__} has a part called {name}, "
                    "as the codec has; give it another name"
                )
            self.add_module(name, part)
        self.rate_control.join(self)
        self.thumbnail: ThumbnailSynthesis | None = None

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute; a part of the latent coding there too.

        Raises:
            UsageError: another latent coding, whose parts the codec would not have.
        """
        coding = self.__dict__.get("latent_coding")
        if name == "latent_coding" and coding is not None:
            raise UsageError("latent_coding can't be exchanged; make a new LearnedCodec with it")
        super().__setattr__(name, value)
        if coding is not None and name in coding.parts:
            setattr(coding, name, value)

    @property
    def entropy_coder(self) -> EntropyCoder:
        """That of `QuantisedCoding`; other latent codings have none of that name."""
        if not isinstance(self.latent_coding, QuantisedCoding):
            raise AttributeError(f"{type(self.latent_coding).__name__} has no entropy_coder")
        return self.latent_coding.entropy_coder

    @entropy_coder.setter
    def entropy_coder(self, coder: EntropyCoder) -> None:
        assert isinstance(self.latent_coding, QuantisedCoding)
        self.latent_coding.entropy_coder = coder

    def attach_thumbnail(self, thumbnail: ThumbnailSynthesis) -> None:
        """Make the layers of a thumbnail synthesis for this codec, and have it from now on.

        Raises:
            UsageError: rate control, latents of another size than it is for, or no such groups of
                channels.
        """
        self._refuse_levels("thumbnail")
        if self.downsampling_factor != DOWNSAMPLING_FACTOR:
            raise UsageError(
                f"thumbnail: latents at 1/{self.downsampling_factor} of an image's sides; expected "
                f"1/{DOWNSAMPLING_FACTOR}"
            )
        thumbnail.build(self.latent_coding.groups)
        self.thumbnail = thumbnail

    @property
    def downsampling_factor(self) -> int:
        """What both sides of an image, in pixels, must be multiples of."""
        return self.transform.downsampling_factor

    def forward(self, images: Tensor, level: Tensor | float | None = None) -> dict[str, Any]:
        """Estimate, in CompressAI's manner.

        Args:
            images: image batch (B, 3, H, W), RGB in [0, 1], sides multiples of
                `downsampling_factor`.
            level: of rate control, (B,) of each image or one for all; by default the attribute. Of
                a quality map also (B, 1, h, w), of each latent.

        Returns:
            ``x_hat``, of the images' shape, and ``likelihoods``: name → (B, C, h, w). In training
            mode with the quantizer's proxy; in evaluation mode, what coding would give
            up to rounding (see `EntropyModel.forward`).

        Raises:
            CodecError: no image batch of such sides, or (in evaluation mode) latents that are not
                finite.
        """
        levels = self.rate_control.spread(self._levels(images, level), self._latent_size(images))
        with self.rate_control.at(levels):
            latents = self._analysed(images)
            # Latents can be in the hundreds, where bfloat16 knows no fractions.
            with torch.autocast(images.device.type, enabled=False):
                rated = self.latent_coding.forward(latents.float())
                values = self.rate_control.restored(rated.values)
            return {"x_hat": self.transform.synthesis(values), "likelihoods": rated.likelihoods}

    @torch.no_grad()
    def compress(
        self, images: Tensor, level: float | None = None, quality_map: Tensor | None = None
    ) -> dict[str, Any]:
        """Code an image batch (B, 3, H, W), RGB in [0, 1], sides as for `forward`.

        Args:
            images: the batch.
            level: of rate control, from 0 to its highest; by default the attribute.
            quality_map: (B, 1, H, W), what is added to the level at each pixel, within ± its
                highest; for `QualityMap` with regions that are carried.

        Returns:
            ``strings``: for each string of a latent a list of B, before them one for the quality
            map where it is carried; ``shape``: (h, w). With rate control also ``level``, as the
            decoder must be told it.

        Raises:
            CodecError: no such image batch, latents that are not finite, or no tables yet.
            UsageError: a level out of the range; a quality map of another size or out of the
                range, or where none is taken.
        """
        level = self.rate_control.check_level(self.level if level is None else level)
        size = self._latent_size(images)
        told = self.rate_control.map_strings(quality_map, images)
        levels = self.rate_control.spread(self._levels(images, level), size, told)
        with self.rate_control.at(levels):
            latents = self._analysed(images)
            coded = [self.latent_coding.compress(latent) for latent in latents]
        shape = (latents.shape[-2], latents.shape[-1])
        strings = [list(strings) for strings in zip(*coded, strict=True)]
        if told:
            strings.insert(0, told)
        told = {"level": level} if self.rate_control.highest else {}
        return {"strings": strings, "shape": shape, **told}

    @torch.no_grad()
    def decompress(
        self, strings: Sequence[Sequence[bytes]], shape: Sequence[int], level: float | None = None
    ) -> dict[str, Tensor]:
        """Decode what `compress` gave: ``x_hat``, (B, 3, H, W), neither cropped nor clamped.

        Args:
            strings: of the images.
            shape: (h, w).
            level: that they were coded at, which there is with rate control alone.

        Raises:
            CorruptBitstreamError: strings that are noticed to be no code of a latent of this shape.
            CodecError: no tables yet.
            UsageError: a level out of the range, or none with rate control.
        """
        if level is None and self.rate_control.highest:
            raise UsageError("level: none given; decode at the one that compress returned")
        level = self.rate_control.check_level(level or 0.0)
        size, images = _size(shape), _by_image(strings)
        told = [image.pop(0) for image in images] if self.rate_control.carries_map else []
        like = next(self.parameters())
        with self.rate_control.at(self.rate_control.spread(self._levels(like, level), size, told)):
            latents = [self.latent_coding.decompress(image, size) for image in images]
            values = self.rate_control.restored(torch.stack(latents))
            return {"x_hat": self.transform.synthesis(values)}

    @torch.no_grad()
    def decompress_part(
        self, strings: Sequence[Sequence[bytes]], shape: Sequence[int], passes: int, length: int
    ) -> dict[str, Tensor]:
        """Decode the first passes of one image: ``x_hat``, (1, 3, H, W), as `decompress`.

        Args:
            strings: as `compress` gave them of one image; the last may end where pass ``passes``
                does (see `pass_lengths`).
            shape: (h, w).
            passes: how many to read, from 1 on.
            length: of the whole of the last string, in bytes.

        Raises:
            TruncatedBitstreamError: a last string that ends before that pass does.
            CorruptBitstreamError: as `decompress`.
            UsageError: no such number of passes, a latent coding that has one alone, or rate
                control.
        """
        self._refuse_levels("decompress_part")
        (image_strings,) = _by_image(strings)
        latent = self.latent_coding.decompress_part(image_strings, _size(shape), passes, length)
        return {"x_hat": self.transform.synthesis(latent[None])}

    @torch.no_grad()
    def pass_lengths(self, strings: Sequence[Sequence[bytes]], shape: Sequence[int]) -> list[int]:
        """How many bytes of one image's last string each number of passes needs, from 1 on.

        Raises:
            CorruptBitstreamError: as `decompress`.
        """
        (image_strings,) = _by_image(strings)
        return self.latent_coding.pass_lengths(image_strings, _size(shape))

    @torch.no_grad()
    def decompress_thumbnail(
        self, strings: Sequence[Sequence[bytes]], shape: Sequence[int], length: int
    ) -> dict[str, Tensor]:
        """A small picture of one image, from its first passes: ``thumbnail``, (1, 3, 2h, 2w).

        RGB, around [0, 1]: it is not clamped.

        Args:
            strings: as `compress` gave them of one image; the last may be cut at
                `thumbnail_length`.
            shape: (h, w).
            length: of the whole of the last string, in bytes.

        Raises:
            TruncatedBitstreamError: a last string that ends before that.
            CorruptBitstreamError: as `decompress`.
            UsageError: no thumbnail synthesis.
        """
        synthesis = self._thumbnail_synthesis()
        (image_strings,) = _by_image(strings)
        latents = self.latent_coding.decompress_channels(
            image_strings, _size(shape), synthesis.latent_channels, length
        )
        return {"thumbnail": synthesis(latents[None])}

    def thumbnail_length(self, strings: Sequence[Sequence[bytes]], shape: Sequence[int]) -> int:
        """How many bytes of one image's last string its thumbnail needs.

        Raises:
            CorruptBitstreamError: as `decompress`.
            UsageError: no thumbnail synthesis.
        """
        channels = self._thumbnail_synthesis().latent_channels
        passes = self.latent_coding.passes_of(channels, _size(shape))
        return self.pass_lengths(strings, shape)[passes - 1]

    def noting(self, note: Note) -> AbstractContextManager[None]:
        """Within the block, decoding notes its symbols; see `LatentCoding.noting`."""
        return self.latent_coding.noting(note)

    def update(self) -> None:
        """Make the entropy coder's tables from the trained densities. Not needed after loading."""
        self.latent_coding.update()

    @property
    def tables(self) -> Mapping[str, FrequencyTables]:
        """The entropy coder's tables, by the name of what they code; none before `update`."""
        return self.latent_coding.tables

    @tables.setter
    def tables(self, tables: Mapping[str, FrequencyTables]) -> None:
        self.latent_coding.load_tables(tables)

    def _thumbnail_synthesis(self) -> ThumbnailSynthesis:
        if self.thumbnail is None:
            raise UsageError(
                "these weights have no thumbnail synthesis; train one with "
                "python -m lic_models thumbnail WEIGHTS --data FOLDER"
            )
        return self.thumbnail

    def _refuse_levels(self, what: str) -> None:
        """Raise UsageError with rate control, whose level parts of a bitstream are not told."""
        if self.rate_control.highest:
            raise UsageError(
                f"{what}: {type(self.rate_control).__name__} has levels, which are known for whole "
                "bitstreams alone; decode all of it, or take a network without rate control"
            )

    def _latent_size(self, images: Tensor) -> tuple[int, int]:
        """Height and width of the latents of an image batch, once it is seen to be one."""
        factor = self.downsampling_factor
        if images.ndim != 4 or images.size(1) != 3 or not images.numel():
            raise CodecError(f"images of shape {tuple(images.shape)}; expected (B, 3, H, W)")
        if images.size(2) % factor or images.size(3) % factor:
            raise CodecError(
                f"images of {images.size(3)}×{images.size(2)} pixels; this codec takes multiples "
                f"of {factor}: pad or crop them"
            )
        return images.size(2) // factor, images.size(3) // factor

    def _analysed(self, images: Tensor) -> Tensor:
        latents: Tensor = self.transform.analysis(images)
        return self.rate_control.scaled(latents)

    def _levels(self, like: Tensor, level: Tensor | float | None = None) -> Tensor:
        """A level, by default the attribute, as rate control takes it, where ``like`` lies."""
        if isinstance(level, Tensor):
            return level
        return torch.tensor([self.level if level is None else level], device=like.device)


def _by_image(strings: Sequence[Sequence[bytes]]) -> list[list[bytes]]:
    counts = {len(images) for images in strings}
    if len(counts) != 1 or 0 in counts:
        raise CorruptBitstreamError(
            f"strings of {sorted(counts) or 'no'} images; expected of one number of images"
        )
    return [list(image) for image in zip(*strings, strict=True)]


def _size(shape: Sequence[int]) -> tuple[int, int]:
    if len(shape) != 2 or min(shape) < 1:
        raise CorruptBitstreamError(f"latent of shape {tuple(shape)}; expected (h, w)")
    return shape[0], shape[1]
