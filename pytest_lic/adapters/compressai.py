"""Any network that codes in CompressAI's manner as a codec family, in one line.

    # conftest.py
    from pytest_lic.adapters.compressai import compressai_family

    def pytest_lic_codecs():
        yield compressai_family("mine", lambda quality: my_network(quality), ["1", "2", "3", "4"])

Importing this loads neither torch nor CompressAI; a network is built when first needed.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pytest_lic.adapters.network.calls import NetworkCalls
from pytest_lic.adapters.network.codec import LatentNetworkCodec, NetworkCodec
from pytest_lic.adapters.network.heap_memory import keep_freed_memory
from pytest_lic.adapters.network.layout import find_layout
from pytest_lic.adapters.network.rans_guard import guard_rans
from pytest_lic.adapters.network.state import (
    build_tables,
    same_random_numbers,
    settings_digest,
    weights_digest,
    with_own_tables,
)
from pytest_lic.adapters.network.value_packing import pack_value
from pytest_lic.codec import CodecFamily
from pytest_lic.container import short_fingerprint
from pytest_lic.errors import CodecError, LicError, UsageError

STAGES = {
    "analysis": ("g_a",),
    "hyper-analysis": ("h_a", "latent_codec.h_a", "latent_codec.hyper.h_a"),
    "hyper-synthesis": ("h_s", "latent_codec.h_s", "latent_codec.hyper.h_s"),
    "synthesis": ("g_s",),
}
"""Stage → where CompressAI's networks have it."""

_Arguments = Callable[[str], Mapping[str, Any]]


def compressai_family(
    name: str,
    build_network: Callable[..., Any],
    qualities: Mapping[str, float | None] | Sequence[str],
    *,
    tags: Mapping[str, str] | None = None,
    multiple: int | None = None,
    channels_last: bool = True,
    one_network: bool = False,
    compress_arguments: _Arguments | None = None,
    decompress_arguments: _Arguments | None = None,
    parameters: Collection[str] | None = None,
    prepare: Callable[[Any, str], None] | None = None,
    synthesis: str = "g_s",
    stages: Mapping[str, str] | None = None,
    fingerprint: Callable[[str], str | None] | None = None,
    unavailable: Callable[[], str | None] | None = None,
    devices: Sequence[str] = ("cpu", "cuda"),
    trained: bool = True,
    format_version: int = 1,
) -> CodecFamily:
    """A codec family of networks with ``compress`` and ``decompress`` in CompressAI's manner.

    The networks need not be CompressAI's, nor an ``nn.Module``. Found out without being told: the
    padding multiple, how strings and shape are nested and which of them need not be stored,
    whether several images can be coded in one call, whether the entropy coder's tables have to
    be built, and which results of ``compress`` the decoder needs by name (they travel in the
    bitstream; all others, such as times, do not).

    Args:
        name: of the family.
        build_network: ``build_network(quality)``, or a callable without arguments, returns the
            network on any device. It runs with fixed random seeds, so random weights are the same
            in every process.
        qualities: label → λ, or the labels, from the lowest rate to the highest.
        tags: component → choice, such as ``{"architecture": "msh"}``.
        multiple: what both sides must be padded to, in pixels. Found out when None: what the
            network declares as ``downsampling_factor``, then 64, 128, 256.
        channels_last: use ``torch.channels_last`` memory where the network takes it.
        one_network: one network serves every quality. ``build_network`` is called once, with the
            first quality asked for, and the qualities share its weights; what tells them apart is
            ``compress_arguments`` or ``prepare``.
        compress_arguments: quality → what ``compress`` takes by name besides the image, such as
            ``lambda quality: {"s": int(quality)}`` for CompressAI's variable-rate networks.
            ``decompress`` gets those that it takes too.
        decompress_arguments: quality → what ``decompress`` takes by name besides strings and
            shape and does not get otherwise. Fixed by the family, they cost no bits.
        parameters: the names of ``compress``'s results that ``decompress`` needs, in place of
            those that its signature asks for: more where it only takes ``**kwargs``, fewer where
            it can do without.
        prepare: ``prepare(network, quality)`` is called on the CPU before the tables are built;
            with ``one_network`` on this quality's own view of the network. It must not change
            weights in place.
        synthesis: dotted name of the module that receives the quantised latents; where it
            exists, broken streams are located in them.
        stages: stage → dotted name of the module that does it, such as
            ``{"analysis": "transform.analysis"}``, in the order of coding; so the times of each
            are told apart. By default CompressAI's: ``g_a``, ``h_a``, ``h_s`` and ``g_s``.
        fingerprint: quality → text that changes whenever weights or arguments do, such as the
            digest of a weights file. By default the network is built and every tensor digested;
            what is no ``nn.Module`` then has no fingerprint.
        unavailable: the reason why the family can't run here, or None.
        devices: the device types that it can run on.
        trained: False for networks that are only to be timed (see `CodecFamily`).
        format_version: raise it to break with the bitstreams of older releases (see
            `CodecFamily`): those are then refused by name.

    Raises:
        UsageError: several qualities of one network with nothing to tell them apart.
    """
    if one_network and len(qualities) > 1 and not (compress_arguments or prepare):
        raise UsageError(
            f"codec family {name!r}: one network for {len(qualities)} qualities, and nothing that "
            "tells them apart; give compress_arguments=lambda quality: {...}, or prepare"
        )
    recipe = _Recipe(
        name=name,
        build_network=build_network,
        multiple=multiple,
        channels_last=channels_last,
        one_network=one_network,
        compress_arguments=compress_arguments or _no_arguments,
        decompress_arguments=decompress_arguments or _no_arguments,
        parameters=parameters,
        prepare=prepare,
        synthesis=synthesis,
        stages=STAGES if stages is None else {stage: (name,) for stage, name in stages.items()},
        fingerprint=fingerprint,
        device=devices[0] if devices else "cpu",
        format_version=format_version,
    )
    family = _Family(recipe)
    return CodecFamily(
        name,
        dict(qualities) if isinstance(qualities, Mapping) else dict.fromkeys(qualities),
        family.build,
        tags=tags or {},
        fingerprint=fingerprint or family.fingerprint,
        unavailable=unavailable,
        devices=devices,
        one_network=one_network,
        trained=trained,
        format_version=format_version,
    )


