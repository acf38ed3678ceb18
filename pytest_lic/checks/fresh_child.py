"""The child's side of `fresh_process`: encode and decode in a simulated environment.

Its variables were set by the parent; the rest of its environment is settled here, before any codec
is built, since building computes too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from pytest_lic.codec import (
    Codec,
    SupportsDecodingWithLatents,
    SupportsLatents,
    SupportsMemoryFormat,
    SupportsParts,
)
from pytest_lic.errors import CodecError, LicError, UnavailableError
from pytest_lic.images.corpus import Image
from pytest_lic.measuring import coding
from pytest_lic.project.codec_child import CodecServer
from pytest_lic.system.child_process import Answer
from pytest_lic.system.latest import Latest
from pytest_lic.system.simulated_environments import ENVIRONMENTS, settle


class FreshServer(CodecServer):
    """Holds the codec that was asked for last."""

    def __init__(self, environment: str, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._environment = ENVIRONMENTS[environment]
        self._codec: Latest[tuple[str, str, str], Codec] = Latest()
        settle(self._environment)

    def code(
        self,
        task: str,
        family: str,
        quality: str,
        device: str,
        threads: int,
        folder: str,
        **arguments: Any,
    ) -> Answer:
        """``encode`` or ``decode`` what lies in a folder; a codec that can't be had is no error."""
        import torch

        torch.set_num_threads(threads)
        key = (family, quality, device)
        try:
            codec = self._codec.of(key, lambda: self._build(*key))
            if task == "encode":
                return _encode(codec, Path(folder), device, **arguments)
            return _decode(codec, Path(folder), **arguments)
        except UnavailableError as error:
            return {"unavailable": str(error)}

    def parts(self, family: str, quality: str, device: str, threads: int) -> Answer:
        """Part → digest of the codec that codes here; none where it does not show them."""
        import torch

        torch.set_num_threads(threads)
        key = (family, quality, device)
        try:
            codec = self._codec.of(key, lambda: self._build(*key))
        except UnavailableError as error:
            return {"unavailable": str(error)}
        return {"parts": dict(codec.part_digests()) if isinstance(codec, SupportsParts) else {}}

    def _build(self, family: str, quality: str, device: str) -> Codec:
        codec = self.families[family].build(quality, device)
        if self._environment.other_memory_format:
            if not isinstance(codec, SupportsMemoryFormat):
                raise UnavailableError(f"{family} has one memory format only")
            codec.swap_memory_format()
        return codec


def _encode(codec: Codec, folder: Path, device: str, names: Sequence[str]) -> Answer:
    """Write the bitstreams of a folder's images, which have these names."""
    pixels = np.load(folder / "images.npy")
    images = [Image(name, image) for name, image in zip(names, pixels, strict=True)]
    for index, bitstream in enumerate(coding.encode(codec, images, device)):
        (folder / f"{index}.bin").write_bytes(bitstream)
    return {}


def _decode(codec: Any, folder: Path, batches: Sequence[int], latents: bool) -> Answer:
    """Write what the codec makes of a folder's bitstreams, ``batches`` counting those of each.

    The answer is whether there are latents beside it.
    """
    import torch

    with_latents = latents and isinstance(codec, SupportsLatents)
    start = 0
    for index, count in enumerate(batches):
        numbers = range(start, start + count)
        bitstreams = [(folder / f"{number}.bin").read_bytes() for number in numbers]

        def keep(latents: Iterable[Any], numbers: Iterable[int] = numbers) -> None:
            for number, latent in zip(numbers, latents, strict=True):
                np.save(folder / f"latent-{number}.npy", latent.detach().cpu().numpy())

        try:
            if with_latents and isinstance(codec, SupportsDecodingWithLatents):
                decoded, shown = codec.decode_with_latents(bitstreams)
                keep(shown)
            else:
                decoded = codec.decode(bitstreams)
                if with_latents:
                    keep(codec.decode_latents(bitstreams))
        except BaseException:
            if with_latents:
                # Where entropy decoding fell out of step, they show it; else this fails likewise.
                with suppress(LicError):
                    keep(codec.decode_latents(bitstreams))
            raise
        if not isinstance(decoded, torch.Tensor):
            raise CodecError(f"decoder returned {type(decoded).__name__}; expected a tensor")
        np.save(folder / f"decoded-{index}.npy", decoded.detach().cpu().numpy())
        start += count
    return {"latents": with_latents}
