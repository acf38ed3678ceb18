"""How much memory one round needs at its peak, and how much is held, on a GPU or in the process."""

from __future__ import annotations

import ctypes
import gc
import platform
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pytest_lic.errors import Unavailable
from pytest_lic.system.process_memory import memory_bytes

_RESET = Path("/proc/self/clear_refs")
_GLIBC_ALONE = "the memory of one round can be told on Linux with glibc alone"
_RESET_PEAK = "5"  # proc(5): sets the peak resident set (VmHWM) to what is resident now


@dataclass(frozen=True)
class PeakMemory:
    """Bytes before a round and at its peak, and what they count.

    ``peak_bytes`` holds what was there before, weights included; what the round itself needed is
    ``added_bytes``.
    """

    before_bytes: int
    peak_bytes: int
    added_bytes: int
    counts: str


def peak_memory(device: str, work: Callable[[], object]) -> PeakMemory | Unavailable:
    """The peak of one round that is not timed, or why it can't be told.

    Args:
        device: ``cpu``, ``cuda`` or ``cuda:INDEX``.
        work: the round.
    """
    return _on_gpu(device, work) if device.startswith("cuda") else _in_process(work)


def held_memory(device: str) -> int | Unavailable:
    """Bytes that are held when all that was freed is given back, or why that can't be told.

    Of tensors on a GPU, and resident in the process on the CPU.
    """
    gc.collect()
    if device.startswith("cuda"):
        import torch

        torch.cuda.synchronize(device)
        return int(torch.cuda.memory_allocated(device))
    if platform.libc_ver()[0] != "glibc":
        return Unavailable(_GLIBC_ALONE)
    try:
        ctypes.CDLL(None).malloc_trim(0)
        return _memory("VmRSS")
    except OSError as error:
        return Unavailable(f"the kernel does not tell: {error}")


def _on_gpu(device: str, work: Callable[[], object]) -> PeakMemory:
    import torch

    torch.cuda.synchronize(device)
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    work()
    torch.cuda.synchronize(device)
    peak = torch.cuda.max_memory_allocated(device)
    return PeakMemory(before, peak, peak - before, "bytes of tensors that torch holds on the GPU")


def _in_process(work: Callable[[], object]) -> PeakMemory | Unavailable:
    if platform.libc_ver()[0] != "glibc":
        return Unavailable(_GLIBC_ALONE)
    try:
        # What earlier rounds freed may still be resident, and would hide what this one takes.
        ctypes.CDLL(None).malloc_trim(0)
        _RESET.write_text(_RESET_PEAK)
        before = _memory("VmRSS")
    except OSError as error:
        return Unavailable(f"the kernel does not tell: {error}")
    work()
    peak = _memory("VmHWM")
    return PeakMemory(
        before, peak, peak - before, "resident bytes of the process, freed memory returned before"
    )


def _memory(field: Literal["VmHWM", "VmRSS"]) -> int:
    size = memory_bytes(field)
    if size is None:
        raise OSError(f"/proc/self/status has no {field}")
    return size
