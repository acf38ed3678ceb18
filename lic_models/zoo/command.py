"""``zoo``: train every network of some configs for as long as there is time."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from pytest_lic.errors import UnavailableError, UsageError

INTERRUPTED = 130
_PROCESSES = {"cpu": 2, "cuda": 16}


def zoo(program: str, arguments: Sequence[str]) -> int:
    """Run the command; returns 0, 1 where a network failed, 130 where it was stopped.

    Raises:
        LicError: configs, data or options that are wrong, before anything is trained.
    """
    began = time.monotonic()
    options = _parser(program).parse_args(arguments)
    if not 0.0 < options.minutes < float("inf"):
        raise UsageError(f"--minutes {options.minutes:g}: expected a positive number")
    from lic_models.zoo.networks import find_networks
    from lic_models.zoo.slices import How
    from lic_models.zoo.summary import closing, opening, slice_line
    from lic_models.zoo.training import train
    from lic_models.zoo.turns import slice_minutes

    device = options.device or "cpu"
    _check_device(device)
    processes = options.processes or _default_processes(device)
    more = [word for word in options.options if word != "--"]
    if options.data is not None:
        if not options.data.is_dir():
            raise UsageError(f"--data {options.data}: no such folder; expected one of images")
        more.insert(0, f"--data.init_args.path={options.data}")
    runs = options.runs
    networks = find_networks(options.configs, runs, options.gigapixels, more)
    if options.start is not None:
        for network in networks:
            network.weights_in(options.start)
    length = options.slice or slice_minutes(options.minutes, processes, len(networks))
    how = How(device, processes, _compiles(options.compile, device), options.start, tuple(more))
    runs.mkdir(parents=True, exist_ok=True)
    if device == "cpu" and options.nice:
        os.nice(options.nice)
    print(opening(networks, options.minutes, length, how), flush=True)
    outcome = train(
        networks,
        options.minutes,
        length,
        how,
        lambda *told: print(slice_line(*told, options.minutes), flush=True),
        began,
    )
    for line in closing(networks, outcome):
        print(line, flush=True)
    if outcome.stopped:
        return INTERRUPTED
    return 1 if outcome.failed else 0


def _parser(program: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"{program} zoo",
        description="Train every quality of the named families for a number of minutes, the one "
        "that has come least far first. Checkpoints, logs and a ledger of steps, pixels, minutes "
        "and devices go to the folder of runs; the same command, here or on another machine that "
        "has the folder, goes on from there. Ctrl-C stops after the step.",
        epilog="options of fit may follow after --, for all networks: -- --seed_everything=2",
    )
    add = parser.add_argument
    add(
        "--configs",
        nargs="+",
        required=True,
        metavar="NAME",
        help="shipped configs by name or glob ('msh-*'), or paths of configs",
    )
    add("--data", type=Path, metavar="DIR", help="images to train on, in place of the config's")
    add("--minutes", type=float, required=True, metavar="M", help="for all of it")
    add("--device", choices=("cpu", "cuda"), help="cpu by default")
    add(
        "--gigapixels",
        type=float,
        metavar="G",
        help="pixels that each network is to see in all; the learning rate falls towards that end "
        "(by default as many steps as the config says)",
    )
    add(
        "--start",
        type=Path,
        metavar="DIR",
        help="exported weights, NAME-QUALITY.safetensors, that networks without a checkpoint "
        "begin with, in place of the start that their configs name",
    )
    add(
        "--processes",
        type=int,
        metavar="N",
        help="networks that train side by side, a thread each (2 on a CPU, at most its cores; "
        "16 on a GPU)",
    )
    add("--slice", type=float, metavar="M", help="minutes before another network has its turn")
    add("--runs", type=Path, default=Path("runs"), metavar="DIR", help="%(default)s")
    add(
        "--compile",
        choices=("auto", "yes", "no"),
        default="auto",
        help="compile the step; auto does where there is a compiler (%(default)s)",
    )
    add("--nice", type=int, default=10, metavar="N", help="on a CPU, give way (%(default)s)")
    add("options", nargs="*", help=argparse.SUPPRESS)
    return parser


def _check_device(device: str) -> None:
    if device != "cuda":
        return
    import torch

    if not torch.cuda.is_available():
        raise UnavailableError("--device cuda: PyTorch finds no GPU here; use --device cpu")


def _default_processes(device: str) -> int:
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return min(_PROCESSES[device], cores)


def _compiles(asked: str, device: str) -> bool:
    has_compiler = any(shutil.which(name) for name in (os.environ.get("CXX", "g++"), "clang++"))
    if asked == "yes" and device == "cpu" and not has_compiler:
        raise UnavailableError(
            "--compile yes: no C++ compiler (g++ or clang++, or what $CXX names) on the path; "
            "install one, or use --compile no"
        )
    return asked == "yes" or (asked == "auto" and (device == "cuda" or has_compiler))
