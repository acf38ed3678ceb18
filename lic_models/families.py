"""Learned codec families: those that come with pytest-lic, and those that a file describes.

A family is a name with qualities until one of them is built.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lic_models.config.codec_config import SUFFIXES, CodecConfig, read_codec_config
from lic_models.config.seats import (
    ARITHMETIC,
    DEFAULT_ARITHMETIC,
    anchors,
    component_tags,
    levels,
)
from lic_models.storage.weights_header import (
    WEIGHTS,
    WeightsHeader,
    file_digest,
    read_header,
)
from lic_models.untrained import untrained_families
from pytest_lic.adapters.compressai import RateArgument, compressai_family
from pytest_lic.codec import Codec, CodecFamily
from pytest_lic.errors import UsageError

if TYPE_CHECKING:
    from torch import nn

STAGES = {
    "analysis": "transform.analysis",
    "hyper-analysis": "entropy_model.hyper_analysis",
    "hyper-synthesis": "entropy_model.hyper_synthesis",
    "synthesis": "transform.synthesis",
}
"""Stage → the part of `LearnedCodec` that does it; an entropy model may lack some."""
_BY_DEFAULT = (
    *("msh-gdn-checkerboard", "msh-gdn-channel-wise", "msh-gdn-uneven-groups"),
    "msh-gain",
)
"""Of the families that are for comparing kinds, those that run unasked, at one quality; some of the
others take seconds an image."""
_DEFAULT_QUALITY = "2"
_START = "msh-convolutional"  # what transforms are compared with


def families() -> Iterator[CodecFamily]:
    """Every family whose trained weights are shipped, and the untrained ones that can be timed."""
    by_name: dict[str, list[WeightsHeader]] = {}
    for path in sorted(WEIGHTS.glob("*.safetensors")):
        header = read_header(path)
        by_name.setdefault(header.name, []).append(header)
    for name, headers in by_name.items():
        default = [_DEFAULT_QUALITY] if name in _BY_DEFAULT else []
        tags = component_tags(headers[0].components)
        usual = {
            "transform": "convolutional",
            "rate_control": "none",
            ARITHMETIC: DEFAULT_ARITHMETIC,
        }
        is_compared = "context" in tags or not usual.items() <= tags.items()
        is_adapted = headers[0].adapted_from is not None
        asked_for = is_compared or is_adapted or name.startswith(_START)
        yield learned_family(headers, default_qualities=default if asked_for else None)
    yield from untrained_families(STAGES)


def read_config(path: Path) -> Iterable[CodecFamily] | None:
    """The family that a codec's config describes, of the qualities whose weights are exported.

    None for a file that is no YAML.

    Raises:
        UsageError: a config that is wrong, or without any weights.
        WeightsError: weights that can't be read, or of another codec than the config's.
    """
    if path.suffix.lower() not in SUFFIXES:
        return None
    from lic_models.command_line.training_cli import described_components

    config = read_codec_config(path)
    components = {quality: described_components(config, quality) for quality in config.qualities}
    headers = []
    for quality, described in components.items():
        weights = config.weights_path(quality)
        if weights.is_file():
            header = read_header(weights)
            _compare(config, header, described)
            headers.append(header)
    if not headers:
        expected = config.weights_path(next(iter(components)))
        raise UsageError(
            f"{path}: no trained weights, expected {expected}; train the codec with "
            f"python -m lic_models fit --config {path}, then export the checkpoint"
        )
    return [learned_family(headers, config.format_version)]


def learned_family(
    headers: Iterable[WeightsHeader],
    format_version: int | None = None,
    default_qualities: Sequence[str] | None = None,
) -> CodecFamily:
    """The family of some weights files of one name, ordered by λ.

    Args:
        headers: of the files.
        format_version: of the family; by default what the files say, which must be the same.
        default_qualities: as `CodecFamily` has them.

    Raises:
        UsageError: the files are of several format versions, or of one that is none; or they were
            adapted in several ways, or from several families.
    """
    files = sorted(headers, key=lambda header: header.lmbda)
    by_quality = {header.quality: header for header in files}
    first = next(iter(by_quality.values()))
    # Those of slimmable widths may have been moved while they were trained.
    lambdas = first.training.get("lambdas") or anchors(first.components)
    controlled = next((header for header in files if anchors(header.components)), None)
    if controlled is not None and len(files) > 1:
        raise UsageError(
            f"{controlled.path}: a network with rate control, of which {first.name} has "
            f"{len(files)} files; expected one for all rates"
        )
    level_of = {str(number + 1): float(number) for number in range(len(lambdas))}
    if lambdas:
        by_quality = dict.fromkeys(level_of, first)
    for header in by_quality.values():
        if format_version is None and header.format_version != first.format_version:
            raise UsageError(
                f"{header.path} is of format version {header.format_version}, {first.path} of "
                f"{first.format_version}; export the one that is behind again"
            )

    way = _shared_way(by_quality.values())
    writer = _source_writer if way in ("encoder", "synthesis") else _writer
    range_of_levels = levels(first.components)

    def build(quality: str) -> nn.Module:
        from lic_models.config.builder import build_codec
        from lic_models.storage.weights_file import load_weights

        header = by_quality[quality]
        codec = build_codec(header.components, str(header.path))
        load_weights(codec, header.path)
        return codec

    family = compressai_family(
        first.name,
        build,
        dict(zip(level_of, lambdas, strict=True))
        or {quality: header.lmbda for quality, header in by_quality.items()},
        one_network=bool(lambdas),
        compress_arguments=(lambda quality: {"level": level_of[quality]}) if lambdas else None,
        rate_control=RateArgument(range_of_levels) if range_of_levels else None,
        tags=_shared_tags(by_quality) | ({} if way is None else {"adaptation": way}),
        synthesis="transform.synthesis",
        stages=STAGES,
        fingerprint=lambda quality: (
            file_digest(by_quality[quality].path) + (f"-{quality}" if lambdas else "")
        ),
        format_version=first.format_version if format_version is None else format_version,
        bitstreams_of=lambda quality: writer(by_quality[quality], quality),
    )
    family = replace(family, default_qualities=default_qualities)
    stated = first.adapted_from
    # Another synthesis decodes the same bitstreams, but to other pictures.
    if stated is not None and way != "synthesis" and stated["name"] != first.name:
        family = replace(family, decodes=stated["name"])
    return _beside_source(family, by_quality) if way == "enhance" else family


def _writer(header: WeightsHeader, quality: str) -> tuple[str, str, str]:
    """The codec whose bitstreams weights write and read; with rate control at any level."""
    return header.name, quality, file_digest(header.path)


def _source_writer(header: WeightsHeader, _quality: str) -> tuple[str, str, str]:
    """The same of weights with an adapted encoder or synthesis."""
    stated = header.adapted_from
    assert stated is not None
    return stated["name"], stated["quality"], stated["digest"]


def _beside_source(enhanced: CodecFamily, headers: Mapping[str, WeightsHeader]) -> CodecFamily:
    """A family of enhanced codecs, each beside the one that it was adapted from."""

    def build(quality: str, device: str) -> Codec:
        from lic_models.enhanced import EnhancedCodec
        from lic_models.storage.adapted import source_path

        header = headers[quality]
        assert header.adapted_from is not None
        path = source_path(header.path, header.adapted_from)
        source = learned_family([read_header(path)], enhanced.format_version)
        return EnhancedCodec(
            source.build(header.adapted_from["quality"], device),
            enhanced.build(quality, device),
            header.lmbda,
        )

    return replace(enhanced, build=build)


def _shared_way(headers: Iterable[WeightsHeader]) -> str | None:
    """The way in which all files of a family were adapted; None where none was."""
    first, *others = headers
    stated = _adaptation(first)
    for header in others:
        if _adaptation(header) != stated:
            raise UsageError(
                f"{header.path} and {first.path} are of one family, {first.name}, but not adapted "
                "alike; adapt one of them again, with another --name"
            )
    return None if stated is None else stated[0]


def _adaptation(header: WeightsHeader) -> tuple[str, str] | None:
    stated = header.adapted_from
    return None if stated is None else (stated["way"], stated["name"])


def _shared_tags(headers: Mapping[str, WeightsHeader]) -> dict[str, str]:
    """The tags on which all qualities agree."""
    first, *others = [component_tags(header.components) for header in headers.values()]
    return {
        tag: choice
        for tag, choice in first.items()
        if all(other.get(tag) == choice for other in others)
    }


def _compare(config: CodecConfig, header: WeightsHeader, described: dict[str, object]) -> None:
    for name, component in described.items():
        if header.components.get(name) != component:
            raise UsageError(
                f"{config.path}: model.{name} is {component}, but {header.path} was trained with "
                f"{header.components.get(name)}; train and export it again, or undo the change"
            )
