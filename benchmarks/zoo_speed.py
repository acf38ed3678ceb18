"""Megapixels per second of the zoo beside those of ``fit``, on the same networks.

    python benchmarks/zoo_speed.py DATA [--configs msh-gdn fp-gdn] [--minutes 2] [--device cuda]

``fit`` trains one network at a time with all cores and steps that are not compiled, as it does when
nothing is asked of it; the zoo trains several side by side. Each network gets the same minutes,
start-up and compiling included. Run it on an idle machine.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from tabulate import tabulate

from lic_models.zoo import ledger
from lic_models.zoo.networks import Network, find_networks

PROGRAM = [sys.executable, "-m", "lic_models"]


def fitted(network: Network, minutes: float, options: list[str]) -> float:
    """Megapixels per second of one network's ``fit``."""
    began = time.monotonic()
    subprocess.run(
        [
            *PROGRAM,
            "fit",
            f"--config={network.config}",
            f"--quality={network.quality}",
            f"--minutes={minutes}",
            f"--trainer.logger.init_args.save_dir={network.runs}",
            *options,
        ],
        check=True,
        capture_output=True,
    )
    return float(network.trained()["pixels"]) / 1e6 / (time.monotonic() - began)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="folder of images")
    parser.add_argument("--configs", nargs="+", default=["msh-gdn"], metavar="NAME")
    parser.add_argument("--minutes", type=float, default=2.0, help="for each network")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    more = [f"--data.init_args.path={options.data.resolve()}"]
    accelerator = ["--trainer.accelerator=" + ("gpu" if options.device == "cuda" else "cpu")]
    with TemporaryDirectory() as folder:
        alone, together = Path(folder, "fit"), Path(folder, "zoo")
        networks = find_networks(options.configs, alone, None, more)
        one_by_one = {n.name: fitted(n, options.minutes, [*more, *accelerator]) for n in networks}
        minutes = options.minutes * len(networks) / options.processes
        began = time.monotonic()
        subprocess.run(
            [
                *PROGRAM,
                "zoo",
                "--configs",
                *options.configs,
                f"--data={options.data}",
                f"--device={options.device}",
                f"--processes={options.processes}",
                f"--minutes={minutes}",
                f"--slice={options.minutes}",
                f"--runs={together}",
            ],
            check=True,
        )
        seconds = time.monotonic() - began
        slices = ledger.read(together)
        rows = [
            (name, f"{rate:.2f}", ", ".join(_rate(s) for s in slices if s.network == name))
            for name, rate in one_by_one.items()
        ]
        in_all = sum(done.pixels for done in slices) / 1e6 / seconds
        mean = sum(one_by_one.values()) / len(one_by_one)
    rows.append(("in all", f"{mean:.2f}", f"{in_all:.2f}"))
    print(tabulate(rows, ("network", "fit MP/s", "zoo MP/s"), disable_numparse=True))
    print(f"zoo / fit: {in_all / mean:.2f}")
    return 0


def _rate(done: ledger.Slice) -> str:
    return f"{done.megapixels_per_second:.2f}"


if __name__ == "__main__":
    sys.exit(main())
