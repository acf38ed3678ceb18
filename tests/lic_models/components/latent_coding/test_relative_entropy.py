"""Relative-entropy coding of a latent: draws, their divergence, and strings that tell them."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.stats import kstest

from lic_models.codec import LearnedCodec
from lic_models.components import (
    ConvolutionalTransform,
    GreedySampler,
    ImportanceSampler,
    NoiseQuantizer,
    PoissonSampler,
    RejectionSampler,
    RelativeEntropyCoding,
)
from lic_models.components.entropy_coding.tables import FrequencyTables
from lic_models.training.loss import estimated_bits
from pytest_lic.errors import (
    CodecError,
    CorruptBitstreamError,
    UsageError,
    WeightsError,
)

CHANNELS, SIZE = 12, (9, 14)


def coding(**arguments: object) -> RelativeEntropyCoding:
    torch.manual_seed(0)
    made = RelativeEntropyCoding(8, (1, 3, 3), **arguments)
    made.build(CHANNELS, "Test")
    made.fit(latents()[None])
    made.ladder.eval()
    return made


def latents() -> torch.Tensor:
    widths = torch.logspace(-1, 1, CHANNELS)[:, None, None]
    return widths * torch.randn((CHANNELS, *SIZE), generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize(
    "sampler", [GreedySampler, RejectionSampler, PoissonSampler, ImportanceSampler]
)
def test_strings_tell_the_draw_that_was_coded(
    sampler: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, drawn = coding(sampler=sampler(5)), []
    encode = sampler.encode
    monkeypatch.setattr(sampler, "encode", lambda *some: drawn.append(encode(*some)) or drawn[-1])
    strings = made.compress(latents())
    found = coding(sampler=sampler(5)).decompress(strings, SIZE)
    assert found.shape == (CHANNELS, *SIZE)
    assert np.array_equal(found.numpy().ravel(), drawn[-1][1].astype(np.float32))


def test_draws_of_an_exact_sampler_are_the_posteriors() -> None:
    made = coding(sampler=PoissonSampler(5))
    found = made.decompress(made.compress(latents()), SIZE)
    # What level 2 drew is coded the same each time, so level 1's prior is known.
    ladder = made.ladder
    with torch.no_grad():
        prior = ladder.first_prior(second_draw(made), SIZE)
        posterior = ladder.first_posterior(latents()[None], prior)
    off = ((found - posterior.mean) / posterior.scale).flatten()
    assert kstest(off.numpy(), "norm").pvalue > 1e-3


def second_draw(made: RelativeEntropyCoding) -> torch.Tensor:
    seen: list[torch.Tensor] = []
    hook = made.ladder.hyper_synthesis.register_forward_pre_hook(lambda _, a: seen.append(a[0]))
    made.compress(latents())
    hook.remove()
    return seen[0]


def test_the_estimate_is_the_divergence_and_strings_are_a_little_longer() -> None:
    made = coding(sampler=RejectionSampler(5))
    rated = made.forward(latents()[None])
    estimate = estimated_bits(rated.likelihoods).item()
    strings = made.compress(latents())
    actual = 8 * sum(map(len, strings))
    assert estimate < actual < estimate + 3 * CHANNELS * math.prod(SIZE)
    assert rated.likelihoods["latents"].shape == (1, CHANNELS, *SIZE)
    assert rated.likelihoods["hyper_latents"].shape == (1, 8, 3, 4)
    assert all((each > 0).all() and (each <= 1).all() for each in rated.likelihoods.values())


def test_in_evaluation_mode_draws_are_the_same_in_a_batch() -> None:
    made, own = coding(), latents()
    batch = made.forward(torch.stack([own * 0.5, own])).values
    assert torch.allclose(batch[1], made.forward(own[None]).values[0], atol=1e-5)
    assert torch.equal(made.forward(own[None]).values, made.forward(own[None]).values)


def test_in_training_draws_differ_and_lead_gradients_to_the_latents() -> None:
    made, own = coding(), latents()[None].requires_grad_()
    made.ladder.train()
    assert not torch.equal(made.forward(own).values, made.forward(own).values)
    rated = made.forward(own)
    (rated.values.square().sum() + estimated_bits(rated.likelihoods).sum()).backward()
    assert own.grad is not None
    assert torch.isfinite(own.grad).all()
    assert own.grad.abs().min() > 0
    grads = [parameter.grad for parameter in made.ladder.parameters()]
    assert all(grad is not None and torch.isfinite(grad).all() for grad in grads)


def test_level_2_tells_something_of_level_1() -> None:
    """After some steps with gradients through both levels, the prior follows the latents."""
    made = coding()
    made.ladder.train()
    own = latents()[None] + 3 * torch.randn(1, CHANNELS, 1, 1)
    spread = torch.cat([own * factor for factor in (0.1, 1.0, 4.0)])
    optimizer = torch.optim.Adam(made.ladder.parameters(), 1e-2)
    rates = []
    for _ in range(60):
        rate = estimated_bits(made.forward(spread).likelihoods).mean()
        optimizer.zero_grad()
        rate.backward()
        optimizer.step()
        rates.append(rate.item())
    assert np.mean(rates[-5:]) < 0.8 * np.mean(rates[:5])


def test_levels_of_one_seed_are_refused() -> None:
    with pytest.raises(UsageError, match="sampler and hyper_sampler have the seed 2"):
        RelativeEntropyCoding(sampler=PoissonSampler(2))


def test_it_takes_the_place_of_quantizer_entropy_model_and_coder() -> None:
    transform = ConvolutionalTransform(channels=4, latent_channels=6)
    with pytest.raises(UsageError, match="takes the place of quantizer; expected null there"):
        LearnedCodec(transform, NoiseQuantizer(), latent_coding=RelativeEntropyCoding())


def test_damage_is_refused_or_decodes_to_something_finite() -> None:
    made = coding()
    strings = made.compress(latents())
    noticed, tried = 0, 0
    for level in (0, 1):
        for place in range(0, len(strings[level]), max(1, len(strings[level]) // 40)):
            damaged = list(strings)
            flipped = bytearray(strings[level])
            flipped[place] ^= 0x10
            tried += 1
            damaged[level] = bytes(flipped)
            try:
                assert torch.isfinite(made.decompress(damaged, SIZE)).all()
            except CorruptBitstreamError:
                noticed += 1
    assert noticed > 0.9 * tried > 40


@pytest.mark.parametrize("count", [0, 1, 3])
def test_another_number_of_strings_is_refused(count: int) -> None:
    made = coding()
    with pytest.raises(CorruptBitstreamError, match=f"{count} strings of a latent; expected 2"):
        made.decompress((made.compress(latents()) * 2)[:count], SIZE)


def test_strings_of_another_size_are_refused() -> None:
    made = coding()
    with pytest.raises(CorruptBitstreamError):
        made.decompress(made.compress(latents()), (SIZE[0] * 2, SIZE[1]))


def test_latents_that_are_not_finite_are_refused() -> None:
    own = latents()
    own[3, 2, 1] = math.nan
    for code in (coding().compress, lambda latent: coding().forward(latent[None])):
        with pytest.raises(CodecError, match=r"latent: 1 of 1512 values are not finite"):
            code(own)


def test_it_has_no_tables_and_takes_none() -> None:
    made = coding()
    made.update()
    assert made.tables == {}
    made.load_tables({})
    tables = FrequencyTables(
        np.array([1, 65535], np.int32), np.array([0, 2], np.int64), np.array([0], np.int32)
    )
    with pytest.raises(WeightsError, match="found tables of latents; RelativeEntropyCoding has"):
        made.load_tables({"latents": tables})


def test_a_posterior_that_a_sampler_cannot_code_is_told() -> None:
    made = coding(sampler=PoissonSampler(5))
    with pytest.raises(CodecError, match=r"latent: PoissonSampler: .* at most 40 are coded"):
        made.compress(latents() * 1e4)
