"""Processes: the child processes of a run, which code in its place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from pytest_lic.baselines.costs import Memory
from pytest_lic.checks.environment_matrix import EnvironmentMatrix, compare_environments
from pytest_lic.checks.fresh_process import FreshProcess, FreshProcesses
from pytest_lic.checks.hostile.process import HostileProcess
from pytest_lic.costs.memory import MemoryProcess
from pytest_lic.measuring.grid import Cell
from pytest_lic.run.setup import Setup
from pytest_lic.system.simulated_environments import why_not_here
from pytest_lic.system.ticker import Ticker


class Processes:
    """Starts children when they are first needed.

    Args:
        setup: how they find the families.
        say: shown while a cell takes long.
    """

    def __init__(self, setup: Setup, say: Callable[[str], None]) -> None:
        self._setup = setup
        self._say = say
        self._fresh = FreshProcesses(setup.shared.origin, setup.options.timeout)
        self._hostile: HostileProcess | None = None

    def fresh(self, family: str) -> FreshProcess:
        """The process that serves all cells of a family."""
        return self._fresh.of(family)

    def hostile(self) -> HostileProcess:
        """The process that decodes damaged bitstreams of all families."""
        if self._hostile is None:
            self._hostile = HostileProcess(self._setup.shared.origin, self._setup.options.timeout)
        return self._hostile

    def memory(self, cell: Cell) -> Memory:
        """What the cell's codec takes, in a process that ends thereafter.

        Raises:
            CodecError: it can't be built there, or does not code rightly.
            UnavailableError: it can't run here, or the system does not tell its memory.
        """
        options = self._setup.options
        with MemoryProcess(self._setup.shared.origin, options.timeout) as process:
            return process.measure(cell.family, cell.quality, cell.setting.device, options.threads)

    def matrix(self, cell: Cell) -> EnvironmentMatrix:
        """The cell encoded and decoded in every environment that was asked for.

        Raises:
            UnavailableError: the codec can't be had in the run's own environment.
        """
        threads = self._setup.options.threads
        wanted, unavailable = [], {}
        for environment in self._setup.options.environments:
            device = environment.device or cell.setting.device
            reason = why_not_here(environment, threads)
            reason = reason or self._setup.unavailable(cell.family, device)
            if reason is None:
                wanted.append(environment)
            else:
                unavailable[environment.name] = reason
        matrix = compare_environments(
            cell,
            self._setup.corpus(cell),
            wanted,
            lambda environment: self._fresh.of(cell.family, environment),
            threads,
            lambda doing: Ticker(f"{cell.id}, {doing}", self._say),
        )
        return replace(matrix, unavailable=unavailable | dict(matrix.unavailable))

    def close(self) -> None:
        """End them."""
        self._fresh.close()
        if self._hostile is not None:
            self._hostile.close()
            self._hostile = None
