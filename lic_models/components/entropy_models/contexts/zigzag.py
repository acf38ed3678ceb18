"""Planes across channels, rows and columns, each seeing the planes before it.

    side information ─ 1 × 1 × 1 ──────────┐
    symbols before ─ 1 × 1 × 1 ─► planes < ─┴─► planes ≤ ─► planes ≤ ─► 1 × 1 ─► 1 × 1

A plane is all (c, y, x) of one c + y + x. The first convolution sees earlier planes alone. What it
makes of a position therefore knows no symbol of the position's plane, and the next ones may see the
position itself and others of its plane.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lic_models.components.entropy_models.contexts.base import Context, Predictor, positions
from lic_models.components.entropy_models.contexts.estimator import Estimator
from pytest_lic.errors import UsageError


class ZigzagContext(Context):
    """Masked convolutions in three dimensions over single symbols; M + h + w − 2 passes.

    Li, Ma, You, Zhang and Zuo, "Efficient and effective context-based convolutional entropy
    modeling for image compression", IEEE Transactions on Image Processing 2020,
    https://arxiv.org/abs/1906.10057. All symbols have the same few weights, but for what each
    channel adds of its own: the smallest of the contexts, and the passes grow with the sides of a
    latent, not with its area.

    Args:
        hidden: channels of all layers.
        layers: of masked convolutions.
        kernel_size: side of their kernels, odd.

    Raises:
        UsageError: values out of range.
    """

    def __init__(self, hidden: int = 8, layers: int = 3, kernel_size: int = 3) -> None:
        super().__init__()
        if min(hidden, layers) < 1 or kernel_size < 3 or kernel_size % 2 == 0:
            raise UsageError(
                f"hidden: {hidden}, layers: {layers}, kernel_size: {kernel_size}; expected at "
                "least 1, at least 1, and an odd number from 3 on"
            )
        self.hidden, self.depth, self.kernel_size = hidden, layers, kernel_size

    def build(self, channels: int, start: list[float]) -> None:
        """Make the parameters; see `Context.build`."""
        self.channels = channels
        self.from_features = nn.Conv2d(2, self.hidden, 1)
        self.of_channel = nn.Parameter(torch.zeros(self.hidden, channels, 1, 1))
        self.from_symbols = nn.Sequential(nn.Conv2d(3, self.hidden, 1), nn.LeakyReLU())
        self.layers = nn.ModuleList(
            _MaskedConvolution(self.hidden, self.kernel_size, latest=0 if number else -1)
            for number in range(self.depth)
        )
        self.estimator = Estimator(self.hidden, 1, start)

    def schedule(self, height: int, width: int) -> Tensor:
        """The pass of each position, int64 (M, h, w): its channel, row and column together."""
        channels, rows, columns = map(torch.arange, (self.channels, height, width))
        return channels[:, None, None] + rows[:, None] + columns

    def passes(self, height: int, width: int) -> int:
        """M + h + w − 2."""
        return self.channels + height + width - 2

    def predictor(self, features: Tensor) -> Predictor:
        """Predicts pass by pass; see `Context.predictor`."""
        return _ZigzagPredictor(self, features)

    def forward(self, latents: Tensor, features: Tensor) -> Tensor:
        """Corrections (B, P, M, h, w) for all passes at once."""
        told, of_each = self.known(features), features.unflatten(1, (2, -1)).flatten(2, 3)
        seen = self.symbols(latents.flatten(1, 2), of_each).view_as(told)
        for layer in self.layers:
            told = told + layer(seen)
            seen = F.leaky_relu(told)
        corrections: Tensor = self.estimator(told.flatten(2, 3))
        return corrections.reshape(len(latents), -1, *latents.shape[1:])

    def known(self, features: Tensor) -> Tensor:
        """What side information tells of each symbol, (B, hidden, M, h, w)."""
        known: Tensor = self.from_features(features.unflatten(1, (2, -1)).flatten(2, 3))
        return known.unflatten(2, (self.channels, -1)) + self.of_channel

    def symbols(self, latents: Tensor, features: Tensor) -> Tensor:
        """What each symbol tells of others, (B, hidden, n, w).

        Args:
            latents: (B, n, w), of any positions.
            features: (B, 2, n, w), of the same.
        """
        told: Tensor = self.from_symbols(torch.cat([latents[:, None], features], 1))
        return told


class _MaskedConvolution(nn.Module):
    """Sees positions within a cube that are up to so many planes later."""

    def __init__(self, hidden: int, side: int, latest: int) -> None:
        super().__init__()
        self.seen: Tensor
        self.register_buffer("seen", _planes(side) <= latest, persistent=False)
        self.weight = nn.Parameter(torch.empty(hidden, hidden, int(self.seen.sum())))
        nn.init.kaiming_uniform_(self.weight, 5**0.5)

    def forward(self, values: Tensor) -> Tensor:
        """(B, hidden, M, h, w) to as many."""
        kernel = self.weight.new_zeros(*self.weight.shape[:2], *self.seen.shape)
        kernel[:, :, self.seen] = self.weight
        # With the channels last, convolutions of few channels are more than twice as fast.
        values = values.contiguous(memory_format=torch.channels_last_3d)
        return F.conv3d(values, kernel, padding=len(self.seen) // 2)


def _planes(side: int) -> Tensor:
    """How many planes later each position of a cube is than its middle, int64."""
    reach = torch.arange(side) - side // 2
    return reach[:, None, None] + reach[:, None] + reach


class _ZigzagPredictor:
    """Keeps each layer's values, so that each position's are computed once.

    They are kept as rows, of all positions of the latent and a margin of zeros around it, (B, N,
    hidden); to convolve is to gather rows.
    """

    def __init__(self, context: ZigzagContext, features: Tensor) -> None:
        self._context, self._features = context, features.unflatten(1, (2, -1)).flatten(2)
        self._known = context.known(features).flatten(2)
        height, width = features.shape[-2:]
        margin = context.kernel_size // 2
        sides = [side + 2 * margin for side in (context.channels, height, width)]
        steps = torch.tensor([sides[1] * sides[2], sides[2], 1], device=features.device)
        schedule = context.schedule(height, width).to(features.device)
        self._places = positions(schedule, context.passes(height, width))
        self._rows = [
            ((torch.stack(torch.unravel_index(places, schedule.shape), 1) + margin) * steps).sum(1)
            for places in self._places
        ]
        self._taps, self._weights = [], []
        for layer in context.layers:
            offsets = (layer.seen.nonzero() - margin) * steps
            self._taps.append(offsets.sum(1))
            self._weights.append(layer.weight.permute(2, 1, 0).flatten(0, 1))
        shape = len(features), sides[0] * sides[1] * sides[2], context.hidden
        self._seen = [features.new_zeros(shape) for _ in context.layers]

    def predict(self, number: int, decoded: Tensor) -> Tensor:
        if number:
            self._see(number - 1, decoded)
        rows = self._rows[number]
        told = self._known[:, :, self._places[number]].transpose(1, 2)
        for layer, (taps, weights) in enumerate(zip(self._taps, self._weights, strict=True)):
            if layer:
                self._seen[layer][:, rows] = F.leaky_relu(told)
            near = self._seen[layer].index_select(1, (rows[:, None] + taps).flatten())
            told = told + near.view(len(near), len(rows), -1) @ weights
        return self._context.estimator.at(told.transpose(1, 2))

    def _see(self, number: int, decoded: Tensor) -> None:
        """Take in what is decoded of a pass."""
        places = self._places[number]
        latents = decoded.flatten(1)[:, places]
        features = self._features[:, :, places]
        told = self._context.symbols(latents[..., None], features[..., None])
        self._seen[0][:, self._rows[number]] = told[..., 0].transpose(1, 2)
