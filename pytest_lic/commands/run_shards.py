"""``pytest-lic run``: the shards of a run as tasks of an engine, merged in the end."""

from __future__ import annotations

import argparse
import math
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tqdm import tqdm

from pytest_lic.commands.merge import OUTPUTS, add_files, conclude, require_files
from pytest_lic.commands.plugin_options import origin_here, without
from pytest_lic.commands.terminal import INTERRUPTED, ended_like_interrupted, say
from pytest_lic.engines.drive import drive
from pytest_lic.engines.engine import Engine, Needs
from pytest_lic.engines.lost import lost_results
from pytest_lic.engines.task import ShardTask
from pytest_lic.engines.work_folder import DEFAULT, Request, WorkFolder
from pytest_lic.errors import ResultsError, UsageError
from pytest_lic.measuring.shards import Shard
from pytest_lic.merging.merge import merge
from pytest_lic.merging.shard_results import ShardReader
from pytest_lic.project.discovery import Origin, discover, pytest_config
from pytest_lic.project.options import read_options
from pytest_lic.project.pytest_options import on_command_line
from pytest_lic.project.root import project_root
from pytest_lic.run.run import new_run
from pytest_lic.run.shared import Shared
from pytest_lic.system.garbage import uncollected
from pytest_lic.system.git import Commit, checked_out_commit
from pytest_lic.system.text_files import TextFiles
from pytest_lic.system.words import listed, plural

