"""Vector-quantised coding: indices become bytes, and bytes the values that training saw."""

from __future__ import annotations

import copy
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from lic_models.codec import LearnedCodec
from lic_models.components import (
    ConvolutionalTransform,
    EntropyConstrainedQuantizer,
    MultiCodebookQuantizer,
    RangeCoder,
    SoftToHardQuantizer,
    VectorQuantisedCoding,
)
from lic_models.training.loss import estimated_bits
from lic_models.training.principal_components import start_from_principal_components
from pytest_lic.errors import CodecError, CorruptBitstreamError, UsageError, WeightsError
from tests.helpers.index_mutants import (
    CHANNELS,
    MUTANTS,
    PROMISES,
    SIZE,
    as_if_of,
    conditional,
    constrained,
    latents,
    ready,
    soft,
    staged,
    takes_the_least_cost,
)

ALL = [soft, constrained, staged, conditional]
KINDS = [SoftToHardQuantizer, EntropyConstrainedQuantizer, MultiCodebookQuantizer]
INDEX_MODELS = ["uniform", "frequencies", "conditional"]


@pytest.mark.parametrize("index_model", INDEX_MODELS)
@pytest.mark.parametrize("kind", KINDS)
def test_estimated_bits_are_those_of_the_string(kind, index_model):
    coding = ready(kind(16, 3, index_model))
    given = latents(3, 1, (60, 60))
    estimate = float(estimated_bits(coding.forward(given).likelihoods).detach())
    (string,) = coding.compress(given[0])
    assert 8 * len(string) == pytest.approx(estimate, rel=0.005)


def test_trained_frequencies_take_fewer_bits_than_uniform_ones_and_conditions_fewer_still():
    given = latents(3, 1, (40, 40))
    bits = [
        float(estimated_bits(ready(SoftToHardQuantizer(16, 3, name)).forward(given)[1]).detach())
        for name in INDEX_MODELS
    ]
    assert bits[0] == pytest.approx(4 * 4 * 1600)
    assert bits[0] > 1.01 * bits[1] > 1.02 * bits[2]


@pytest.mark.parametrize("make", ALL)
@pytest.mark.parametrize("promise", PROMISES)
def test_a_coding_that_is_right_keeps_every_promise(promise, make):
    if promise is takes_the_least_cost and make in (staged, conditional):
        return
    assert promise(make)


@pytest.mark.parametrize("wrong", MUTANTS)
def test_a_coding_that_is_wrong_in_one_place_breaks_a_promise(wrong):
    make, promise = MUTANTS[wrong]
    assert not promise(make)


def test_equally_near_centres_give_the_first():
    coding = ready(SoftToHardQuantizer(4, 3))
    with torch.no_grad():
        coding.vector_quantizer.codebooks.zero_()
    assert not coding.vector_quantizer.indices(latents()).any()