def _no_arguments(quality: str) -> Mapping[str, Any]:
    return {}


@dataclass(frozen=True)
class _Recipe:
    """The arguments of `compressai_family` that building takes; ``device`` is for fingerprints."""

    name: str
    build_network: Callable[..., Any]
    multiple: int | None
    channels_last: bool
    one_network: bool
    compress_arguments: _Arguments
    decompress_arguments: _Arguments
    parameters: Collection[str] | None
    prepare: Callable[[Any, str], None] | None
    synthesis: str
    stages: Mapping[str, Sequence[str]]
    fingerprint: Callable[[str], str | None] | None
    device: str
    format_version: int


class _Family:
    """Builds codecs, and keeps what would be slow to build again.

    That is the network which serves all qualities, the fingerprints, and the codec that was built
    for the last fingerprint asked for, until it is built for use.
    """

    def __init__(self, recipe: _Recipe) -> None:
        self._recipe = recipe
        self._network: Any = None
        self._fingerprints: dict[str, str | None] = {}
        self._spare: tuple[str, str, NetworkCodec] | None = None

    def build(self, quality: str, device: str) -> NetworkCodec:
        """A codec that shares no state with others, except weights with ``one_network``.

        Raises:
            CodecError: building the network, preparing it or coding a probe image failed.
            UsageError: the network is none, or an argument of `compressai_family` is missing.
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
        with _blamed(label, "preparing the network"), same_random_numbers():
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
        given = recipe.fingerprint
        weights = weights_digest(network) if given is None else given(quality)
        fixed = _digest((arguments, decoder_arguments))
        kind = f"{type(network).__module__}.{type(network).__qualname__}"
        told = weights is not None and fixed is not None
        self._fingerprints[quality] = (
            f"{kind} {weights} {settings_digest(network)} {fixed}" if told else None
        )
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
    with _blamed(f"{name} q{quality}", "building the network"), same_random_numbers():
        network = build_network(quality) if _takes_one(build_network) else build_network()
    missing = [each for each in ("compress", "decompress") if not hasattr(network, each)]
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


@contextmanager
def _blamed(label: str, what: str) -> Iterator[None]:
    try:
        yield
    except LicError:
        raise
    except Exception as error:
        raise CodecError(f"{label}: {what} failed: {type(error).__name__}: {error}") from error
