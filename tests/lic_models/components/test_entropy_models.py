"""Every quantizer × entropy model × coder: what is coded is what was estimated, and decodes."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lic_models.components import (
    AnsCoder,
    EntropyCoder,
    EntropyModel,
    Factorized,
    MeanScaleHyperprior,
    NoiseQuantizer,
    Quantizer,
    RangeCoder,
    RansCoder,
    ScaleHyperprior,
)
from lic_models.components.entropy_coding.counts import Integers
from lic_models.components.entropy_coding.tables import FrequencyTables
from lic_models.components.entropy_models.hyperprior import Arithmetic
from lic_models.training.loss import estimated_bits
from pytest_lic.errors import CorruptBitstreamError
from tests.helpers.entropy_cases import (
    MODELS,
    QUANTIZERS,
    fitted,
    latents_like_photographs,
    quantizer_of,
)

CODERS = [AnsCoder(), RangeCoder(), RansCoder()]
M = 6

each_model = pytest.mark.parametrize("kind", MODELS)
each_quantizer = pytest.mark.parametrize("make", QUANTIZERS)
each_coder = pytest.mark.parametrize("coder", CODERS, ids=lambda coder: coder.name)


pytestmark = pytest.mark.usefixtures("one_thread")


def ready(kind: type[EntropyModel], latents: Tensor, quantizer: Quantizer) -> EntropyModel:
    model = fitted(kind, latents).eval()
    model.update(quantizer)
    return model


@each_model
@each_quantizer
def test_decoding_gives_what_evaluation_said_even_of_far_outliers(
    kind: type[EntropyModel], make: type[Quantizer]
) -> None:
    latents = latents_like_photographs(M, 5, 7)
    quantizer = quantizer_of(make)
    model = ready(kind, latents, quantizer)
    latents[0, 0, 0, 0], latents[0, 1, 2, 3], latents[0, 5, 4, 6] = 4000.0, -900.5, 60_000.25
    with torch.no_grad():
        # In float64, as coding computes, so that no latent is nearer to an edge than rounding.
        said = copy.deepcopy(model).double()(latents.double(), quantizer).values[0]
        single = model(latents, quantizer).values[0]
    for coder in CODERS:
        strings = model.compress(latents[0], quantizer, coder)
        decoded = model.decompress(strings, (5, 7), quantizer, coder)
        assert decoded.dtype == torch.float32
        # z is float32 before the means are predicted from it, which tells at these outliers.
        torch.testing.assert_close(decoded.double(), said, rtol=1e-6, atol=2e-3)
        if kind is Factorized:
            # Symbols and medians add up to the same float32, whatever they are added in.
            assert torch.equal(decoded, single)
    error = (decoded - latents[0]).abs()
    assert float(error.max()) < 2.5
    assert float(error.mean()) < 0.7


@each_model
@each_coder
@pytest.mark.parametrize("size", [(1, 1), (3, 5), (7, 2), (5, 9)])
def test_latents_of_any_size_come_back(
    kind: type[EntropyModel], coder: EntropyCoder, size: tuple[int, int]
) -> None:
    model = ready(kind, latents_like_photographs(M, 8, 8), NoiseQuantizer())
    latents = latents_like_photographs(M, *size, seed=4)[0]
    strings = model.compress(latents, NoiseQuantizer(), coder)
    decoded = model.decompress(strings, size, NoiseQuantizer(), coder)
    assert decoded.shape == (M, *size)
    assert float((decoded - latents).abs().max()) < 0.5001


def like_trained(channels: int, side: int) -> Tensor:
    """Gaussian, with a deviation that varies by channel, and by a third from place to place."""
    torch.manual_seed(9)
    scales = torch.logspace(1.3, -0.5, channels)[:, None, None]
    return torch.randn(1, channels, side, side) * scales * (1 + torch.rand(1, 1, side, side) / 3)


@each_model
@each_quantizer
def test_the_estimated_rate_and_the_bytes_agree_within_a_percent(
    kind: type[EntropyModel], make: type[Quantizer]
) -> None:
    latents = like_trained(12, 40)
    quantizer = quantizer_of(make)
    model = ready(kind, latents, quantizer)
    with torch.no_grad():
        likelihoods = model(latents, quantizer).likelihoods
    for coder in CODERS:
        strings = model.compress(latents[0], quantizer, coder)
        for name, string in zip(("latents", "hyper_latents"), strings, strict=False):
            estimated = float(estimated_bits({name: likelihoods[name]})) / 8
            assert len(string) == pytest.approx(estimated, rel=0.01, abs=12)
        assert len(strings) == len(likelihoods)


@each_model
@each_quantizer
def test_training_reaches_every_parameter_but_the_quantiles(
    kind: type[EntropyModel], make: type[Quantizer]
) -> None:
    latents = latents_like_photographs(M, 8, 8, batch=2).requires_grad_()
    model, quantizer = fitted(kind, latents.detach()).train(), quantizer_of(make).train()
    rated = model(latents, quantizer)
    (estimated_bits(rated.likelihoods).sum() + rated.values.square().sum()).backward()
    named = [*model.named_parameters(), *quantizer.named_parameters(), ("latents", latents)]
    for name, parameter in named:
        if name.endswith("quantiles"):
            assert parameter.grad is None
        else:
            assert bool(torch.isfinite(parameter.grad).all()), name
            assert float(parameter.grad.abs().sum()) > 0, name
    model.zero_grad()
    model.auxiliary_loss().backward()
    reached = [name for name, parameter in model.named_parameters() if parameter.grad is not None]
    assert {name.rsplit(".", 1)[-1] for name in reached} == {"quantiles"}


def damaged(string: bytes, draw: np.random.Generator) -> bytes:
    kind = draw.integers(4)
    place = int(draw.integers(len(string) + 1))
    if kind == 0:
        return string[:place]
    if kind == 1:
        return string + draw.bytes(place + 1)
    if kind == 2:
        return draw.bytes(len(string))
    flipped = bytearray(string)
    flipped[min(place, len(string) - 1)] ^= 1 << int(draw.integers(8))
    return bytes(flipped)


@each_model
@each_coder
def test_damaged_strings_are_noticed_or_decode_to_finite_latents(
    kind: type[EntropyModel], coder: EntropyCoder
) -> None:
    latents = latents_like_photographs(M, 9, 6)
    model = ready(kind, latents, NoiseQuantizer())
    strings = model.compress(latents[0], NoiseQuantizer(), coder)
    draw = np.random.default_rng(5)
    noticed = 0
    for trial in range(60):
        wrong = list(strings)
        which = trial % len(wrong)
        wrong[which] = damaged(wrong[which], draw)
        try:
            decoded = model.decompress(wrong, (9, 6), NoiseQuantizer(), coder)
        except CorruptBitstreamError:
            noticed += 1
        else:
            assert decoded.shape == (M, 9, 6)
            assert bool(torch.isfinite(decoded).all())
    assert noticed > 0


# What chooses the tables.


class Overheard:
    """A coder whose table indices are kept."""

    name = "overheard"

    def __init__(self) -> None:
        self.indices: list[Integers] = []

    def encode(self, symbols: Integers, indices: Integers, tables: FrequencyTables) -> bytes:
        self.indices.append(indices)
        return CODERS[0].encode(symbols, indices, tables)

    def decode(self, string: bytes, indices: Integers, tables: FrequencyTables) -> Integers:
        self.indices.append(indices)
        return CODERS[0].decode(string, indices, tables)


def elsewhere(model: ScaleHyperprior) -> ScaleHyperprior:
    """The same function with its sums in another order, as other instructions have them.

    That is, the hidden channels of the hyper-synthesis in another order.
    """
    twin = copy.deepcopy(model)
    first, _, second, _, third = twin.hyper_synthesis
    order = torch.arange(model.hyper_channels).flip(0)
    with torch.no_grad():
        for layer in (first, second):  # transposed: (in, out, …)
            layer.weight.copy_(layer.weight[:, order].clone())
            layer.bias.copy_(layer.bias[order].clone())
        second.weight.copy_(second.weight[order].clone())
        third.weight.copy_(third.weight[:, order].clone())
    return twin


def wide_and_varied(
    kind: type[ScaleHyperprior], arithmetic: Arithmetic = "float64"
) -> tuple[ScaleHyperprior, Tensor]:
    """Many latents, whose predicted scales vary as those of a trained model do."""
    torch.manual_seed(8)
    # With many tables, many latents are near where one table ends and the next begins.
    model = kind(
        96, hyper_channels=32, scale_levels=2048, scale_range=(0.11, 64.0), arithmetic=arithmetic
    ).eval()
    latents = latents_like_photographs(96, 80, 88)
    model.fit(latents)
    with torch.no_grad():
        model.hyper_analysis[-1].weight.mul_(50)
        for layer in model.hyper_synthesis:
            if not isinstance(layer, nn.LeakyReLU):
                layer.weight.mul_(1.5)
    model.fit(latents)
    model.update(NoiseQuantizer())
    return model, latents[0]


def flipped(model: ScaleHyperprior, latents: Tensor) -> tuple[int, bool]:
    """How many tables are chosen otherwise elsewhere, and whether the latent comes back there."""
    coder, size = Overheard(), (latents.shape[1], latents.shape[2])
    strings = model.compress(latents, NoiseQuantizer(), coder)
    at_home = model.decompress(strings, size, NoiseQuantizer(), coder)
    try:
        away = elsewhere(model).decompress(strings, size, NoiseQuantizer(), coder)
    except CorruptBitstreamError:
        away = None
    # Each time z, then y: encoded, decoded at home, and elsewhere.
    _, encoded, _, _, _, decoded = coder.indices
    assert len(np.unique(encoded)) > 1000
    returned = away is not None and torch.allclose(away, at_home, rtol=1e-6, atol=1e-6)
    return int((encoded != decoded).sum()), returned


@pytest.mark.parametrize("kind", [ScaleHyperprior, MeanScaleHyperprior])
def test_a_decoder_that_rounds_otherwise_still_chooses_the_same_tables(
    kind: type[ScaleHyperprior],
) -> None:
    assert flipped(*wide_and_varied(kind)) == (0, True)


@pytest.mark.parametrize("kind", [ScaleHyperprior, MeanScaleHyperprior])
def test_in_single_precision_it_would_not(kind: type[ScaleHyperprior]) -> None:
    count, returned = flipped(*wide_and_varied(kind, "float32"))
    assert count > 3
    assert not returned


@pytest.mark.parametrize("kind", [ScaleHyperprior, MeanScaleHyperprior])
def test_the_number_of_threads_changes_no_table(kind: type[ScaleHyperprior]) -> None:
    model, latents = wide_and_varied(kind)
    latents, coder = latents[:, :33, :50], Overheard()
    strings = model.compress(latents, NoiseQuantizer(), coder)
    for threads in (1, 2, 4):
        torch.set_num_threads(threads)
        model.decompress(strings, (33, 50), NoiseQuantizer(), coder)
        np.testing.assert_array_equal(coder.indices[-1], coder.indices[1])
