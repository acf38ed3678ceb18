"""A second process that never saw the encoder, and decodes.

    parent                                   child (spawned, not forked)
    FreshProcess(origin) ──── starts ──────▶ serve(): finds the families again,
                                             moves to an empty working directory
    decode(...) ── one JSON line ──────────▶ builds the codec, decodes
       ▲        bitstreams as files             │
       └─────── one JSON line ◀─────────────────┘
                decoded tensors as .npy files

Its hash seed and working directory differ from the parent's. One process serves all cells of a
family, since importing torch takes seconds. A child that dies or hangs is an error with a reason,
never a hung run.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import traceback
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from pytest_lic.child_process import ChildDiedError, ChildHungError, ChildProcess
from pytest_lic.discovery import Origin, rediscover
from pytest_lic.errors import CodecError

_BOOT = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1])['path']; "
    "from pytest_lic.fresh_process import serve; serve(sys.argv[1])"
)


@dataclass(frozen=True)
class Request:
    """Decode some batches of one codec; ``batches`` counts the bitstreams of each."""

    family: str
    quality: str
    device: str
    threads: int
    batches: tuple[int, ...]
    latents: bool
    folder: str


@dataclass(frozen=True)
class Answer:
    """What the child's decoder returned, batch by batch.

    ``decoded`` are arrays as returned, unchecked; ``latents`` one array (C, h, w) per bitstream,
    or None where the codec does not give them.
    """

    decoded: list[Any]
    latents: list[Any] | None


class FreshProcess:
    """Starts the child on first use and ends it on exit.

    Args:
        origin: how the child finds the families.
        timeout: seconds that one request may take.
    """

    def __init__(self, origin: Origin, timeout: float) -> None:
        self._origin = origin
        self._timeout = timeout
        self._folder = tempfile.TemporaryDirectory(prefix="pytest-lic-")
        self._child = self._new_child()
        self._requests = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def decode(
        self,
        family: str,
        quality: str,
        device: str,
        batches: Sequence[Sequence[bytes]],
        *,
        threads: int,
        latents: bool = False,
    ) -> Answer:
        """Decode batches of bitstreams in the child.

        Raises:
            CodecError: the decoder failed there, or the process died or took too long.
        """
        self._requests += 1
        folder = Path(self._folder.name) / f"request-{self._requests}"
        folder.mkdir()
        flat = [bitstream for batch in batches for bitstream in batch]
        for index, bitstream in enumerate(flat):
            (folder / f"{index}.bin").write_bytes(bitstream)
        counts = tuple(len(batch) for batch in batches)
        answer = self._ask(Request(family, quality, device, threads, counts, latents, str(folder)))
        if "error" in answer:
            raise CodecError(f"in a fresh process: {answer['error']}")
        decoded = [np.load(folder / f"decoded-{index}.npy") for index in range(len(counts))]
        found = None
        if answer["latents"]:
            found = [np.load(folder / f"latent-{index}.npy") for index in range(len(flat))]
        for file in folder.iterdir():
            file.unlink()
        return Answer(decoded, found)

    def close(self) -> None:
        """End the child; it may be started again."""
        self._child.close()

    def _ask(self, request: Request) -> dict[str, Any]:
        try:
            return self._child.ask(asdict(request), self._timeout)
        except ChildHungError:
            raise CodecError(
                f"in a fresh process: decoding took over {self._timeout:g} s and was stopped; "
                "raise --lic-timeout if that is expected"
            ) from None
        except ChildDiedError as error:
            raise CodecError(f"the fresh process died while it decoded: {error}") from None

    def _new_child(self) -> ChildProcess:
        folder = Path(self._folder.name)
        seed = "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"
        work = folder / "empty"
        work.mkdir()
        argument = json.dumps(asdict(self._origin) | {"work": str(work)})
        return ChildProcess(
            [sys.executable, "-P", "-c", _BOOT, argument],
            cwd=self._origin.folder,
            env={**os.environ, "PYTHONHASHSEED": seed, "TMPDIR": str(work)},
            stderr=folder / "stderr.txt",
        )


def serve(argument: str) -> None:
    """The child's main loop: answer requests until stdin ends."""
    # Codecs may print; answers get a channel of their own.
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    given = json.loads(argument)
    origin = Origin(given["folder"], tuple(given["args"]), tuple(given["path"]))
    failed: str | None = None
    try:
        families = rediscover(origin)
    except Exception as error:
        traceback.print_exc()
        failed = f"the codecs could not be found again: {type(error).__name__}: {error}"
    os.chdir(given["work"])
    codecs: dict[tuple[str, str, str], Any] = {}
    for line in sys.stdin:
        request = Request(**json.loads(line))
        answer: dict[str, object]
        try:
            if failed:
                raise CodecError(failed)
            key = (request.family, request.quality, request.device)
            if key not in codecs:
                codecs.clear()
                codecs[key] = families[request.family].build(request.quality, request.device)
            answer = {"latents": _decode(codecs[key], request)}
        except Exception as error:
            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {error}"}
        channel.write(json.dumps(answer) + "\n")
        channel.flush()


def _decode(codec: Any, request: Request) -> bool:
    """Write what the codec returns into the request's folder; whether latents are among it."""
    import torch

    from pytest_lic.codec import SupportsLatents

    torch.set_num_threads(request.threads)
    folder = Path(request.folder)
    with_latents = request.latents and isinstance(codec, SupportsLatents)
    start = 0
    for index, count in enumerate(request.batches):
        numbers = range(start, start + count)
        bitstreams = [(folder / f"{number}.bin").read_bytes() for number in numbers]
        decoded = codec.decode(bitstreams)
        if not isinstance(decoded, torch.Tensor):
            raise CodecError(f"decoder returned {type(decoded).__name__}; expected a tensor")
        np.save(folder / f"decoded-{index}.npy", decoded.detach().cpu().numpy())
        if with_latents:
            for number, latent in zip(numbers, codec.decode_latents(bitstreams), strict=True):
                np.save(folder / f"latent-{number}.npy", latent.detach().cpu().numpy())
        start += count
    return with_latents
