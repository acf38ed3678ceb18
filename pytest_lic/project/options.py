"""What the ``--lic-*`` options of one run come to: checked, resolved, and of the right types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import combinations
from pathlib import Path
from typing import Any, TypeVar

import pytest

from pytest_lic.baselines.tolerances import Tolerance, read_tolerances, tolerances_of
from pytest_lic.errors import UsageError
from pytest_lic.measuring.metrics import METRICS, Metric
from pytest_lic.measuring.rate_distortion import CurveMetric, metric_on
from pytest_lic.measuring.selection import Selection
from pytest_lic.measuring.shards import Shard
from pytest_lic.measuring.store import default_folder
from pytest_lic.measuring.timed_grid import TimingChoice
from pytest_lic.project.asked_for import wants_timing
from pytest_lic.project.metrics import find_metrics
from pytest_lic.project.pytest_options import Words, on_command_line, option_values, words
from pytest_lic.project.root import misled, project_root
from pytest_lic.system.simulated_environments import SimulatedEnvironment

Value = TypeVar("Value")


@dataclass(frozen=True)
class Options:
    """The options of one run, checked and resolved.

    What a single option comes to has its name; ``selection``, ``metrics``, ``cache`` and
    ``timing`` come of several. ``misled`` warns where pytest reads no configuration of the project.
    ``timing`` is None unless times are to be taken. ``environments`` are those to be compared, the
    run's own the first.
    """

    selection: Selection
    threads: int
    metrics: tuple[Metric, ...]
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
    crops: tuple[str, ...] = ()
    bd: tuple[CurveMetric, ...] = ("psnr",)
    ctc: tuple[CurveMetric, ...] = ()
    milestone: str | None = None
    milestone_tolerance: Mapping[str, Tolerance] = field(default_factory=dict)
    memory_tolerance: float = 10.0
    shard: Shard | None = None
    shard_seconds: Path | None = None
    lost: str = ""
    words: Words = field(default_factory=Words)


def read_options(config: pytest.Config, alone: Sequence[str] = ()) -> Options:
    """The options of ``config``: command line first, then ini, then the default.

    Args:
        config: of pytest.
        alone: families that are on the grid alone unless ``--lic-codec`` is on the command line.

    Raises:
        UsageError: a value that is not what its option takes, or two that exclude each other.
    """
    find_metrics(config)
    values = option_values(config)
    if alone and not on_command_line(config, "codec"):
        values["codec"] = tuple(alone)
    selection = Selection(
        codecs=values["codec"],
        qualities=values["quality"],
        lambdas=values["lambda"],
        components=values["component"],
        corpora=values["corpus"],
        resolutions=values["resolution"],
        batches=values["batch"],
        devices=values["device"],
        targets=values["target-bpp"],
    )
    _check_together(values, selection)
    if values["target-bpp"] and wants_timing(config):
        raise UsageError(
            "--lic-target-bpp: times are those of one encoding, and a target rate takes several; "
            "time qualities without it"
        )
    if values["shard"] and wants_timing(config):
        raise UsageError(
            "--lic-shard: times of several machines say nothing beside each other; take them "
            "without it, on one machine"
        )
    configured = {name: metric.configured(values) for name, metric in METRICS.items()}
    axes = (*values["bd"], *values["ctc"])
    names = [*values["metrics"], *(metric_on(axis).name for axis in axes)]
    values["metrics"] = tuple(configured[name] for name in dict.fromkeys(names))
    single = {each.name: each.name.replace("_", "-") for each in fields(Options)}
    return Options(
        **{name: values[option] for name, option in single.items() if option in values},
        selection=selection,
        anchors=values["anchor"],
        cache=None if values["no-cache"] else values["cache-dir"] or default_folder(),
        tolerances=tolerances_of(
            values["metrics"], read_tolerances(project_root(config) / "pyproject.toml")
        ),
        misled=misled(config),
        words=words(config),
        timing=_timing_choice(config, values, selection) if wants_timing(config) else None,
    )


def _check_together(values: Mapping[str, Any], selection: Selection) -> None:
    if values["prune"] and selection.narrows:
        raise UsageError(
            "--lic-prune needs a run of every codec and quality, or it would remove entries that "
            "were only not asked for; drop --lic-codec, --lic-quality, --lic-lambda, "
            "--lic-target-bpp, --lic-component and --lic-config"
        )
    for name in ("quality", "lambda"):
        if values["target-bpp"] and values[name]:
            raise UsageError(
                f"--lic-{name} chooses stored qualities, and --lic-target-bpp codes at rates in "
                "their place; drop one of the two"
            )
    writing = [name for name in ("update", "update-missing", "prune") if values[name]]
    if values["baselines-of"] and writing:
        raise UsageError(
            f"--lic-{writing[0]} changes the baselines that lie here, and --lic-baselines-of "
            f"{values['baselines-of']} compares with others; drop one of the two"
        )
    if values["shard"]:
        _check_shard(values)
    else:
        for name in ("shard-seconds", "lost"):
            if values[name]:
                raise UsageError(f"--lic-{name} is about one part of a run; give --lic-shard too")
    for one, other in combinations(("html", "json", "markdown"), 2):
        if values[one] is not None and values[one] == values[other]:
            raise UsageError(
                f"--lic-{one} and --lic-{other} both name {values[one]}; give each its own file"
            )


def _check_shard(values: Mapping[str, Any]) -> None:
    refused = {
        "update": "sees a part of the grid; pytest-lic record takes a merged one",
        "update-missing": "sees a part of the grid; pytest-lic record takes a merged one",
        "prune": "sees a part of the grid, and can't tell what is stale",
        "crops": "lacks some of the codecs that are to stand side by side",
        "milestone": "leaves curves to pytest-lic merge, which knows no milestone",
    }
    for name, why in refused.items():
        if values[name]:
            raise UsageError(f"--lic-{name}: a shard {why}; drop it, or --lic-shard")


def _timing_choice(
    config: pytest.Config, values: Mapping[str, Any], selection: Selection
) -> TimingChoice:
    """What to time. The ini file's corpora, resolutions and batches are meant for the gates."""

    def if_typed(name: str, value: Value) -> Value | None:
        return value if on_command_line(config, name) else None

    disabled = config.getoption("benchmark_disable", False)
    return TimingChoice(
        preset=values["preset"],
        corpora=if_typed("corpus", selection.corpora),
        resolutions=if_typed("resolution", selection.resolutions),
        batches=if_typed("batch", selection.batches),
        least_rounds=config.getoption("benchmark_min_rounds", TimingChoice.least_rounds),
        least_seconds=float(config.getoption("benchmark_max_time", TimingChoice.least_seconds)),
        run_once=disabled and not config.getoption("benchmark_enable", False),
    )