_OF_ENGINE = {
    "processes": "local",
    "address": "ray",
    "patience": "ray",
    "cluster": "slurm",
    "minutes": "slurm",
    "slurm": "slurm",
}
"""Options that one engine alone takes."""
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)i?B?", re.IGNORECASE)
_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "run",
        help="run pytest in shards, on this machine or on a cluster",
        usage="pytest-lic run [--engine local|ray|slurm] [OPTIONS] --out FILE -- PYTEST-ARGUMENTS",
        description="Run the parts of a grid as tasks of an engine, each a pytest with "
        "--lic-shard, and make one result of all, as pytest-lic merge does. Results that arrived "
        "are kept: the same command, given again, runs only what is missing.",
        epilog="Exit status: that of the run, had one machine done it: 0 passed, 1 something "
        "failed, or a shard was lost, 5 nothing was chosen; 2 it could not be run; 130 "
        "interrupted.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add(
        "--engine",
        choices=("local", "ray", "slurm"),
        default="local",
        help="what finds machines for the shards (default: %(default)s)",
    )
    add(
        "--shards",
        type=_count,
        metavar="N",
        help="how many (local: twice --processes by default; to be said for ray and slurm)",
    )
    add("--out", type=Path, required=True, metavar="FILE", help="write the result of all here")
    add_files(parser)
    add(
        "--tries",
        type=int,
        default=3,
        metavar="N",
        help="how often a shard whose machine died is tried again (default: %(default)s)",
    )
    add(
        "--work",
        type=Path,
        metavar="DIR",
        help=f"keep what has arrived here (default: {DEFAULT} in the project's root)",
    )
    add("--anew", action="store_true", help="run every shard, whatever arrived before")
    add("--processes", type=_count, metavar="N", help="local: side by side (default: the cores)")
    needs = parser.add_argument_group("what a shard takes of a node (ray, slurm)")
    needs.add_argument("--cpus", type=float, metavar="N", help="CPU cores (default: 1)")
    needs.add_argument("--gpus", type=float, metavar="N", help="GPUs; of Ray, a part of one too")
    needs.add_argument("--memory", type=_bytes, metavar="SIZE", help="such as 4G")
    ray = parser.add_argument_group("ray")
    ray.add_argument(
        "--address",
        metavar="HOST:PORT",
        help="of a running cluster (default: one of this machine, which ends with the run)",
    )
    ray.add_argument(
        "--patience",
        type=float,
        metavar="SECONDS",
        help="how long no node may have room for a shard before the rest is given up (default: 60)",
    )
    slurm = parser.add_argument_group("slurm")
    slurm.add_argument(
        "--cluster", choices=("slurm", "local"), help="local: submitit without SLURM, to try it"
    )
    slurm.add_argument(
        "--minutes", type=_count, metavar="M", help="time limit of a shard (default: 60)"
    )
    slurm.add_argument(
        "--slurm",
        action="append",
        metavar="KEY=VALUE",
        help="a further option of the jobs, such as partition=gpu, array_parallelism=8",
    )
    add("arguments", nargs="*", metavar="PYTEST-ARGUMENTS", help="after --, as pytest takes them")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run all shards and merge them; the exit status of the run.

    Raises:
        LicError: what pytest would refuse, or an engine that can't be had.
    """
    require_files(arguments, ())
    _check_engine(arguments)
    count = arguments.shards or _default_count(arguments)
    root, baselines = _project(arguments.arguments, count, arguments.engine)
    start = os.path.relpath(Path.cwd(), root)
    if arguments.engine == "ray" and start.startswith(os.pardir):
        raise UsageError(
            f"--engine ray: the project's root, {root}, travels, and {Path.cwd()} is not in it; "
            "start there"
        )
    # What the ini file says of such files is for one run, not for each of many.
    quiet = (*without("lic_html", "lic_markdown"), *arguments.arguments)
    written = [getattr(arguments, name) for name in OUTPUTS]
    work = arguments.work or root / DEFAULT
    apart = [work, *(path for path in written if path is not None)]

    def request() -> Request:
        return Request.here(quiet, count, root, start, apart)

    tasks = [ShardTask(quiet, Shard(number, count), start) for number in range(1, count + 1)]
    before = request()
    folder = WorkFolder(work, before)
    try:
        if arguments.anew:
            folder.forget()
        lost = _driven(arguments, folder, tasks, (root, baselines))
        if lost is None:
            return INTERRUPTED
        if request() != before:
            folder.forget()  # or they would be found again once the code is as it was
            raise ResultsError(
                "the project's code changed while the shards ran, so that they may be of one or "
                "the other; leave it alone, and run them again"
            )
        return _concluded(arguments, folder, tasks, root, lost)
    finally:
        folder.close()


def _driven(
    arguments: argparse.Namespace,
    folder: WorkFolder,
    tasks: Sequence[ShardTask],
    project: tuple[Path, Path],
) -> Mapping[int, str] | None:
    """Run what has not arrived; number of a shard that is lost → why, None after Ctrl-C."""
    count, (root, baselines) = len(tasks), project
    arrived = folder.arrived()
    missing = [task for task in tasks if task.shard.number not in arrived]
    if arrived:
        say(f"{plural(len(arrived), 'shard')} of {count} arrived before; --anew runs all")
    lost: Mapping[int, str] = {}
    if missing:
        commit = checked_out_commit(root, baselines)
        try:
            with ended_like_interrupted(), _engine(arguments, root, folder, commit) as engine:
                lost = drive(engine, missing, folder, arguments.tries, _Display(len(missing)))
        except KeyboardInterrupt:
            say(
                f"interrupted; {plural(len(folder.arrived()), 'shard')} of {count} are kept, and "
                "the same command goes on"
            )
            return None
    return lost


def _concluded(
    arguments: argparse.Namespace,
    folder: WorkFolder,
    tasks: Sequence[ShardTask],
    root: Path,
    lost: Mapping[int, str],
) -> int:
    files = folder.arrived().values()
    if lost and not files:
        raise ResultsError(f"no shard came to its end: {_listed_reasons(lost)}")
    failed = {
        f"lost shard {task.shard}": lost_results(
            task, root, f"shard {task.shard} was lost: {lost[task.shard.number]}"
        )
        for task in tasks
        if task.shard.number in lost
    }
    with uncollected():
        reader = ShardReader(TextFiles())
        named = {str(file): reader.load(file) for file in files}
        named |= {name: reader.of(results) for name, results in failed.items()}
        merged = merge(named, ("pytest-lic", *sys.argv[1:]), reader.files)
        status = conclude(arguments, merged, len(named))
    if lost:
        say(
            f"{plural(len(lost), 'shard')} of {len(tasks)} lost, whose tests count as failed; the "
            "others are kept, and the same command runs what is missing"
        )
    else:
        folder.remove()
    return status


def _listed_reasons(lost: Mapping[int, str]) -> str:
    return listed([f"shard {number}: {reason}" for number, reason in sorted(lost.items())], 5)


def _project(arguments: Sequence[str], count: int, engine: str) -> tuple[Path, Path]:
    """The project's root and its folder of baselines; LicError over what pytest would refuse."""
    with pytest_config(origin_here(*arguments, f"--lic-shard=1/{count}")) as config:
        options = read_options(config)
        if config.getoption("xmlpath", None):
            raise UsageError(
                "--junit-xml: each shard would write it; use --junit of pytest-lic run"
            )
        for name in ("json", "html", "markdown"):
            if on_command_line(config, name):  # or in addopts
                other = "out" if name == "json" else name
                raise UsageError(
                    f"--lic-{name}: each shard would write it; use --{other} of pytest-lic run"
                )
        if any(word.startswith("--lic-shard=") or word == "--lic-shard" for word in arguments):
            raise UsageError("--lic-shard: pytest-lic run says which shard is which; drop it")
        if engine == "ray" and options.baselines_of is not None:
            raise UsageError(
                f"--lic-baselines-of {options.baselines_of} needs git's history, which does not "
                "travel to a Ray cluster; drop it, or take another engine"
            )
        families, shared = discover(config), Shared.create(Origin.of(config))
        try:
            new_run(options, families, shared, say).close()
        finally:
            shared.remove()
        return project_root(config), options.baselines


