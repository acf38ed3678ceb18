"""Builds the codecs of a family of networks, and tells what coding with them depends on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from pytest_lic.adapters.network.blame import blamed
from pytest_lic.adapters.network.calls import NetworkCalls, RateArgument
from pytest_lic.adapters.network.codec import LatentNetworkCodec, NetworkCodec
from pytest_lic.adapters.network.heap_memory import keep_freed_memory
from pytest_lic.adapters.network.held_state import state_digest
from pytest_lic.adapters.network.layout import find_layout
from pytest_lic.adapters.network.progressive import ProgressiveNetworkCodec
from pytest_lic.adapters.network.rans_guard import guard_rans
from pytest_lic.adapters.network.rate_controlled import (
    RateControlledLatentNetworkCodec,
    RateControlledNetworkCodec,
)
from pytest_lic.adapters.network.signatures import positional_needed, wants_quality
from pytest_lic.adapters.network.state import (
    build_tables,
    fits_one_rate,
    same_random_numbers,
    weights_digest,
    with_own_tables,
)
from pytest_lic.adapters.network.value_packing import pack_value
from pytest_lic.container import short_fingerprint
from pytest_lic.errors import CodecError, LicError, UnavailableError, UsageError
from pytest_lic.system.import_warnings import scripting_unwarned

Arguments = Callable[..., Mapping[str, Any]]
"""Quality → what a network takes by name; for an encoder also quality and images."""
_SHOWN = 160  # characters of a failure that is told again


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
    bitstreams_of: Callable[[str], tuple[str, str, str | None]] | None
    rate_control: RateArgument | None = None


@dataclass(frozen=True)
class _Prepared:
    """A network before its tables are built, and what it is called with."""

    network: Any
    arguments: Mapping[str, Any] | Callable[[Any], Mapping[str, Any]]
    decoder_arguments: Mapping[str, Any]

    @property
    def kind(self) -> str:
        return f"{type(self.network).__module__}.{type(self.network).__qualname__}"

    def fixed(self, besides: str | None = None) -> str | None:
        """Of the arguments that depend on no image, without one of them."""
        named = {} if callable(self.arguments) else self.arguments
        rest = {name: value for name, value in named.items() if name != besides}
        return _digest((rest, self.decoder_arguments))


_Made = TypeVar("_Made")


class NetworkFamily:
    """Builds codecs, and keeps what would be slow to build again.

    That is the network which serves all qualities, the fingerprints, the network that was built
    for the last fingerprint asked for, until a codec is built with it, and what failed.
    """

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe
        self._network: Any = None
        self._fingerprints: dict[str, str | None] = {}
        self._spare: tuple[str, str, _Prepared] | None = None
        self._failures: dict[tuple[str, str], str] = {}

    def build(self, quality: str, device: str) -> NetworkCodec:
        """A codec that shares no state with others, except weights with ``one_network``.

        Raises:
            CodecError: building the network, preparing it or coding a probe image failed, now or
                before.
            UsageError: the network is none, or an argument of ``compressai_family`` is missing.
        """
        return self._once(quality, device, lambda: self._built(quality, device))

    def fingerprint(self, quality: str) -> str | None:
        """What coding depends on besides sources and versions, where that can be told.

        The network is built for it, if that has not happened already, but nothing is coded.
        """
        if quality not in self._fingerprints:
            device = self._recipe.device
            prepared = self._once(quality, device, lambda: self._prepared(quality, device))
            self._spare = (quality, device, prepared)
        return self._fingerprints[quality]

    def _once(self, quality: str, device: str, make: Callable[[], _Made]) -> _Made:
        """What ``make`` gives, unless it failed before, which takes as long each time."""
        known = self._failures.get((quality, device))
        if known is not None:
            shown = known if len(known) <= _SHOWN else f"{known[:_SHOWN]}…"
            raise CodecError(f"not built again, since that failed before: {shown}")
        try:
            return make()
        except UnavailableError:
            raise
        except LicError as error:
            self._failures[quality, device] = str(error)
            raise

    def _prepared(self, quality: str, device: str) -> _Prepared:
        """A network that has coded nothing yet; its fingerprint is taken as it comes.

        What becomes of it afterwards, such as tables, follows from that and from the machine.
        """
        recipe = self._recipe
        network = self._new_network(quality, device)
        with blamed(f"{recipe.name} q{quality}: preparing the network"), same_random_numbers():
            if recipe.prepare is not None:
                recipe.prepare(network, quality)
            arguments: Mapping[str, Any] | Callable[[Any], Mapping[str, Any]]
            if positional_needed(recipe.compress_arguments) > 1:
                arguments = partial(recipe.compress_arguments, quality)
            else:
                arguments = dict(recipe.compress_arguments(quality))
            prepared = _Prepared(network, arguments, dict(recipe.decompress_arguments(quality)))
        if quality not in self._fingerprints:
            told = recipe.fingerprint is None and hasattr(network, "state_dict")
            held = state_digest(network) if told else None
            fixed = prepared.fixed()
            known = None not in (held, fixed) and not callable(arguments)
            text = f"{prepared.kind} {held} {fixed}"
            self._fingerprints[quality] = text if known else None
        return prepared

    def _built(self, quality: str, device: str) -> NetworkCodec:
        recipe = self._recipe
        label = f"{recipe.name} q{quality}"
        if device == "cpu":
            keep_freed_memory()
        spare, self._spare = self._spare, None
        if spare is not None and spare[:2] == (quality, device):
            prepared = spare[2]
        else:
            prepared = self._prepared(quality, device)
        network, arguments = prepared.network, prepared.arguments
        guard_rans()
        if recipe.rate_control is not None and fits_one_rate(network):
            raise UsageError(
                f"{label}: rate control of a network with an EntropyBottleneckVbr, whose tables "
                "fit one rate only; build it with a plain entropy bottleneck"
            )
        with blamed(f"{label}: preparing the network"), same_random_numbers():
            build_tables(network, {} if callable(arguments) else arguments)
            if callable(getattr(network, "to", None)):
                network.to(device)
        calls = NetworkCalls(
            network,
            label,
            device,
            compress_arguments=arguments,
            decompress_arguments=prepared.decoder_arguments,
            parameters=recipe.parameters,
            synthesis=recipe.synthesis,
            stages=recipe.stages,
            rate=recipe.rate_control,
        )
        layout = find_layout(calls, recipe.multiple, recipe.channels_last)
        # Only now: some layers, such as masked convolutions, settle their weights on first use.
        of = recipe.bitstreams_of
        if of is None:
            writer = (recipe.name, quality, self._weights(network, quality))
        else:
            writer = of(quality)
        expected: tuple[Any, ...] = (layout.multiple, layout.nest, layout.shape)
        if layout.least > layout.multiple:
            expected += (layout.least,)
        told: tuple[Any, ...] = (*writer, prepared.fixed(), expected)
        rate = recipe.rate_control
        if rate is None:
            codec = NetworkCodec
            if calls.offers_latents:
                codec = ProgressiveNetworkCodec if calls.offers_passes else LatentNetworkCodec
            return codec(calls, layout, short_fingerprint(repr(told)), recipe.format_version)
        if recipe.prepare is None:  # qualities differ by their levels, which bitstreams tell
            told = (writer[0], rate, writer[2], prepared.fixed(rate.name), expected)
        controlled = RateControlledNetworkCodec
        if calls.offers_latents:
            controlled = RateControlledLatentNetworkCodec
        stamp = short_fingerprint(repr(told))
        return controlled(rate.levels, calls, layout, stamp, recipe.format_version)

    def _weights(self, network: Any, quality: str) -> str | None:
        fingerprint = self._recipe.fingerprint
        return weights_digest(network) if fingerprint is None else fingerprint(quality)

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
    arguments = (quality,) if wants_quality(build_network) else ()
    called = f"{getattr(build_network, '__name__', 'build_network')}{_in_brackets(arguments)}"
    with (
        blamed(f"{name} q{quality}: building the network", f"; it was called as {called}"),
        same_random_numbers(),
        scripting_unwarned(),
    ):
        network = build_network(*arguments)
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


def _in_brackets(arguments: tuple[str, ...]) -> str:
    return f"({', '.join(map(repr, arguments))})"
