"""A run without pytest's tests, for commands: the same families, options and measurements."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from pytest_lic.measuring.metrics import metric_named
from pytest_lic.project.discovery import Origin, discover, pytest_config
from pytest_lic.project.options import read_options
from pytest_lic.run.run import Run, new_run
from pytest_lic.run.shared import Shared


@contextmanager
def opened_run(origin: Origin, metrics: Sequence[str], say: Callable[[str], None]) -> Iterator[Run]:
    """A run over the families and with the options that pytest would have at ``origin``.

    The codecs of ``--lic-config`` join the others. The run's store is removed in the end; what is
    cached between runs stays.

    Args:
        origin: where pytest would be started, and how.
        metrics: what must be among the metrics, whatever the options say.
        say: shown while a cell takes long.

    Raises:
        LicError: an option, a family or a baseline that pytest would refuse.
    """
    with pytest_config(origin) as config:
        # Commands take times of their own, whatever -m in the ini file's addopts says, and are no
        # part of a run.
        families, options = discover(config), replace(read_options(config), timing=None, shard=None)
    chosen = {metric.name: metric for metric in options.metrics}
    needed = chosen | {
        name: metric_named(name, "--metric") for name in metrics if name not in chosen
    }
    shared = Shared.create(origin)
    try:
        run = new_run(replace(options, metrics=tuple(needed.values())), families, shared, say)
        try:
            yield run
        finally:
            run.close()
    finally:
        shared.remove()
