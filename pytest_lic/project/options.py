"""What the ``--lic-*`` options of one run come to: checked, resolved, and of the right types."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest

from pytest_lic.baselines.tolerances import Tolerance, read_tolerances
from pytest_lic.errors import UnknownNameError, UsageError
from pytest_lic.measuring.metrics import METRICS, LPIPSOptions
from pytest_lic.measuring.selection import Selection, absolute_corpora
from pytest_lic.measuring.store import default_folder
from pytest_lic.measuring.timed_grid import TimingChoice
from pytest_lic.project.asked_for import wants_timing
from pytest_lic.project.option_table import on_command_line, option_values
from pytest_lic.project.root import misled, project_root
from pytest_lic.system.simulated_environments import SimulatedEnvironment, chosen_environments


@dataclass(frozen=True)
class Options:
    """The options of one run, checked and resolved.

    ``misled`` warns where pytest reads no configuration of the project. ``timing`` is None unless
    times are to be taken. ``environments`` are those to be compared, the run's own the first.
    """

    selection: Selection
    threads: int
    metrics: tuple[str, ...]
    lpips: LPIPSOptions
    anchors: tuple[str, ...]
    require: tuple[str, ...]
    strict: bool
    update: bool
    update_missing: bool
    prune: bool
    baselines: Path
    cache: Path | None
    timeout: float
    hostile: int
    tolerances: Mapping[str, Tolerance]
    misled: str | None
    timing: TimingChoice | None = None
    environments: tuple[SimulatedEnvironment, ...] = ()
    json: Path | None = None
    markdown: Path | None = None
    baselines_of: str | None = None
    html: Path | None = None


def read_options(config: pytest.Config, alone: Sequence[str] = ()) -> Options:
    """The options of ``config``: command line first, then ini, then the default.

    Args:
        config: of pytest.
        alone: families that are on the grid alone unless ``--lic-codec`` is on the command line.

    Raises:
        UsageError: a value that is not what its option takes.
    """
    values = option_values(config)
    if alone and not on_command_line(config, "codec"):
        values["codec"] = tuple(alone)
    metrics = tuple(metric for metric in values["metrics"] if metric != "bpp")
    for metric in metrics:
        if metric not in METRICS:
            raise UnknownNameError("metric", metric, METRICS, "--lic-metrics")
    start, root = config.invocation_params.dir, project_root(config)
    selection = Selection(
        codecs=values["codec"],
        qualities=values["quality"],
        lambdas=tuple(_number("lambda", text, float) for text in values["lambda"]),
        components=values["component"],
        corpora=absolute_corpora(values["corpus"], start),
        resolutions=values["resolution"],
        batches=tuple(_number("batch", text, int) for text in values["batch"]),
        devices=tuple(_device(text) for text in values["device"]),
    )
    if values["prune"] and selection.narrows:
        raise UsageError(
            "--lic-prune needs a run of every codec and quality, or it would remove entries that "
            "were only not asked for; drop --lic-codec, --lic-quality, --lic-lambda, "
            "--lic-component and --lic-config"
        )
    writing = [name for name in ("update", "update-missing", "prune") if values[name]]
    if values["baselines-of"] and writing:
        raise UsageError(
            f"--lic-{writing[0]} changes the baselines that lie here, and --lic-baselines-of "
            f"{values['baselines-of']} compares with others; drop one of the two"
        )
    weights = values["lpips-weights"]
    files = {name: _file(name, values[name], start) for name in ("html", "json", "markdown")}
    _require_different(files)
    cache = start / values["cache-dir"] if values["cache-dir"] else default_folder()
    return Options(
        selection=selection,
        threads=_number("threads", values["threads"], int, least=1),
        metrics=metrics,
        lpips=LPIPSOptions(
            net=values["lpips-net"],
            weights=start / weights if weights else None,
            download=values["lpips-download"],
        ),
        anchors=values["anchor"],
        require=values["require"],
        strict=values["strict"],
        update=values["update"],
        update_missing=values["update-missing"],
        prune=values["prune"],
        baselines=root / values["baselines"],
        cache=None if values["no-cache"] else cache,
        timeout=_number("timeout", values["timeout"], float, least=0.1),
        hostile=_number("hostile", values["hostile"], int, least=1),
        tolerances=read_tolerances(root / "pyproject.toml"),
        misled=misled(config),
        timing=_timing_choice(config, values, selection) if wants_timing(config) else None,
        environments=chosen_environments(values["environments"]),
        json=files["json"],
        markdown=files["markdown"],
        baselines_of=values["baselines-of"] or None,
        html=files["html"],
    )


def _file(name: str, text: str, start: Path) -> Path | None:
    """A file to be written, whose folder is there."""
    if not text:
        return None
    path = (start / Path(text).expanduser()).resolve()
    if not path.parent.is_dir() or path.is_dir():
        found = "is a folder" if path.is_dir() else f"there is no folder {path.parent}"
        raise UsageError(f"--lic-{name} {text}: {found}; expected a file in a folder that exists")
    return path


def _require_different(files: Mapping[str, Path | None]) -> None:
    """UsageError where one file would replace another."""
    named: dict[Path, str] = {}
    for name, path in files.items():
        if path is not None and path in named:
            raise UsageError(
                f"--lic-{named[path]} and --lic-{name} both name {path}; give each its own file"
            )
        if path is not None:
            named[path] = name


def _timing_choice(
    config: pytest.Config, values: Mapping[str, Any], selection: Selection
) -> TimingChoice:
    """What to time. The ini file's corpora, resolutions and batches are meant for the gates."""

    def given(name: str, value: _Value) -> _Value | None:
        return value if on_command_line(config, name) else None

    disabled = config.getoption("benchmark_disable", False)
    return TimingChoice(
        preset=values["preset"],
        corpora=given("corpus", selection.corpora),
        resolutions=given("resolution", selection.resolutions),
        batches=given("batch", selection.batches),
        least_rounds=config.getoption("benchmark_min_rounds", TimingChoice.least_rounds),
        least_seconds=float(config.getoption("benchmark_max_time", TimingChoice.least_seconds)),
        run_once=disabled and not config.getoption("benchmark_enable", False),
    )


_Value = TypeVar("_Value")
_Number = TypeVar("_Number", int, float)


def _number(
    name: str, text: str, kind: Callable[[str], _Number], least: float | None = None
) -> _Number:
    try:
        number: _Number | None = kind(text)
    except ValueError:
        number = None
    if number is None or not math.isfinite(number) or (least is not None and number < least):
        bound = f" of at least {least:g}" if least is not None else ""
        raise UsageError(f"--lic-{name} {text!r}: expected a number{bound}")
    return number


def _device(text: str) -> str:
    if text == "cpu" or text == "cuda" or (text.startswith("cuda:") and text[5:].isdigit()):
        return text
    raise UsageError(f"--lic-device {text!r}: expected cpu, cuda or cuda:INDEX")
