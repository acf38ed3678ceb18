"""``pytest-lic ablation``: what one component does to rate, quality and time."""

from __future__ import annotations

import argparse
import shutil
import sys

from pytest_lic.ablation.ablation import ablation
from pytest_lic.ablation.result import Question
from pytest_lic.commands.plugin_options import (
    METRICS,
    add_plugin_options,
    origin_here,
    plugin_arguments,
    without,
)
from pytest_lic.commands.terminal import INTERRUPTED, say
from pytest_lic.commands.written import add_json, require_folders, write_outputs
from pytest_lic.errors import UsageError
from pytest_lic.measuring.rate_distortion import curve_metric
from pytest_lic.report.ablation import ablation_json, ablation_text
from pytest_lic.run.outside_pytest import opened_run

_OPTIONS = (
    *("codec", "component", "config", "corpus", "resolution", "device", "threads", "anchor"),
    *(*METRICS, "no-cache", "cache-dir"),
)
_MEANT_HERE = {
    "config": "codecs that FILE describes, beside all others",
    "anchor": "as --lic-anchor (default: bpg-444 where the corpus is Kodak, else jpeg)",
}
# Ini values that an ablation has no use for: a curve needs every quality, and nothing is gated.
_WITHOUT = ("lic_quality", "lic_lambda", "lic_require", "lic_prune", "lic_milestone")


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "ablation",
        help="compare the codecs that differ in one component alone",
        description="Compare the learned codecs that differ in one component alone: BD-rate, "
        "BD-PSNR and times. Uses what earlier runs measured, and measures what is missing; times "
        "are taken now. Ini settings of the plugin hold here too.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--by",
        required=True,
        metavar="TAG",
        help="the component tag that may differ, such as nonlinearity; or several, with commas",
    )
    parser.add_argument(
        "--reference",
        metavar="VARIANT",
        help="the variant compared with (default: gdn where there is one, else the first)",
    )
    parser.add_argument(
        "--metric",
        default="psnr",
        metavar="METRIC",
        help="quality axis: psnr, ms-ssim, or another metric that pytest-lic metrics lists "
        "(default: %(default)s)",
    )
    add_json(parser)
    parser.add_argument("--no-times", action="store_true", help="skip the times")
    parser.add_argument(
        "--repetitions",
        type=int,
        default=Question.repetitions,
        metavar="N",
        help="times taken of each image and quality (default: %(default)s)",
    )
    add_plugin_options(parser, _OPTIONS, _MEANT_HERE)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Compare, and print the tables."""
    by = tuple(dict.fromkeys(tag.strip() for tag in arguments.by.split(",") if tag.strip()))
    if not by:
        raise UsageError("--by is empty; expected a component tag, such as nonlinearity")
    if arguments.repetitions < 1:
        raise UsageError(
            f"--repetitions {arguments.repetitions}: expected 1 or more; or --no-times"
        )
    require_folders(arguments)
    name = arguments.metric.replace("-", "_")
    repetitions = 0 if arguments.no_times else arguments.repetitions
    origin = origin_here(*without(*_WITHOUT), *plugin_arguments(arguments, _OPTIONS))
    try:
        with opened_run(origin, ("psnr", name), say) as opened:
            axis = curve_metric(name, "--metric")
            question = Question(by, arguments.reference, axis, repetitions)
            result = ablation(opened, question, say)
    except KeyboardInterrupt:
        say("interrupted; the same command goes on with what it had measured")
        return INTERRUPTED
    width = shutil.get_terminal_size().columns
    print(ablation_text(result, width=width, color=sys.stdout.isatty()), end="")
    write_outputs(arguments, result, ablation_json)
    return 0