@contextmanager
def _engine(
    arguments: argparse.Namespace, root: Path, folder: WorkFolder, commit: Commit | None
) -> Iterator[Engine]:
    """The engine that was asked for, closed at the end."""
    needs = Needs(arguments.cpus or 1.0, arguments.gpus or 0.0, arguments.memory or 0)
    engine: Engine
    if arguments.engine == "ray":
        from pytest_lic.engines.ray_cluster import RayEngine

        patience = 60.0 if arguments.patience is None else arguments.patience
        engine = RayEngine(root, arguments.address, needs, patience, commit)
    elif arguments.engine == "slurm":
        from pytest_lic.engines.slurm import SlurmEngine

        engine = SlurmEngine(
            root,
            folder,
            arguments.cluster or "slurm",
            needs,
            arguments.minutes or 60,
            _slurm_options(arguments.slurm or ()),
        )
    else:
        from pytest_lic.engines.local import LocalEngine

        engine = LocalEngine(root, arguments.processes or _cores())
    interrupted = False
    try:
        yield engine
    except KeyboardInterrupt:
        interrupted = True
        raise
    finally:
        remark = engine.close(interrupted=interrupted)
        if remark:
            say(remark)


class _Display:
    """A bar of shards on a terminal; elsewhere, a line now and then."""

    def __init__(self, total: int) -> None:
        self._bar = tqdm(
            total=total, unit="shard", desc="shards", mininterval=0.5 if sys.stderr.isatty() else 30
        )

    def update(self, done: int, running: int, lost: int) -> None:
        """Show the present state."""
        self._bar.update(done + lost - self._bar.n)
        self._bar.set_postfix(running=running, lost=lost, refresh=False)
        if self._bar.n == self._bar.total:
            self._bar.close()

    def say(self, text: str) -> None:
        """Show a line that stays."""
        self._bar.write(f"pytest-lic: {text}", file=sys.stderr)


def _check_engine(arguments: argparse.Namespace) -> None:
    for name, engine in _OF_ENGINE.items():
        if getattr(arguments, name) is not None and arguments.engine != engine:
            raise UsageError(f"--{name} is an option of --engine {engine}")
    for name in ("cpus", "gpus", "memory"):
        if getattr(arguments, name) is not None and arguments.engine == "local":
            raise UsageError(f"--{name} is an option of --engine ray and slurm")
    if arguments.tries < 0:
        raise UsageError(f"--tries {arguments.tries}: expected 0 or more")
    for name, least in (("cpus", 1e-4), ("gpus", 0.0), ("patience", 0.0)):
        value = getattr(arguments, name)
        if value is not None and not least <= value < math.inf:
            raise UsageError(f"--{name} {value:g}: expected a number of at least {least:g}")


def _default_count(arguments: argparse.Namespace) -> int:
    if arguments.engine != "local":
        raise UsageError(f"--shards: with --engine {arguments.engine}, say how many")
    return 2 * (arguments.processes or _cores())


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def _slurm_options(words: Sequence[str]) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            raise UsageError(f"--slurm {word!r}: expected KEY=VALUE, such as partition=gpu")
        options[f"slurm_{key}"] = int(value) if value.isdecimal() else value
    return options


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a whole number of at least 1")
    return int(text)


def _bytes(text: str) -> int:
    match = _SIZE.fullmatch(text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a size, such as 4G or 512M")
    return int(float(match[1]) * _UNITS[match[2].upper()])
