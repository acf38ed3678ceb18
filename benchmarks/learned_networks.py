"""The trained networks that the benchmarks of learned codecs look at: found, chosen, loaded."""

from __future__ import annotations

import fnmatch
import functools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lic_models.families import WEIGHTS
from lic_models.storage.weights_header import WeightsHeader, file_digest, read_header
from pytest_lic.adapters.compressai import compressai_family
from pytest_lic.codec import Codec
from pytest_lic.errors import UnavailableError, UnknownNameError

if TYPE_CHECKING:
    from lic_models.codec import LearnedCodec

__all__ = ["WEIGHTS", "codec_of", "find_networks", "load_network"]


def find_networks(
    folder: Path, families: Sequence[str] = (), qualities: Sequence[str] = ()
) -> dict[str, list[WeightsHeader]]:
    """Family → the headers of its weights files, by rising λ; families in the order of names.

    Adapted ones, which hold what differs from another file's, are left out.

    Args:
        folder: of exported weights.
        families: globs; none chooses all.
        qualities: labels; none chooses all.

    Raises:
        UnavailableError: a folder without weights.
        UnknownNameError: a glob or a label that no network answers to.
        WeightsError: a file that holds no weights.
    """
    headers = [read_header(path) for path in sorted(folder.glob("*.safetensors"))]
    headers = [header for header in headers if header.adapted_from is None]
    if not headers:
        raise UnavailableError(
            f"{folder}: no trained weights here, expected NAME-QUALITY.safetensors; train and "
            "export them (python -m lic_models), or name another folder with --weights"
        )
    names = {header.name for header in headers}
    for glob in families:
        if not fnmatch.filter(names, glob):
            raise UnknownNameError("family", glob, names, "--family")
    headers = [
        header
        for header in headers
        if not families or any(fnmatch.fnmatchcase(header.name, glob) for glob in families)
    ]
    for label in qualities:
        if label not in {header.quality for header in headers}:
            raise UnknownNameError("quality", label, [h.quality for h in headers], "--quality")
    found: dict[str, list[WeightsHeader]] = {}
    for header in sorted(headers, key=lambda header: (header.name, header.lmbda)):
        if not qualities or header.quality in qualities:
            found.setdefault(header.name, []).append(header)
    return found


def load_network(header: WeightsHeader) -> LearnedCodec:
    """The network with its weights and tables, in evaluation mode, on the CPU.

    Raises:
        WeightsError: weights that are damaged, or of another codec than their header says.
    """
    from lic_models.config.builder import build_codec
    from lic_models.storage.weights_file import load_weights

    network = build_codec(header.components, str(header.path))
    load_weights(network, header.path)
    return network


def codec_of(
    network: LearnedCodec, header: WeightsHeader, *, device: str = "cpu", channels_last: bool = True
) -> Codec:
    """The codec that ships, around a network that the caller holds too.

    Bitstreams of one network's codec are read by another's of the same weights.
    """
    family = compressai_family(
        header.name,
        lambda quality: network,
        {header.quality: header.lmbda},
        channels_last=channels_last,
        synthesis="transform.synthesis",
        fingerprint=functools.partial(_digest, header),
    )
    return family.build(header.quality, device)


def _digest(header: WeightsHeader, quality: str) -> str:
    return file_digest(header.path)
