"""The peak memory of one round, in the process and on a GPU."""

from __future__ import annotations

import pytest
import torch

from pytest_lic.adapters.network.heap_memory import keep_freed_memory
from pytest_lic.errors import Unavailable
from pytest_lic.timing.peak_memory import PeakMemory, peak_memory


def test_the_peak_of_a_round_is_seen_though_all_is_freed_at_its_end() -> None:
    size = 64_000_000

    def work() -> None:
        bytearray(b"x") * size

    memory = peak_memory("cpu", work)
    if isinstance(memory, Unavailable):
        pytest.skip(memory.reason)
    assert memory.added_bytes == pytest.approx(size, rel=0.25)
    assert memory.peak_bytes == memory.before_bytes + memory.added_bytes


def test_memory_freed_earlier_does_not_hide_it() -> None:
    if not keep_freed_memory():  # as the adapter does for networks on the CPU
        pytest.skip("the C library does not keep freed memory here")

    def work() -> None:
        torch.ones(16_000_000).add_(1)

    memories = [peak_memory("cpu", work) for _ in range(3)]
    if isinstance(memories[0], Unavailable):
        pytest.skip(memories[0].reason)
    for memory in memories:
        assert isinstance(memory, PeakMemory)
        assert memory.added_bytes == pytest.approx(64_000_000, rel=0.25)


def test_another_c_library_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.libc_ver", lambda: ("", ""))
    memory = peak_memory("cpu", pytest.fail)
    assert isinstance(memory, Unavailable)
    assert "glibc" in memory.reason


def test_a_kernel_that_refuses_is_a_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.setattr("pytest_lic.timing.peak_memory._RESET", tmp_path)  # a folder: no writing
    memory = peak_memory("cpu", pytest.fail)
    assert isinstance(memory, Unavailable)
    assert "glibc" in memory.reason or "kernel does not tell" in memory.reason


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA GPU here")
def test_on_a_gpu_it_is_of_the_round_alone() -> None:
    held = torch.ones(1_000_000, device="cuda")
    memory = peak_memory("cuda", lambda: torch.ones(4_000_000, device="cuda"))
    assert isinstance(memory, PeakMemory)
    assert memory.before_bytes >= held.nbytes
    assert memory.added_bytes == pytest.approx(16_000_000, rel=0.1)
