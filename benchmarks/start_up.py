"""How long a fresh process takes to start, beside one that imports torch alone.

    help      pytest-lic --help
    codec     a shipped codec is built, codes one image and decodes it
    rd        pytest -m rd on one shipped codec, all of it from the cache

Each is the least of several runs, one process at a time; run it on an idle machine:

    python benchmarks/start_up.py
    python benchmarks/start_up.py --python other/bin/python    another, such as an older one
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tabulate import tabulate

CODEC = """
import torch
from lic_models.families import families
family = {family.name: family for family in families()}["msh-gdn"]
codec = family.build("1", "cpu")
codec.decode(codec.encode(torch.rand(1, 3, 64, 64)))
"""
RD = ["-m", "pytest", "--pyargs", "pytest_lic.suites", "-m", "rd", "--lic-codec=msh-gdn"]


def seconds(command: list[str], runs: int, cwd: str) -> float:
    """The least of several runs, after one that fills the caches."""
    taken = []
    for _ in range(runs + 1):
        start = time.perf_counter()
        subprocess.run(command, cwd=cwd, check=True, capture_output=True)
        taken.append(time.perf_counter() - start)
    return min(taken[1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", default=sys.executable, help="of the installation (this one)")
    parser.add_argument(
        "--runs", type=int, default=5, help="of each, the least counts (%(default)s)"
    )
    arguments = parser.parse_args()
    python = [str(Path(arguments.python).absolute()), "-W", "ignore"]
    with tempfile.TemporaryDirectory() as folder:
        commands = {
            "torch": [*python, "-c", "import torch"],
            "help": [*python, "-m", "pytest_lic", "--help"],
            "codec": [*python, "-c", CODEC],
            "rd": [*python, *RD, "-p", "no:cacheprovider", f"--lic-cache-dir={folder}/cache"],
        }
        times = {name: seconds(each, arguments.runs, folder) for name, each in commands.items()}
    rows = [
        (name, f"{time_:.2f}", f"{time_ / times['torch']:.2f}") for name, time_ in times.items()
    ]
    print(tabulate(rows, ("what", "s", "× import torch"), tablefmt="pipe", disable_numparse=True))


if __name__ == "__main__":
    main()
