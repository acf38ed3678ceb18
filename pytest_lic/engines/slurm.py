"""Shards as jobs of a SLURM cluster, through submitit.

The project's folder must be one that all nodes see. Jobs go on when the process that submitted them
has ended: the same command finds them again by the ids in the work folder.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from pytest_lic.engines.engine import Needs
from pytest_lic.engines.task import Died, End, Hopeless, ShardTask, run_shard
from pytest_lic.engines.work_folder import WorkFolder
from pytest_lic.errors import UnavailableError, UsageError
from pytest_lic.measuring.shards import Shard
from pytest_lic.system.program import run_program
from pytest_lic.system.words import plural

_PAUSE = 0.2
_UNKNOWN = 60.0  # seconds in which a job that nobody knows may be one that is too new


class SlurmEngine:
    """A shard is a job of an array; SLURM finds it a node.

    Args:
        root: the project's root.
        folder: where the ids of jobs are kept, and submitit's own files.
        cluster: slurm, or local for processes of this machine.
        needs: what one shard takes of a node.
        minutes: that a shard may take.
        options: further ones of submitit, such as ``slurm_partition``.

    Raises:
        UnavailableError: submitit is not installed, or there is no SLURM here.
        UsageError: an option that submitit does not take.
    """

    def __init__(
        self,
        root: Path,
        folder: WorkFolder,
        cluster: str,
        needs: Needs,
        minutes: int,
        options: Mapping[str, Any],
    ) -> None:
        try:
            import submitit
        except ImportError as error:
            raise UnavailableError(
                f"--engine slurm needs submitit: pip install 'pytest-lic[slurm]' ({error})"
            ) from error
        self._submitit = submitit
        self._began = time.monotonic()
        self._root = str(root)
        self._folder = folder
        self._jobs: dict[Shard, Any] = {}
        self._refused: list[tuple[Shard, End]] = []
        if needs.gpus != int(needs.gpus):
            raise UsageError(f"--gpus {needs.gpus:g}: SLURM gives whole GPUs")
        settings: dict[str, Any] = {
            "name": "pytest-lic",
            "timeout_min": minutes,
            "cpus_per_task": max(1, round(needs.cpus)),
            "gpus_per_node": int(needs.gpus),
            **options,
        }
        if needs.memory:
            settings["mem_gb"] = needs.memory / 2**30
        try:
            self._executor = submitit.AutoExecutor(folder.path / "jobs", cluster=cluster)
            self._executor.update_parameters(**settings)
        except RuntimeError as error:
            raise UnavailableError(f"--engine slurm: no SLURM here: {error}") from error
        except (NameError, ValueError, TypeError) as error:
            raise UsageError(f"--engine slurm: {error}") from error

    @property
    def running(self) -> int:
        """How many run now."""
        return sum(self._state(job) == "RUNNING" for job in self._jobs.values())

    def submit(self, tasks: Sequence[ShardTask]) -> None:
        """Take shards; those that a job of before runs still are waited for."""
        new = [task for task in tasks if not self._find_again(task.shard)]
        roots = [self._root] * len(new)
        errors = self._submitit.core.utils
        try:
            jobs = self._executor.map_array(run_shard, new, roots) if new else []
        except (errors.FailedJobError, errors.FailedSubmissionError) as error:
            if not self._jobs:
                raise UnavailableError(f"--engine slurm: SLURM took no job: {error}") from error
            # Those that run are worth more than a scheduler that was busy for a moment.
            self._refused += [(task.shard, Died(f"SLURM took no job: {error}")) for task in new]
            return
        self._jobs |= {task.shard: job for task, job in zip(new, jobs, strict=True)}
        self._keep_ids()

    def wait(self, seconds: float) -> list[tuple[Shard, End]]:
        """Those that have come to an end."""
        refused, self._refused = self._refused, []
        if refused:
            time.sleep(seconds)
            return refused
        until = time.monotonic() + seconds
        while True:
            ended = [shard for shard, job in self._jobs.items() if self._has_ended(job)]
            if ended or time.monotonic() >= until:
                break
            time.sleep(_PAUSE)
        ends = [(shard, self._end(self._jobs.pop(shard))) for shard in ended]
        if ends:
            self._keep_ids()
        return ends

    def close(self, *, interrupted: bool) -> str:
        """Cancel jobs, or let them go on: they may have waited long for their turn."""
        jobs = list(self._jobs.values())
        self._jobs.clear()
        if not interrupted:
            for job in jobs:
                job.cancel(check=False)
            self._keep_ids()
        if not jobs or not interrupted:
            return ""
        ids = sorted({str(job.job_id).split("_", maxsplit=1)[0] for job in jobs})
        program = "scancel" if self._executor.cluster == "slurm" else "kill -INT"
        return f"{plural(len(jobs), 'job')} may go on; {program} {' '.join(ids)} ends them"

    def _find_again(self, shard: Shard) -> bool:
        """Whether a job of before runs a shard, or has run it to its end."""
        known = self._folder.jobs.get(shard.number)
        if known is None or shard in self._jobs:
            return False
        job = self._executor.job_class(self._executor.folder, known)
        if self._has_ended(job) and not job.paths.result_pickle.is_file():
            return False
        self._jobs[shard] = job
        return True

    def _keep_ids(self) -> None:
        self._folder.jobs = {shard.number: job.job_id for shard, job in self._jobs.items()}

    def _has_ended(self, job: Any) -> bool:
        return bool(job.paths.result_pickle.is_file()) or self._state(job) in _OVER

    def _state(self, job: Any) -> str:
        if self._executor.cluster == "local":
            return "RUNNING" if _is_alive(int(job.job_id)) else "NO PROCESS"
        state = str(job.state).split()[0]
        if state == "UNKNOWN":  # no accounting, or none of it yet: the queue knows those that are
            shown = run_program(["squeue", "--noheader", "--format=%T", f"--jobs={job.job_id}"])
            queued = shown.stdout.decode().split()
            known = time.monotonic() - self._began < _UNKNOWN
            state = queued[0] if queued else "PENDING" if known else "NO PROCESS"
        return state

    def _end(self, job: Any) -> End:
        if not job.paths.result_pickle.is_file():
            # Not asked for its result: submitit would wait for one that was preempted.
            state = self._state(job)
            job.cancel(check=False)
            return Died(f"its job {job.job_id} ended without results ({state})")
        try:
            end: End = job.result()
        except self._submitit.core.utils.UncompletedJobError as error:
            return _failed(str(error))
        return end


_OVER = (
    *("NO", "COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY"),
    *("BOOT_FAIL", "DEADLINE", "PREEMPTED", "NO PROCESS"),
)
"""States of a job that will not run any more."""


def _failed(text: str) -> Hopeless:
    """What a job raised, out of submitit's account of it."""
    rule = "-" * 22
    trace = text.partition(f"{rule}\n")[2].partition(f"\n{rule}")[0] or text
    why = trace.strip().splitlines()[-1]
    if "timed-out" in why:
        return Hopeless("it took longer than --minutes allows")
    return Hopeless(f"it failed there: {why}")


def _is_alive(process: int) -> bool:
    with suppress(ChildProcessError):
        os.waitpid(process, os.WNOHANG)  # a child of ours that ended is there until it is asked for
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
