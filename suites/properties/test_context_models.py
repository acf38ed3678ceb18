"""Context models can be decoded pass by pass; a failure names the pass and the position."""

import pytest

from pytest_lic import ContextModelUnderTest, properties

pytestmark = pytest.mark.properties


def test_partition(lic_context_model: ContextModelUnderTest) -> None:
    """Every position of any latent is in one of the declared passes."""
    properties.context_models.partition(lic_context_model)


def test_declared_passes(lic_context_model: ContextModelUnderTest) -> None:
    """As many passes are scheduled as declared."""
    properties.context_models.declared_passes(lic_context_model)


def test_prediction_each(lic_context_model: ContextModelUnderTest) -> None:
    """Each position of a pass is predicted once."""
    properties.context_models.prediction_each(lic_context_model)


def test_causality(lic_context_model: ContextModelUnderTest) -> None:
    """Nothing is predicted from what is not decoded yet."""
    properties.context_models.causality(lic_context_model)


def test_encoder_and_decoder_in_step(lic_context_model: ContextModelUnderTest) -> None:
    """A decoder that is built apart predicts as the encoder does."""
    properties.context_models.in_step(lic_context_model)


def test_batch_independence(lic_context_model: ContextModelUnderTest) -> None:
    """An image is predicted alike alone and in a batch."""
    properties.context_models.batch_independence(lic_context_model)


@pytest.mark.lic_promise("sees_decoded")
def test_sees_decoded(lic_context_model: ContextModelUnderTest) -> None:
    """What is decoded moves predictions."""
    properties.context_models.sees_decoded(lic_context_model)
