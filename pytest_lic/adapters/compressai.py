"""Any network that codes in CompressAI's manner as a codec family, in one line.

    # conftest.py
    from pytest_lic.adapters.compressai import compressai_family

    def pytest_lic_codecs():
        yield compressai_family("mine", lambda quality: my_network(quality), ["1", "2", "3", "4"])

A network is built when first needed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from pytest_lic.adapters.network.calls import RateArgument
from pytest_lic.adapters.network.family import Arguments, NetworkFamily, Recipe
from pytest_lic.codec import CodecFamily
from pytest_lic.errors import UsageError

__all__ = ["STAGES", "RateArgument", "compressai_family"]

STAGES = {
    "analysis": ("g_a",),
    "hyper-analysis": ("h_a", "latent_codec.h_a", "latent_codec.hyper.h_a"),
    "hyper-synthesis": ("h_s", "latent_codec.h_s", "latent_codec.hyper.h_s"),
    "synthesis": ("g_s",),
}
"""Stage → where CompressAI's networks have it."""


def compressai_family(
    name: str,
    build_network: Callable[..., Any],
    qualities: Mapping[str, float | None] | Sequence[str],
    *,
    tags: Mapping[str, str] | None = None,
    multiple: int | None = None,
    channels_last: bool = True,
    one_network: bool = False,
    compress_arguments: Arguments | None = None,
    decompress_arguments: Arguments | None = None,
    parameters: Collection[str] | None = None,
    rate_control: RateArgument | None = None,
    prepare: Callable[[Any, str], None] | None = None,
    synthesis: str = "g_s",
    stages: Mapping[str, str] | None = None,
    fingerprint: Callable[[str], str | None] | None = None,
    unavailable: Callable[[], str | None] | None = None,
    devices: Sequence[str] = ("cpu", "cuda"),
    trained: bool = True,
    format_version: int = 1,
    bitstreams_of: Callable[[str], tuple[str, str, str | None]] | None = None,
) -> CodecFamily:
    """A codec family of networks with ``compress`` and ``decompress`` in CompressAI's manner.

    The networks need not be CompressAI's, nor an ``nn.Module``. Found out without being told: the
    padding multiple, how strings and shape are nested and which of them need not be stored,
    whether several images can be coded in one call, whether the entropy coder's tables have to
    be built, and which results of ``compress`` the decoder needs by name (they travel in the
    bitstream; all others, such as times, do not).

    Args:
        name: of the family.
        build_network: ``build_network(quality)``, or a callable that needs no argument, returns
            the network on any device. An optional first argument gets the quality only where it
            is called ``quality``. It runs with fixed random seeds, so random weights are the same
            in every process, as long as the processors have the same instruction sets.
        qualities: label → λ, or the labels, from the lowest rate to the highest.
        tags: component → choice, such as ``{"architecture": "msh"}``.
        multiple: what both sides must be padded to, in pixels. Found out when None: what the
            network declares as ``downsampling_factor``, then 64, 128, 256. The round trip remarks
            on one that is not the first tried. A network that takes no small images gets them
            padded to the least side that it takes.
        channels_last: use ``torch.channels_last`` memory where the network takes it.
        one_network: one network serves every quality. ``build_network`` is called once, with the
            first quality asked for, and the qualities share its weights; what tells them apart is
            ``compress_arguments`` or ``prepare``.
        compress_arguments: quality → what ``compress`` takes by name besides the image, such as
            ``lambda quality: {"s": int(quality)}`` for CompressAI's variable-rate networks.
            ``decompress`` gets those that it takes too. Where they depend on the image, such as a
            quality map, a function of quality and images, (B, 3, H, W) as ``compress`` gets them:
            what ``decompress`` takes of it then travels in the bitstream, and nothing is cached
            between runs unless a ``fingerprint`` is given.
        decompress_arguments: quality → what ``decompress`` takes by name besides strings and
            shape and does not get otherwise. Fixed by the family, they cost no bits.
        parameters: the names of ``compress``'s results that ``decompress`` needs, in place of
            those that its signature asks for: more where it only takes ``**kwargs``, fewer where
            it can do without.
        rate_control: the argument that tells ``compress``, and ``decompress`` too where that takes
            it, at which of a range of levels to code, such as
            ``RateArgument(Levels(0, 3, 1 / 1024), "level")``. Each quality's own is among its
            ``compress_arguments``. One codec then codes at every level (`SupportsRateControl`), at
            the cost of about ten bytes in each bitstream, and has ``encode_at(images, bpp=…)``.
        prepare: ``prepare(network, quality)`` is called on the CPU before the tables are built;
            with ``one_network`` on this quality's own view of the network. It must not change
            weights in place.
        synthesis: dotted name of the module that receives the quantised latents; where it
            exists, and decoding calls it as a whole, broken streams are located in them.
        stages: stage → dotted name of the module that does it, such as
            ``{"analysis": "transform.analysis"}``, in the order of coding; so the times of each
            are told apart. By default CompressAI's: ``g_a``, ``h_a``, ``h_s`` and ``g_s``.
        fingerprint: quality → text that changes whenever weights or arguments do, such as the
            digest of a weights file. By default the network is built and all that its modules hold
            is digested, tensors or not. What is no ``nn.Module``, or holds something that pickle
            refuses, then has no fingerprint, and is measured anew in each run.
        unavailable: the reason why the family can't run here, or None.
        devices: the device types that it can run on.
        trained: False for networks that are only to be timed (see `CodecFamily`).
        format_version: raise it to break with the bitstreams of older releases (see
            `CodecFamily`): those are then refused by name.
        bitstreams_of: quality → family, quality and fingerprint of another network, for one with
            that network's latents and tables, to the bit: each then decodes the other's
            bitstreams. By default these are of this network alone.

    Raises:
        UsageError: several qualities of one network with nothing to tell them apart.
    """
    if one_network and len(qualities) > 1 and not (compress_arguments or prepare):
        raise UsageError(
            f"codec family {name!r}: one network for {len(qualities)} qualities, and nothing that "
            "tells them apart; give compress_arguments=lambda quality: {...}, or prepare"
        )
    recipe = Recipe(
        name=name,
        build_network=build_network,
        multiple=multiple,
        channels_last=channels_last,
        one_network=one_network,
        compress_arguments=compress_arguments or _no_arguments,
        decompress_arguments=decompress_arguments or _no_arguments,
        parameters=parameters,
        prepare=prepare,
        rate_control=rate_control,
        synthesis=synthesis,
        stages=STAGES if stages is None else {stage: (name,) for stage, name in stages.items()},
        fingerprint=fingerprint,
        device=devices[0] if devices else "cpu",
        format_version=format_version,
        bitstreams_of=bitstreams_of,
    )
    family = NetworkFamily(recipe)
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
        levels=None if rate_control is None else rate_control.levels,
    )


def _no_arguments(quality: str) -> Mapping[str, Any]:
    return {}
