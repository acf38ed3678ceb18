"""Whole numbers: the same in every order, near the floats, refused where they may be inexact."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from lic_models.components import (
    AnsCoder,
    MeanScaleHyperprior,
    NoiseQuantizer,
    ScaleHyperprior,
)
from lic_models.components.entropy_models import integer_synthesis
from lic_models.components.entropy_models.integer_synthesis import (
    IntegerConvolution,
    IntegerSynthesis,
)
from lic_models.training.calibration import _activations, fill
from pytest_lic.errors import UsageError, WeightsError
from tests.helpers.entropy_cases import fitted, latents_like_photographs

M, N = 6, 4
KINDS = [ScaleHyperprior, MeanScaleHyperprior]

pytestmark = pytest.mark.usefixtures("one_thread")
each_kind = pytest.mark.parametrize("kind", KINDS)


def hyper_latents(height: int = 5, width: int = 7) -> Tensor:
    torch.manual_seed(4)
    return (8 * torch.randn(2, N, height, width)).round()


def both(
    kind: type[ScaleHyperprior], weight_bits: int = 8, activation_bits: int = 16
) -> tuple[ScaleHyperprior, ScaleHyperprior]:
    """A model, and the same with integers, both with tables."""
    latents = latents_like_photographs(M, 8, 12)
    model = fitted(kind, latents).eval()
    with torch.no_grad():
        model.hyper_synthesis[-1].weight.mul_(4)
    model.update(NoiseQuantizer())
    whole = kind(M, hyper_channels=N, arithmetic="integer").eval()
    state = {k: v for k, v in model.state_dict().items() if not k.startswith("hyper_synthesis.")}
    whole.load_state_dict(state, strict=False)
    with torch.no_grad():
        largest = [float(values.abs().max()) for values in _activations(model, hyper_latents())]
    fill(whole.hyper_synthesis, model, largest, weight_bits, activation_bits)
    whole.load_tables(model.tables, NoiseQuantizer())
    return model, whole


def by_hand(layer: IntegerConvolution, inputs: Tensor) -> Tensor:
    """A layer's sums by the definition of a convolution, in int64, for one image (in, h, w)."""
    weight, (side,) = layer.weight.long(), set(layer.weight.shape[2:])
    stride, padding = layer._geometry["stride"][0], layer._geometry["padding"][0]
    if layer.transposed:  # zeros between the inputs, then a convolution with the kernel turned
        weight = weight.transpose(0, 1).flip(2, 3)
        height, width = (stride * (size - 1) + 1 for size in inputs.shape[1:])
        spread = torch.zeros(inputs.shape[0], height, width, dtype=torch.int64)
        spread[:, ::stride, ::stride] = inputs
        more, before, stride = layer._geometry["output_padding"][0], side - 1 - padding, 1
        inputs = F.pad(spread, (before, before + more, before, before + more))
    else:
        inputs = F.pad(inputs, (padding,) * 4)
    patches = inputs.unfold(1, side, stride).unfold(2, side, stride)
    return torch.einsum("oikl,ihwkl->ohw", weight, patches) + layer.bias.long()[:, None, None]


def shifted(values: Tensor, multiplier: Tensor | int, shift: Tensor | int) -> Tensor:
    """values × multiplier / 2^shift in int64, halves up."""
    half = (1 << torch.as_tensor(shift)) // 2
    return (values * multiplier + half) >> shift


@each_kind
def test_it_computes_what_whole_numbers_of_64_bits_do(kind: type[ScaleHyperprior]) -> None:
    synthesis = both(kind)[1].hyper_synthesis
    values = hyper_latents()[0]
    whole = (values * 2 ** int(synthesis.input_bits)).long()
    for number, layer in enumerate(synthesis.layers):
        sums = by_hand(layer, whole.clamp(-synthesis.limit, synthesis.limit))
        if number < 2:
            sums = torch.where(sums < 0, shifted(sums, 655, 16), sums)
        scale = (layer.multipliers[:, None, None], layer.shifts.long()[:, None, None])
        whole = shifted(sums, *scale)
    assert len(whole.unique()) > 50
    assert torch.equal(synthesis(values[None])[0].long(), whole)


