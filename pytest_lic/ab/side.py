"""The parent's view of one side's process: its families, its codecs, its times.

A `Side` starts as many processes as it is asked to, one after the other.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_lic.ab import worker
from pytest_lic.ab.absent_files import advice_on_absent_files
from pytest_lic.ab.checkout import Checkout, Repository
from pytest_lic.codec import Codec, CodecFamily
from pytest_lic.errors import CodecError, UsageError
from pytest_lic.measuring.grid import Cell
from pytest_lic.system.child_process import (
    Answer,
    ChildDiedError,
    ChildFailedError,
    ChildHungError,
    ChildProcess,
)

if TYPE_CHECKING:
    from torch import Tensor


_FINDING, _BUILDING = "finding its codecs", "building the codec"
_LOADS = (_FINDING, _BUILDING)
_LOADING = 600.0
"""Seconds that imports and the like may take, whatever the limit on coding a batch."""


class SideError(CodecError):
    """A side could not do what the other may be able to; ``label`` and the text name the side."""

    def __init__(self, label: str, text: str) -> None:
        super().__init__(f"{label}: {text}")
        self.label = label


class Side:
    """One side, and its running process, if there is one.

    Args:
        checkout: where its files are.
        repository: the user's own checkout, of which its processes must import nothing.
        arguments: of pytest, by which the families are found.
        timeout: seconds that a single request may take.
    """

    def __init__(
        self, checkout: Checkout, repository: Repository, arguments: Sequence[str], timeout: float
    ) -> None:
        self.checkout = checkout
        self._root = repository.root
        self._timeout = timeout
        self._folder = checkout.tree.parent / "exchange"
        self._folder.mkdir(exist_ok=True)
        path = side_path(sys.path, repository, checkout)
        self._child = ChildProcess(
            worker.SideServer,
            {
                "folder": str(checkout.folder),
                "args": arguments,
                "repository": str(repository.root),
                "own": str(checkout.tree.parent),
            },
            path=path,
            cwd=str(checkout.folder),
            # For Python programs that a codec starts.
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
            stderr=self._folder / "stderr.txt",
        )
        self._asked = ""

    @property
    def label(self) -> str:
        """``base`` or ``head``."""
        return self.checkout.label

    def restart(self) -> None:
        """Start a fresh process."""
        self._child.close()
        self._child.start()

    def close(self) -> None:
        """End the process; it may be started again."""
        self._child.close()

    def families(self) -> dict[str, CodecFamily]:
        """What pytest would find on this side, by name.

        Raises:
            UsageError: a conftest.py or a package of this side can't be imported.
        """
        try:
            answer = self.ask(_FINDING, "families")
        except SideError as error:
            raise UsageError(f"{self.checkout.revision.title}: {error}") from error
        return {family["name"]: _stand_in(family) for family in answer["families"]}

    def load(self, cell: Cell, threads: int) -> None:
        """Have the cell's codec built anew."""
        self.begin_load(cell, threads)
        self.finish()

    def begin_load(self, cell: Cell, threads: int) -> None:
        """As `load`, which `finish` then waits for."""
        self.begin(
            _BUILDING,
            "load",
            family=cell.family,
            quality=cell.quality,
            device=cell.setting.device,
            threads=threads,
        )

    def codec(self) -> Codec:
        """The codec in use, as one of this process."""
        return _RemoteCodec(self, self._folder)

    def keep(self, batches: Sequence[Path], cpu: int | None) -> None:
        """Give it the image batches to take times on, on one processor if given."""
        self.ask("loading images", "keep", batches=[str(batch) for batch in batches], cpu=cpu)

    def turn(self, batch: int, calls: int) -> tuple[list[float], list[float]]:
        """Seconds of encoding one of the batches, ``calls`` times, and of decoding it."""
        answer = self.ask("coding", "turn", batch=batch, calls=calls)
        return answer["encode"], answer["decode"]

    def ask(self, what: str, do: str, **arguments: Any) -> Answer:
        """What a method of the worker's returns; ``what`` names the request in errors.

        Raises:
            SideError: the method raised an error, the process died, or it took too long.
        """
        self.begin(what, do, **arguments)
        return self.finish()

    def begin(self, what: str, do: str, **arguments: Any) -> None:
        """Set a request off, in a new process if there is none; `finish` waits for the answer."""
        self._asked = what
        self._child.send(do, **arguments)

    def finish(self) -> Answer:
        """As `ask`, for what was begun."""
        what = self._asked
        timeout = max(_LOADING, self._timeout) if what in _LOADS else self._timeout
        try:
            return self._child.answer(timeout)
        except ChildHungError:
            raise SideError(
                self.label,
                f"{what} took over {timeout:g} s and was stopped; raise --timeout if that is "
                "expected",
            ) from None
        except ChildDiedError as error:
            text = f"its process died {what}: {error}"
            raise SideError(self.label, text + self._advice(text)) from None
        except ChildFailedError as error:
            text = f"{what} failed: {error}"
            raise SideError(self.label, text + self._advice(text)) from None

    def _advice(self, text: str) -> str:
        return advice_on_absent_files(text, self.checkout.tree, self._root)


class _RemoteCodec:
    """A side's codec in the place of one of this process."""

    def __init__(self, side: Side, folder: Path) -> None:
        self._side = side
        self._folder = folder

    def encode(self, images: Tensor, /) -> list[bytes]:
        """As `Codec.encode`."""
        batch = self._folder / "images.npy"
        np.save(batch, images.detach().cpu().numpy())
        answer = self._side.ask("encoding", "encode", batch=str(batch), folder=str(self._folder))
        return [(self._folder / f"{index}.bin").read_bytes() for index in range(answer["count"])]

    def decode(self, bitstreams: Sequence[bytes], /) -> Tensor:
        """As `Codec.decode`."""
        import torch

        files = [self._folder / f"{index}.bin" for index in range(len(bitstreams))]
        for file, bitstream in zip(files, bitstreams, strict=True):
            file.write_bytes(bitstream)
        decoded = self._folder / "decoded.npy"
        self._side.ask(
            "decoding", "decode", bitstreams=[str(file) for file in files], decoded=str(decoded)
        )
        return torch.from_numpy(np.load(decoded))


def side_path(path: Sequence[str], repository: Repository, checkout: Checkout) -> list[str]:
    """``sys.path`` of a side: what it installed first, then ``path`` with its own files in it.

    Folders of installed packages stay, wherever they are.
    """
    own = [] if checkout.site is None else [str(checkout.site)]
    for entry in path:
        place = Path(entry).resolve()
        if place.is_relative_to(repository.root) and not worker.is_installed(place):
            own.append(str(checkout.tree / place.relative_to(repository.root)))
        else:
            own.append(entry)
    return own


def _stand_in(described: Mapping[str, Any]) -> CodecFamily:
    """A family of a side as a grid needs it; its codecs are in that side's process."""

    def build(quality: str, device: str) -> Codec:
        raise CodecError(f"{described['name']} can be built in a side's own process only")

    reason = described["unavailable"] or None
    return CodecFamily(**{**described, "build": build, "unavailable": lambda: reason})
