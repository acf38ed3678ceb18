"""Everything that lic_models codes with is registered for the property suites."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
import torch
from torch import Tensor

from lic_models import components as entropy_coders
from lic_models.components import quantizers as classes
from lic_models.components import relative_entropy_coding
from lic_models.components.entropy_coding.coders import EntropyCoder
from lic_models.components.entropy_models.contexts import grouped
from lic_models.under_test import coders, context_models, quantizers, samplers, vector_quantizers
from pytest_lic import CoderUnderTest, TableMaker, properties
from pytest_lic.errors import PropertyError
from pytest_lic.properties.coders import skewed_message


def test_every_quantizer_is_registered() -> None:
    known = {
        kind
        for kind in vars(classes).values()
        if inspect.isclass(kind) and issubclass(kind, classes.Quantizer)
    }
    registered = {type(each.build().quantizer) for each in quantizers()}
    assert registered == known - {classes.Quantizer}


def test_every_vector_quantizer_is_registered() -> None:
    known = {
        kind
        for kind in vars(entropy_coders).values()
        if inspect.isclass(kind) and issubclass(kind, entropy_coders.VectorQuantizer)
    }
    found = {type(each.build().coding.vector_quantizer) for each in vector_quantizers()}
    assert found == known - {entropy_coders.VectorQuantizer}


@pytest.mark.parametrize("name", ["entropy-constrained", "multi-codebook"])
def test_a_vector_quantizer_promises_no_less_than_it_keeps(name: str) -> None:
    (tested,) = (each for each in vector_quantizers() if each.name == name)
    with pytest.raises(PropertyError, match="no nearer entry"):
        properties.vector_quantizers.nearest(tested)
    with pytest.raises(PropertyError, match="quantized to itself"):
        properties.vector_quantizers.idempotence(tested)


def test_every_coder_is_registered_and_a_table_maker() -> None:
    known = {
        kind
        for name, kind in vars(entropy_coders).items()
        if name.endswith("Coder") and not name.startswith("_") and kind is not EntropyCoder
    }
    found = list(coders())
    assert {type(each.build().coder) for each in found if isinstance(each, CoderUnderTest)} == known
    assert [each.name for each in found if isinstance(each, TableMaker)] == ["from-masses"]


def test_every_context_is_registered() -> None:
    known = {
        kind
        for kind in vars(entropy_coders).values()
        if inspect.isclass(kind) and issubclass(kind, entropy_coders.Context)
    }
    registered = {type(each.build(each.channels[0]).context) for each in context_models()}
    assert registered == known - {entropy_coders.Context}


def test_every_sampler_is_registered_and_exact_where_it_says_so() -> None:
    known = {
        kind
        for kind in vars(relative_entropy_coding).values()
        if inspect.isclass(kind) and issubclass(kind, relative_entropy_coding.Sampler)
    }
    found = [(each, each.build(0).sampler) for each in samplers()]
    assert {type(sampler) for _, sampler in found} == known - {relative_entropy_coding.Sampler}
    for each, sampler in found:
        assert each.exact == sampler.exact


@pytest.mark.parametrize("name", ["importance", "greedy"])
def test_a_sampler_promises_no_less_than_it_keeps(name: str) -> None:
    """Greedy shards are biased, and groups share an index."""
    (tested,) = (each for each in samplers() if each.name == name)
    with pytest.raises(PropertyError, match="a draw is independent of other dimensions"):
        properties.samplers.independent_of_others(tested)
    if name == "greedy":
        with pytest.raises(PropertyError, match="draws are the posterior's"):
            properties.draws.exact(tested)


def test_contexts_are_built_alike_and_leave_the_random_numbers_of_others_alone() -> None:
    before = torch.random.get_rng_state()
    for each in context_models():
        channels = each.channels[-1]
        one, other = (each.build(channels).context.state_dict() for _ in range(2))
        assert one.keys() == other.keys()
        assert all(torch.equal(one[name], other[name]) for name in one)
        assert all(weight.dtype == torch.float64 for weight in one.values())
    assert torch.equal(torch.random.get_rng_state(), before)


def _mask_b(weight: Tensor) -> Tensor:
    """A mask that lets a position see itself."""
    side = weight.size(-1)
    return (torch.arange(side * side).reshape(side, side) <= side * side // 2).to(weight.dtype)


def _unmasked(self: Any, own: Tensor, stage: int | None = None) -> Tensor:
    """A neighbourhood with what later stages decode."""
    near: Tensor = torch.nn.functional.conv2d(own, self.from_space.weight, padding="same")
    return near


def _own_channels_too(self: Any, latents: Tensor, features: Tensor) -> Tensor:
    """The last channels before a group are those of the group itself."""
    told: Tensor = self.from_features(features)
    if self.from_channels is not None:
        told = told + self.from_channels(latents[:, self.size : self.first + self.size])
    return told


@pytest.mark.parametrize(
    ("name", "method", "wrong"),
    [
        ("autoregressive", "_seen", staticmethod(_mask_b)),
        ("checkerboard", "_around", _unmasked),
        ("multistage-4", "_around", _unmasked),
        ("cosine-slices", "_around", _unmasked),
        ("channelwise", "known", _own_channels_too),
        ("uneven-groups", "known", _own_channels_too),
    ],
)
def test_a_context_that_foresees_is_caught(
    name: str, method: str, wrong: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So their random weights let all that is seen move what is predicted."""
    (tested,) = (each for each in context_models() if each.name == name)
    monkeypatch.setattr(f"{grouped.__name__}._Group.{method}", wrong)
    with pytest.raises(PropertyError, match="the same whatever stands at"):
        properties.context_models.causality(tested)


def test_learned_levels_are_tested_with_the_steps_they_are_said_to_have() -> None:
    (moved,) = (each for each in quantizers() if each.name == "learned-levels-moved")
    levels = moved.build().quantizer.levels()
    expected = torch.tensor([0.7, 1.5, 0.4, 2.2, 0.25, 1.0, 3.0, 0.9], dtype=torch.float64)
    torch.testing.assert_close(levels.diff(), expected, rtol=0, atol=2e-5)
    assert moved.bound == expected.max() / 2


def test_a_long_message_is_skewed_and_holds_escapes_if_asked() -> None:
    """A hundredth of a bit for some symbols, more than ten for others."""
    message = skewed_message(20_000, escapes=True)
    assert 0 < message.outside.size <= 20
    assert not skewed_message(20_000, escapes=False).outside.size
    costs = [
        message.tables.ideal_bits(message.symbols[at], message.indices[at]) / int(at.sum())
        for at in (message.indices == table for table in range(message.tables.count))
    ]
    assert min(costs) < 0.1
    assert max(costs) > 10