@each_kind
def test_another_order_of_channels_changes_nothing(kind: type[ScaleHyperprior]) -> None:
    synthesis = both(kind)[1].hyper_synthesis
    twin, order = copy.deepcopy(synthesis), torch.randperm(N)
    first, second, third = twin.layers
    with torch.no_grad():
        for layer in (first, second):
            layer.weight.copy_(layer.weight[:, order].clone())
            for values in (layer.bias, layer.multipliers, layer.shifts):
                values.copy_(values[order].clone())
        second.weight.copy_(second.weight[order].clone())
        third.weight.copy_(third.weight[:, order].clone())
    assert torch.equal(twin(hyper_latents()), synthesis(hyper_latents()))


class _InAnotherOrder(torch.overrides.TorchFunctionMode):
    """A machine that sums a convolution's channels one by one, from the last on."""

    def __torch_function__(self, function, types, arguments=(), keywords=None):  # type: ignore[no-untyped-def]
        keywords = keywords or {}
        if function not in (F.conv2d, F.conv_transpose2d):
            return function(*arguments, **keywords)
        inputs, weight, bias, *others = arguments
        channels = range(inputs.shape[1] - 1, -1, -1)
        transposed = function is F.conv_transpose2d
        parts = (
            function(
                inputs[:, c : c + 1],
                weight[c : c + 1] if transposed else weight[:, c : c + 1],
                None,
                *others,
                **keywords,
            )
            for c in channels
        )
        return sum(parts) + bias[:, None, None]


@each_kind
def test_a_machine_that_sums_in_another_order_gets_the_same(kind: type[ScaleHyperprior]) -> None:
    model, whole = both(kind)
    values = hyper_latents(24, 24) / 3
    here = whole.hyper_synthesis(values)
    floats = model.hyper_synthesis.double()
    plain = floats(values.double())
    with _InAnotherOrder():
        assert torch.equal(whole.hyper_synthesis(values), here)
        assert not torch.equal(floats(values.double()), plain)  # the machine is another one


def test_threads_layout_and_batch_change_nothing() -> None:
    synthesis = both(MeanScaleHyperprior)[1].hyper_synthesis
    values = hyper_latents(33, 50)
    here = synthesis(values)
    torch.set_num_threads(2)  # the fixture sets it back
    assert torch.equal(synthesis(values), here)
    laid_out = copy.deepcopy(synthesis).to(memory_format=torch.channels_last)
    assert torch.equal(laid_out(values.contiguous(memory_format=torch.channels_last)), here)
    assert torch.equal(torch.cat([synthesis(one[None]) for one in values]), here)


@each_kind
@pytest.mark.parametrize("weight_bits", [8, 5])
def test_it_agrees_with_the_floats(kind: type[ScaleHyperprior], weight_bits: int) -> None:
    model, whole = both(kind, weight_bits)
    means, log_scales = model._predicted(hyper_latents(), (18, 26), torch.float64)
    whole_means, whole_scales = whole._predicted(hyper_latents(), (18, 26), torch.float64)
    low, high = model._log_range
    step = (high - low) / (model.scale_levels - 1)
    tolerance = {8: 0.02, 5: 0.2}[weight_bits]
    torch.testing.assert_close(
        whole_scales, log_scales.clamp(low, high), rtol=0, atol=step / 2 + tolerance
    )
    spread = float(means.detach().abs().max())
    torch.testing.assert_close(whole_means, means, rtol=0, atol=tolerance * spread + 2.0**-9)
    assert torch.equal(whole_means * 256, (whole_means * 256).round())
    if kind is MeanScaleHyperprior:
        assert spread > 1


@each_kind
def test_scales_are_those_of_tables_and_estimates_are_what_is_coded(
    kind: type[ScaleHyperprior],
) -> None:
    _, whole = both(kind)
    latents = latents_like_photographs(M, 8, 12)
    coder, quantizer = AnsCoder(), NoiseQuantizer().eval()
    with torch.no_grad():
        rated = whole(latents, quantizer)
    strings = whole.compress(latents[0], quantizer, coder)
    decoded = whole.decompress(strings, (8, 12), quantizer, coder)
    torch.testing.assert_close(decoded, rated.values[0], rtol=1e-6, atol=1e-5)
    values = hyper_latents()
    whole_numbers = whole.hyper_synthesis(values)[:, -M:].clamp(0, whole.scale_levels - 1)
    _, log_scales = whole._predicted(values, (20, 28), torch.float64)
    assert torch.equal(whole._nearest(log_scales), whole_numbers.long())
    assert len(whole_numbers.unique()) > 10


