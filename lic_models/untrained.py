"""Networks of the widths that the literature times, with random weights: to be timed, never gated.

How long a network takes depends on its layers, not on what it has learned, and training sixteen of
these would take days. Their latents are brought to a spread that is usual at a middle rate, so that
the entropy coder has real work: real bitstreams come out, and decode.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from lic_models.config.seats import component_tags
from pytest_lic.adapters.compressai import compressai_family
from pytest_lic.codec import CodecFamily

if TYPE_CHECKING:
    from torch import nn

    from lic_models.codec import LearnedCodec

WIDTHS = {"small": 128, "large": 192}
"""Width of `ConvolutionalTransform` → N, the hyperprior's channels too."""
NONLINEARITIES = {"1dn": "OneDN", "gdn": "GDN", "gsdn": "GSDN", "relu": "ReLU"}
QUALITY = "0"
"""The only one: weights that nobody trained are at no λ."""
SPREAD = 2.0
"""The standard deviation of each latent channel, in quantiser steps, on random images."""
_SIDE, _IMAGES = 128, 2
_MODULE = "lic_models.components"


def untrained_families(stages: dict[str, str]) -> Iterator[CodecFamily]:
    """``fp`` and ``msh`` with each non-linearity in each width, such as ``msh-gdn-large``.

    Args:
        stages: of `compressai_family`.
    """
    for architecture in ("fp", "msh"):
        for name, nonlinearity in NONLINEARITIES.items():
            for width in WIDTHS:
                components = _components(architecture, nonlinearity, width)
                yield _family(f"{architecture}-{name}-{width}", components, width, stages)


def _family(
    name: str, components: dict[str, Any], width: str, stages: dict[str, str]
) -> CodecFamily:
    def build(quality: str) -> nn.Module:
        from lic_models.config.builder import build_codec

        codec = build_codec(components, name)
        spread_latents(codec)
        codec.update()
        return codec

    return compressai_family(
        name,
        build,
        {QUALITY: None},
        tags={**component_tags(components), "width": width},
        synthesis="transform.synthesis",
        stages=stages,
        trained=False,
    )


def spread_latents(codec: LearnedCodec) -> None:
    """Scale a codec's random weights until its latents spread over several quantiser steps.

    Fresh weights give latents near 0: every symbol would be 0, and coding them no work.

    Args:
        codec: on the CPU, of a `ConvolutionalTransform`.
    """
    import torch

    generator = torch.Generator().manual_seed(0)
    images = torch.rand((_IMAGES, 3, _SIDE, _SIDE), generator=generator)
    last = codec.transform.analysis[-1]
    with torch.no_grad():
        latents = codec.transform.analysis(images)
        scale = SPREAD / latents.std((0, 2, 3)).clamp(min=1e-6)
        last.weight.mul_(scale[:, None, None, None])
        last.bias.sub_(latents.mean((0, 2, 3))).mul_(scale)
        codec.latent_coding.fit(codec.transform.analysis(images))


def _components(architecture: str, nonlinearity: str, width: str) -> dict[str, Any]:
    transform = {
        "class_path": f"{_MODULE}.ConvolutionalTransform",
        "init_args": {"width": width, "nonlinearity": f"{_MODULE}.{nonlinearity}"},
    }
    entropy_model: Any = f"{_MODULE}.Factorized"
    if architecture == "msh":
        entropy_model = {
            "class_path": f"{_MODULE}.MeanScaleHyperprior",
            "init_args": {"hyper_channels": WIDTHS[width]},
        }
    return {
        "transform": transform,
        "quantizer": f"{_MODULE}.NoiseQuantizer",
        "entropy_model": entropy_model,
        "entropy_coder": f"{_MODULE}.AnsCoder",
    }