def test_threads_make_no_difference():
    coding, given = constrained(), latents()
    expected = [coding.compress(latent) for latent in given]
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        with ThreadPoolExecutor(3) as pool:
            assert list(pool.map(coding.compress, given)) == expected
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("make", ALL)
def test_damaged_and_cut_strings_are_refused(make):
    coding = make()
    (string,) = coding.compress(latents(0, 1)[0])
    generator = np.random.default_rng(0)
    broken = [string[:-1], string[: len(string) // 2], b"", string + b"\x01"]
    for bit in generator.integers(0, 8 * len(string), 60):
        flipped = bytearray(string)
        flipped[bit // 8] ^= 1 << bit % 8
        broken.append(bytes(flipped))
    for each in broken:
        with pytest.raises(CorruptBitstreamError):
            coding.decompress([each], SIZE)
    with pytest.raises(CorruptBitstreamError, match="2 strings"):
        coding.decompress([string, string], SIZE)
    with pytest.raises(CorruptBitstreamError):
        coding.decompress([string], (SIZE[0] + 1, SIZE[1]))


def test_a_flipped_bit_of_uniform_indices_is_noticed_too():
    coding = ready(SoftToHardQuantizer(16, 3, "uniform"))
    (string,) = coding.compress(latents(0, 1)[0])
    for bit in range(8 * len(string)):
        flipped = bytearray(string)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(CorruptBitstreamError):
            coding.decompress([bytes(flipped)], SIZE)


def test_any_coder_of_the_library_codes_indices():
    coding = VectorQuantisedCoding(MultiCodebookQuantizer(8, 3, "conditional"), RangeCoder())
    coding.build(CHANNELS, "Test")
    coding.fit(latents(1, 20))
    coding.vector_quantizer.eval()
    coding.update()
    given = latents(0, 1)
    assert torch.equal(
        coding.decompress(coding.compress(given[0]), SIZE), coding.forward(given)[0][0]
    )


def test_tables_of_another_coding_are_refused():
    coding = constrained()
    coding.load_tables({"indices": as_if_of(8, 4)})
    with pytest.raises(WeightsError, match=r"4 of latents; .* codes with 4 of indices"):
        coding.load_tables({"latents": as_if_of(8, 4)})
    with pytest.raises(WeightsError, match="3 of indices"):
        coding.load_tables({"indices": as_if_of(8, 3)})
    with pytest.raises(WeightsError, match="other symbols than 0 to 7"):
        coding.load_tables({"indices": as_if_of(9, 4)})
    assert coding.tables == {"indices": as_if_of(8, 4)}


def test_coding_without_tables_and_parameters_that_are_not_finite_are_refused():
    coding = VectorQuantisedCoding(SoftToHardQuantizer(8, 3))
    coding.build(CHANNELS, "Test")
    with pytest.raises(CodecError, match="no tables of indices"):
        coding.compress(latents()[0])
    with pytest.raises(CodecError, match="no tables of indices"):
        coding.decompress([b"1"], SIZE)
    with pytest.raises(CodecError, match="not finite"):
        coding.vector_quantizer.indices(latents() / 0)
    with torch.no_grad():
        coding.vector_quantizer.codebooks[3, 1] = torch.nan
    with pytest.raises(CodecError, match="codebooks are not finite"):
        coding.update()


def test_channels_that_are_no_multiple_are_refused_with_the_argument():
    with pytest.raises(UsageError, match=r"latent_coding\.vector_quantizer\.dimensions: 5; .* 12"):
        VectorQuantisedCoding(SoftToHardQuantizer(8, 5)).build(CHANNELS, "Test")


def test_dead_entries_are_named_of_each_codebook():
    coding = ready(SoftToHardQuantizer(8, 3))
    assert coding.remark == "4 codebooks of 8 entries, none of them dead"
    with torch.no_grad():
        coding.vector_quantizer.codebooks[8 + 2 : 8 + 5] = 1e3
        coding.vector_quantizer.index_model.log_frequencies[1, 2:5] = -9
        coding.vector_quantizer.index_model.log_frequencies[3, 7] = -9
    coding.update()
    used = coding.codebook_use(latents(1, 20))
    assert used.dead == {1: [2, 3, 4]}
    assert used.used == [8, 5, 8, 8]
    assert used.counts.sum(1).tolist() == [20 * 35] * 4
    expected = coding.expected_use()
    assert expected is not None
    assert expected.dead == {1: [2, 3, 4], 3: [7]}
    assert coding.remark == "4 codebooks of 8 entries, 4 of them dead (1: 2-4; 3: 7)"


def test_entries_are_dead_under_conditions_if_no_entry_in_use_leads_to_them():
    coding = ready(SoftToHardQuantizer(8, 3, "conditional"))
    frequencies = coding.vector_quantizer.index_model.log_frequencies
    with torch.no_grad():
        frequencies[:, 5] = -9  # no index is ever 5 …
        frequencies[8 + 5, 6] = 9  # … so that what follows a 5 is not used either
        frequencies[[8, 9, 10, 11, 12, 14, 15], 6] = -9
    coding.update()
    expected = coding.expected_use()
    assert expected is not None
    assert {codebook: dead for codebook, dead in expected.dead.items() if codebook < 2} == {
        0: [5],
        1: [5, 6],
    }


def test_uniform_indices_say_that_they_tell_nothing_of_use():
    coding = ready(SoftToHardQuantizer(8, 3, "uniform"))
    assert coding.expected_use() is None
    assert "codebook_use" in coding.remark


def test_decoding_is_overheard():
    coding, noted = conditional(), {}
    (string,) = coding.compress(latents(0, 1)[0])
    with coding.noting(noted.__setitem__):
        coding.decompress([string], SIZE)
    expected = coding.vector_quantizer.indices(latents(0, 1)).flatten().int()
    assert torch.equal(noted["symbols"], expected)
    assert noted["table indices"].shape == expected.shape


def test_what_moves_over_training_is_named():
    assert soft().anneals == "SoftToHardQuantizer"
    assert staged().anneals == "MultiCodebookQuantizer"
    assert constrained().anneals is None


@pytest.mark.parametrize("kind", KINDS)
def test_a_codec_starts_from_principal_components_and_codes_what_it_estimates(kind):
    torch.manual_seed(0)
    coding = VectorQuantisedCoding(kind(8, 4))
    codec = LearnedCodec(
        ConvolutionalTransform(channels=8, latent_channels=8), latent_coding=coding
    )
    images = torch.rand(4, 3, 32, 32).repeat_interleave(2, 2).repeat_interleave(2, 3)
    start_from_principal_components(codec, images, 0.01)
    outputs = codec.train()(images)
    assert outputs["likelihoods"]["indices"].shape == (
        4,
        coding.vector_quantizer.codebook_count,
        4,
        4,
    )
    (outputs["x_hat"].square().sum() + estimated_bits(outputs["likelihoods"]).sum()).backward()
    named = dict(codec.named_parameters())
    for name in ("vector_quantizer.codebooks", "vector_quantizer.index_model.log_frequencies"):
        assert bool(named[name].grad.abs().sum() > 0)
    assert bool(next(codec.transform.analysis.parameters()).grad.abs().sum() > 0)
    codec.eval().update()
    coded = codec.compress(images)
    decoded = copy.deepcopy(codec).decompress(coded["strings"], coded["shape"])
    assert torch.equal(decoded["x_hat"], codec(images)["x_hat"])
