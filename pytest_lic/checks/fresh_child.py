"""The child's side of `fresh_process`: encode and decode in a simulated environment.

Its variables were set by the parent; the rest of its environment, and of its circumstances, is
settled here, before any codec is found or built, since building computes too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path, PurePosixPath
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
from pytest_lic.system.audit import Audit, Deed, Touched
from pytest_lic.system.child_process import Answer
from pytest_lic.system.circumstances import (
    Circumstance,
    at_home_in,
    go_to,
    seed_otherwise,
    set_clock,
)
from pytest_lic.system.latest import Latest
from pytest_lic.system.process_memory import held_files
from pytest_lic.system.simulated_environments import ENVIRONMENTS, settle
from pytest_lic.system.words import listed

CODED = "coded.txt"
"""The file in a request's folder that names the images which are being coded."""


class FreshServer(CodecServer):
    """Holds the codec that was asked for last.

    Args:
        environment: the name of the simulated one.
        kept: the circumstances that are the parent's own.
        moment: that the clock is set to before each batch, so that processes can be compared.
        folder_there: the parent's working directory.
        temporary_there: its ``TMPDIR``, None where that is not set.
        arguments: of `CodecServer`.
    """

    def __init__(
        self,
        environment: str,
        kept: Sequence[str],
        moment: float,
        folder_there: str,
        temporary_there: str | None,
        **arguments: Any,
    ) -> None:
        self._audit = Audit(Path(arguments["exchange"]))
        self._environment = ENVIRONMENTS[environment]
        self._codec: Latest[tuple[str, str, str], Codec] = Latest()
        self._built_from: list[str] = []
        self._set_clock = set_clock(moment) if Circumstance.CLOCK not in kept else None
        self._seed = seed_otherwise if Circumstance.SEED not in kept else _as_it_is
        self._seed()
        settle(self._environment)
        super().__init__(**arguments)
        self._home: Path | None = self.exchange / "home"
        if Circumstance.FOLDERS in kept:
            self._home = None
            go_to(folder_there, temporary_there)
        else:
            self._home.mkdir(exist_ok=True)

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
                return self._encode(codec, Path(folder), device, **arguments)
            return self._decode(codec, Path(folder), **arguments)
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
        self._seed()  # again, or it would hang on what was built before
        with self._audit.noting(everything=True) as noted:
            codec = self.families[family].build(quality, device)
        self._built_from = [each.what for each in noted if each.deed is Deed.READ]
        if self._environment.other_memory_format:
            if not isinstance(codec, SupportsMemoryFormat):
                raise UnavailableError(f"{family} has one memory format only")
            codec.swap_memory_format()
        return codec

    def _encode(
        self, codec: Codec, folder: Path, device: str, batches: Sequence[Sequence[str]]
    ) -> Answer:
        """Write the bitstreams of a folder's images, which have these names."""
        touched = []
        number = 0
        for index, names in enumerate(batches):
            pixels = np.load(folder / f"images-{index}.npy")
            images = [Image(name, image) for name, image in zip(names, pixels, strict=True)]
            held = held_files()
            with self._coding(folder, names) as noted:
                bitstreams = coding.encode(codec, images, device)
            noted += [
                Touched(Deed.WROTE, str(path))
                for path, now in held_files().items()
                if path in held and now.st_mtime_ns != held[path].st_mtime_ns
            ]
            for bitstream in bitstreams:
                (folder / f"{number}.bin").write_bytes(bitstream)
                number += 1
            touched.append([(each.deed, each.what) for each in noted])
        return {"touched": touched}

    def _decode(
        self, codec: Any, folder: Path, batches: Sequence[Sequence[str]], latents: bool
    ) -> Answer:
        """Write what the codec makes of a folder's bitstreams, of images that have these names.

        The answer is whether there are latents beside it, and what each batch touched.
        """
        import torch

        with_latents = latents and isinstance(codec, SupportsLatents)
        every = {PurePosixPath(name).name for names in batches for name in names}
        touched = []
        start = 0
        for index, names in enumerate(batches):
            numbers = range(start, start + len(names))
            bitstreams = [(folder / f"{number}.bin").read_bytes() for number in numbers]

            def keep(latents: Iterable[Any], numbers: Iterable[int] = numbers) -> None:
                for number, latent in zip(numbers, latents, strict=True):
                    np.save(folder / f"latent-{number}.npy", latent.detach().cpu().numpy())

            shown: Iterable[Any] | None = None
            try:
                with (
                    self._coding(folder, names, every) as noted,
                    coding.blamed("decoder", listed(names, 4)),
                ):
                    if with_latents and isinstance(codec, SupportsDecodingWithLatents):
                        decoded, shown = codec.decode_with_latents(bitstreams)
                    else:
                        decoded = codec.decode(bitstreams)
                if with_latents:
                    keep(codec.decode_latents(bitstreams) if shown is None else shown)
            except BaseException:
                if with_latents:
                    # Where entropy decoding fell out of step, they show it; else this fails too.
                    with suppress(LicError):
                        keep(codec.decode_latents(bitstreams))
                raise
            if not isinstance(decoded, torch.Tensor):
                raise CodecError(f"decoder returned {type(decoded).__name__}; expected a tensor")
            np.save(folder / f"decoded-{index}.npy", decoded.detach().cpu().numpy())
            touched.append([(each.deed, each.what) for each in (*noted, *self._had(every))])
            start += len(names)
        return {"latents": with_latents, "touched": touched}

    def _had(self, names: Collection[str]) -> Iterator[Touched]:
        """What the codec has had to do with since it was built that may tell of these images."""
        for path in self._built_from:
            if PurePosixPath(path).name in names:
                yield Touched(Deed.BUILT_FROM, path)
        for held in held_files():
            if self._audit.is_strange(held):
                yield Touched(Deed.HELD, str(held))

    @contextmanager
    def _coding(
        self, folder: Path, names: Sequence[str], every: Collection[str] = ()
    ) -> Iterator[list[Touched]]:
        """What the codec touches inside the block; its death there is one over these images."""
        (folder / CODED).write_text(listed(names, 4), encoding="utf-8")
        if self._set_clock is not None:
            self._set_clock()
        home = nullcontext() if self._home is None else at_home_in(self._home)
        with home, self._audit.noting(every) as touched:
            yield touched


def _as_it_is() -> None:
    """Change nothing."""
