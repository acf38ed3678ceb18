"""What codes and takes times in one side's process, served by `system.child_main`.

Both sides run this same file, of the standard library alone, so that what is compared is measured
alike. Of the side's own pytest-lic, or of an installed one, it uses `Origin`, `rediscover`, and the
codecs they lead to. Tensors and bitstreams travel as files.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

Answer = dict[str, Any]


class SideServer:
    """The families of one side, the codec in use, and the batches it is timed on.

    Args:
        folder: of the side's origin.
        args: of it.
        repository: the user's own checkout, of which no module may come, but for what is installed
            in it and what lies in ``own``.
        own: the side's folder.
    """

    def __init__(self, folder: str, args: Sequence[str], repository: str, own: str) -> None:
        _die_with_parent()
        _forget_editable_installs(repository)
        self._origin = (folder, tuple(args), tuple(sys.path))
        self._repository = Path(repository)
        self._own = Path(own)
        self._families: Any = None
        self._codec: Any = None
        self._batches: list[Any] = []
        self._ballast: list[bytearray] = []
        self._wait: Callable[[], None] = lambda: None
        self._cpus = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None

    def families(self) -> Answer:
        """Every family that pytest would find: what a grid is made of."""
        self._find()
        described = [
            {
                "name": family.name,
                "qualities": dict(family.qualities),
                "tags": dict(family.tags),
                "devices": list(family.devices),
                "one_network": family.one_network,
                "trained": getattr(family, "trained", True),
                "unavailable": _unavailable(family),
            }
            for family in self._families.by_name.values()
        ]
        return {"families": described}

    def load(self, family: str, quality: str, device: str, threads: int) -> Answer:
        """Build a codec in the place of the one before, and elsewhere in memory."""
        import torch

        self._find()
        self._codec, self._batches = None, []
        self._run_on(self._cpus)
        gc.collect()
        torch.set_num_threads(threads)
        self._ballast = _ballast()
        self._codec = self._families[family].build(quality, device)
        if not gc.get_freeze_count():
            # What was imported lives on: collecting what a turn leaves behind then takes no time.
            gc.collect()
            gc.freeze()
        self._device = device
        if device.startswith("cuda"):
            self._wait = lambda: torch.cuda.synchronize(device)
        self._refuse_strangers()
        return {}

    def encode(self, batch: str, folder: str) -> Answer:
        """Code one image batch, a .npy file of float32 (B, 3, H, W), into numbered files."""
        bitstreams = self._codec.encode(self._tensor(batch))
        for index, bitstream in enumerate(bitstreams):
            Path(folder, f"{index}.bin").write_bytes(bitstream)
        return {"count": len(bitstreams)}

    def decode(self, bitstreams: Sequence[str], decoded: str) -> Answer:
        """Decode bitstreams, given as files, into the .npy file ``decoded``."""
        import numpy as np

        images = self._codec.decode([Path(file).read_bytes() for file in bitstreams])
        np.save(decoded, images.detach().cpu().numpy())
        return {}

    def keep(self, batches: Sequence[str], cpu: int | None) -> Answer:
        """Image batches to take times on, on one processor if given."""
        self._run_on(self._cpus if cpu is None else {cpu})
        self._batches = [self._tensor(batch) for batch in batches]
        self._refuse_strangers()
        return {}

    def turn(self, batch: int, calls: int) -> Answer:
        """Encode one of the batches ``calls`` times, then decode it as often: seconds of each.

        In two rows, since what the encoder does just before colours the decoder's time.
        """
        images = self._batches[batch]
        gc.collect()
        gc.disable()
        try:
            encode, decode = [], []
            for _ in range(calls):
                seconds, bitstreams = self._timed(self._codec.encode, images)
                encode.append(seconds)
            for _ in range(calls):
                decode.append(self._timed(self._codec.decode, bitstreams)[0])
        finally:
            gc.enable()
        return {"encode": encode, "decode": decode}

    def _run_on(self, cpus: Iterable[int] | None) -> None:
        if cpus is not None:
            os.sched_setaffinity(0, cpus)

    def _timed(self, step: Callable[[Any], Any], batch: Any) -> tuple[float, Any]:
        """Seconds that a step takes, a GPU's part included, and what it gives."""
        self._wait()
        start = time.perf_counter()
        result = step(batch)
        self._wait()
        return time.perf_counter() - start, result

    def _tensor(self, file: str) -> Any:
        import numpy as np
        import torch

        return torch.from_numpy(np.load(file)).to(self._device)

    def _find(self) -> None:
        if self._families is None:
            discovery = _discovery()
            self._families = discovery.rediscover(discovery.Origin(*self._origin))
            # It puts what this process had on its path behind; the side's own stays first.
            sys.path[:] = self._origin[2]
            self._refuse_strangers()

    def _refuse_strangers(self) -> None:
        served_by = {__file__, getattr(sys.modules["__main__"], "__file__", None)}
        strangers = []
        for name, module in list(sys.modules.items()):
            file = getattr(module, "__file__", None)
            if not isinstance(file, str) or file in served_by:
                continue
            path = Path(file).resolve()
            if path.is_relative_to(self._repository) and not (
                path.is_relative_to(self._own) or is_installed(path)
            ):
                strangers.append(f"{name} ({file})")
        if strangers:
            raise RuntimeError(
                f"{len(strangers)} modules come from the working tree, not from this side's "
                f"checkout: {', '.join(strangers[:3])}; import the project by its installed name, "
                "not through paths of your own"
            )


