"""Let the C library keep large freed buffers, which makes networks on the CPU a quarter faster."""

from __future__ import annotations

import ctypes
import os
import platform
from functools import cache

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # <malloc.h> of glibc
_LARGEST_INT = 2**31 - 1


@cache
def keep_freed_memory() -> bool:
    """Keep freed memory in this process, up to 2 GiB of it; returns whether that took effect.

    By default glibc maps each buffer of more than 32 MiB anew and hands it back when freed. A
    layer's output for one photograph is larger, so that the kernel clears fresh pages for nearly
    every operation: for ``bmshj2018-factorized`` at 768×512 that is a quarter of the time.
    Nothing is done with another C library, or where the user tuned the allocator or chose another.
    """
    chosen = ("LD_PRELOAD", "GLIBC_TUNABLES")
    if any(name in chosen or name.startswith("MALLOC_") for name in os.environ):
        return False
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return bool(mallopt(_M_MMAP_MAX, 0)) and bool(mallopt(_M_TRIM_THRESHOLD, _LARGEST_INT))
