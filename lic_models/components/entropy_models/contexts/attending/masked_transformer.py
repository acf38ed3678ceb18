"""Masked transformers: windows whose positions are decoded in a fixed, scattered order."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lic_models.components.entropy_models.contexts.attending.attention import AttentionLayer
from lic_models.components.entropy_models.contexts.attending.transformer import (
    Tokens,
    TransformerContext,
)
from lic_models.components.entropy_models.contexts.base import Predictor
from lic_models.components.entropy_models.contexts.patterns import Periodic
from pytest_lic.errors import UsageError

_LARGEST_SIDE = 32
_PLASTIC = 1.324717957244746  # the real root of x³ = x + 1
_GROWTH = 2.2


def scattered(side: int, passes: int) -> Periodic:
    """A square whose positions are spread evenly over each pass, and passes that grow.

    Positions come in the order in which the low-discrepancy sequence n · (1/p, 1/p²) mod 1, with
    the plastic number p, first enters their cells; k of K passes have about (k/K)^2.2 of them.

    Raises:
        UsageError: a side or a number of passes that is out of range.
    """
    if not 1 <= side <= _LARGEST_SIDE or not 1 <= passes <= side * side:
        raise UsageError(
            f"side: {side}, passes: {passes}; expected a side from 1 to {_LARGEST_SIDE}, and from "
            "1 to side² passes"
        )
    # Whole numbers, so that the order is the same on every machine.
    steps = [round(2**32 / _PLASTIC**power) for power in (1, 2)]
    order: dict[tuple[int, ...], int] = {}
    number = 0
    while len(order) < side * side:
        cell = tuple(number * step % 2**32 * side >> 32 for step in steps)
        order.setdefault(cell, len(order))
        number += 1
    ends = [0]
    for part in range(1, passes + 1):
        ends.append(max(ends[-1] + 1, round(side * side * (part / passes) ** _GROWTH)))
    stages = torch.bucketize(torch.arange(side * side), torch.tensor(ends[1:]), right=True)
    return Periodic(
        [[int(stages[order[row, column]]) for column in range(side)] for row in range(side)]
    )


class MaskedTransformerContext(TransformerContext):
    """Base of M2T and MT.

    Args:
        side: of the windows; at the latent's right and bottom they may be smaller.
        passes: how many; few positions in the first ones, many in the last.
        hidden: channels of a token.
        heads: how many attend side by side; a divisor of ``hidden``.
        layers: how many.

    Raises:
        UsageError: values out of range.
    """

    def __init__(
        self, side: int = 8, passes: int = 8, hidden: int = 64, heads: int = 4, layers: int = 2
    ) -> None:
        super().__init__(scattered(side, passes), hidden, heads, layers, max(1, 2 * (side - 1)))
        self.side = side
        self.of_place = nn.Parameter(torch.zeros(side * side, hidden))

    def _window(self, height: int, width: int) -> tuple[int, int]:
        return self.side, self.side

    def told(self, tokens: Tokens, features: Tensor) -> Tensor:
        """The tokens before the first layer, (B, W, N, d), which know their place in the window."""
        rows, columns = tokens.where.unbind(-1)
        return super().told(tokens, features) + self.of_place[rows * self.side + columns]


class M2TContext(MaskedTransformerContext):
    """A masked transformer whose attention is masked too; each position is computed once.

    Mentzer, Agustsson and Tschannen, "M2T: masking transformers twice for faster decoding", ICCV
    2023, https://arxiv.org/abs/2304.07313. The encoder predicts all passes in one evaluation, and
    the decoder keeps keys and values. In the paper a masked token stands beside what is decoded; in
    place of it, a position is a token of side information before, and a key with its values after.
    """


class MTContext(MaskedTransformerContext):
    """A masked transformer that attends in both directions, evaluated as a whole for each pass.

    Mentzer et al. 2023, https://arxiv.org/abs/2304.07313, as `M2TContext`: what is not decoded yet
    is a token of side information and a mask, and is attended to as well. Slower than that one in
    training, in the encoder and in the decoder, by about as many times as there are passes.

    Args:
        side: of the windows; at the latent's right and bottom they may be smaller.
        passes: how many; few positions in the first ones, many in the last.
        hidden: channels of a token.
        heads: how many attend side by side; a divisor of ``hidden``.
        layers: how many.

    Raises:
        UsageError: values out of range.
    """

    def __init__(
        self, side: int = 8, passes: int = 8, hidden: int = 64, heads: int = 4, layers: int = 2
    ) -> None:
        super().__init__(side, passes, hidden, heads, layers)
        self.mask = nn.Parameter(torch.zeros(hidden))

    def predictor(self, features: Tensor) -> Predictor:
        """Predicts pass by pass; see `Context.predictor`."""
        return _WholePredictor(self, features)

    def forward(self, latents: Tensor, features: Tensor) -> Tensor:
        """Corrections (B, P, M, h, w) for all passes, one evaluation each."""
        tokens = self.tokens(features)
        told = self.told(tokens, features)
        passes = range(len(tokens.edges) - 1)
        evaluated = [self.evaluated(number, tokens, told, latents) for number in passes]
        listed = tokens.listed(torch.cat(evaluated, -2))
        return self.corrections(listed).unflatten(-1, latents.shape[-2:])

    def evaluated(self, number: int, tokens: Tokens, told: Tensor, decoded: Tensor) -> Tensor:
        """The tokens of a pass after the last layer, (B, W, n, d).

        Args:
            number: of the pass.
            tokens: N in each window.
            told: by side information, (B, W, N, d).
            decoded: latents (B, M, h, w); what is not of an earlier pass has no influence.
        """
        first, end = tokens.edges[number : number + 2]
        known = self.from_latents(tokens.of(decoded, 0, first))
        masked = self.mask.expand(*told.shape[:2], told.size(-2) - first, -1)
        state = told + torch.cat([known, masked], -2)
        for index, layer in enumerate(self.layers, 1):
            assert isinstance(layer, AttentionLayer)
            asked = slice(first, end) if index == len(self.layers) else slice(None)
            where = tokens.where[asked], tokens.where
            state = layer(state[..., asked, :], layer.keys(state), where, tokens.there)
        return state


class _WholePredictor:
    def __init__(self, context: MTContext, features: Tensor) -> None:
        self._context, self._tokens = context, context.tokens(features)
        self._told = context.told(self._tokens, features)

    def predict(self, number: int, decoded: Tensor) -> Tensor:
        context, tokens = self._context, self._tokens
        evaluated = context.evaluated(number, tokens, self._told, decoded)
        edges = tokens.edges[number : number + 2]
        return context.corrections(tokens.listed(evaluated, *edges)).flatten(2)
