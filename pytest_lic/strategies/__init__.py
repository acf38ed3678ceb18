"""Hypothesis strategies for what a learned codec's parts are given, the hostile cases included.

They are built of simple pieces, so that what fails shrinks to something that can be read. Importing
this loads no torch; the strategies of tensors do when they are asked for one.
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
