"""Non-linearities against formulas written anew, and against CompressAI."""

from __future__ import annotations

from functools import partial

import compressai.layers
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd import gradcheck
from torch.func import functional_call
from torch.nn import functional as F

from lic_models.components import GDN, GSDN, LeakyReLU, Nonlinearity, OneDN, ReLU
from pytest_lic.errors import UsageError

Array = NDArray[np.float64]
DIVISIVE = [GDN, OneDN, GSDN]
EVERY = [*DIVISIVE, ReLU, LeakyReLU]
C = 3
both_ways = pytest.mark.parametrize("inverse", [False, True])


class Weights:
    """Random β > 0, γ ≥ 0, ν and τ of C channels."""

    def __init__(self, channels: int = C, seed: int = 0) -> None:
        draw = np.random.default_rng(seed)
        self.beta = draw.uniform(0.5, 2.0, channels)
        self.gamma = draw.uniform(0.0, 0.7, (channels, channels))
        self.nu = draw.normal(size=channels)
        self.tau = draw.normal(size=(channels, channels)) / 4

    def given_to(self, layer: Nonlinearity) -> Nonlinearity:
        """The layer, in float64, with these."""
        layer = layer.double()
        divisor = layer.divisor if isinstance(layer, GSDN) else layer.layer
        with torch.no_grad():
            divisor.beta.copy_(divisor.beta_reparam.parameter(torch.from_numpy(self.beta)))
            divisor.gamma.copy_(divisor.gamma_reparam.parameter(torch.from_numpy(self.gamma)))
            if isinstance(layer, GSDN):
                layer.mean_bias.copy_(torch.from_numpy(self.nu))
                layer.mean_weight.copy_(torch.from_numpy(self.tau))
        return layer


def expected(kind: type[Nonlinearity], inverse: bool, x: Array, weights: Weights) -> Array:
    """The formula of the paper, position by position."""
    out = np.empty_like(x)
    for b, i, j in np.ndindex(x.shape[0], *x.shape[2:]):
        v = x[b, :, i, j]
        if kind is OneDN:
            norm = weights.beta + weights.gamma @ abs(v)
        else:
            norm = np.sqrt(weights.beta + weights.gamma @ v**2)
        mean = weights.nu + weights.tau @ v if kind is GSDN else 0.0
        out[b, :, i, j] = v * norm + mean if inverse else (v - mean) / norm
    return out


def features(*shape: int, seed: int = 1) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape) * 2)


@both_ways
@pytest.mark.parametrize(
    ("kind", "theirs"), [(GDN, compressai.layers.GDN), (OneDN, compressai.layers.GDN1)]
)
def test_gdn_and_1dn_are_compressais_to_the_bit(
    kind: type[GDN], theirs: type[compressai.layers.GDN], inverse: bool
) -> None:
    expected, found = theirs(8, inverse=inverse), kind(8, inverse)
    for name, tensor in expected.state_dict().items():
        assert torch.equal(found.layer.state_dict()[name], tensor), name
    with torch.no_grad():
        for parameter in expected.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))  # some below their bound
    found.layer.load_state_dict(expected.state_dict())
    images = torch.randn(2, 8, 9, 5)
    assert torch.equal(found(images), expected(images))
    found(images).square().sum().backward()
    expected(images).square().sum().backward()
    for ours, given in zip(found.parameters(), expected.parameters(), strict=True):
        assert torch.equal(ours.grad, given.grad)


@both_ways
@pytest.mark.parametrize("kind", DIVISIVE)
def test_divisive_normalisations_follow_their_papers(
    kind: type[Nonlinearity], inverse: bool
) -> None:
    weights, x = Weights(), features(2, C, 4, 5)
    found = weights.given_to(kind(C, inverse))(x).detach().numpy()
    np.testing.assert_allclose(found, expected(kind, inverse, x.numpy(), weights), rtol=1e-9)


def test_rectifiers_by_hand() -> None:
    x = torch.tensor([-2.0, -0.5, 0.0, 3.0]).reshape(1, 1, 1, 4)
    for inverse in (False, True):
        assert ReLU(1, inverse)(x).flatten().tolist() == [0, 0, 0, 3]
        assert LeakyReLU(1, inverse, slope=0.25)(x).flatten().tolist() == [-0.5, -0.125, 0, 3]
    assert torch.equal(LeakyReLU(1)(x), torch.where(x > 0, x, 0.01 * x))


