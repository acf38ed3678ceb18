"""The children of a family: one for each environment, few of them alive, none left behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_lic.checks.fresh_process import FreshProcesses
from pytest_lic.errors import UnavailableError
from pytest_lic.project.discovery import Origin
from pytest_lic.system.simulated_environments import ENVIRONMENTS, HERE, why_not_here
from tests.helpers.raw_codec import photo
from tests.helpers.toy_project import Project

# Each bitstream tells where it was made.
TELLING = """
import json, os

import torch

from pytest_lic import CodecFamily


class Telling:
    def __init__(self):
        self.swapped = False
        self.built_with = torch.get_num_threads()

    def swap_memory_format(self):
        self.swapped = True

    def encode(self, images):
        told = {
            "pid": os.getpid(),
            "threads": torch.get_num_threads(),
            "built with": self.built_with,
            "instructions": torch.backends.cpu.get_cpu_capability(),
            "mkldnn": torch.backends.mkldnn.enabled,
            "swapped": self.swapped,
        }
        return [json.dumps(told).encode()] * len(images)

    def decode(self, bitstreams):
        raise NotImplementedError


def pytest_lic_codecs():
    yield CodecFamily("telling", ["1"], lambda quality, device: Telling())
    yield CodecFamily("other", ["1"], lambda quality, device: Telling())
"""


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[FreshProcesses]:
    (tmp_path / "conftest.py").write_text(TELLING)
    made = FreshProcesses(Origin(str(tmp_path), (), tuple(sys.path)), timeout=100)
    yield made
    made.close()


def told(processes: FreshProcesses, name: str = "here", family: str = "telling") -> dict[str, Any]:
    """What a process of this environment says of itself."""
    environment = ENVIRONMENTS[name]
    threads = environment.threads or 1
    process = processes.of(family, environment)
    (bitstream,) = process.encode(family, "1", "cpu", [photo()], threads=threads)
    found: dict[str, Any] = json.loads(bitstream)
    return found


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("name", ["threads-4", "oldest", "avx2", "no-mkldnn", "contiguous"])
def test_an_environment_reaches_its_process_before_the_codec_is_built(
    processes: FreshProcesses, name: str
) -> None:
    if why_not_here(ENVIRONMENTS[name], 1):
        pytest.skip(f"{name} can't be simulated here: {why_not_here(ENVIRONMENTS[name], 1)}")
    here, there = told(processes), told(processes, name)
    differences = {key: there[key] for key in here if here[key] != there[key] and key != "pid"}
    assert (
        differences
        == {
            "threads-4": {"threads": 4, "built with": 4},
            "oldest": {"instructions": "DEFAULT"},
            "avx2": {"instructions": "AVX2"},
            "no-mkldnn": {"mkldnn": False},
            "contiguous": {"swapped": True},
        }[name]
    )


def test_one_process_serves_an_environment_and_few_are_alive(processes: FreshProcesses) -> None:
    names = ["here", "threads-2", "threads-4", "no-mkldnn"]
    pids = [told(processes, name)["pid"] for name in names]
    assert [alive(pid) for pid in pids] == [False, True, True, True]
    back = [told(processes, name)["pid"] for name in reversed(names)]
    assert back[:3] == pids[:0:-1], "on the way back the last ones are still there"
    assert back[3] != pids[0]


def test_another_family_ends_the_processes_of_the_one_before(processes: FreshProcesses) -> None:
    first = told(processes)["pid"]
    second = told(processes, family="other")["pid"]
    assert not alive(first)
    processes.close()
    assert not alive(second)


def test_a_codec_without_another_memory_format_is_unavailable_there(
    processes: FreshProcesses, tmp_path: Path
) -> None:
    source = TELLING.replace("swap_memory_format", "swap_nothing")
    (tmp_path / "conftest.py").write_text(source)
    with pytest.raises(UnavailableError, match="telling has one memory format only"):
        told(processes, "contiguous")
    assert processes.of("telling", HERE) is not processes.of("telling", ENVIRONMENTS["oldest"])


def test_an_interrupted_comparison_leaves_no_process_behind(small: Project) -> None:
    change = """
        import os, pathlib, signal, time

        class Interrupting(Toy):
            def encode(self, images):
                if torch.get_num_threads() == 2:
                    pathlib.Path(__file__).with_name("pid").write_text(str(os.getpid()))
                    os.kill(os.getppid(), signal.SIGINT)
                    time.sleep(100)
                return super().encode(images)
    """
    small.write_codec(change, codec="Interrupting", fingerprint="lambda quality: 'other'")
    command = small.command(
        *("-m", "determinism", "-k", "environments"),
        *("--lic-quality=1", "--lic-environments=threads-2"),
    )
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", *command],
        cwd=small.path,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert ended.returncode == pytest.ExitCode.INTERRUPTED, ended.stdout
    pid = int((small.path / "pid").read_text())
    deadline = time.monotonic() + 10
    while alive(pid) and time.monotonic() < deadline:  # reaped by init
        time.sleep(0.1)
    assert not alive(pid)
