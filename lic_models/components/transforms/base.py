"""What every transform is: analysis and synthesis, from an image to its latent and back.

image (B, 3, H, W) → analysis → latent (B, M, H/f, W/f) → synthesis → image (B, 3, H, W)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from torch import Tensor, nn

from lic_models.components.nonlinearities import Nonlinearity
from pytest_lic.errors import UnknownNameError, UsageError

Width = Literal["pico", "small", "large"]
WIDTHS: dict[Width, tuple[int, int]] = {"pico": (32, 48), "small": (128, 192), "large": (192, 320)}
"""Name → N, channels between the layers, and M, channels of the latent."""


class Transform(nn.Module):
    """A pair of transforms: two modules and what they make of an image's size.

    Args:
        analysis: image batch (B, 3, H, W) → latent (B, M, H / f, W / f).
        synthesis: the way back.
        latent_channels: M.
        downsampling_factor: f; both sides of an image must be multiples of it.
    """

    def __init__(
        self,
        analysis: nn.Module,
        synthesis: nn.Module,
        latent_channels: int,
        downsampling_factor: int,
    ) -> None:
        super().__init__()
        self.analysis = analysis
        self.synthesis = synthesis
        self.latent_channels = latent_channels
        self.downsampling_factor = downsampling_factor

    def adopted(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Weights of the two sides, those of the same layers without blocks made this kind's.

        Blocks, which those weights lack, keep what they have.

        Args:
            tensors: name, which begins with its side's → weights.
        """
        adopted = dict(tensors)
        for side, module in self.named_children():
            own = {f"{side}.{key}": value for key, value in module.state_dict().items()}
            given = {key: value for key, value in tensors.items() if key.startswith(f"{side}.")}
            plain = [name for name, layer in module.named_children() if isinstance(layer, _PLAIN)]
            numbers = {key.split(".")[1] for key in given}
            if own.keys() == given.keys() or numbers != {str(n) for n in range(len(plain))}:
                continue
            for key in given:
                del adopted[key]
            renamed = {}
            for key, value in given.items():
                _, number, name = key.split(".", 2)
                renamed[f"{side}.{plain[int(number)]}.{name}"] = value
            adopted |= own | renamed
        return adopted


_PLAIN = (nn.Conv2d, nn.ConvTranspose2d, Nonlinearity)


def channels_of(
    kind: type[Transform], width: Width, channels: int | None, latent_channels: int | None
) -> tuple[int, int]:
    """N and M: those asked for, or else the width's.

    Raises:
        UsageError: no such width, or fewer than 1 channel.
    """
    if width not in WIDTHS:
        raise UnknownNameError("width", width, WIDTHS, kind.__name__)
    n = WIDTHS[width][0] if channels is None else channels
    m = WIDTHS[width][1] if latent_channels is None else latent_channels
    if n < 1 or m < 1:
        raise UsageError(f"channels: {n} and latent_channels: {m}; expected at least 1 of each")
    return n, m
