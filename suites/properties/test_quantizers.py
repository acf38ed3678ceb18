"""Quantizers keep what they promise; a failure shows the smallest input that breaks it."""

import pytest

from pytest_lic import QuantizerUnderTest, properties

pytestmark = pytest.mark.properties


def test_int32_symbols(lic_quantizer: QuantizerUnderTest) -> None:
    """Symbols are int32 and values float32, in the shape of the input and finite."""
    properties.quantizers.int32_symbols(lic_quantizer)


@pytest.mark.lic_promise("bound")
def test_error_bound(lic_quantizer: QuantizerUnderTest) -> None:
    """No value is farther from its input than the bound."""
    properties.quantizers.error_bound(lic_quantizer)


@pytest.mark.lic_promise("idempotent")
def test_idempotence(lic_quantizer: QuantizerUnderTest) -> None:
    """A value is quantized to the symbol that it came from."""
    properties.quantizers.idempotence(lic_quantizer)


@pytest.mark.lic_promise("monotone")
def test_monotonicity(lic_quantizer: QuantizerUnderTest) -> None:
    """A larger input gets no smaller symbol."""
    properties.quantizers.monotonicity(lic_quantizer)


@pytest.mark.lic_promise("monotone")
def test_ascending_values(lic_quantizer: QuantizerUnderTest) -> None:
    """A larger symbol has a larger value: levels are sorted."""
    properties.quantizers.ascending_values(lic_quantizer)


@pytest.mark.lic_promise("step")
def test_values_on_the_grid(lic_quantizer: QuantizerUnderTest) -> None:
    """Values are whole steps apart."""
    properties.quantizers.values_on_the_grid(lic_quantizer)


@pytest.mark.lic_promise("nearest")
def test_nearest_value(lic_quantizer: QuantizerUnderTest) -> None:
    """No neighbouring symbol's value is nearer to the input."""
    properties.quantizers.nearest_value(lic_quantizer)


@pytest.mark.lic_promise("ties")
def test_ties(lic_quantizer: QuantizerUnderTest) -> None:
    """An input halfway between two values goes where it is promised to."""
    properties.quantizers.ties(lic_quantizer)


def test_determinism(lic_quantizer: QuantizerUnderTest) -> None:
    """The same input gives the same symbols and values again."""
    properties.quantizers.determinism(lic_quantizer)


def test_in_step(lic_quantizer: QuantizerUnderTest) -> None:
    """A decoder that is built apart gets the encoder's values, of any image alone."""
    properties.quantizers.in_step(lic_quantizer)


@pytest.mark.lic_promise("saturates")
def test_saturation(lic_quantizer: QuantizerUnderTest) -> None:
    """Inputs beyond all reach get the largest symbol, or its negative."""
    properties.quantizers.saturation(lic_quantizer)


@pytest.mark.lic_promise("refuses")
def test_refusal(lic_quantizer: QuantizerUnderTest) -> None:
    """NaN and infinities raise the promised exception."""
    properties.quantizers.refusal(lic_quantizer)


@pytest.mark.lic_promise("dither")
def test_uniform_error(lic_quantizer: QuantizerUnderTest) -> None:
    """Universal quantization's error is uniform, whatever the input."""
    properties.dither.uniform_error(lic_quantizer)


@pytest.mark.lic_promise("dither")
def test_independent_error(lic_quantizer: QuantizerUnderTest) -> None:
    """Universal quantization's error is uncorrelated with the input."""
    properties.dither.independent_error(lic_quantizer)


@pytest.mark.lic_promise("dither")
def test_white_error(lic_quantizer: QuantizerUnderTest) -> None:
    """Universal quantization's errors are uncorrelated with those beside them."""
    properties.dither.white_error(lic_quantizer)


@pytest.mark.lic_promise("straight_through")
def test_straight_through(lic_quantizer: QuantizerUnderTest) -> None:
    """The proxy gives the coded values, and passes gradients on as they come."""
    properties.training.straight_through(lic_quantizer)


@pytest.mark.lic_promise("noise")
def test_noise_support(lic_quantizer: QuantizerUnderTest) -> None:
    """The proxy's noise stays within the bound, and uniform noise reaches it."""
    properties.training.noise_support(lic_quantizer)


@pytest.mark.lic_promise(noise="uniform")
def test_noise_mean(lic_quantizer: QuantizerUnderTest) -> None:
    """The proxy's noise has mean 0."""
    properties.training.noise_mean(lic_quantizer)


@pytest.mark.lic_promise(noise="uniform")
def test_noise_distribution(lic_quantizer: QuantizerUnderTest) -> None:
    """The proxy's noise is uniform."""
    properties.training.noise_distribution(lic_quantizer)


@pytest.mark.lic_promise(noise="uniform")
def test_noise_independence(lic_quantizer: QuantizerUnderTest) -> None:
    """The proxy's noise is another at each position and each time."""
    properties.training.noise_independence(lic_quantizer)


@pytest.mark.lic_promise("soft_rounding")
def test_soft_rounding_limit(lic_quantizer: QuantizerUnderTest) -> None:
    """Soft rounding is rounding in the limit."""
    properties.training.soft_rounding_is_rounding_in_the_limit(lic_quantizer)


@pytest.mark.lic_promise("soft_rounding")
def test_soft_rounding_start(lic_quantizer: QuantizerUnderTest) -> None:
    """Soft rounding starts as the identity."""
    properties.training.soft_rounding_starts_as_the_identity(lic_quantizer)
