"""Features scaled and shifted place by place, by a map of levels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lic_models.components.rate_control.base import CurrentLevels
from lic_models.components.rate_control.conditioned import ConditioningRateControl, placed
from lic_models.components.rate_control.map_string import STEPS, pack_map, unpack_map
from lic_models.components.transforms.base import Transform
from pytest_lic.errors import UsageError

Regions = Literal["uniform", "centre", "carried"]
REGION = 4
"""The side of a region, in latents; 64 pixels where a latent is 16."""
_RISE = 0.5  # levels of "centre" above an image's own in its middle, and below it in its corners
_PACE = 10.0  # what the networks make is learned so many times as fast as other weights
_MAPPED = 0.5  # the share of images that are trained with a map


class QualityMap(ConditioningRateControl):
    """What each convolution gives is scaled and shifted, place by place, by a map of levels.

    Song, Choi and Han, "Variable-rate deep image compression through spatially-adaptive feature
    transform", ICCV 2021, https://arxiv.org/abs/2108.09551: a small network for each convolution
    makes scales and shifts of the map, so that some regions of an image get more bits than others.
    Here scales are exponentials, the networks run where the latents lie, and the decoder is told
    the map apart from the latents. Networks learn faster than the rest, so that little training
    spans the range.

    A region is 4 × 4 latents, and its level is the image's own and what the map adds to it, within
    the range. Half of the images are trained at one level, half with a map that is drawn for each.

    Args:
        lambdas: λ of each anchor, rising.
        regions: where the map comes from. "uniform": there is none, an image has one level;
            "centre": it follows from the image's size, half a level up in the middle and half a
            level down in the corners; "carried": whoever codes gives it, and bitstreams tell it,
            as a string of two bytes where none was given.
        hidden: channels between the two layers of a network.

    Raises:
        UsageError: as `RateControl`; other regions, or no hidden channels.
    """

    def __init__(
        self, lambdas: Sequence[float], regions: Regions = "uniform", hidden: int = 16
    ) -> None:
        super().__init__(lambdas)
        if regions not in get_args(Regions):
            expected = ", ".join(get_args(Regions))
            raise UsageError(f"regions: {regions!r}; expected one of {expected}")
        if hidden < 1:
            raise UsageError(f"hidden: {hidden}; expected at least 1")
        self.regions, self.hidden = regions, hidden

    @property
    def carries_map(self) -> bool:  # type: ignore[override]
        """Whether bitstreams tell the map."""
        return self.regions == "carried"

    def build(self, transform: Transform) -> None:
        """Put a network behind each convolution; as `ConditioningRateControl`."""
        self.region_pixels = REGION * transform.downsampling_factor
        super().build(transform)

    def condition(self, channels: int) -> nn.Module:
        """The spatial feature transform of one convolution."""
        return _SpatialFeatureTransform(self.levels, self.highest, self.hidden, channels)

    def drawn(self, count: int, size: tuple[int, int], device: torch.device) -> Tensor:
        """Levels to train a batch at: one of each image, or of each place between four corners."""
        levels = super().drawn(count, size, device)
        if self.regions == "uniform":
            return levels
        corners = self.highest * torch.rand(count, 1, 2, 2, device=device)
        smooth = F.interpolate(corners, _grid(size), mode="bilinear", align_corners=True)
        mapped = torch.rand(count, 1, 1, 1, device=device) < _MAPPED
        return torch.where(mapped, _on_latents(smooth, size), placed(levels))

    def map_strings(self, quality_map: Tensor | None, images: Tensor) -> list[bytes]:
        """What tells the decoder the map of each image; see `RateControl.map_strings`."""
        if not self.carries_map:
            if quality_map is not None:
                raise UsageError(
                    f"quality_map: the network's regions are {self.regions}; only those that are "
                    "carried take a map"
                )
            return []
        expected = (len(images), 1, *images.shape[-2:])
        if quality_map is None:
            quality_map = images.new_zeros(expected)
        if tuple(quality_map.shape) != expected:
            raise UsageError(
                f"quality_map: of shape {tuple(quality_map.shape)}; expected {expected}, levels to "
                "add at each pixel of the images"
            )
        quality_map = quality_map.float()
        if not bool((quality_map.abs() <= self.highest).all()):
            raise UsageError(
                f"quality_map: from {float(quality_map.min()):g} to {float(quality_map.max()):g}; "
                f"expected levels to add, from {-self.highest:g} to {self.highest:g}"
            )
        means = F.avg_pool2d(quality_map, self.region_pixels, ceil_mode=True)
        steps = (means * STEPS).round().int().cpu().numpy()
        return [pack_map(grid, round(self.highest)) for (grid,) in steps]

    def spread(
        self, levels: Tensor, size: tuple[int, int], told: Sequence[bytes] | None = None
    ) -> Tensor:
        """Levels (B, 1, h, w) of each latent; see `RateControl.spread`."""
        if levels.ndim == 4:
            return levels
        if self.carries_map and told is not None:
            grids = [unpack_map(string, _grid(size), round(self.highest)) for string in told]
            added = torch.stack([torch.from_numpy(grid) for grid in grids])[:, None] / STEPS
            added = _on_latents(added, size)
        elif self.regions == "centre":
            added = _centred(size)
        else:
            added = torch.zeros(1, 1, *size)
        return (placed(levels) + added.to(levels)).clamp(0.0, self.highest)


class _SpatialFeatureTransform(nn.Module):
    def __init__(self, levels: CurrentLevels, highest: float, hidden: int, channels: int) -> None:
        super().__init__()
        self.levels, self.highest = levels, highest
        self.first = nn.Conv2d(1, hidden, 3, padding=1, padding_mode="replicate")
        self.second = nn.Conv2d(hidden, 2 * channels, 1)
        for parameter in self.second.parameters():
            nn.init.zeros_(parameter)

    def forward(self, features: Tensor) -> Tensor:
        places = placed(self.levels.now.to(self.first.weight.dtype) / self.highest)
        made = _PACE * self.second(torch.relu(self.first(places)))
        log_scales, shifts = made.chunk(2, 1)
        size = features.shape[-2:]
        return features * F.interpolate(log_scales.exp(), size) + F.interpolate(shifts, size)


def _grid(size: tuple[int, int]) -> tuple[int, int]:
    """Rows and columns of the regions of a latent (h, w)."""
    return -(-size[0] // REGION), -(-size[1] // REGION)


def _on_latents(grid: Tensor, size: tuple[int, int]) -> Tensor:
    """What has a value in each region (B, 1, rows, columns), at each latent: (B, 1, h, w)."""
    each = grid.repeat_interleave(REGION, 2).repeat_interleave(REGION, 3)
    return each[..., : size[0], : size[1]]


def _centred(size: tuple[int, int]) -> Tensor:
    """Levels (1, 1, h, w) that "centre" adds, in the steps of a map that is carried."""
    down, across = ((2 * torch.arange(side) + 1) / side - 1 for side in size)
    squares = down[:, None].square() + across.square()  # 0 in the middle, 2 in a corner
    return (_RISE * (1.0 - squares) * STEPS).round()[None, None] / STEPS