def test_far_symbols_are_clamped_and_still_decode() -> None:
    _, whole = both(MeanScaleHyperprior, activation_bits=6)
    far = 1e6 * hyper_latents()
    clamps = list(whole.hyper_synthesis.activations(far))
    assert not torch.equal(*clamps[0])
    assert bool(torch.isfinite(whole.hyper_synthesis(far)).all())
    latents, coder = 1e4 * latents_like_photographs(M, 8, 12)[0], AnsCoder()
    strings = whole.compress(latents, NoiseQuantizer(), coder)
    decoded = whole.decompress(strings, (8, 12), NoiseQuantizer(), coder)
    torch.testing.assert_close(decoded, latents, rtol=1e-4, atol=0.51)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda s: s.limit.fill_(2**31 - 1), r"in layer \d may reach 2\^5\d; float64 is exact"),
        (lambda s: s.layers[1].multipliers.fill_(2**40), r"in layer 1 may reach 2\^"),
        (lambda s: s.layers[2].bias.fill_(-(2**31)), r"layer 2 may reach"),
        (lambda s: s.layers[0].shifts.fill_(200), "layer 0 shifts by 200 to 200 bits"),
        (lambda s: s.layers[0].shifts.fill_(-1), "layer 0 shifts by -1"),
        (lambda s: s.input_bits.fill_(99), r"in 2\^-99; expected"),
        (lambda s: s.limit.fill_(-1), "within ±-1"),
    ],
)
def test_numbers_that_may_not_be_exact_are_refused_when_they_are_made_and_loaded(
    change: object, told: str
) -> None:
    synthesis = both(MeanScaleHyperprior)[1].hyper_synthesis
    synthesis.layers[2].multipliers.fill_(2**24)
    fresh = IntegerSynthesis(N, 2 * M, (3, 5, 5))
    fresh.load_state_dict(synthesis.state_dict())
    change(synthesis)  # type: ignore[operator]
    with pytest.raises(WeightsError, match=told):
        synthesis.check()
    with pytest.raises(WeightsError, match=told):
        fresh.load_state_dict(synthesis.state_dict())


def test_beyond_two_to_the_53_sums_would_depend_on_their_order() -> None:
    layer = IntegerConvolution(torch.nn.Conv2d(3, 1, 1))
    layer.weight.fill_(1)
    inputs = torch.tensor([2.0**53, 1.0, -(2.0**53)], dtype=torch.float64)
    assert layer.farthest(2**53) >= integer_synthesis.EXACT
    assert (inputs[0] + inputs[1]) + inputs[2] != (inputs[0] + inputs[2]) + inputs[1]
    assert layer.farthest(2**41) < integer_synthesis.EXACT


@pytest.fixture
def mutant(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rescaling that forgets to round."""

    def rescaled(self: IntegerConvolution, sums: Tensor) -> Tensor:
        powers = (1 << self.shifts.long()).double()[:, None, None]
        return (sums * self.multipliers.double()[:, None, None] / powers).floor()

    monkeypatch.setattr(IntegerConvolution, "rescaled", rescaled)


@pytest.mark.usefixtures("mutant")
def test_a_shift_that_is_off_by_a_half_is_noticed() -> None:
    with pytest.raises(AssertionError):
        test_it_computes_what_whole_numbers_of_64_bits_do(MeanScaleHyperprior)


def test_a_bound_that_is_not_kept_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(IntegerSynthesis, "check", lambda self: None)
    change = lambda s: s.limit.fill_(2**31 - 1)  # noqa: E731
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        test_numbers_that_may_not_be_exact_are_refused_when_they_are_made_and_loaded(change, "may")


def test_it_is_not_trained() -> None:
    _, whole = both(MeanScaleHyperprior)
    latents = latents_like_photographs(M, 8, 12)
    with pytest.raises(UsageError, match=r"can't be trained; .*python -m lic_models integer"):
        whole.fit(latents)
    with pytest.raises(UsageError, match="can't be trained"):
        whole.train()(latents, NoiseQuantizer())


def test_an_arithmetic_that_does_not_exist() -> None:
    with pytest.raises(UsageError, match="float16; expected one of float32, float64, integer"):
        MeanScaleHyperprior(M, arithmetic="float16")  # type: ignore[arg-type]
