"""A trained hyper-synthesis in whole numbers, its scales calibrated on images.

images ──► ẑ ──► the float64 network ──► largest ẑ and activations ──► units of activations
                     │ weights ──► whole weights, with a unit for each output channel
                     └─ other images: what is clamped, and how far both networks agree
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lic_models.codec import LearnedCodec
from lic_models.components.entropy_models import MeanScaleHyperprior, ScaleHyperprior
from lic_models.components.entropy_models.integer_synthesis import (
    MEAN_BITS,
    IntegerConvolution,
    IntegerSynthesis,
)
from lic_models.data.crops import to_batch
from lic_models.data.image_set import ImageSet
from pytest_lic.errors import UsageError

HELD_OUT = 4
"""Of so many images one is kept for checking."""
_HEADROOM = 2.0  # times the largest activation seen: other images have larger ones
_MULTIPLIER_BITS, _BIAS_BITS, _LONGEST_SHIFT = 15, 24, 40
_LEAST_BITS, _MOST_WEIGHT_BITS, _MOST_ACTIVATION_BITS = 2, 8, 20

Told = Callable[[int], None]
"""Called after each image with how many are done."""


@dataclass(frozen=True)
class Agreement:
    """How far whole numbers agree with the float64 network, on images that did not calibrate them.

    Args:
        images: how many.
        clamped: shares of ẑ and of the activations of both hidden layers that were clamped.
        same: share of latents for which the same table is chosen.
        rate: how many percent more bytes the strings take.
    """

    images: int
    clamped: tuple[float, ...]
    same: float
    rate: float


def check_bits(weight_bits: int, activation_bits: int) -> None:
    """Raise UsageError for numbers of bits that make no integer network."""
    for name, bits, most in (
        ("bits", weight_bits, _MOST_WEIGHT_BITS),
        ("activation-bits", activation_bits, _MOST_ACTIVATION_BITS),
    ):
        if not _LEAST_BITS <= bits <= most:
            raise UsageError(f"--{name} {bits}: expected {_LEAST_BITS} to {most}")


@torch.no_grad()
def calibrated(
    codec: LearnedCodec,
    integer: LearnedCodec,
    images: ImageSet,
    weight_bits: int,
    activation_bits: int,
    told: Told,
) -> Agreement:
    """Give a codec with integers the entropy model of one with floats, made whole numbers.

    Args:
        codec: trained, in evaluation mode, with a hyperprior in float64.
        integer: of the same components but for ``arithmetic: integer``; its hyper-synthesis and
            parameters of the entropy model are replaced, and its tables. The transform is not.
        images: to calibrate on, none too small for a latent; every fourth is kept for checking,
            if there are four.
        weight_bits: of weights, their sign included.
        activation_bits: of ẑ and activations, their sign included.
        told: how it goes.

    Raises:
        CorpusError: an image that can't be decoded.
        WeightsError: whole numbers that float64 would not hold exactly.
    """
    check_bits(weight_bits, activation_bits)
    model = codec.entropy_model
    assert isinstance(model, ScaleHyperprior)
    largest = [0.0, 0.0, 0.0]
    kept: list[Tensor] = []
    for number, latents in enumerate(_latents(codec, images)):
        hyper = model.hyper_prior(model._hyper_latents(latents), model.hyper_quantizer).values
        if len(images) < HELD_OUT or number % HELD_OUT == HELD_OUT - 1:
            kept.append(latents)
        if len(images) < HELD_OUT or number % HELD_OUT < HELD_OUT - 1:
            seen = (float(values.abs().max()) for values in _activations(model, hyper))
            largest = [max(pair) for pair in zip(largest, seen, strict=True)]
        told(number + 1)
    others = {
        key: value
        for key, value in model.state_dict().items()
        if not key.startswith("hyper_synthesis.")
    }
    counterpart = integer.entropy_model
    counterpart.load_state_dict(others, strict=False)
    fill(counterpart.hyper_synthesis, model, largest, weight_bits, activation_bits)
    counterpart.load_tables(model.tables, codec.quantizer)
    counterpart.eval()
    return _agreement(codec, counterpart, kept)


def fill(
    integer: IntegerSynthesis,
    model: ScaleHyperprior,
    largest: Sequence[float],
    weight_bits: int,
    activation_bits: int,
) -> None:
    """Make the hyper-synthesis of a model whole numbers, its units of channels and tables in them.

    Args:
        integer: what they are put into.
        model: the trained one.
        largest: ẑ, and activation of each hidden layer, that was seen.
        weight_bits: as in `calibrated`.
        activation_bits: as in `calibrated`.

    Raises:
        WeightsError: whole numbers that float64 would not hold exactly.
    """
    limit = 2 ** (activation_bits - 1) - 1
    integer.limit.fill_(limit)
    units = [_HEADROOM * max(value, 1e-6) / limit for value in largest]
    bits = min(24, math.floor(-math.log2(units[0])))
    integer.input_bits.fill_(bits)
    units[0] = 2.0**-bits
    log_unit = model.log_unit.detach().double()
    low, high = map(math.log, model.scale_range)
    step = (high - low) / (model.scale_levels - 1)
    offset, output = log_unit - low, torch.full_like(log_unit, step)
    if isinstance(model, MeanScaleHyperprior):
        offset = torch.cat([torch.zeros_like(log_unit), offset])
        output = torch.cat([2.0**-MEAN_BITS * (-log_unit).exp(), output])
    layers = [layer for layer in model.hyper_synthesis if not isinstance(layer, nn.LeakyReLU)]
    outputs = [torch.tensor(unit, dtype=torch.float64) for unit in units[1:]] + [output]
    offsets = [torch.zeros((), dtype=torch.float64) for _ in units[1:]] + [offset]
    for whole, layer, unit, out, added in zip(
        integer.layers, layers, units, outputs, offsets, strict=True
    ):
        assert isinstance(whole, IntegerConvolution)
        _fill_layer(whole, layer, unit, out, added, 2 ** (weight_bits - 1) - 1)
    integer.check()


def _fill_layer(
    whole: IntegerConvolution,
    layer: nn.Module,
    unit: float,
    output: Tensor,
    offset: Tensor,
    largest_weight: int,
) -> None:
    """One layer's whole numbers.

    Args:
        whole: what they are put into.
        layer: the trained one.
        unit: of inputs.
        output: unit of outputs, of all channels or of each.
        offset: added to the bias.
        largest_weight: the largest whole one.
    """
    weight = layer.weight.detach().double()
    bias = layer.bias.detach().double() + offset
    by_output = weight.transpose(0, 1) if whole.transposed else weight
    # A channel of small weights beside a large bias gets coarser ones, so that sums stay small.
    spans = torch.maximum(
        by_output.abs().flatten(1).amax(1) / largest_weight, bias.abs() / (unit * 2**_BIAS_BITS)
    )
    spans = torch.where(spans > 0, spans, 1.0)
    scaled = (by_output / spans[:, None, None, None]).round()
    whole.weight.copy_(scaled.transpose(0, 1) if whole.transposed else scaled)
    whole.bias.copy_((bias / (spans * unit)).round())
    ratios = spans * unit / output
    shifts = (_MULTIPLIER_BITS - torch.frexp(ratios).exponent).clamp(1, _LONGEST_SHIFT)
    whole.shifts.copy_(shifts)
    whole.multipliers.copy_((ratios * 2.0**shifts).round().clamp(max=2.0**60))


def _latents(codec: LearnedCodec, images: ImageSet) -> Iterator[Tensor]:
    """(1, M, h, w) of each image, cut to whole latents."""
    factor = codec.downsampling_factor
    for index in range(len(images)):
        image = images.read(index)
        width, height = (side // factor * factor for side in image.size)
        yield codec.transform.analysis(to_batch([image.crop((0, 0, width, height))]))


def _activations(model: ScaleHyperprior, hyper_latents: Tensor) -> Iterator[Tensor]:
    """ẑ, and what each leaky ReLU gives."""
    values = hyper_latents.double()
    yield values
    for layer in copy.deepcopy(model.hyper_synthesis).double():
        values = layer(values)
        if isinstance(layer, nn.LeakyReLU):
            yield values


def _agreement(codec: LearnedCodec, integer: ScaleHyperprior, kept: Sequence[Tensor]) -> Agreement:
    """How far both agree on some latents, each (1, M, h, w)."""
    model, synthesis = codec.entropy_model, integer.hyper_synthesis
    assert isinstance(model, ScaleHyperprior)
    assert isinstance(synthesis, IntegerSynthesis)
    clamped, places = [0, 0, 0], [0, 0, 0]
    sizes, same, count = [0, 0], 0, 0
    for latents in kept:
        hyper = model.hyper_prior(model._hyper_latents(latents), model.hyper_quantizer).values
        for number, (before, after) in enumerate(list(synthesis.activations(hyper))[:-1]):
            clamped[number] += int((before != after).sum())
            places[number] += before.numel()
        indices = []
        for number, each in enumerate((model, integer)):
            strings = each.compress(latents[0], codec.quantizer, codec.entropy_coder)
            sizes[number] += sum(map(len, strings))
            _, log_scales = each._predicted_for_coding(hyper[0], latents.shape[-2:])
            indices.append(each._nearest(log_scales))
        same += int((indices[0] == indices[1]).sum())
        count += indices[0].numel()
    shares = tuple(some / whole for some, whole in zip(clamped, places, strict=True))
    return Agreement(len(kept), shares, same / count, 100.0 * (sizes[1] / sizes[0] - 1.0))
