"""How long pytest takes to collect the suites on a large grid, beside as many plain tests.

    python benchmarks/collection.py [--items 100000]

Prints wall time and peak memory of both, their ratio, and whether torch was loaded. Whole
processes, one after the other.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CODECS = """
import sys
from pytest_lic import CodecFamily

def pytest_lic_codecs():
    for index in range({families}):
        yield CodecFamily(f"codec{{index}}", [str(q) for q in range(8)], build=lambda q, d: None)

def pytest_unconfigure(config):
    print("torch loaded:", "torch" in sys.modules)
"""
PLAIN = """
import pytest

IDS = [f"codec{{index}}-q0-photos-native-b1-cpu" for index in range({items})]

@pytest.mark.parametrize("number", range({items}), ids=IDS)
def test_plain(number):
    pass
"""


def collect(folder: Path, *arguments: str) -> tuple[float, float, str]:
    """Wall seconds, peak memory in MB and the last lines of one ``pytest --collect-only``."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-qq", *arguments]
    out = folder / "out.txt"
    start = time.perf_counter()
    with out.open("w") as stream:
        process = subprocess.Popen(command, cwd=folder, stdout=stream, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if status:
        sys.exit(f"{' '.join(command)} failed:\n{out.read_text()[-2000:]}")
    return seconds, usage.ru_maxrss / 1000, out.read_text()[-200:].strip().splitlines()[-1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, default=100_000, help="tests to collect")
    items = parser.parse_args().items
    per_cell = 6  # tests of the suites for one cell, edge corpus and curves left out
    settings = ["--lic-batch=1,2,4,8,16", "--lic-resolution=64,96,128,192,256"]
    families = max(1, items // (8 * 25 * per_cell))
    with tempfile.TemporaryDirectory() as name:
        ours, plain = Path(name) / "ours", Path(name) / "plain"
        for folder in (ours, plain):
            folder.mkdir()
        (ours / "conftest.py").write_text(CODECS.format(families=families))
        (plain / "test_plain.py").write_text(PLAIN.format(items=items))
        suites = ["--pyargs", "pytest_lic.suites", "--lic-codec=codec*", *settings]
        time_plain, memory_plain, _ = collect(plain, "-p", "no:pytest_lic")
        time_ours, memory_ours, last = collect(ours, *suites)
    print(f"plain pytest, {items} tests: {time_plain:.1f} s, {memory_plain:.0f} MB")
    tests = families * 200 * per_cell
    print(f"pytest-lic, about {tests} tests: {time_ours:.1f} s, {memory_ours:.0f} MB; {last}")
    print(f"ratio of times: {time_ours / time_plain:.2f}")


if __name__ == "__main__":
    main()
