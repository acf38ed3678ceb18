"""The shipped msh networks, coded as stock CompressAI codes: everything in float32.

The weights are those of `msh-gdn` and its siblings, which choose probability tables in float64 and
ship integer tables. Here they sit in CompressAI's own `MeanScaleHyperprior`, whose `compress` and
`decompress` choose among the same tables by scales computed in float32 on either side. On one
machine nothing is wrong with that. Between two that add in another order, some images break:

    pytest --pyargs pytest_lic.suites -m determinism -k environments --lic-codec msh-gsdn-float32 \
        --lic-quality 3 --lic-environments all --lic-corpus path/to/kodak
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from compressai.entropy_models import EntropyModel, GaussianConditional
from compressai.models import MeanScaleHyperprior
from torch import Tensor, nn

from lic_models.codec import LearnedCodec
from lic_models.components.entropy_coding.tables import FrequencyTables
from lic_models.components.entropy_models import MeanScaleHyperprior as Predicting
from lic_models.config.builder import build_codec
from lic_models.config.seats import component_tags
from lic_models.families import WEIGHTS
from lic_models.storage.weights_file import load_weights
from lic_models.storage.weights_header import WeightsHeader, read_header
from pytest_lic import CodecFamily
from pytest_lic.adapters.compressai import compressai_family


class HyperAnalysis(nn.Module):
    """The hyper-analysis as CompressAI calls it: y → z."""

    def __init__(self, model: Predicting) -> None:
        super().__init__()
        self.layers, self.log_unit = model.hyper_analysis, model.log_unit

    def forward(self, latents: Tensor) -> Tensor:
        """(B, M, h, w) → (B, N, h / 4, w / 4)."""
        return self.layers(latents * (-self.log_unit).exp()[:, None, None])


class HyperSynthesis(nn.Module):
    """The hyper-synthesis as CompressAI calls it: ẑ → scales and means, in one tensor."""

    def __init__(self, model: Predicting) -> None:
        super().__init__()
        self.layers, self.log_unit = model.hyper_synthesis, model.log_unit

    def forward(self, hyper_latents: Tensor) -> Tensor:
        """(B, N, h / 4, w / 4) → (B, 2 M, h, w)."""
        means, log_scales = self.layers(hyper_latents).chunk(2, 1)
        unit = self.log_unit[:, None, None]
        return torch.cat([(log_scales + unit).exp(), means * unit.exp()], 1)


def float32(codec: LearnedCodec) -> MeanScaleHyperprior:
    """CompressAI's network with the parts of ``codec``; its coding is CompressAI's, unchanged."""
    model = codec.entropy_model
    network = MeanScaleHyperprior(model.hyper_channels, codec.transform.latent_channels)
    network.g_a, network.g_s = codec.transform.analysis, codec.transform.synthesis
    network.h_a, network.h_s = HyperAnalysis(model), HyperSynthesis(model)
    network.entropy_bottleneck.load_state_dict(model.hyper_prior.density.state_dict())
    # Tables come with the weights, as in a checkpoint of CompressAI's. Made anew after loading,
    # already the list of scales has other last digits on other processors.
    low, high, steps = *map(math.log, model.scale_range), model.scale_levels - 1
    scales = [math.exp(low + (high - low) * level / steps) for level in range(steps + 1)]
    network.gaussian_conditional = GaussianConditional(scales)
    take_tables(network.gaussian_conditional, codec.tables["latents"])
    take_tables(network.entropy_bottleneck, codec.tables["hyper_latents"])
    return network


def take_tables(model: EntropyModel, tables: FrequencyTables) -> None:
    """Give one of CompressAI's entropy models the integer tables that were trained."""
    model._quantized_cdf = torch.zeros((tables.count, max(tables.lengths) + 1), dtype=torch.int32)
    for table, cdf in enumerate(model._quantized_cdf):
        cumulative = torch.from_numpy(tables.row(table).cumsum())
        cdf[1 : len(cumulative) + 1] = cumulative
    model._cdf_length = torch.from_numpy(tables.lengths.astype("int32")) + 1
    model._offset = torch.from_numpy(tables.offsets.copy())


def family(headers: list[WeightsHeader]) -> CodecFamily:
    """The family of one network's weights files."""
    by_quality = {each.quality: each for each in sorted(headers, key=lambda each: each.lmbda)}

    def build(quality: str) -> MeanScaleHyperprior:
        header = by_quality[quality]
        codec = build_codec(header.components, str(header.path))
        load_weights(codec, header.path)
        return float32(codec)

    return compressai_family(
        f"{headers[0].name}-float32",
        build,
        {quality: header.lmbda for quality, header in by_quality.items()},
    )


def pytest_lic_codecs() -> Iterator[CodecFamily]:
    """``msh-gsdn-float32`` and its siblings."""
    found: dict[str, list[WeightsHeader]] = {}
    for path in sorted(WEIGHTS.glob("*.safetensors")):
        header = read_header(path)
        tags, is_whole = component_tags(header.components), header.adapted_from is None
        usual = {"architecture": "msh", "arithmetic": "float64", "rate_control": "none"}
        if is_whole and usual.items() <= tags.items():
            found.setdefault(header.name, []).append(header)
    yield from map(family, found.values())