def _discovery() -> Any:
    """Where the side's own commit finds codecs; one from before the rooms has it elsewhere."""
    try:
        return importlib.import_module("pytest_lic.project.discovery")
    except ModuleNotFoundError as error:
        if error.name not in ("pytest_lic.project", "pytest_lic.project.discovery"):
            raise  # something that the side itself needs
        return importlib.import_module("pytest_lic.discovery")


def _ballast() -> list[bytearray]:
    """Memory of random amount, so that what is allocated next lies where chance puts it."""
    chance = random.SystemRandom()
    return [bytearray(chance.randrange(1, 200_000)) for _ in range(chance.randrange(1, 60))]


def _unavailable(family: Any) -> str | None:
    if family.unavailable is None:
        return None
    try:
        reason: str | None = family.unavailable()
    except Exception as error:
        return f"finding out failed: {type(error).__name__}: {error}"
    return reason


def is_installed(path: Path) -> bool:
    """Whether a file is of an environment, which may lie within the repository."""
    environments = {sys.prefix, sys.base_prefix}
    return bool({"site-packages", "dist-packages"} & set(path.parts)) or any(
        path.is_relative_to(Path(place, "lib").resolve()) for place in environments
    )


def _forget_editable_installs(repository: str) -> None:
    """Take away the import hooks by which an editable install leads into the working tree."""
    sys.meta_path[:] = [finder for finder in sys.meta_path if not _leads_to(finder, repository)]
    sys.path_hooks[:] = [hook for hook in sys.path_hooks if not _leads_to(hook, repository)]
    sys.path_importer_cache.clear()
    importlib.invalidate_caches()


def _leads_to(finder: object, repository: str) -> bool:
    """Whether an import hook, or the module that defines it, names a folder of the repository."""
    module = sys.modules.get(getattr(finder, "__module__", ""))
    if module is None or module.__name__.partition(".")[0] in sys.stdlib_module_names:
        return False
    known = {**vars(module), **getattr(finder, "__dict__", {})}
    own = [value for name, value in known.items() if not name.startswith("__")]
    return any(Path(text).is_relative_to(repository) for text in _texts(own) if "\0" not in text)


def _texts(values: Iterable[object]) -> Iterable[str]:
    """The texts among some values, in their lists and mappings too."""
    for value in values:
        if isinstance(value, str):
            yield value
        elif isinstance(value, list | tuple):
            yield from _texts(value)
        elif isinstance(value, dict):
            yield from _texts([*value.keys(), *value.values()])


def _die_with_parent() -> None:
    """On Linux, be killed when the parent is, even while a codec hangs."""
    if sys.platform == "linux":
        kill_me_then = 1  # PR_SET_PDEATHSIG
        ctypes.CDLL(None).prctl(kill_me_then, signal.SIGKILL)
