"""A second process, which never saw this one's codec, and encodes or decodes.

    parent                                   child (spawned, not forked)
    FreshProcess(origin) ──── starts ──────▶ `fresh_child`: finds the families again,
                                             moves to an empty working directory
    decode(...) ── one JSON line ──────────▶ builds the codec, decodes
       ▲        bitstreams as files             │
       └─────── one JSON line ◀─────────────────┘
                decoded tensors as .npy files

`encode` is the same the other way round. The child's hash seed and working directory differ from
the parent's, and with a simulated environment so does what its arithmetic depends on. One process
serves all cells of a family, since importing torch takes seconds. A child that dies or hangs is an
error with a reason, never a hung run.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import numpy as np

from pytest_lic.checks.fresh_child import FreshServer
from pytest_lic.errors import CodecError, UnavailableError
from pytest_lic.images.corpus import Image
from pytest_lic.project.codec_child import CodecChild
from pytest_lic.project.discovery import Origin
from pytest_lic.system.child_process import Answer, ChildDiedError, ChildFailedError, ChildHungError
from pytest_lic.system.simulated_environments import HERE, SimulatedEnvironment

_ALIVE = 3  # children at once


class HungError(CodecError):
    """The child took longer than it may, and has been killed."""


class NoImageError(CodecError):
    """The decoder failed, but showed its ``latents``: one array (C, h, w) per bitstream."""

    def __init__(self, text: str, latents: list[Any]) -> None:
        super().__init__(text)
        self.latents = latents


@dataclass(frozen=True)
class DecodedBatch:
    """What the child's decoder returned for one batch.

    ``decoded`` is the array as returned, unchecked; ``latents`` one array (C, h, w) per bitstream,
    or None where the codec does not give them.
    """

    decoded: Any
    latents: list[Any] | None


class FreshProcess(CodecChild):
    """Starts the child on first use and ends it on exit.

    Args:
        origin: how the child finds the families.
        timeout: seconds that one request may take.
        environment: of the child.
    """

    def __init__(
        self, origin: Origin, timeout: float, environment: SimulatedEnvironment = HERE
    ) -> None:
        seed = "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"
        super().__init__(
            FreshServer,
            origin,
            {**environment.variables, "PYTHONHASHSEED": seed},
            environment=environment.name,
        )
        self._environment = environment
        self._timeout = timeout

    def decode(
        self,
        family: str,
        quality: str,
        device: str,
        batches: Sequence[Sequence[bytes]],
        *,
        threads: int,
        latents: bool = False,
    ) -> list[DecodedBatch]:
        """Decode batches of bitstreams in the child.

        Raises:
            CodecError: the decoder failed there, or the process died or took too long.
            NoImageError: it failed behind the latents, which were asked for.
            UnavailableError: the codec can't be had in this environment.
        """
        codec = {"family": family, "quality": quality, "device": device, "threads": threads}
        counts = [len(batch) for batch in batches]
        flat = [bitstream for batch in batches for bitstream in batch]
        with self._exchange() as folder:
            for index, bitstream in enumerate(flat):
                (folder / f"{index}.bin").write_bytes(bitstream)
            shown = [folder / f"latent-{index}.npy" for index in range(len(flat))]
            try:
                answer = self._code("decode", folder, **codec, batches=counts, latents=latents)
            except CodecError as error:
                if all(file.exists() for file in shown):
                    raise NoImageError(str(error), [np.load(file) for file in shown]) from error
                raise
            loaded = (np.load(file) for file in shown)
            return [
                DecodedBatch(
                    np.load(folder / f"decoded-{index}.npy"),
                    list(islice(loaded, len(batch))) if answer["latents"] else None,
                )
                for index, batch in enumerate(batches)
            ]

    def encode(
        self, family: str, quality: str, device: str, images: Sequence[Image], *, threads: int
    ) -> list[bytes]:
        """Encode equally large images as one batch in the child.

        Raises:
            CodecError: the encoder failed there, or the process died or took too long.
            UnavailableError: the codec can't be had in this environment.
        """
        codec = {"family": family, "quality": quality, "device": device, "threads": threads}
        names = [image.name for image in images]
        with self._exchange() as folder:
            np.save(folder / "images.npy", np.stack([image.pixels for image in images]))
            self._code("encode", folder, **codec, names=names)
            return [(folder / f"{index}.bin").read_bytes() for index in range(len(images))]

    def parts(self, family: str, quality: str, device: str, *, threads: int) -> Mapping[str, str]:
        """Part → digest of the codec in the child; none where it does not show them.

        Raises:
            CodecError: it failed there, or the process died or took too long.
            UnavailableError: the codec can't be had in this environment.
        """
        codec = {"family": family, "quality": quality, "device": device, "threads": threads}
        parts: Mapping[str, str] = self._asked("parts", "telling its parts", codec)["parts"]
        return parts

    @contextmanager
    def _exchange(self) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix="request-", dir=self.exchange) as folder:
            yield Path(folder)

    def _code(self, task: Literal["encode", "decode"], folder: Path, **request: Any) -> Answer:
        doing = {"encode": "encoding", "decode": "decoding"}[task]
        return self._asked("code", doing, {"task": task, "folder": str(folder), **request})

    def _asked(self, what: str, doing: str, request: Mapping[str, Any]) -> Answer:
        where = "in a fresh process"
        if self._environment is not HERE:
            where += f" ({self._environment.name})"
        try:
            answer = self.ask(what, self._timeout, **request)
        except ChildHungError:
            raise HungError(
                f"{where}: {doing} took over {self._timeout:g} s and was stopped; "
                "raise --lic-timeout if that is expected"
            ) from None
        except ChildDiedError as error:
            raise CodecError(f"{where}: it died while {doing}: {error}") from None
        except ChildFailedError as error:
            raise CodecError(f"{where}: {error}") from None
        if "unavailable" in answer:
            raise UnavailableError(answer["unavailable"])
        return answer


class FreshProcesses:
    """The children of one family at a time, one for each environment.

    The environments of a matrix come one after the other, there and back, so the children used
    last are kept alive, and only a few: each holds torch and a network.

    Args:
        origin: how a child finds the families.
        timeout: seconds that one request may take.
    """

    def __init__(self, origin: Origin, timeout: float) -> None:
        self._origin = origin
        self._timeout = timeout
        self._family: str | None = None
        self._processes: dict[str, FreshProcess] = {}

    def of(self, family: str, environment: SimulatedEnvironment = HERE) -> FreshProcess:
        """The process that serves a family in an environment, to be used until another is."""
        if family != self._family:
            self.close()
            self._family = family
        name = environment.name
        process = self._processes.pop(name, None)
        if process is None:
            process = FreshProcess(self._origin, self._timeout, environment)
        self._processes[name] = process  # the last used is the last
        for idle in list(self._processes.values())[:-_ALIVE]:
            idle.close()
        return process

    def close(self) -> None:
        """End all children."""
        for process in self._processes.values():
            process.close()
        self._processes.clear()
