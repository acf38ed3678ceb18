"""A checkerboard whose second pass attends to the first, several layers deep.

    decoded anchors ── 1 × 1 ─┐                 ┌────────────┐
    side information ─ 1 × 1 ─┴─► a token each ─► attention ─ 1 × 1 layers ─► … ─► 1 × 1 ─► 1 × 1
                                                └─ to anchors of the windows around

Of the tokens only anchors' are attended to, and only anchors' have anything of the latent to begin
with: so however deep the layers, nothing of the second pass is seen.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lic_models.components.entropy_models.contexts.base import Context, Predictor
from lic_models.components.entropy_models.contexts.estimator import Estimator
from lic_models.components.entropy_models.contexts.patterns import CHECKERBOARD
from pytest_lic.errors import UsageError


class StackedCheckerboardContext(Context):
    """Every second position attends to the anchors in overlapping, shifted windows; two passes.

    Jiang, Yang, Zhai, Ning, Gao and Wang, "MLIC: multi-reference entropy model for learned image
    compression", ACM Multimedia 2023, https://arxiv.org/abs/2211.07273: its context in space. Takes
    what `CheckerboardContext` does in passes, and sees farther.

    Args:
        hidden: channels of a token, and of the layers between.
        layers: of attention; every second one has its windows shifted by half.
        window: side of the windows that attend, even; they attend to windows of twice the side.
        heads: of attention, a divisor of the hidden channels.

    Raises:
        UsageError: values out of range.
    """

    def __init__(self, hidden: int = 96, layers: int = 2, window: int = 4, heads: int = 8) -> None:
        super().__init__()
        if min(hidden, layers, heads) < 1 or hidden % heads:
            raise UsageError(
                f"hidden: {hidden}, layers: {layers}, heads: {heads}; expected at least 1 each, "
                "and as many channels for each head"
            )
        if window < 2 or window % 2:
            raise UsageError(f"window: {window}; expected an even number from 2 on")
        self.hidden, self.depth, self.window, self.heads = hidden, layers, window, heads

    def build(self, channels: int, start: list[float]) -> None:
        """Make the parameters; see `Context.build`."""
        self.channels = channels
        self.from_features = nn.Conv2d(2 * channels, self.hidden, 1)
        self.from_latents = nn.Conv2d(channels, self.hidden, 1, bias=False)
        self.of_pass = nn.Parameter(torch.zeros(2, self.hidden))
        self.layers = nn.ModuleList(
            _Layer(self.hidden, self.heads, self.window, shift=number % 2 * self.window // 2)
            for number in range(self.depth)
        )
        self.estimator = Estimator(self.hidden, channels, start)

    def schedule(self, height: int, width: int) -> Tensor:
        """The pass of each position, int64 (M, h, w): anchors first."""
        return CHECKERBOARD.stages(height, width).expand(self.channels, height, width)

    def passes(self, height: int, width: int) -> int:
        """Two."""
        return CHECKERBOARD.count(height, width)

    def predictor(self, features: Tensor) -> Predictor:
        """Predicts pass by pass; see `Context.predictor`."""
        return _StackedPredictor(self, features)

    def forward(self, latents: Tensor, features: Tensor) -> Tensor:
        """Corrections (B, P, M, h, w) for both passes at once."""
        known: Tensor = self.from_features(features)
        stages = CHECKERBOARD.stages(latents.size(-2), latents.size(-1)).to(known.device)
        told = torch.where(stages == 0, known, self.attended(known, latents, stages))
        corrections: Tensor = self.estimator(told + self.of_pass[stages].permute(2, 0, 1))
        return corrections

    def attended(self, known: Tensor, latents: Tensor, stages: Tensor) -> Tensor:
        """What the anchors tell of all positions, (B, hidden, h, w).

        Args:
            known: (B, hidden, h, w), of side information.
            latents: (B, M, h, w), of which anchors alone are seen.
            stages: (h, w), 0 of the anchors.
        """
        tokens = known + self.from_latents(latents * (stages == 0))
        tokens = tokens.movedim(1, -1)
        for layer in self.layers:
            tokens = layer(tokens)
        return tokens.movedim(-1, 1)


class _Layer(nn.Module):
    """Attention of tokens (B, h, w, hidden) to anchors in windows, then 1 × 1 layers.

    The latent is covered with windows of side s, shifted or not. The positions of each attend to
    the anchors in the window of side 2s around it. As s is even, anchors have the same places in
    all of them.
    """

    def __init__(self, hidden: int, heads: int, window: int, shift: int) -> None:
        super().__init__()
        self.heads, self.window, self.shift = heads, window, shift
        self.norm, self.second_norm = nn.LayerNorm(hidden), nn.LayerNorm(hidden)
        self.queries, self.joined = nn.Linear(hidden, hidden), nn.Linear(hidden, hidden)
        self.keys_values = nn.Linear(hidden, 2 * hidden)
        self.wider = nn.Sequential(
            nn.Linear(hidden, 2 * hidden), nn.GELU(), nn.Linear(2 * hidden, hidden)
        )
        # Each head begins with a direction to look in, too far for training to find one.
        reach = torch.arange(3 * window - 1.0) - (3 * window // 2 - 1)
        angles = 2 * torch.pi * torch.arange(heads)[:, None, None] / heads
        distance = torch.hypot(reach[:, None] - angles.sin(), reach - angles.cos())
        self.nearness = nn.Parameter(-2 * distance)

    def forward(self, tokens: Tensor) -> Tensor:
        normed = self.norm(tokens)
        tokens = tokens + self.joined(self._attend(normed))
        widened: Tensor = self.wider(self.second_norm(tokens))
        return tokens + widened

    def _attend(self, normed: Tensor) -> Tensor:
        """What is attended to, (B, h, w, hidden)."""
        side, size = self.window, normed.shape[1:3]
        down, across = (-(-(length + self.shift) // side) for length in size)
        rows, columns = torch.ones(side, side).nonzero(as_tuple=True)
        anchors = self._anchors()
        queries = self._windows(self.queries(normed), down, across, 0, (rows, columns))
        told = self._windows(self.keys_values(normed), down, across, side // 2, anchors)
        keys, values = told.chunk(2, -1)
        inside = normed.new_ones(1, *size, self.heads)
        present = self._windows(inside, down, across, side // 2, anchors)[..., 0] > 0
        nearness = self._nearness((rows, columns), anchors)
        bias = nearness.masked_fill(~present[..., None, :], -torch.inf)
        attended = F.scaled_dot_product_attention(queries, keys, values, bias)
        attended = attended.movedim(2, 3).reshape(len(normed), down, across, side, side, -1)
        attended = attended.transpose(2, 3).flatten(3, 4).flatten(1, 2)
        return attended[:, self.shift :, self.shift :][:, : size[0], : size[1]]

    def _windows(
        self, tokens: Tensor, down: int, across: int, around: int, places: tuple[Tensor, Tensor]
    ) -> Tensor:
        """Tokens at places of windows that reach `around` beyond theirs, (B, N, heads, n, c)."""
        side, before = self.window, self.shift + around
        after = [
            count * side - self.shift + around - length
            for count, length in zip((across, down), (tokens.size(2), tokens.size(1)), strict=True)
        ]
        padded = F.pad(tokens, [0, 0, before, after[0], before, after[1]])
        whole = side + 2 * around
        windows = padded.unfold(1, whole, side).unfold(2, whole, side)[..., *places]
        return windows.flatten(1, 2).unflatten(2, (self.heads, -1)).transpose(3, 4)

    def _anchors(self) -> tuple[Tensor, Tensor]:
        """Rows and columns of the anchors in a window that is attended to."""
        stages = CHECKERBOARD.stages(2 * self.window, 2 * self.window)
        rows, columns = (stages == 0).nonzero(as_tuple=True)
        return rows, columns

    def _nearness(self, queries: tuple[Tensor, Tensor], keys: tuple[Tensor, Tensor]) -> Tensor:
        """What distance and direction add to attention, (heads, queries, keys)."""
        rows, columns = (
            key - query[:, None] + self.window - 1 for query, key in zip(queries, keys, strict=True)
        )
        return self.nearness[:, rows, columns]


class _StackedPredictor:
    def __init__(self, context: StackedCheckerboardContext, features: Tensor) -> None:
        self._context = context
        self._known: Tensor = context.from_features(features)
        stages = CHECKERBOARD.stages(features.size(-2), features.size(-1))
        self._stages = stages.to(features.device)

    def predict(self, number: int, decoded: Tensor) -> Tensor:
        context, told = self._context, self._known
        if number:
            told = context.attended(told, decoded, self._stages)
        told = told[:, :, self._stages == number] + context.of_pass[number, :, None]
        return context.estimator.at(told)
