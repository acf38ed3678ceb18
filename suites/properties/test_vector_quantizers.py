"""Vector quantizers give indices of their own codebooks, each position apart."""

import pytest

from pytest_lic import VectorQuantizerUnderTest, properties

pytestmark = pytest.mark.properties


def test_own_indices(lic_vector_quantizer: VectorQuantizerUnderTest) -> None:
    """Indices are those that the codebooks have."""
    properties.vector_quantizers.own_indices(lic_vector_quantizer)


def test_every_entry(lic_vector_quantizer: VectorQuantizerUnderTest) -> None:
    """Every index decodes to something finite."""
    properties.vector_quantizers.every_entry(lic_vector_quantizer)


@pytest.mark.lic_promise("nearest")
def test_nearest_entry(lic_vector_quantizer: VectorQuantizerUnderTest) -> None:
    """No other entry comes nearer."""
    properties.vector_quantizers.nearest(lic_vector_quantizer)


@pytest.mark.lic_promise("idempotent")
def test_idempotence(lic_vector_quantizer: VectorQuantizerUnderTest) -> None:
    """What is decoded is quantized to itself."""
    properties.vector_quantizers.idempotence(lic_vector_quantizer)


def test_in_step(lic_vector_quantizer: VectorQuantizerUnderTest) -> None:
    """Encoders and decoders that are built apart agree."""
    properties.vector_quantizers.in_step(lic_vector_quantizer)


def test_positions_apart(lic_vector_quantizer: VectorQuantizerUnderTest) -> None:
    """Each position is coded by itself."""
    properties.vector_quantizers.positions_apart(lic_vector_quantizer)


def test_refusal(lic_vector_quantizer: VectorQuantizerUnderTest) -> None:
    """An index that no entry has is refused."""
    properties.vector_quantizers.refusal(lic_vector_quantizer)
