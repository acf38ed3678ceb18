"""The child's side of `fresh_process`: encode and decode in a simulated environment.

Its variables were set by the parent; the rest of its environment is settled here, before any codec
is built, since building computes too.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pytest_lic.codec import (
    Codec,
    CodecFamily,
    SupportsDecodingWithLatents,
    SupportsLatents,
    SupportsMemoryFormat,
)
from pytest_lic.errors import CodecError, LicError, UnavailableError
from pytest_lic.images.corpus import Image
from pytest_lic.measuring import coding
from pytest_lic.project.codec_child import CodecServer
from pytest_lic.system.child_process import Answer
from pytest_lic.system.simulated_environments import ENVIRONMENTS, SimulatedEnvironment, settle


@dataclass(frozen=True)
class Request:
    """Encode or decode some batches of one codec.

    ``task`` is ``encode`` or ``decode``; ``batches`` counts the images of each batch; ``names``
    are those of the images to encode; ``latents`` are wanted beside what is decoded.
    """

    task: str
    family: str
    quality: str
    device: str
    threads: int
    batches: tuple[int, ...]
    folder: str
    names: tuple[str, ...] = ()
    latents: bool = False


class FreshServer(CodecServer):
    """Holds the codec that was asked for last."""

    def __init__(self, environment: str, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._environment = ENVIRONMENTS[environment]
        self._codecs: dict[tuple[str, str, str], Codec] = {}
        settle(self._environment)

    def code(self, **request: Any) -> Answer:
        """Answer a `Request`; a codec that can't be had is no error."""
        import torch

        asked = Request(**request)
        torch.set_num_threads(asked.threads)
        key = (asked.family, asked.quality, asked.device)
        try:
            if key not in self._codecs:
                self._codecs.clear()
                self._codecs[key] = _build(self.families[asked.family], asked, self._environment)
            if asked.task == "encode":
                _encode(self._codecs[key], asked)
                return {}
            return {"latents": _decode(self._codecs[key], asked)}
        except UnavailableError as error:
            return {"unavailable": str(error)}


def _build(family: CodecFamily, request: Request, environment: SimulatedEnvironment) -> Codec:
    """The request's codec, as the environment wants it.

    Raises:
        UnavailableError: it has no other memory format.
    """
    codec = family.build(request.quality, request.device)
    if environment.other_memory_format:
        if not isinstance(codec, SupportsMemoryFormat):
            raise UnavailableError(f"{family.name} has one memory format only")
        codec.swap_memory_format()
    return codec


def _encode(codec: Codec, request: Request) -> None:
    """Write the bitstreams of the images in the request's folder beside them."""
    folder = Path(request.folder)
    pixels = np.load(folder / "images.npy")
    images = [Image(name, image) for name, image in zip(request.names, pixels, strict=True)]
    for index, bitstream in enumerate(coding.encode(codec, images, request.device)):
        (folder / f"{index}.bin").write_bytes(bitstream)


def _decode(codec: Any, request: Request) -> bool:
    """Write what the codec returns into the request's folder; whether latents are among it."""
    import torch

    folder = Path(request.folder)
    with_latents = request.latents and isinstance(codec, SupportsLatents)
    start = 0
    for index, count in enumerate(request.batches):
        numbers = range(start, start + count)
        bitstreams = [(folder / f"{number}.bin").read_bytes() for number in numbers]

        def keep(latents: Iterable[Any], numbers: Iterable[int] = numbers) -> None:
            for number, latent in zip(numbers, latents, strict=True):
                np.save(folder / f"latent-{number}.npy", latent.detach().cpu().numpy())

        try:
            if with_latents and isinstance(codec, SupportsDecodingWithLatents):
                decoded, latents = codec.decode_with_latents(bitstreams)
                keep(latents)
            else:
                decoded = codec.decode(bitstreams)
                if with_latents:
                    keep(codec.decode_latents(bitstreams))
        except Exception:
            if with_latents:
                # Where entropy decoding fell out of step, they show it; else this fails likewise.
                with suppress(LicError):
                    keep(codec.decode_latents(bitstreams))
            raise
        if not isinstance(decoded, torch.Tensor):
            raise CodecError(f"decoder returned {type(decoded).__name__}; expected a tensor")
        np.save(folder / f"decoded-{index}.npy", decoded.detach().cpu().numpy())
        start += count
    return with_latents
