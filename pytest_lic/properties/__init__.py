"""What must hold of quantizers, coders, context models, samplers: one function per property.

    quantizers    how a quantizer codes: bound, idempotence, order, ties, saturation
    quantizer_contract  what every decoder relies on: the same again, in step, types, refusals
    training      its proxies: straight through, noise, soft rounding
    dither        universal quantization's error
    vector_quantizers  indices of the codebooks, nearest entries, each position apart
    coders        round trips, lengths, the same bytes
    table_makers  whole counts out of probabilities
    context_models  passes, causality, encoder and decoder in step
    samplers      round trips, the same bytes, damaged strings
    draws         a sampler's draws: the posterior's, independent, in as many bits as they need
    latents       the inputs that quantizers are searched with
    context_latents  the latents that context models are searched with
    context_predictions  what they predict, and how two predictions differ
    gaussian_pairs  the posteriors and priors that samplers are searched with
    search        the search for the smallest example that breaks a property
    statistics    how far a sample may stray by chance

Each takes what is under test and raises `PropertyError`, with the smallest example that Hypothesis
finds, where its property does not hold. The modules load torch, so they are imported when used.
"""

from __future__ import annotations

import importlib
from types import ModuleType

__all__ = [
    "coders",
    "context_models",
    "dither",
    "draws",
    "quantizers",
    "samplers",
    "table_makers",
    "training",
    "vector_quantizers",
]


def __getattr__(name: str) -> ModuleType:
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
