"""Option: one ``--lic-*`` option with its ini twin, and the readers that its text may have."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_lic.baselines.tolerances import Tolerance, parse_tolerances
from pytest_lic.errors import UnknownNameError, UsageError
from pytest_lic.measuring.metrics import GROUPS, metrics_named
from pytest_lic.measuring.metrics.base import MetricOption
from pytest_lic.measuring.rate_distortion import CurveMetric, curve_metric
from pytest_lic.measuring.selection import absolute_corpora
from pytest_lic.measuring.shards import Shard
from pytest_lic.rate_matching import check_target
from pytest_lic.system.simulated_environments import SimulatedEnvironment, chosen_environments


@dataclass(frozen=True)
class Place:
    """What a reader knows beside the text.

    Args:
        option: the option's name on the command line, for errors.
        start: the folder where pytest was started.
        root: the root folder of the project.
    """

    option: str
    start: Path
    root: Path


MILESTONE_TOLERANCE = {"bd_rate": 1.0, "psnr": 0.05}
"""How much worse than at the milestone a mean may be, unless the user says otherwise."""

Reader = Callable[[Any, Place], Any]
"""From the text of an option, or the tuple of texts of one that takes many, to its value."""


def as_it_stands(text: Any, place: Place) -> Any:
    """The text, or all texts."""
    return text


@dataclass(frozen=True)
class Option:
    """One option: ``many`` takes commas and repetition, ``flag`` takes no value.

    ``read`` raises UsageError for a text that is not what the option takes.
    """

    name: str
    help: str
    default: str = ""
    metavar: str = ""
    many: bool = False
    flag: bool = False
    read: Reader = as_it_stands

    @property
    def flag_name(self) -> str:
        """Such as ``--lic-codec``."""
        return f"--lic-{self.name}"

    @property
    def ini_name(self) -> str:
        """Such as ``lic_codec``."""
        return f"lic_{self.name.replace('-', '_')}"


def each_of(read: Reader) -> Reader:
    """Reads each of many texts alike."""
    return lambda texts, place: tuple(read(text, place) for text in texts)


def number(kind: type[int] | type[float], least: float | None = None) -> Reader:
    """Reads a finite number."""

    def read(text: str, place: Place) -> float:
        try:
            value: float | None = kind(text)
        except ValueError:
            value = None
        if value is None or not math.isfinite(value) or (least is not None and value < least):
            bound = f" of at least {least:g}" if least is not None else ""
            raise UsageError(f"{place.option} {text!r}: expected a number{bound}")
        return value

    return read


def rates(texts: tuple[str, ...], place: Place) -> tuple[float, ...]:
    """Rates in bpp, each once, from the lowest on."""
    numbers = (check_target(number(float)(text, place), place.option) for text in texts)
    return tuple(sorted({float(f"{bpp:g}") for bpp in numbers}))


def text_or_none(text: str, place: Place) -> str | None:
    """The text, None where it is empty."""
    return text or None


def device(text: str, place: Place) -> str:
    """A device of torch's."""
    if text == "cpu" or text == "cuda" or (text.startswith("cuda:") and text[5:].isdigit()):
        return text
    raise UsageError(f"{place.option} {text!r}: expected cpu, cuda or cuda:INDEX")


def corpora(texts: tuple[str, ...], place: Place) -> tuple[str, ...]:
    """Built-in corpora by their names, others as absolute paths."""
    return absolute_corpora(texts, place.start)


def metrics(texts: tuple[str, ...], place: Place) -> tuple[str, ...]:
    """Names of quality metrics, each once, a group's in its place; the rate is measured always."""
    named = (metric for name in texts for metric in metrics_named(name, place.option))
    return tuple(dict.fromkeys(metric.name for metric in named if metric.of_pixels))


def groups_in_full(texts: tuple[str, ...], place: Place) -> tuple[str, ...]:
    """The texts, the metrics of a group in place of its name, each once."""
    return tuple(dict.fromkeys(each for text in texts for each in GROUPS.get(text, (text,))))


def axes(texts: tuple[str, ...], place: Place) -> tuple[CurveMetric, ...]:
    """The quality axes of these metrics, a group's in its place."""
    names = groups_in_full(texts, place)
    if not names:
        raise UsageError(f"{place.option} names no metric; expected such as psnr")
    return tuple(dict.fromkeys(curve_metric(name, place.option) for name in names))


def conditions(text: str, place: Place) -> tuple[CurveMetric, ...]:
    """The quality axes that common test conditions ask for; none where there are none."""
    if text and text not in GROUPS:
        raise UnknownNameError("conditions", text, GROUPS, place.option)
    return axes((text,), place) if text else ()


def milestone_tolerances(texts: tuple[str, ...], place: Place) -> dict[str, Tolerance]:
    """Metric → how much worse its mean may be; what is not named keeps its default."""
    numbers = dict(MILESTONE_TOLERANCE)
    for text in texts:
        metric, equals, tolerance = text.partition("=")
        if not equals:
            raise UsageError(f"{place.option} {text!r}: expected METRIC=NUMBER, such as psnr=0.05")
        numbers[metric.strip()] = number(float, least=0)(tolerance, place)
    tolerances = parse_tolerances(numbers, place.option)
    return {metric: tolerances[metric] for metric in numbers}


def environments(texts: tuple[str, ...], place: Place) -> tuple[SimulatedEnvironment, ...]:
    """The simulated environments of these names, the run's own the first."""
    return chosen_environments(texts)


def shard(text: str, place: Place) -> Shard | None:
    """One part of a run, such as ``3/16``; None where it is whole."""
    if not text:
        return None
    number, slash, count = text.partition("/")
    if not slash or not (number.strip().isdecimal() and count.strip().isdecimal()):
        raise UsageError(f"{place.option} {text!r}: expected such as 3/16, the third of sixteen")
    try:
        return Shard(int(number), int(count))
    except UsageError as error:
        raise UsageError(f"{place.option} {text}: {error}") from error


def path_from_start(text: str, place: Place) -> Path | None:
    """A path from where pytest was started; None where there is none."""
    return place.start / text if text else None


def how_computed(option: MetricOption) -> Option:
    """The option of a metric."""
    return Option(
        option.name,
        option.help,
        option.default,
        option.metavar,
        flag=option.flag,
        read=path_from_start if option.file else as_it_stands,
    )


def path_from_root(text: str, place: Place) -> Path:
    """A path from the root folder."""
    return place.root / text


def new_file(text: str, place: Place) -> Path | None:
    """A file to be written, whose folder is there; None where there is none."""
    if not text:
        return None
    path = (place.start / Path(text).expanduser()).resolve()
    if not path.parent.is_dir() or path.is_dir():
        what = "is a folder" if path.is_dir() else f"there is no folder {path.parent}"
        raise UsageError(f"{place.option} {text}: {what}; expected a file in a folder that exists")
    return path
