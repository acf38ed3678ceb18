"""The ``pytest-lic`` command: what there is to test, what one component does, what is kept."""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from pytest_lic import cache
from pytest_lic.ablation import ablation
from pytest_lic.ablation_result import Question
from pytest_lic.commands import timing
from pytest_lic.discovery import Origin, rediscover
from pytest_lic.errors import LicError, UsageError
from pytest_lic.option_table import OPTIONS, Option
from pytest_lic.outside_pytest import opened_run
from pytest_lic.rate_distortion import CurveMetric
from pytest_lic.report.ablation import ablation_json, ablation_text

INTERRUPTED = 130

# The options of the plugin that a command takes too, without their ``lic-``.
_LISTING = ("config",)
_ABLATION = (
    *("codec", "component", "config", "corpus", "resolution", "device", "threads", "anchor"),
    *("metrics", "lpips-net", "lpips-weights", "no-cache", "cache-dir"),
)
_MEANT_HERE = {
    "config": "codecs that FILE describes, beside all others",
    "anchor": "as --lic-anchor (default: bpg-444 where the corpus is Kodak, else jpeg)",
}
# Ini values that an ablation has no use for: a curve needs every quality, and nothing is gated.
_WITHOUT = ("lic_quality", "lic_lambda", "lic_require", "lic_prune")
_METRICS: dict[str, CurveMetric] = {"psnr": "psnr", "ms-ssim": "ms_ssim_db"}
_MEASURED: dict[CurveMetric, tuple[str, ...]] = {
    "psnr": ("psnr",),
    "ms_ssim_db": ("psnr", "ms_ssim"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand; the exit status."""
    parser = argparse.ArgumentParser(
        prog="pytest-lic",
        description="Companion of the pytest plugin; the gates themselves run under pytest.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    listing = commands.add_parser("list", help="list the codecs that pytest would find here")
    _add_options(listing, _LISTING)
    listing.set_defaults(run=_list)
    _add_ablation(commands)
    caching = commands.add_parser("cache", help="show or clear the measurements kept between runs")
    caching.add_argument("--clear", action="store_true", help="remove every entry")
    caching.add_argument(
        "--dir", type=Path, default=cache.default_folder(), help="the cache's folder (%(default)s)"
    )
    caching.set_defaults(run=_cache)
    timing.add_parser(commands)
    given = parser.parse_args(arguments)
    try:
        status: int = given.run(given)
    except LicError as error:
        print(f"pytest-lic: {_as_typed(str(error))}", file=sys.stderr)
        return 2
    return status


def _add_ablation(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
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
        "--metric", choices=_METRICS, default="psnr", help="quality axis (default: %(default)s)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write all numbers here")
    parser.add_argument("--no-times", action="store_true", help="skip the times")
    parser.add_argument(
        "--repetitions",
        type=int,
        default=Question.repetitions,
        metavar="N",
        help="times taken of each image and quality (default: %(default)s)",
    )
    _add_options(parser, _ABLATION)
    parser.set_defaults(run=_ablate)


def _add_options(parser: argparse.ArgumentParser, names: Sequence[str]) -> None:
    """Options of the plugin, under their short names."""
    for option in _options(names):
        if option.flag:
            parser.add_argument(f"--{option.name}", action="store_true", help=option.help)
        else:
            parser.add_argument(
                f"--{option.name}",
                action="append" if option.many else "store",
                metavar=option.metavar,
                help=_MEANT_HERE.get(option.name, f"as {option.flag_name}"),
            )


def _options(names: Sequence[str]) -> list[Option]:
    return [option for option in OPTIONS if option.name in names]


def _origin(given: argparse.Namespace, names: Sequence[str], *more: str) -> Origin:
    """Where pytest would start from here, with the options that were given to the command."""
    arguments = list(more)
    for option in _options(names):
        value = getattr(given, option.name.replace("-", "_"))
        if value is True:
            arguments.append(option.flag_name)
        elif value:
            values = value if option.many else [value]
            arguments += [f"{option.flag_name}={text}" for text in values]
    return Origin(str(Path.cwd()), tuple(arguments), tuple(sys.path))


def _as_typed(text: str) -> str:
    """A message of the plugin with its options called as this command calls them."""
    names = "|".join(sorted({*_LISTING, *_ABLATION}, key=len, reverse=True))
    return re.sub(rf"--lic-({names})\b", r"--\1", text)


def _say(text: str) -> None:
    print(f"pytest-lic: {text}", file=sys.stderr, flush=True)


def _list(given: argparse.Namespace) -> int:
    families = rediscover(_origin(given, _LISTING))
    for family in families.by_name.values():
        try:
            reason = family.unavailable() if family.unavailable is not None else None
        except Exception as error:
            reason = f"finding out failed: {type(error).__name__}: {error}"
        tags = " ".join(f"{tag}={choice}" for tag, choice in family.tags.items())
        qualities = " ".join(
            label if lmbda is None else f"{label}(λ={lmbda:g})"
            for label, lmbda in family.qualities.items()
        )
        note = f"  unavailable: {reason}" if reason else ""
        print(f"{family.name}  qualities {qualities}  {tags}{note}")
    return 0


def _ablate(given: argparse.Namespace) -> int:
    by = tuple(dict.fromkeys(tag.strip() for tag in given.by.split(",") if tag.strip()))
    if not by:
        raise UsageError("--by is empty; expected a component tag, such as nonlinearity")
    if given.repetitions < 1:
        raise UsageError(f"--repetitions {given.repetitions}: expected 1 or more; or --no-times")
    if given.json is not None and not given.json.resolve().parent.is_dir():
        raise UsageError(f"--json {given.json}: there is no folder {given.json.resolve().parent}")
    metric = _METRICS[given.metric]
    repetitions = 0 if given.no_times else given.repetitions
    question = Question(by, given.reference, metric, repetitions)
    without = (argument for name in _WITHOUT for argument in ("-o", f"{name}="))
    origin = _origin(given, _ABLATION, *without)
    try:
        with opened_run(origin, _MEASURED[metric], _say) as run:
            found = ablation(run, question, _say)
    except KeyboardInterrupt:
        _say("interrupted; the same command goes on with what it had measured")
        return INTERRUPTED
    width = shutil.get_terminal_size().columns
    print(ablation_text(found, width=width, color=sys.stdout.isatty()), end="")
    if given.json is not None:
        text = json.dumps(ablation_json(found), indent=1, ensure_ascii=False)
        try:
            given.json.write_text(text + "\n", encoding="utf-8")
        except OSError as error:
            raise UsageError(f"--json {given.json}: can't be written: {error}") from error
    return 0


def _cache(given: argparse.Namespace) -> int:
    if given.clear:
        gone = cache.clear(given.dir)
        print(f"removed {gone.entries} measurements, {gone.size / 1e6:.1f} MB, from {gone.folder}")
    else:
        held = cache.usage(given.dir)
        print(f"{held.entries} measurements, {held.size / 1e6:.1f} MB, in {held.folder}")
    return 0
