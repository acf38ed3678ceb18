"""Predicted residuals refine what the synthesis gets, and change nothing of what is coded."""

from __future__ import annotations

import torch
from torch import Tensor

from lic_models.codec import LearnedCodec
from lic_models.components import AnsCoder, ChannelwiseContext, JointEntropyModel, NoiseQuantizer
from lic_models.components.entropy_models.contexts.residual_prediction import ResidualPrediction
from tests.lic_models.components.entropy_models.joint_parts import CHANNELS, model

REFINED, PLAIN = "channel-wise-lrp", "channel-wise"


def pair() -> tuple[JointEntropyModel, JointEntropyModel]:
    """A model that predicts residuals, and the same without."""
    quantizer = NoiseQuantizer()
    refined = model("mean-scale", REFINED, "gaussian", quantizer)
    plain = model("mean-scale", PLAIN, "gaussian", quantizer)
    plain.load_state_dict(refined.state_dict(), strict=False)
    plain.update(quantizer)
    return refined, plain


def bits(likelihoods: dict[str, Tensor]) -> Tensor:
    return sum((-part.log2().sum() for part in likelihoods.values()), torch.zeros(()))


def test_an_untrained_one_changes_nothing() -> None:
    predicts = ResidualPrediction(6, [1, 2, 3], 4)
    latents, features = torch.randn(2, 6, 3, 5), torch.randn(2, 12, 3, 5)
    assert not predicts(latents, features).any()


def test_a_slice_sees_no_later_slice_and_no_other_position() -> None:
    refined, _ = pair()
    latents, features = torch.randn(1, CHANNELS, 4, 3), torch.randn(1, 2 * CHANNELS, 4, 3)
    before = refined.context.residual(latents, features)
    sizes = refined.context.groups
    first = sum(sizes[:2])
    moved = latents.clone()
    moved[:, first : first + sizes[2], 1, 2] += 1
    after = refined.context.residual(moved, features)
    assert before is not None
    assert after is not None
    assert before.abs().max() <= 0.5
    changed = (before != after)[0]
    assert not changed[:first].any()
    assert changed[first:, 1, 2].all()
    assert int(changed.sum()) == CHANNELS - first


def test_the_bytes_are_those_without_and_the_values_differ_by_less_than_a_step() -> None:
    refined, plain = pair()
    quantizer = NoiseQuantizer().eval()
    latents = 3 * torch.randn(CHANNELS, 6, 5)
    strings = refined.compress(latents, quantizer, AnsCoder())
    assert strings == plain.compress(latents, quantizer, AnsCoder())
    one, other = (
        each.decompress(strings, (6, 5), quantizer, AnsCoder()) for each in (refined, plain)
    )
    assert 0 < (one - other).abs().max() <= 0.5
    with torch.no_grad():
        rated, without = (each(latents[None], quantizer) for each in (refined, plain))
    assert torch.allclose(rated.values[0], one, atol=2e-3)
    assert torch.allclose(without.values[0], other, atol=2e-3)
    for name, likelihood in without.likelihoods.items():
        assert torch.equal(rated.likelihoods[name], likelihood)


def test_the_rate_and_the_refined_values_train_different_parameters() -> None:
    refined, _ = pair()
    quantizer = NoiseQuantizer().train()
    refined.train()
    own = {name for name, _ in refined.named_parameters() if ".refinement." in name}
    latents = 3 * torch.randn(2, CHANNELS, 8, 8)
    for of_rate in (True, False):
        refined.zero_grad()
        rated = refined(latents, quantizer)
        (bits(rated.likelihoods) if of_rate else (rated.values - latents).square().sum()).backward()
        moved = {
            name
            for name, each in refined.named_parameters()
            if each.grad is not None and each.grad.abs().max() > 1e-3
        }
        assert own.isdisjoint(moved) if of_rate else moved == own


def test_the_synthesis_gets_refined_latents_from_both_ways() -> None:
    codec = LearnedCodec(
        entropy_model=JointEntropyModel(None, ChannelwiseContext(4, 8, residual_prediction=True))
    )
    codec.update()
    codec.eval()
    images = torch.rand(1, 3, 64, 64)
    coded = codec.compress(images)
    unrefined = codec.decompress(coded["strings"], coded["shape"])["x_hat"]
    with torch.no_grad():
        for network in codec.entropy_model.context.refinement.networks:
            network[-1].bias.fill_(1.0)
        estimated = codec(images)["x_hat"]
    assert codec.compress(images)["strings"] == coded["strings"]
    refined = codec.decompress(coded["strings"], coded["shape"])["x_hat"]
    assert torch.allclose(refined, estimated, atol=1e-2)
    assert (refined - unrefined).abs().max() > 1e-2
