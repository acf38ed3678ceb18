"""Contexts that are transformers: a position, with all its channels, is a token.

    side information ─► token ─► layer ──────► layer ─► corrections of the position
                          │        ▲ attends     ▲
    ŷ of the position ─►  +  ─► keys, values ────┘ of positions of earlier passes alone

A token is of side information, and becomes a key only together with what was decoded there. So a
token's activations depend on earlier passes and on nothing else: the encoder has all passes at once
with one mask, and the decoder computes each token once, and keeps its keys and values.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from itertools import accumulate, pairwise

import torch
from torch import Tensor, nn

from lic_models.components.entropy_models.contexts.attending.attention import AttentionLayer
from lic_models.components.entropy_models.contexts.base import Context, Predictor
from lic_models.components.entropy_models.contexts.patterns import Pattern
from pytest_lic.errors import UsageError

_MOST_SCORES = 2**19  # that are in memory at once, of a layer


@dataclass(frozen=True)
class Tokens:
    """The N tokens of each of W windows, in the order of decoding.

    Attributes:
        places: int64 (W, N), in the flattened (h, w); −1 where the latent ends within a window.
        where: int64 (N, 2), row and column in the window.
        edges: of the passes, the first token of each and the end of the last.
    """

    places: Tensor
    where: Tensor
    edges: list[int]

    @property
    def there(self) -> Tensor:
        """Which tokens are in the latent, bool (W, 1, 1, N)."""
        return (self.places >= 0)[:, None, None]

    def before(self) -> Tensor:
        """How many tokens are of earlier passes, for each token, int64 (N,)."""
        edges = torch.tensor(self.edges, device=self.places.device)
        return edges[:-1].repeat_interleave(edges.diff())

    def of(self, planes: Tensor, first: int = 0, end: int | None = None) -> Tensor:
        """The tokens' channels (B, W, n, C) in planes (B, C, h, w), from the first to the end."""
        found = planes.flatten(2)[:, :, self.places[:, first:end].clamp(min=0)]
        return found.movedim(1, -1)

    def listed(self, tokens: Tensor, first: int = 0, end: int | None = None) -> Tensor:
        """Channels of tokens (B, W, n, C) that are in the latent, (B, C, n'), ascending."""
        flat = self.places[:, first:end].reshape(-1)
        order = flat.argsort()[int((flat < 0).sum()) :]
        return tokens.flatten(1, 2)[:, order].transpose(1, 2)


