"""Transformers: what attention counts, the order of M2T, and what would let them foresee."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from lic_models.components import (
    Context,
    EntroformerContext,
    EntroformerTwoPassContext,
    M2TContext,
    MTContext,
)
from lic_models.components.entropy_models.contexts.attending import attention, transformer
from lic_models.components.entropy_models.contexts.attending.attention import (
    AttentionLayer,
    attend,
    diamond,
)
from lic_models.components.entropy_models.contexts.attending.masked_transformer import scattered
from lic_models.components.entropy_models.contexts.attending.transformer import Tokens
from lic_models.components.entropy_models.contexts.base import positions
from lic_models.under_test import context_models
from pytest_lic import properties
from pytest_lic.errors import PropertyError, UsageError
from tests.lic_models.components.entropy_models.joint_parts import CHANNELS, CONTEXTS, stir

KINDS = ["m2t", "mt", "entroformer", "entroformer-two-pass"]
CACHING = ["m2t", "entroformer", "entroformer-two-pass"]
ALL = torch.tensor(True)


def made(build: Callable[[], Context], channels: int = CHANNELS) -> Context:
    torch.manual_seed(3)
    context = build()
    context.build(channels, [0.0, 0.0])
    stir(context)
    return context.double().eval()


def latents_and_features(height: int, width: int) -> tuple[Tensor, Tensor]:
    latents = torch.randn(1, CHANNELS, height, width).double()
    return latents, torch.randn(1, 2 * CHANNELS, height, width).double()


def attended(scores: list[float], values: list[float], most: int | None) -> float:
    """Attention of one query of one channel."""
    keys = torch.tensor(scores, dtype=torch.float64)[:, None]
    given = torch.tensor(values, dtype=torch.float64)[:, None]
    query, bias = torch.ones(1, 1, dtype=torch.float64), torch.zeros(1, len(scores)).double()
    return attend(query, keys, given, bias, ALL, most).item()


def test_where_nothing_is_seen_nothing_comes_out() -> None:
    query, keys = torch.randn(2, 3), torch.randn(5, 3)
    for most in (None, 2):
        unseen = attend(query, keys, keys, torch.zeros(2, 5), torch.zeros(2, 5) > 0, most)
        assert torch.equal(unseen, torch.zeros(2, 3))
    assert torch.equal(attend(query, keys[:0], keys[:0], torch.zeros(2, 0), ALL, 2), 0 * unseen)


def test_only_the_highest_scores_count() -> None:
    scores = [3.0, 1.0, 2.0, 0.5]
    assert attended(scores, [1, 5, 2, 7], 2) == attended(scores, [1, -9, 2, 900], 2)
    assert attended(scores, [1, 5, 2, 7], 2) != attended(scores, [1, 5, 3, 7], 2)
    assert attended(scores, [1, 5, 2, 7], 4) == attended(scores, [1, 5, 2, 7], None)


def test_it_does_not_matter_which_of_two_equal_scores_is_the_last_to_count() -> None:
    one, other = (attended([3.0, 2.0, 2.0 + by], [1, 50, -70], 2) for by in (-1e-13, 1e-13))
    assert abs(one - other) < 1e-10
    one, other = (attended([3.0 + by, 3.0, 3.0], [1e3, 50, -70], 2) for by in (-1e-13, 1e-13))
    assert abs(one - other) < 1e-8


def test_a_choice_that_jumps_would_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attention, "_STEEP", 1e30)
    one, other = (attended([3.0, 2.0, 2.0 + by], [1, 50, -70], 2) for by in (-1e-13, 1e-13))
    assert abs(one - other) > 1


def test_relative_positions_are_clipped_to_a_diamond() -> None:
    centre = torch.tensor([[0, 0]])
    square = torch.cartesian_prod(torch.arange(-9, 10), torch.arange(-9, 10))
    cells = diamond(centre, square, 3)[0]
    steps = square.abs().sum(-1)
    found = torch.stack([cells // 7, cells % 7], -1) - 3
    assert torch.equal(found[steps <= 3], square[steps <= 3])
    assert (found.abs().sum(-1)[steps > 3] <= 3).all()
    assert (found * square >= 0).all()


@pytest.mark.parametrize(("side", "passes"), [(1, 1), (2, 3), (4, 16), (5, 4), (8, 8), (24, 12)])
def test_a_scattered_order_has_each_place_once_and_passes_that_grow(side: int, passes: int) -> None:
    counts = torch.bincount(scattered(side, passes).square.reshape(-1)).tolist()
    assert len(counts) == passes
    assert sum(counts) == side * side
    assert min(counts) >= 1
    assert counts[: passes - 1] == sorted(counts[: passes - 1])


def test_the_order_is_spread_evenly_and_is_the_same_everywhere() -> None:
    square = scattered(8, 8).square
    for end in range(1, 8):
        quarters = (square < end).reshape(2, 4, 2, 4).sum((1, 3))
        assert quarters.max() - quarters.min() <= 4
    assert torch.bincount(square.reshape(-1)).tolist() == [1, 2, 4, 7, 9, 11, 14, 16]
    assert scattered(3, 4).square.tolist() == [[0, 3, 2], [2, 3, 3], [3, 1, 2]]


@pytest.mark.parametrize("name", KINDS)
def test_untrained_ones_predict_the_start(name: str) -> None:
    context = CONTEXTS[name]()
    context.build(CHANNELS, [0.5, -0.25])
    corrections = context(*(each.float() for each in latents_and_features(3, 5)))
    assert torch.equal(corrections[:, 0], torch.full((1, CHANNELS, 3, 5), 0.5))
    assert torch.equal(corrections[:, 1], torch.full((1, CHANNELS, 3, 5), -0.25))


@pytest.mark.parametrize("name", CACHING)
def test_queries_in_parts_are_those_at_once(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    context, given = made(CONTEXTS[name]), latents_and_features(6, 5)
    whole = context(*given)
    monkeypatch.setattr(transformer, "_MOST_SCORES", 500)
    assert torch.allclose(context(*given), whole, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("name", KINDS)
def test_a_decoder_that_keeps_keys_computes_each_position_once(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, (latents, features) = made(CONTEXTS[name]), latents_and_features(8, 4)
    asked = []
    forward = AttentionLayer.forward

    def counting(self: AttentionLayer, tokens: Tensor, *seen: Any) -> Tensor:
        asked.append(tokens[0, ..., 0].numel())
        return forward(self, tokens, *seen)

    monkeypatch.setattr(AttentionLayer, "forward", counting)
    predictor, passes = context.predictor(features), context.passes(8, 4)
    for number in range(passes):
        predictor.predict(number, latents)
    positions_of_all = 8 * 4
    whole = (passes + 1) * positions_of_all  # all in the first layer, those of the pass in the last
    assert sum(asked) == (2 * positions_of_all if name in CACHING else whole)


@pytest.mark.parametrize("kind", [M2TContext, MTContext])
def test_passes_that_a_small_latent_lacks_may_be_left_out(kind: type[Context]) -> None:
    context, (latents, features) = made(lambda: kind(8, 8, 8)), latents_and_features(2, 11)
    everywhere = context(latents, features).flatten(2)
    predictor = context.predictor(features)
    for number, places in enumerate(positions(context.schedule(2, 11), 8)):
        if len(places):
            came = predictor.predict(number, latents)
            assert torch.allclose(came, everywhere[:, :, places], rtol=1e-11, atol=1e-12)


def test_windows_do_not_see_each_other() -> None:
    context, (latents, features) = made(lambda: M2TContext(4, 5, 8)), latents_and_features(8, 9)
    moved = latents.clone()
    moved[..., :4, 4:8] += 5
    same = context(latents, features) == context(moved, features)
    assert same[..., :4].all()
    assert same[..., 4:, :].all()
    assert not same[..., :4, 4:8].all()


def own_pass_too(self: Tokens) -> Tensor:
    """A mask that is off by one pass."""
    edges = torch.tensor(self.edges)
    return edges[1:].repeat_interleave(edges.diff())


def itself_too(self: Tokens) -> Tensor:
    """A mask that is off by one position."""
    return before(self) + 1


def less_the_mean(self: AttentionLayer, tokens: Tensor) -> tuple[Tensor, Tensor]:
    """Keys normalised over all positions."""
    return keys(self, tokens - tokens.mean(-2, keepdim=True))


def beside_the_mask(
    self: MTContext, number: int, tokens: Tokens, told: Tensor, decoded: Tensor
) -> Tensor:
    """A mask that is added to what it should stand for."""
    told = told + self.from_latents(tokens.of(decoded))
    return evaluated(self, number, tokens, told, decoded)


before, keys, evaluated = Tokens.before, AttentionLayer.keys, MTContext.evaluated


@pytest.mark.parametrize(
    ("name", "of", "method", "wrong"),
    [
        ("m2t", Tokens, "before", own_pass_too),
        ("m2t", Tokens, "before", itself_too),
        ("m2t", AttentionLayer, "keys", less_the_mean),
        ("mt", MTContext, "evaluated", beside_the_mask),
        ("entroformer", Tokens, "before", itself_too),
        ("entroformer", AttentionLayer, "keys", less_the_mean),
        ("entroformer-two-pass", Tokens, "before", own_pass_too),
    ],
)
def test_one_that_foresees_is_caught(
    name: str, of: type, method: str, wrong: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tested,) = (each for each in context_models() if each.name == name)
    monkeypatch.setattr(of, method, wrong)
    with pytest.raises(PropertyError, match="the same whatever stands at"):
        properties.context_models.causality(tested)


@pytest.mark.parametrize("name", CACHING)
def test_a_decoder_that_forgets_what_is_decoded_is_caught(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tested,) = (each for each in context_models() if each.name == name)
    monkeypatch.setattr(transformer._CachingPredictor, "_keep", lambda self, decoded: None)
    with pytest.raises(PropertyError, match="as the encoder's"):
        properties.context_models.in_step(tested)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: M2TContext(0), "side: 0, passes: 8; expected a side from 1 to 32"),
        (lambda: M2TContext(2, 5), "side: 2, passes: 5; expected .* from 1 to side² passes"),
        (lambda: MTContext(hidden=10), "hidden: 10, heads: 4, layers: 2; expected .* that divide"),
        (lambda: EntroformerContext(65), "most: 65, radius: 8; expected 1 to 64 positions"),
        (lambda: EntroformerTwoPassContext(radius=0), "most: 32, radius: 0; expected"),
        (lambda: EntroformerContext(layers=0), "layers: 0; expected at least 1 each"),
    ],
)
def test_transformers_that_can_not_be(build: Callable[[], Context], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        build()
