"""Kernels in eight bits: what is read is what was rounded, and near to what was trained."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lic_models.codec import LearnedCodec
from lic_models.components import ConvolutionalTransform, MeanScaleHyperprior
from lic_models.storage import eight_bits
from lic_models.storage.weights_file import load_weights, round_kernels, write_weights
from pytest_lic.errors import WeightsError


def _codec() -> LearnedCodec:
    transform = ConvolutionalTransform(channels=4, latent_channels=6)
    return LearnedCodec(transform, None, MeanScaleHyperprior(hyper_channels=4)).eval()


@settings(deadline=None)
@given(seed=st.integers(0, 2**20), exponent=st.integers(-30, 30))
def test_rounding_twice_is_rounding_once(seed: int, exponent: int) -> None:
    torch.manual_seed(seed)
    layer = torch.nn.Conv2d(3, 5, 3)
    with torch.no_grad():
        layer.weight.mul_(2.0**exponent)
        layer.weight[0] = 0.0
    trained = layer.weight.detach().clone()
    eight_bits.round_kernels(layer)
    once = layer.weight.detach().clone()
    eight_bits.round_kernels(layer)
    assert torch.equal(layer.weight, once)
    largest = trained.abs().flatten(1).amax(1)[:, None, None, None]
    assert bool(((once - trained).abs() <= largest * (0.5 / 127 + 2.0**-11)).all())


def test_a_file_gives_the_rounded_weights_to_the_bit_in_fewer_bytes(tmp_path: Path) -> None:
    codec = _codec()
    eight_bits.round_kernels(codec)
    round_kernels(codec, matrices_alone=True)
    codec.update()
    small, large = tmp_path / "small.safetensors", tmp_path / "large.safetensors"
    write_weights(codec, small, {}, eight_bit=True)
    write_weights(codec, large, {}, half=False)
    read = _codec()
    load_weights(read, small)
    for key, value in codec.state_dict().items():
        assert torch.equal(read.state_dict()[key], value), key
    kernels = sum(v.numel() for v in codec.state_dict().values() if v.ndim == 4)
    assert large.stat().st_size - small.stat().st_size > 2.5 * kernels


def test_a_kernel_that_is_not_finite_is_named() -> None:
    layer = torch.nn.Conv2d(1, 1, 3)
    with torch.no_grad():
        layer.weight[0, 0, 1, 1] = float("nan")
    with pytest.raises(WeightsError, match="weight holds values that are not finite"):
        eight_bits.round_kernels(layer)
