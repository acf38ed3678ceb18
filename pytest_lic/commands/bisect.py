"""``pytest-lic bisect``: the commit that moved a number of a codec."""

from __future__ import annotations

import argparse
from pathlib import Path

from pytest_lic.ab.bisect import BD_RATE, Culprit, Question, bisect, number_text
from pytest_lic.ab.checkout import Repository
from pytest_lic.ab.result import Demand
from pytest_lic.commands.plugin_options import (
    ALONE,
    METRICS,
    add_plugin_options,
    origin_here,
    plugin_arguments,
    without,
)
from pytest_lic.commands.terminal import INTERRUPTED, ended_like_interrupted, say
from pytest_lic.errors import UsageError
from pytest_lic.measuring.metrics import metric_named
from pytest_lic.project.discovery import pytest_config
from pytest_lic.project.metrics import find_metrics
from pytest_lic.project.options import Options, read_options
from pytest_lic.system.git import commit_of_history, git
from pytest_lic.system.words import plural

_OPTIONS = (
    *("quality", "corpus", "resolution", "batch", "device", "threads"),
    *(name for name in METRICS if name != "metrics"),
)
_WITHOUT = ("lic_codec", "lic_require", "lic_prune", "lic_anchor", "lic_config", "lic_component")


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "bisect",
        help="find the commit that moved a number of a codec",
        description="Let git bisect choose commits between a good and a bad one, check each out in "
        "a folder of its own, install it without dependencies, and code the images with its codec. "
        "A commit is bad whose number is nearer to the bad one's; one without a number is skipped. "
        "The working tree stays as it is.",
        epilog="Exit status: 0 the commit is found; 2 it can't be told; 130 interrupted.",
        allow_abbrev=False,
    )
    parser.add_argument("codec", metavar="CODEC", help="the codec's name")
    parser.add_argument(
        "--good",
        metavar="REF",
        help="a commit before the move (default: the milestone, else the one that last recorded "
        "the codec's baselines)",
    )
    parser.add_argument(
        "--bad", metavar="REF", default="HEAD", help="a commit after it (default: %(default)s)"
    )
    parser.add_argument(
        "--metric",
        default=BD_RATE,
        metavar="NAME",
        help="the number: bd_rate, against the good commit, or the mean of bpp, psnr or another "
        "metric over images and qualities (default: %(default)s)",
    )
    parser.add_argument(
        "--timeout",
        type=float,
        default=Demand.timeout,
        metavar="SECONDS",
        help="how long one batch may take to code before its commit is skipped "
        "(default: %(default)g)",
    )
    add_plugin_options(parser, _OPTIONS, {})
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Look for the commit, and print it; the exit status.

    Raises:
        LicError: it can't be told.
    """
    if not 0 < arguments.timeout < float("inf"):
        raise UsageError(f"--timeout {arguments.timeout:g}: expected a number above 0")
    repository = Repository.around(Path.cwd())
    options = _options(arguments)
    question = Question(arguments.codec, arguments.metric, options, (), arguments.timeout)
    good = arguments.good or options.milestone or _last_recorded(repository, options, arguments)
    good, bad = (
        repository.described(name, commit_of_history(repository.root, name))
        for name in (good, arguments.bad)
    )
    try:
        with ended_like_interrupted():
            culprit = bisect(repository, good, bad, question, say)
    except KeyboardInterrupt:
        say("interrupted; every checkout is removed, nothing is kept")
        return INTERRUPTED
    print(_text(culprit, arguments.codec, arguments.metric))
    return 0


def _options(arguments: argparse.Namespace) -> Options:
    """Settings of the project as it lies here, with the metric alone."""
    metric = "psnr" if arguments.metric == BD_RATE else arguments.metric
    pytest_arguments = [*without(*_WITHOUT), *ALONE, *plugin_arguments(arguments, _OPTIONS)]
    with pytest_config(origin_here(*pytest_arguments, f"--lic-metrics={metric}")) as config:
        find_metrics(config)
        metric_named(metric, "--metric")
        return read_options(config)


def _last_recorded(repository: Repository, options: Options, arguments: argparse.Namespace) -> str:
    """The commit that last recorded the codec."""
    file = options.baselines / f"{arguments.codec}.json"
    found = git("log", "-1", "--format=%H", "--", str(file), cwd=repository.root).strip()
    if not found:
        raise UsageError(
            f"no commit has baselines of {arguments.codec} ({file}), so --good must name one that "
            "was good"
        )
    return found[:10]


def _text(culprit: Culprit, codec: str, number: str) -> str:
    counts = f"{plural(culprit.measured, 'commit')} measured"
    if culprit.skipped:
        counts += f", {culprit.skipped} skipped"
    moved = number_text(number, culprit.before, culprit.after)
    revision = culprit.revision
    return f"bisect: {counts}\n{revision.commit[:10]} {revision.subject}: {codec}: {moved}"
