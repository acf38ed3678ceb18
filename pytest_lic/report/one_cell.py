"""One cell in words: the verdict, every image, and where the numbers come from."""

from __future__ import annotations

import io
import math
from collections.abc import Callable

from rich.console import Console
from rich.table import Table

from pytest_lic.measuring.measure import ImageResult, Measurement
from pytest_lic.measuring.metrics import METRICS, Metric
from pytest_lic.report.words import difference_text
from pytest_lic.run.one_cell import CellFacts
from pytest_lic.system.environment import Environment, differences

_COLUMNS = ("image", "size", "bytes", *(metric.heading for metric in METRICS.values()), "bits")
_LEFT = ("image", "bits")
_WIDE = 200  # where nobody's terminal sets a width


def cell_text(facts: CellFacts, *, width: int) -> str:
    """All of it; a number that the baseline has otherwise stands behind the baseline's."""
    console = Console(file=io.StringIO(), width=width or _WIDE, highlight=False)

    def say(text: str) -> None:
        console.print(text, markup=False, soft_wrap=True)

    say(facts.subject)
    for tag, choice in facts.tags.items():
        say(f"  {tag}: {choice}")
    say(f"  {facts.source}")
    _verdict(facts, say)
    for title, measurement in (("measured", facts.measured), ("baseline", facts.baseline)):
        if measurement is not None:
            say(f"{title}: {_circumstances(measurement)}")
    if facts.fingerprint is not None:
        say(f"fingerprint: {facts.fingerprint}")
    if facts.measured is not None and facts.baseline is not None:
        for difference in differences(facts.baseline.environment, facts.measured.environment):
            say(f"  environment: {difference}")
    shown = facts.measured or facts.baseline
    if shown is not None:
        console.print(_images(shown, facts.baseline if facts.measured is not None else None))
        for metric, reason in shown.unavailable().items():
            say(f"{metric} unavailable: {reason}")
        if shown.left_out:
            say(f"images left out: {', '.join(shown.left_out)}")
    for stream in facts.kept:
        say(
            f"kept bitstream of {stream.image}: {stream.bytes} bytes, {stream.width}×"
            f"{stream.height}, written at commit {(stream.commit or 'unknown')[:10]}"
        )
    for time in facts.times:
        say(f"time: {time.name}: {1000 * time.median:.2f} ms, median of {time.rounds} rounds")
    for remark in facts.remarks:
        say(f"remark: {remark}")
    for test in facts.tests:
        say(f"test: {test.outcome}: {test.id}")
        for line in test.text.splitlines():
            say(f"  {line}")
    assert isinstance(console.file, io.StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines()) + "\n"


def _verdict(facts: CellFacts, say: Callable[[str], None]) -> None:
    comparison = facts.comparison
    if comparison is None:
        return
    say(f"verdict: {comparison.verdict}{f': {comparison.reason}' if comparison.reason else ''}")
    for difference in comparison.differences:
        say(f"  {difference_text(difference)}")


def _circumstances(measurement: Measurement) -> str:
    setting = measurement.cell.setting
    lmbda = "" if measurement.lmbda is None else f"λ {measurement.lmbda:g}, "
    return (
        f"{lmbda}corpus {setting.corpus} ({measurement.corpus_digest}), {setting.resolution}, "
        f"batch {setting.batch}, {_environment(measurement.environment)}"
    )


def _environment(environment: Environment) -> str:
    packages = ", ".join(f"{name} {version}" for name, version in environment.packages.items())
    return (
        f"{environment.device}, {environment.threads} CPU threads, {environment.processor}, "
        f"{environment.system}, Python {environment.python}, {packages}"
    )


def _images(measurement: Measurement, baseline: Measurement | None) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in _COLUMNS:
        table.add_column(column, justify="left" if column in _LEFT else "right", no_wrap=True)
    for name, image in measurement.images.items():
        old = None if baseline is None else baseline.images.get(name)
        table.add_row(*_row(name, image, old))
    numbers = [
        _both(None if baseline is None else baseline.mean(name), measurement.mean(name), metric)
        for name, metric in METRICS.items()
    ]
    table.add_row("mean", "", "", *numbers, "")
    return table


def _row(name: str, image: ImageResult, old: ImageResult | None) -> tuple[str, ...]:
    sizes = [f"{each.bytes}" for each in (old, image) if each is not None]
    numbers = [
        _both(None if old is None else old.gated(name), image.gated(name), metric)
        for name, metric in METRICS.items()
    ]
    bits = ""
    if old is not None:
        same = (old.bitstream, old.reconstruction) == (image.bitstream, image.reconstruction)
        bits = "same" if same else "other"
    shown = " → ".join(dict.fromkeys(sizes))
    return (name, f"{image.width}×{image.height}", shown, *numbers, bits)


def _both(old: float | None, new: float | None, metric: Metric) -> str:
    """The baseline's number and the measured one; one where they look the same."""
    known = (value for value in (old, new) if value is not None)
    return " → ".join(dict.fromkeys(_number(value, metric) for value in known))


def _number(value: float, metric: Metric) -> str:
    shown = metric.shown(value)
    infinite = math.isinf(shown) and math.isfinite(value)
    return "∞" if infinite else f"{shown:.{metric.decimals}f}"