@both_ways
@pytest.mark.parametrize("kind", EVERY)
def test_gradients_to_features_and_weights_are_those_of_finite_differences(
    kind: type[Nonlinearity], inverse: bool
) -> None:
    layer = kind(C, inverse).double()
    if kind in DIVISIVE:
        weights = Weights()
        weights.gamma += 0.1  # γ's parametrisation has a kink at 0
        weights.given_to(layer)
    names = [name for name, _ in layer.named_parameters()]
    x = features(1, C, 2, 2)
    assert float(x.abs().min()) > 1e-2  # the rectifiers have a kink at 0

    def called(x: Tensor, *values: Tensor) -> Tensor:
        return functional_call(layer, dict(zip(names, values, strict=True)), (x,))

    given = [each.detach().clone().requires_grad_() for each in (x, *layer.parameters())]
    assert gradcheck(called, given)


def test_one_channel_is_undone_by_the_inverse_that_algebra_gives() -> None:
    x, weights = features(1, 1, 8, 8), Weights(1)
    beta, gamma, nu, tau = (float(each.squeeze()) for each in vars(weights).values())
    y = weights.given_to(GDN(1))(x)
    torch.testing.assert_close(y * (beta / (1 - gamma * y * y)).sqrt(), x)
    y = weights.given_to(OneDN(1))(x)
    torch.testing.assert_close(beta * y / (1 - gamma * y.abs()), x)
    weights.gamma[:] = 0
    y = weights.given_to(GSDN(1))(x)
    torch.testing.assert_close((y * beta**0.5 + nu) / (1 - tau), x)
    # … which without γ is a GSDN of the synthesis.
    inverse = Weights(1)
    inverse.beta[:], inverse.gamma[:] = beta / (1 - tau) ** 2, 0
    inverse.nu[:], inverse.tau[:] = nu / (1 - tau), 0
    torch.testing.assert_close(inverse.given_to(GSDN(1, inverse=True))(y), x)


@pytest.mark.parametrize(
    ("kind", "power", "factor"), [(GDN, 4, 0.5), (OneDN, 2, 1.0), (GSDN, 4, 0.5)]
)
def test_a_pair_of_equal_weights_undoes_itself_up_to_the_second_order_in_gamma(
    kind: type[Nonlinearity], power: int, factor: float
) -> None:
    x, weights = features(1, 1, 8, 8), Weights(1)
    weights.beta[:], weights.nu[:], weights.tau[:] = 1, 0, 0
    for gamma in (1e-4, 1e-5):
        weights.gamma[:] = gamma
        back = weights.given_to(kind(1, True))(weights.given_to(kind(1))(x))
        missing = (factor * gamma**2 * x.abs() ** power) * x
        torch.testing.assert_close((x - back) / gamma**2, missing / gamma**2, rtol=2e-2, atol=1e-4)


@pytest.mark.parametrize("kind", EVERY)
def test_started_linear_a_pair_hands_through_what_lies_above_low(
    kind: type[Nonlinearity],
) -> None:
    x = features(2, C, 16, 16)
    low = x.amin((0, 2, 3))
    forward, inverse = kind(C).double(), kind(C, True).double()
    with torch.no_grad():
        for parameter in [*forward.parameters(), *inverse.parameters()]:
            parameter.uniform_(0.1, 1.0)
    forward.start_linear(low)
    inverse.start_linear(low)
    y = forward(x)
    back = inverse(y)
    # A γ of 1e-5 is all that is left between these and the identity.
    torch.testing.assert_close(y, x, rtol=1e-3, atol=0)
    torch.testing.assert_close(back, x, rtol=1e-6, atol=1e-12)


def test_a_rectifier_is_a_plain_one_between_biases() -> None:
    x, slope = features(2, C, 5, 5), 0.25
    threshold = torch.linspace(-1, 1, C).double()[:, None, None]
    for kind, plain in (
        (ReLU(C), F.relu),
        (LeakyReLU(C, slope=slope), partial(F.leaky_relu, negative_slope=slope)),
    ):
        layer = kind.double()
        with torch.no_grad():
            layer.threshold.copy_(threshold.flatten())
        torch.testing.assert_close(layer(x), plain(x - threshold) + threshold)


@pytest.mark.parametrize("slope", [-0.1, 1.5])
def test_a_slope_outside_its_range_is_refused(slope: float) -> None:
    with pytest.raises(UsageError, match="slope is"):
        LeakyReLU(C, slope=slope)


def test_a_nonlinearity_without_a_formula_can_not_be_built() -> None:
    with pytest.raises(TypeError, match="abstract"):
        Nonlinearity(C)
