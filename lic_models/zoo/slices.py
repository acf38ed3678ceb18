"""One slice of one network's training: ``fit``, in a process of its own.

A process a slice: what one network does to memory, or to the compiler's caches, is gone with it,
and one that fails takes no other along.
"""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock

from lic_models.training.metrics_file import NAME as METRICS
from lic_models.zoo.ledger import Slice
from lic_models.zoo.networks import Network
from pytest_lic.errors import CodecError

LOG = "fit.log"
_TRAINER = {
    "cpu": ["--trainer.accelerator=cpu"],
    "cuda": ["--trainer.accelerator=gpu", "--trainer.precision=bf16-mixed"],
}


@dataclass(frozen=True)
class How:
    """What all slices share.

    Args:
        device: cpu or cuda.
        processes: side by side.
        compiled: compile the step.
        start: folder of exported weights that networks begin with; None for their configs' own.
        options: more options of `fit`.
    """

    device: str
    processes: int
    compiled: bool
    start: Path | None = None
    options: tuple[str, ...] = ()


class Children:
    """The processes that train, so that all can be told to stop."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = Lock()
        self._stopping = False

    def run(self, command: Sequence[str], log: Path) -> int:
        """Run a command to its end, its output added to ``log``; returns its exit status."""
        # One thread a process: two threads of one small network mostly wait for each other.
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
        with log.open("ab") as output:
            with self._lock:
                if self._stopping:
                    return -signal.SIGINT
                # A session of its own: Ctrl-C in a terminal reaches it through `stop` alone.
                child = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=environment,
                    start_new_session=True,
                )
                self._running.add(child)
            _give_way(child.pid)
            try:
                return child.wait()
            finally:
                with self._lock:
                    self._running.discard(child)

    def stop(self) -> None:
        """Let every process finish its step and write a checkpoint, and start no other."""
        with self._lock:
            self._stopping = True
            for child in self._running:
                child.send_signal(signal.SIGINT)


def train_slice(
    network: Network, start: Path | None, minutes: float, how: How, children: Children
) -> Slice | None:
    """Train a network for some minutes, from its checkpoint or from the first.

    Args:
        network: which.
        start: the weights that a first slice begins with; None for the config's own.
        minutes: how long, start-up included.
        how: what all slices share.
        children: where the process is kept.

    Returns:
        What it took; None where it was stopped before its first checkpoint.

    Raises:
        CodecError: the process failed; with its last line, and where the others are.
    """
    before = network.trained()
    folder = network.runs / network.name
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / LOG
    status = children.run(_command(network, start, minutes, how), log)
    if status not in (0, 130, -signal.SIGINT):
        raise CodecError(f"{network.name}: {_last_words(log)} (exit status {status}; {log})")
    after = network.trained()
    if after["steps"] == before["steps"]:
        return None
    return Slice(
        network.name,
        after["steps"],
        after["pixels"] - before["pixels"],
        round(after["minutes"] - before["minutes"], 2),
        how.device,
        after["machine"],
        how.processes,
        validation_loss(folder),
        datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _give_way(pid: int) -> None:
    """Let a session of its own be as nice as this process.

    Where Linux shares the processor among sessions first (autogroup), a process's own niceness
    counts within its session alone.
    """
    group = Path(f"/proc/{pid}/autogroup")
    if group.is_file():
        with suppress(OSError):  # it has ended by now, or the system lets nobody write there
            group.write_text(str(os.getpriority(os.PRIO_PROCESS, 0)))


def validation_loss(folder: Path) -> float | None:
    """The last validation loss in a run's log; None before the first."""
    path = folder / METRICS
    if not path.is_file():
        return None
    with path.open(newline="", encoding="utf-8") as file:
        losses = [row.get("validation_loss") for row in csv.DictReader(file)]
    found = [float(loss) for loss in losses if loss]
    return found[-1] if found else None


def _command(network: Network, start: Path | None, minutes: float, how: How) -> list[str]:
    command = [
        *(sys.executable, "-m", "lic_models", "fit"),
        f"--config={network.config}",
        f"--quality={network.quality}",
        f"--minutes={minutes:.3f}",
        f"--trainer.max_steps={network.last_step()}",
        *_TRAINER[how.device],
        f"--trainer.logger.init_args.save_dir={network.runs}",
        f"--model.compiled={str(how.compiled).lower()}",
        *how.options,
    ]
    if network.checkpoint.is_file():
        command.append(f"--ckpt_path={network.checkpoint}")
    elif start is not None:
        command.append(f"--model.start={start}")
    return command


def _last_words(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1][-500:] if lines else "ended without a word"
