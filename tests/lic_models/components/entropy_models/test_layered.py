"""A hyperprior's latent in layers: thirds of bins, which cost what the finest bins do."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from lic_models.components import (
    AnsCoder,
    LayeredHyperprior,
    LearnedLevelsQuantizer,
    MeanScaleHyperprior,
    NoiseQuantizer,
    UniversalQuantizer,
)
from lic_models.components.latent_coding import QuantisedCoding
from pytest_lic.errors import UsageError

pytestmark = pytest.mark.usefixtures("one_thread")


def made(kind: Any = LayeredHyperprior, **arguments: Any) -> MeanScaleHyperprior:
    torch.manual_seed(0)
    model = kind(latent_channels=6, hyper_channels=4, **arguments).eval()
    with torch.no_grad():
        model.log_unit.copy_(torch.linspace(-1.0, 3.0, 6))
    model.update(NoiseQuantizer())
    return model


LATENTS = torch.linspace(-1.0, 3.0, 6).exp()[:, None, None] * torch.randn(
    6, 24, 20, generator=torch.Generator().manual_seed(1)
)


@pytest.mark.parametrize("layers", [2, 3, 5])
def test_all_layers_tell_what_a_hyperprior_does(layers: int) -> None:
    model, plain = made(layers=layers), made(MeanScaleHyperprior)
    quantizer, coder = NoiseQuantizer(), AnsCoder()
    strings = model.compress(LATENTS, quantizer, coder)
    assert len(strings) == layers + 1
    decoded = model.decompress(strings, (24, 20), quantizer, coder)
    expected = plain.compress(LATENTS, quantizer, coder)
    assert strings[1] == expected[1], "z's"
    assert torch.equal(decoded, plain.decompress(expected, (24, 20), quantizer, coder))


def test_layers_cost_what_the_finest_bins_alone_do() -> None:
    model, plain = made(), made(MeanScaleHyperprior)
    strings = model.compress(LATENTS, NoiseQuantizer(), AnsCoder())
    alone = plain.compress(LATENTS, NoiseQuantizer(), AnsCoder())
    # An ANS string is up to 8 bytes longer than its symbols ask for.
    assert sum(map(len, strings)) == pytest.approx(sum(map(len, alone)), rel=0.01, abs=16)


@pytest.mark.parametrize("scale", [0, 20, 40, 63])
@pytest.mark.parametrize("parent", [0, 1, 4])
def test_a_third_is_as_likely_as_its_bin_given_the_one_it_is_of(scale: int, parent: int) -> None:
    model = made()
    deviation = math.exp(math.log(0.11) + (math.log(256.0) - math.log(0.11)) * scale / 63)
    edges = 3.0 * parent + torch.tensor([-1.5, -0.5, 0.5, 1.5], dtype=torch.float64)
    masses = -torch.diff(torch.erfc(edges / (math.sqrt(2.0) * deviation)))
    row = model.tables["thirds"].row(scale * 16 + parent)
    if float(masses.sum()) < 1e-250:
        assert int(row.argmax()) == 0, "the third next to the mean"
        return
    expected = (masses / masses.sum()).numpy()
    np.testing.assert_allclose(row[:3] / 2**16, expected, atol=4 / 2**16)


def test_symbols_far_from_all_expectation_are_told_too() -> None:
    model, coder, quantizer = made(), AnsCoder(), NoiseQuantizer()
    far = LATENTS.clone()
    far[0, 0, :4] = torch.tensor([-5000.0, 5000.0, 47.0, -47.0])
    decoded = model.decompress(model.compress(far, quantizer, coder), (24, 20), quantizer, coder)
    assert float((decoded - far).abs().max()) <= 0.51


@pytest.mark.parametrize("quantizer", [UniversalQuantizer, LearnedLevelsQuantizer])
def test_a_quantizer_without_nested_bins_is_refused(quantizer: Any) -> None:
    coding = QuantisedCoding(quantizer(), LayeredHyperprior(hyper_channels=4))
    with pytest.raises(UsageError, match=f"{quantizer.__name__} has no bins that lie within"):
        coding.build(6, "ConvolutionalTransform")


def test_one_layer_is_refused() -> None:
    with pytest.raises(UsageError, match="layers: 1; expected at least 2"):
        LayeredHyperprior(layers=1)
