"""Freed memory is kept, where malloc is glibc's; elsewhere nothing happens."""

from __future__ import annotations

import subprocess
import sys

import pytest

from lic_models.training.freed_memory import keep_freed_memory

FAULTS = """
import resource, sys
import torch
from lic_models.training.freed_memory import keep_freed_memory
if sys.argv[1] == "kept":
    keep_freed_memory()
for _ in range(10):  # until the heap has found its shape
    torch.ones(16 << 20)  # 64 MiB, more than malloc learns to keep by itself
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(8):
    torch.ones(16 << 20)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="mallopt is glibc's")
def test_the_system_no_longer_clears_the_same_pages_again() -> None:
    faults = {
        how: int(subprocess.run([sys.executable, "-c", FAULTS, how], capture_output=True).stdout)
        for how in ("kept", "given-back")
    }
    assert faults["kept"] < faults["given-back"] / 4


def test_another_system_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr("ctypes.CDLL", None)
    keep_freed_memory()
