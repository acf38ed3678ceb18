"""A second process, which never saw this one's codec, and encodes or decodes.

    parent                                   child (spawned, not forked)
    FreshProcess(origin) ──── starts ──────▶ `fresh_child`: finds the families again,
                                             moves to an empty working directory
    decode(...) ── one JSON line ──────────▶ builds the codec, decodes
       ▲        bitstreams as files             │
       └─────── one JSON line ◀─────────────────┘
                decoded tensors as .npy files

`encode` is the same the other way round. The child's circumstances differ from the parent's (see
`system.circumstances`), and with a simulated environment so does what its arithmetic depends on.
What the codec touches there beside its input is noted. One process serves all cells of a family,
since importing torch takes seconds. A child that dies or hangs is an error with a reason, never a
hung run.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count, islice
from pathlib import Path
from typing import Any, Literal

import numpy as np

from pytest_lic.checks.fresh_child import CODED, FreshServer
from pytest_lic.errors import CodecError, UnavailableError
from pytest_lic.images.corpus import Image
from pytest_lic.project.codec_child import CodecChild
from pytest_lic.project.discovery import Origin
from pytest_lic.system.audit import Deed, Touched
from pytest_lic.system.child_process import Answer, ChildDiedError, ChildFailedError, ChildHungError
from pytest_lic.system.circumstances import Circumstance, another_moment, other_hash_seed
from pytest_lic.system.simulated_environments import HERE, SimulatedEnvironment

_ALIVE = 3  # children at once


class EndedError(CodecError):
    """The child ended over it."""


class HungError(EndedError):
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
    or None where the codec does not give them. ``touched`` is what the decoder had to do with
    besides.
    """

    decoded: Any
    latents: list[Any] | None
    touched: tuple[Touched, ...] = ()


@dataclass(frozen=True)
class EncodedBatch:
    """What the child's encoder returned for one batch, and had to do with besides."""

    bitstreams: list[bytes]
    touched: tuple[Touched, ...] = ()


class FreshProcess(CodecChild):
    """Starts the child on first use and ends it on exit.

    Args:
        origin: how the child finds the families.
        timeout: seconds that one request may take.
        environment: of the child.
        kept: the circumstances that are as in this process; of the hash seed, which can't be
            told, a third one.
        moment: that its clock is set to; another one than now if it is not given.
    """

    def __init__(
        self,
        origin: Origin,
        timeout: float,
        environment: SimulatedEnvironment = HERE,
        kept: Collection[Circumstance] = (),
        moment: float | None = None,
    ) -> None:
        self._moment = moment or another_moment()
        taken = [os.environ.get("PYTHONHASHSEED")]
        if Circumstance.HASH_SEED in kept:
            taken.append(other_hash_seed(*taken))
        if Circumstance.VARIABLES in kept:
            origin = replace(origin, variables=dict(os.environ))
        super().__init__(
            FreshServer,
            origin,
            {**environment.variables, "PYTHONHASHSEED": other_hash_seed(*taken)},
            environment=environment.name,
            kept=list(kept),
            moment=self._moment,
            folder_there=str(Path.cwd()),
            temporary_there=os.environ.get("TMPDIR"),
        )
        self._origin = origin
        self._environment = environment
        self._timeout = timeout
        self._encoded: set[tuple[str, str, str]] = set()
        self.searched = False
        """Whether its circumstances have been searched for one that matters."""
        self.disagreed: set[tuple[str, str]] = set()
        """Family and quality of codecs that decode otherwise here, whatever the threads."""

    def like(self, kept: Collection[Circumstance]) -> FreshProcess:
        """Another process like this one, but for these circumstances."""
        return FreshProcess(self._origin, self._timeout, self._environment, kept, self._moment)

    def decode(
        self,
        family: str,
        quality: str,
        device: str,
        batches: Sequence[Sequence[bytes]],
        names: Sequence[Sequence[str]],
        *,
        threads: int,
        latents: bool = False,
        unprepared: bool = False,
    ) -> list[DecodedBatch]:
        """Decode batches of bitstreams in the child.

        Args:
            family: whose codec.
            quality: of it.
            device: it runs on.
            batches: the bitstreams.
            names: of their images.
            threads: CPU threads.
            latents: ask for them too.
            unprepared: in a child that has not encoded anything with this codec.

        Raises:
            CodecError: the decoder failed there, or the process died or took too long.
            NoImageError: it failed behind the latents, which were asked for.
            UnavailableError: the codec can't be had in this environment.
        """
        codec = {"family": family, "quality": quality, "device": device, "threads": threads}
        if unprepared and (family, quality, device) in self._encoded:
            self.stop()
        flat = [bitstream for batch in batches for bitstream in batch]
        with self._exchange() as folder:
            for index, bitstream in enumerate(flat):
                (folder / f"{index}.bin").write_bytes(bitstream)
            shown = [folder / f"latent-{index}.npy" for index in range(len(flat))]
            try:
                answer = self._code("decode", folder, **codec, batches=names, latents=latents)
            except CodecError as error:
                if all(file.exists() for file in shown):
                    raise NoImageError(str(error), [np.load(file) for file in shown]) from error
                raise
            loaded = (np.load(file) for file in shown)
            return [
                DecodedBatch(
                    np.load(folder / f"decoded-{index}.npy"),
                    list(islice(loaded, len(batch))) if answer["latents"] else None,
                    _touched(answer, index),
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
        (batch,) = self.encode_batches(family, quality, device, [images], threads=threads)
        return batch.bitstreams

    def encode_batches(
        self,
        family: str,
        quality: str,
        device: str,
        batches: Sequence[Sequence[Image]],
        *,
        threads: int,
    ) -> list[EncodedBatch]:
        """As `encode`, for one batch after the other."""
        codec = {"family": family, "quality": quality, "device": device, "threads": threads}
        names = [[image.name for image in images] for images in batches]
        self._encoded.add((family, quality, device))
        with self._exchange() as folder:
            for index, images in enumerate(batches):
                pixels = np.stack([image.pixels for image in images])
                np.save(folder / f"images-{index}.npy", pixels)
            answer = self._code("encode", folder, **codec, batches=names)
            numbers = count()
            return [
                EncodedBatch(
                    [(folder / f"{next(numbers)}.bin").read_bytes() for _ in images],
                    _touched(answer, index),
                )
                for index, images in enumerate(batches)
            ]

    def stop(self) -> None:
        """End the child, and with it what it remembers."""
        super().stop()
        self._encoded.clear()

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
        coded = Path(request["folder"], CODED) if "folder" in request else None
        try:
            answer = self.ask(what, self._timeout, **request)
        except ChildHungError:
            raise HungError(
                f"{where}: {doing}{_named(coded)} took over {self._timeout:g} s and was stopped; "
                "raise --lic-timeout if that is expected"
            ) from None
        except ChildDiedError as error:
            raise EndedError(f"{where}: it died while {doing}{_named(coded)}: {error}") from None
        except ChildFailedError as error:
            # Beside the message in pytest's report, as what the test printed.
            print(f"{where}:\n{error.traceback}", file=sys.stderr)
            raise CodecError(f"{where}: {str(error).removeprefix('CodecError: ')}") from None
        if "unavailable" in answer:
            raise UnavailableError(answer["unavailable"])
        return answer


def _touched(answer: Answer, index: int) -> tuple[Touched, ...]:
    return tuple(Touched(Deed(deed), what) for deed, what in answer["touched"][index])


def _named(coded: Path | None) -> str:
    """The images that the child was at when it ended, if it was at any."""
    return f" {coded.read_text(encoding='utf-8')}" if coded and coded.exists() else ""


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
