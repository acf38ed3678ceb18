"""A loss for pictures that look right: MSE, LPIPS and a discriminator that is told the latent.

Mentzer, Toderici, Tschannen and Agustsson, "High-fidelity generative image compression" (HiFiC),
NeurIPS 2020, https://arxiv.org/abs/2006.09965. The generator is a codec's synthesis, of whatever
transform: all that is asked of it is the latent ŷ that it was given.

x̂ or x ─────────────────────────┐
ŷ ─► projection ─► upsampling ──┴─► convolutions ─► a logit for each patch
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from lic_models.codec import LearnedCodec
from pytest_lic.errors import UnavailableError, UsageError
from pytest_lic.measuring.metrics.lpips import LPIPS, SMALLEST_SIDE

_CHANNELS = (32, 64, 64, 64)  # of layers that halve the sides; 64, 128, 256 and 512 in the paper
_TOLD_CHANNELS = 12  # of the projected latent
_SLOPE = 0.2
_STRIDE = 4  # of the first layer that LPIPS looks through


@dataclass(frozen=True)
class GenerativeWeights:
    """What the perceptual terms weigh, in squared levels of 255 like the MSE that they are beside.

    By default in the paper's ratios: k_P / k_M = 32 / 0.075 and β / k_M = 0.15 · 32 / 0.075.

    Args:
        lpips: of LPIPS.
        adversarial: of −log D.
    """

    lpips: float = 32.0 / 0.075
    adversarial: float = 0.15 * 32.0 / 0.075


class GenerativeTerms(NamedTuple):
    """The terms of one batch's loss that are beside rate and MSE.

    Args:
        total: weighted, in squared levels of 255.
        lpips: mean over the batch, of pixels that are neither rounded nor clamped.
        adversarial: mean of −log D over patches.
    """

    total: Tensor
    lpips: Tensor
    adversarial: Tensor


class Discriminator(nn.Module):
    """Tells pictures from reconstructions, patch by patch, given the latent they were coded as.

    Spectral normalisation (Miyato et al., ICLR 2018, https://arxiv.org/abs/1802.05957) keeps each
    layer's gain at 1.

    Args:
        latent_channels: of the transform.
    """

    def __init__(self, latent_channels: int) -> None:
        super().__init__()
        self.projection = spectral_norm(nn.Conv2d(latent_channels, _TOLD_CHANNELS, 3, padding=1))
        sizes = (3 + _TOLD_CHANNELS, *_CHANNELS)
        self.halving = nn.ModuleList(
            spectral_norm(nn.Conv2d(before, after, 4, stride=2, padding=1))
            for before, after in pairwise(sizes)
        )
        self.last = spectral_norm(nn.Conv2d(_CHANNELS[-1], 1, 1))

    def forward(self, images: Tensor, latents: Tensor) -> Tensor:
        """Logits of being a picture, (B, 1, H/16, W/16).

        Args:
            images: (B, 3, H, W), RGB around [0, 1], sides of at least 16 pixels.
            latents: (B, C, h, w), at any fraction of the images' sides.
        """
        told = F.leaky_relu(self.projection(latents), _SLOPE)
        told = F.interpolate(told, images.shape[-2:], mode="nearest")
        values = torch.cat([2.0 * images - 1.0, told], 1)
        for layer in self.halving:
            values = F.leaky_relu(layer(values), _SLOPE)
        logits: Tensor = self.last(values)
        return logits


class GenerativeLoss:
    """LPIPS, and a discriminator that is trained in turn with what it judges.

    Args:
        latent_channels: of the transform.
        weights: of the terms.
        learning_rate: of the discriminator's Adam.

    Raises:
        UsageError: no weights of the network that LPIPS looks through.
        WeightsError: they are damaged, or another network's.
    """

    def __init__(
        self, latent_channels: int, weights: GenerativeWeights, learning_rate: float
    ) -> None:
        try:
            self._network = LPIPS().network()
        except UnavailableError as error:
            raise UsageError(f"LPIPS has {str(error).partition(', or give')[0]}") from None
        self.discriminator = Discriminator(latent_channels)
        self._weights = weights
        self._optimizer = torch.optim.Adam(self.discriminator.parameters(), learning_rate)

    def __call__(self, decoded: Tensor, images: Tensor, latents: Tensor) -> GenerativeTerms:
        """The terms of the generator's loss, of which −log D does not saturate.

        LPIPS sees the images from a place of its grid that is drawn, as Kettunen, Härkönen and
        Lehtinen, "E-LPIPS", 2019, https://arxiv.org/abs/1906.03973, advise: a synthesis, whose grid
        starts where the image does, would otherwise learn patterns to which it is blind.

        Args:
            decoded: x̂, (B, 3, H, W), RGB around [0, 1].
            images: x, of the same shape.
            latents: ŷ, (B, C, h, w); no gradient goes there from the discriminator.
        """
        left, top = torch.randint(_STRIDE, (2,)).tolist()
        seen = [pixels[..., top:, left:] for pixels in (images, decoded)]
        perceived = self._network(*seen, normalize=True).mean()
        self.discriminator.requires_grad_(False)
        adversarial = F.softplus(-self.discriminator(decoded, latents.detach())).mean()
        self.discriminator.requires_grad_(True)
        total = self._weights.lpips * perceived + self._weights.adversarial * adversarial
        return GenerativeTerms(total, perceived, adversarial)

    def train_discriminator(self, decoded: Tensor, images: Tensor, latents: Tensor) -> float:
        """One step of Adam on −log D(x, ŷ) − log(1 − D(x̂, ŷ)); returns that loss.

        Args:
            decoded: as above; no gradient goes there, or to the latents.
            images: as above.
            latents: as above.
        """
        latents = latents.detach()
        real = F.softplus(-self.discriminator(images, latents)).mean()
        loss = real + F.softplus(self.discriminator(decoded.detach(), latents)).mean()
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        return float(loss.detach())


def check_crop_size(crop_size: int) -> None:
    """Raise UsageError for crops of fewer pixels than LPIPS takes of one that is shifted."""
    least = SMALLEST_SIDE[LPIPS.net] + _STRIDE - 1
    if crop_size < least:
        raise UsageError(
            f"crops of {crop_size} pixels; LPIPS needs {least} on each side: give a larger "
            "--crop-size"
        )


@contextmanager
def given_to_synthesis(codec: LearnedCodec) -> Iterator[list[Tensor]]:
    """Within the block, the last latents ŷ that the synthesis was given, alone in a list."""
    seen: list[Tensor] = []

    def note(_module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        seen[:] = [inputs[0]]

    handle = codec.transform.synthesis.register_forward_pre_hook(note)
    try:
        yield seen
    finally:
        handle.remove()