class TransformerContext(Context):
    """Base of the transformers.

    Args:
        pattern: the order of positions.
        hidden: channels of a token.
        heads: how many attend side by side; a divisor of ``hidden``.
        layers: how many.
        radius: of the diamond of relative positions, in rows and columns together.
        most: how many positions count at most for each head; None for all.

    Raises:
        UsageError: values out of range.
    """

    def __init__(
        self,
        pattern: Pattern,
        hidden: int,
        heads: int,
        layers: int,
        radius: int,
        most: int | None = None,
    ) -> None:
        super().__init__()
        if min(hidden, heads, layers) < 1 or hidden % heads:
            raise UsageError(
                f"hidden: {hidden}, heads: {heads}, layers: {layers}; expected at least 1 each, "
                "and heads that divide hidden"
            )
        self.hidden, self.heads = hidden, heads
        self._pattern, self._channels = pattern, 0
        self.layers = nn.ModuleList(
            AttentionLayer(hidden, heads, radius, most) for _ in range(layers)
        )

    @abstractmethod
    def _window(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of the windows, within which positions attend."""

    def build(self, channels: int, start: list[float]) -> None:
        """Make the parameters; see `Context.build`."""
        self._channels = channels
        self.from_features = nn.Linear(2 * channels, self.hidden)
        self.from_latents = nn.Linear(channels, self.hidden, bias=False)
        last = nn.Linear(self.hidden, len(start) * channels)
        nn.init.zeros_(last.weight)
        with torch.no_grad():
            last.bias.copy_(torch.tensor(start).repeat_interleave(channels))
        self.join = nn.Sequential(nn.LayerNorm(self.hidden), last)

    def schedule(self, height: int, width: int) -> Tensor:
        """The pass of each position, int64 (M, h, w), the same for all channels."""
        return self._pattern.stages(height, width).expand(self._channels, height, width)

    def passes(self, height: int, width: int) -> int:
        """The stages of the pattern."""
        return self._pattern.count(height, width)

    def predictor(self, features: Tensor) -> Predictor:
        """Predicts pass by pass; see `Context.predictor`."""
        return _CachingPredictor(self, features)

    def forward(self, latents: Tensor, features: Tensor) -> Tensor:
        """Corrections (B, P, M, h, w) for all passes at once."""
        tokens = self.tokens(features)
        told, decoded = self.told(tokens, features), self.from_latents(tokens.of(latents))
        before = tokens.before()
        count = len(before)
        rows = self.rows(told, count)
        reach = torch.arange(count, device=features.device)
        for layer in self.layers:
            assert isinstance(layer, AttentionLayer)
            keys, values = layer.keys(told + decoded)
            parts = []
            for first, end in pairwise([*range(0, count, rows), count]):
                seen = int(before[end - 1])
                parts.append(
                    layer(
                        told[..., first:end, :],
                        (keys[..., :seen, :], values[..., :seen, :]),
                        (tokens.where[first:end], tokens.where[:seen]),
                        (reach[:seen] < before[first:end, None]) & tokens.there[..., :seen],
                    )
                )
            told = torch.cat(parts, -2)
        return self.corrections(tokens.listed(told)).unflatten(-1, latents.shape[-2:])

    def rows(self, told: Tensor, keys: int) -> int:
        """How many tokens may attend to so many keys at once, so that memory stays bounded."""
        return max(1, _MOST_SCORES // max(1, math.prod(told.shape[:-2]) * keys * self.heads))

    def tokens(self, features: Tensor) -> Tokens:
        """Where the tokens of a latent are, whose features are (B, 2M, h, w)."""
        height, width = features.shape[-2:]
        high, wide = self._window(height, width)
        stages = self._pattern.stages(high, wide).reshape(-1)
        order = stages.argsort(stable=True)
        where = torch.stack([order // wide, order % wide], -1)
        tops = torch.arange(0, height, high).repeat_interleave(-(-width // wide))
        lefts = torch.arange(0, width, wide).repeat(-(-height // high))
        rows, columns = tops[:, None] + where[:, 0], lefts[:, None] + where[:, 1]
        places = (rows * width + columns).masked_fill((rows >= height) | (columns >= width), -1)
        counts = torch.bincount(stages, minlength=self.passes(high, wide)).tolist()
        edges = list(accumulate(counts, initial=0))
        return Tokens(places.to(features.device), where.to(features.device), edges)

    def told(self, tokens: Tokens, features: Tensor) -> Tensor:
        """The tokens before the first layer, (B, W, N, d)."""
        told: Tensor = self.from_features(tokens.of(features))
        return told

    def corrections(self, told: Tensor) -> Tensor:
        """Corrections (B, P, M, n) of what all layers told, (B, d, n)."""
        joined: Tensor = self.join(told.transpose(1, 2))
        return joined.transpose(1, 2).unflatten(1, (-1, self._channels))


class _CachingPredictor:
    """Computes each token once, and the keys and values of what is decoded once.

    Passes without a position may be left out.
    """

    def __init__(self, context: TransformerContext, features: Tensor) -> None:
        self._context, self._tokens = context, context.tokens(features)
        self._told = context.told(self._tokens, features)
        empty = self._told.unflatten(-1, (context.heads, -1)).transpose(-2, -3)
        self._cached = [(torch.zeros_like(empty), torch.zeros_like(empty)) for _ in context.layers]
        self._latest: tuple[int, int, list[Tensor]] = 0, 0, []

    def predict(self, number: int, decoded: Tensor) -> Tensor:
        self._keep(decoded)
        tokens = self._tokens
        first, end = tokens.edges[number : number + 2]
        there, told, entered = tokens.there[..., :first], self._told[..., first:end, :], []
        rows = self._context.rows(told, first)
        for layer, (keys, values) in zip(self._context.layers, self._cached, strict=True):
            entered.append(told)
            known = keys[..., :first, :], values[..., :first, :]
            parts = [
                layer(part, known, (where, tokens.where[:first]), there)
                for part, where in zip(
                    told.split(rows, -2), tokens.where[first:end].split(rows), strict=True
                )
            ]
            told = torch.cat(parts, -2) if parts else told
        self._latest = first, end, entered
        return self._context.corrections(tokens.listed(told, first, end)).flatten(2)

    def _keep(self, decoded: Tensor) -> None:
        """Make keys and values of the latest pass, which is decoded by now."""
        first, end, entered = self._latest
        own = self._context.from_latents(self._tokens.of(decoded, first, end))
        for layer, cached, told in zip(self._context.layers, self._cached, entered, strict=False):
            assert isinstance(layer, AttentionLayer)
            for whole, part in zip(cached, layer.keys(told + own), strict=True):
                whole[..., first:end, :] = part
