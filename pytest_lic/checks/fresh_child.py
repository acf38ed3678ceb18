"""The child's side of `fresh_process`: answer its requests until there are no more.

Its variables were set by the parent; the rest of its environment is settled here, before any codec
is built, since building computes too.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from pytest_lic.checks.fresh_process import Request
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
from pytest_lic.project.discovery import Families
from pytest_lic.project.serving import serve_codecs
from pytest_lic.system.simulated_environments import ENVIRONMENTS, SimulatedEnvironment, settle


def serve(argument: str) -> None:
    """The child's main loop: answer requests until stdin ends."""
    given = json.loads(argument)
    environment = ENVIRONMENTS[given["environment"]]
    codecs: dict[tuple[str, str, str], Any] = {}

    def settled() -> None:
        os.chdir(given["work"])
        settle(environment)

    def answer(families: Families, asked: dict[str, Any]) -> dict[str, object]:
        request = Request(**asked)
        _set_threads(request.threads)
        key = (request.family, request.quality, request.device)
        try:
            if key not in codecs:
                codecs.clear()
                codecs[key] = _build(families[request.family], request, environment)
            if request.task == "encode":
                _encode(codecs[key], request)
                return {}
            return {"latents": _decode(codecs[key], request)}
        except UnavailableError as error:
            return {"unavailable": str(error)}

    serve_codecs(given, settled, answer)


def _set_threads(count: int) -> None:
    import torch

    torch.set_num_threads(count)


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
    images = [Image(name, each) for name, each in zip(request.names, pixels, strict=True)]
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
