"""Hypothesis strategies for the inputs of a learned codec's parts, the hostile cases included.

    bitstreams  damaged ones, and those that someone changed on purpose
    images      batches of odd sizes, extremes, flat and noisy ones
    latents     latents, and the scales and means that are predicted of them
    tables      probability tables, symbols for them, messages

They are built of simple pieces, so that what fails shrinks to something that can be read. Torch is
loaded when a strategy of tensors is asked for one.
"""

from pytest_lic.strategies.bitstreams import mutated_bitstreams
from pytest_lic.strategies.images import image_batches
from pytest_lic.strategies.latents import latent_values, latents, means, scales
from pytest_lic.strategies.tables import messages, probability_tables, table_masses, table_symbols

__all__ = [
    "image_batches",
    "latent_values",
    "latents",
    "means",
    "messages",
    "mutated_bitstreams",
    "probability_tables",
    "scales",
    "table_masses",
    "table_symbols",
]
