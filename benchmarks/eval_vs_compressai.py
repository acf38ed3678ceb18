"""The gate's speed beside CompressAI's own evaluation, doing the same work.

    python benchmarks/eval_vs_compressai.py KODAK_FOLDER [--rounds 3]

Codes the images with bmshj2018-factorized (N=128, M=192, seeded random weights) at two qualities
and computes bpp, PSNR and MS-SSIM, with nothing cached: ``python -m compressai.utils.eval_model``,
then this plugin in one process with two threads, then in two workers with one thread each. Whole
processes from start to exit, in turn. Prints the fastest wall time of each with its ratio to
CompressAI's, the processor time, and how far the results are apart.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tabulate import tabulate

QUALITIES = ("1", "2")
AGREEMENT = 1e-3
METRICS = {"bpp": "bpp", "psnr": "psnr-rgb", "ms_ssim": "ms-ssim-rgb"}

CONFTEST = """
from pathlib import Path

from pytest_lic.adapters.compressai import compressai_family


def network(quality):
    import torch
    from compressai.models import FactorizedPrior

    checkpoint = Path(__file__).parent / f"{quality}.pth.tar"
    network = FactorizedPrior.from_state_dict(torch.load(checkpoint, weights_only=True))
    network.update(force=True)
    return network


def pytest_lic_codecs():
    yield compressai_family("factorized", network, ["1", "2"])
"""


@dataclass(frozen=True)
class Took:
    """Seconds that one whole process and its children took."""

    wall: float
    processor: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images", type=Path, help="folder of images, such as Kodak's")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        compare(options.images.resolve(), options.rounds, Path(folder))


def compare(images: Path, rounds: int, folder: Path) -> None:
    write_checkpoints(folder)
    (folder / "conftest.py").write_text(CONFTEST)
    checkpoints = [str(folder / f"{quality}.pth.tar") for quality in QUALITIES]
    evaluate = ["compressai.utils.eval_model", "checkpoint", str(images)]
    evaluate += ["-a", "bmshj2018-factorized", "-p", *checkpoints]
    gate = ["pytest", "--pyargs", "pytest_lic.suites", "-m", "rd", "-p", "no:cacheprovider"]
    gate += [f"--rootdir={folder}", "--lic-codec=factorized", f"--lic-corpus={images}"]
    gate += ["--lic-metrics=psnr,ms_ssim", "--lic-no-cache", "--lic-update"]
    commands = {
        "CompressAI's eval_model": evaluate,
        "one process, two threads": [*gate, "--lic-threads", "2"],
        "two workers, one thread each": [*gate, "--lic-threads", "1", "-n", "2"],
    }
    took: dict[str, list[Took]] = {name: [] for name in commands}
    expected: dict[str, list[float]] = {}
    for turn in range(rounds):
        for name, command in commands.items():
            seconds, output = run(command, folder)
            took[name].append(seconds)
            print(f"round {turn + 1}: {name}: {seconds.wall:.1f} s", flush=True)
            if command is evaluate:
                expected = json.loads(output[output.index("{\n") :])["results"]
            else:
                check_agreement(expected, folder)
    reference = min(each.wall for each in took["CompressAI's eval_model"])
    rows = []
    for name, each in took.items():
        wall, processor = min(t.wall for t in each), min(t.processor for t in each)
        rows.append((name, wall, wall / reference, processor))
    columns = ("", "wall s", "ratio", "processor s")
    print("\n" + tabulate(rows, columns, "plain", floatfmt=("", ".1f", ".2f", ".1f")))


def write_checkpoints(folder: Path) -> None:
    """Networks whose strings are not all zeros, the second with the finer latents."""
    import torch
    from compressai.models import FactorizedPrior

    for quality in QUALITIES:
        torch.manual_seed(0)
        network = FactorizedPrior(128, 192)
        network.g_a[-1].weight.data *= 20 * int(quality)
        torch.save(network.state_dict(), folder / f"{quality}.pth.tar")


def run(command: list[str], folder: Path) -> tuple[Took, str]:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    finished = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        env=os.environ | {"OMP_NUM_THREADS": "2"},
        capture_output=True,
        text=True,
        check=False,
    )
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if finished.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{finished.stdout}\n{finished.stderr}")
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Took(wall, processor), finished.stdout


def check_agreement(expected: dict[str, list[float]], folder: Path) -> None:
    """Compare the means that the gate recorded with CompressAI's.

    bpp agrees although every byte of the container counts: that is 19 bytes for an image.
    """
    recorded = json.loads((folder / "baselines" / "factorized.json").read_text())["entries"]
    for entry in recorded:
        index = QUALITIES.index(entry["quality"])
        for ours, theirs in METRICS.items():
            difference = entry["mean"][ours] - expected[theirs][index]
            if abs(difference) > AGREEMENT:
                sys.exit(
                    f"quality {entry['quality']}: {ours} is {entry['mean'][ours]}, CompressAI's "
                    f"{expected[theirs][index]}; expected them within {AGREEMENT}"
                )
            print(f"  quality {entry['quality']}: {ours} {difference:+.6f}")


if __name__ == "__main__":
    main()
