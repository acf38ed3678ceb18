"""Results of a shard that was given up: every test of it failed, for the reason that it was."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from pytest_lic.engines.task import Ended, ShardTask, end_of, shard_environment, why_refused
from pytest_lic.errors import ResultsError
from pytest_lic.results.json_file import load
from pytest_lic.results.results import Results
from pytest_lic.system.program import run_program


def lost_results(task: ShardTask, root: Path, reason: str) -> Results:
    """What pytest finds where it runs no test of a shard; made here, in a few seconds.

    Args:
        task: the shard.
        root: the project's root.
        reason: what each of its tests says.

    Raises:
        ResultsError: pytest could not even tell its tests.
    """
    with tempfile.TemporaryDirectory(prefix="pytest-lic-shard-") as new:
        file = Path(new, "results.json")
        command = task.command(file, f"--lic-lost={reason}")
        done = run_program(command, cwd=root / task.start, env=shard_environment())
        end = end_of(done.returncode, file, done.stdout + done.stderr)
        if isinstance(end, Ended) and end.results:
            results = load(file)
            # Whatever is collected here: what it was to test is not tested.
            return replace(results, run=replace(results.run, exit_status=1))
        why = why_refused(end.output) if isinstance(end, Ended) else end.reason
        raise ResultsError(f"shard {task.shard} was lost ({reason}), and what is in it too: {why}")
