"""Builds the codecs of a family of networks, and tells what coding with them depends on."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_lic.adapters.network.calls import NetworkCalls, blamed
from pytest_lic.adapters.network.codec import LatentNetworkCodec, NetworkCodec
from pytest_lic.adapters.network.heap_memory import keep_freed_memory
from pytest_lic.adapters.network.held_state import state_digest
from pytest_lic.adapters.network.layout import find_layout
from pytest_lic.adapters.network.rans_guard import guard_rans
from pytest_lic.adapters.network.state import (
    build_tables,
    same_random_numbers,
    weights_digest,
    with_own_tables,
)
from pytest_lic.adapters.network.value_packing import pack_value
from pytest_lic.container import short_fingerprint
from pytest_lic.errors import CodecError, UsageError
from pytest_lic.system.import_warnings import scripting_unwarned

Arguments = Callable[[str], Mapping[str, Any]]
"""Quality → what a network takes by name."""


@dataclass(frozen=True)
class Recipe:
    """What ``compressai_family`` was given to build with; ``device`` is for fingerprints."""

    name: str
    build_network: Callable[..., Any]
    multiple: int | None
    channels_last: bool
    one_network: bool
    compress_arguments: Arguments
    decompress_arguments: Arguments
    parameters: Collection[str] | None
    prepare: Callable[[Any, str], None] | None
    synthesis: str
    stages: Mapping[str, Sequence[str]]
    fingerprint: Callable[[str], str | None] | None
    device: str
    format_version: int


class NetworkFamily:
    """Builds codecs, and keeps what would be slow to build again.

    That is the network which serves all qualities, the fingerprints, and the codec that was built
    for the last fingerprint asked for, until it is built for use.
    """

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe
        self._network: Any = None
        self._fingerprints: dict[str, str | None] = {}
        self._spare: tuple[str, str, NetworkCodec] | None = None

    def build(self, quality: str, device: str) -> NetworkCodec:
        """A codec that shares no state with others, except weights with ``one_network``.

        Raises:
            CodecError: building the network, preparing it or coding a probe image failed.
            UsageError: the network is none, or an argument of ``compressai_family`` is missing.
        """
        spare, self._spare = self._spare, None
        if spare is not None and spare[:2] == (quality, device):
            return spare[2]
        return self._built(quality, device)

    def fingerprint(self, quality: str) -> str | None:
        """What coding depends on besides sources and versions, where that can be told.

        Building finds it out, so a codec is built unless that has happened already.
        """
        if quality not in self._fingerprints:
            device = self._recipe.device
            self._spare = (quality, device, self._built(quality, device))
        return self._fingerprints[quality]

    def _built(self, quality: str, device: str) -> NetworkCodec:
        recipe = self._recipe
        label = f"{recipe.name} q{quality}"
        if device == "cpu":
            keep_freed_memory()
        network = self._new_network(quality, device)
        guard_rans()
        with blamed(f"{label}: preparing the network"), same_random_numbers():
            if recipe.prepare is not None:
                recipe.prepare(network, quality)
            arguments = dict(recipe.compress_arguments(quality))
            decoder_arguments = dict(recipe.decompress_arguments(quality))
            build_tables(network, arguments)
            if callable(getattr(network, "to", None)):
                network.to(device)
        calls = NetworkCalls(
            network,
            label,
            device,
            compress_arguments=arguments,
            decompress_arguments=decoder_arguments,
            parameters=recipe.parameters,
            synthesis=recipe.synthesis,
            stages=recipe.stages,
        )
        layout = find_layout(calls, recipe.multiple, recipe.channels_last)
        # Only now: some layers, such as masked convolutions, settle their weights on first use.
        fingerprint = recipe.fingerprint
        weights = weights_digest(network) if fingerprint is None else fingerprint(quality)
        fixed = _digest((arguments, decoder_arguments))
        kind = f"{type(network).__module__}.{type(network).__qualname__}"
        held = state_digest(network) if fingerprint is None and weights is not None else None
        known = held is not None and fixed is not None
        self._fingerprints[quality] = f"{kind} {held} {fixed}" if known else None
        expected = (layout.multiple, layout.nest, layout.shape)
        stamp = short_fingerprint(repr((recipe.name, quality, weights, fixed, expected)))
        codec = LatentNetworkCodec if calls.offers_latents else NetworkCodec
        return codec(calls, layout, stamp, recipe.format_version)

    def _new_network(self, quality: str, device: str) -> Any:
        """A network on the CPU, where the tables are built, in evaluation mode."""
        recipe = self._recipe
        if self._network is None:
            network = _called(recipe.build_network, quality, recipe.name)
            if not recipe.one_network:
                return network
            self._network = network
        return with_own_tables(self._network, share_weights=device == "cpu")


def _digest(arguments: object) -> str | None:
    """SHA-256 of the arguments that a family fixed, or None where they are no plain values."""
    try:
        return hashlib.sha256(pack_value(arguments)).hexdigest()
    except CodecError:
        return None


def _called(build_network: Callable[..., Any], quality: str, name: str) -> Any:
    """The network that the user's callable builds for ``quality``, checked.

    Raises:
        CodecError: the callable raised.
        UsageError: it returned something without ``compress`` and ``decompress``.
    """
    with (
        blamed(f"{name} q{quality}: building the network"),
        same_random_numbers(),
        scripting_unwarned(),
    ):
        network = build_network(quality) if _takes_one(build_network) else build_network()
    missing = [name for name in ("compress", "decompress") if not hasattr(network, name)]
    if missing:
        raise UsageError(
            f"{name} q{quality}: the network built is a {type(network).__name__} without "
            f"{' and '.join(missing)}; expected one that codes in CompressAI's manner"
        )
    for move in ("eval", "cpu"):
        if callable(getattr(network, move, None)):
            getattr(network, move)()
    return network


def _takes_one(function: Callable[..., Any]) -> bool:
    try:
        inspect.signature(function).bind("quality")
    except TypeError:
        return False
    except ValueError:  # a builtin without a signature
        return True
    return True
