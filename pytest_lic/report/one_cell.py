"""One cell in words: the verdict, every image, and where the numbers come from."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.table import Table

from pytest_lic.measuring.measure import ImageResult, Measurement, reported_metrics
from pytest_lic.measuring.metrics import Metric
from pytest_lic.report.terminal.text import grid, terminal_text
from pytest_lic.report.words import difference_text
from pytest_lic.run.one_cell import CellFacts
from pytest_lic.system.environment import Environment, differences

_WIDE = 200  # where nobody's terminal sets a width


def cell_text(facts: CellFacts, *, width: int) -> str:
    """The whole text; a number that the baseline has otherwise stands behind the baseline's."""
    return terminal_text(_parts(facts), width or _WIDE, soft_wrap=True)


def _parts(facts: CellFacts) -> Iterator[RenderableType]:
    yield facts.subject
    for tag, choice in facts.tags.items():
        yield f"  {tag}: {choice}"
    yield f"  {facts.source}"
    if facts.comparison is not None:
        reason = f": {facts.comparison.reason}" if facts.comparison.reason else ""
        yield f"verdict: {facts.comparison.verdict}{reason}"
        for difference in facts.comparison.differences:
            yield f"  {difference_text(difference)}"
    for title, measurement in (("measured", facts.measured), ("baseline", facts.baseline)):
        if measurement is not None:
            yield f"{title}: {_circumstances(measurement)}"
    if facts.fingerprint is not None:
        yield f"fingerprint: {facts.fingerprint}"
    if facts.measured is not None and facts.baseline is not None:
        for moved in differences(facts.baseline.environment, facts.measured.environment):
            yield f"  environment: {moved}"
    shown = facts.measured or facts.baseline
    if shown is not None:
        yield _images(shown, facts.baseline if facts.measured is not None else None)
        for metric, reason in shown.unavailable().items():
            yield f"{metric} unavailable: {reason}"
        if shown.left_out:
            yield f"images left out: {', '.join(shown.left_out)}"
    yield from facts.costs
    for stream in facts.kept:
        yield (
            f"kept bitstream of {stream.image}: {stream.bytes} bytes, {stream.width}×"
            f"{stream.height}, written at commit {(stream.commit or 'unknown')[:10]}"
        )
    for time in facts.times:
        yield f"time: {time.name}: {1000 * time.median:.2f} ms, median of {time.rounds} rounds"
    for remark in facts.remarks:
        yield f"remark: {remark}"
    for test in facts.tests:
        yield f"test: {test.outcome}: {test.id}"
        yield from (f"  {line}" for line in test.text.splitlines())


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
    metrics = reported_metrics([measurement, baseline])
    columns = ("image", "size", "bytes", *(metric.heading for metric in metrics), "bits")
    table = grid(columns, range(1, len(columns) - 1), unwrapped=range(len(columns)))
    for name, image in measurement.images.items():
        old = None if baseline is None else baseline.images.get(name)
        table.add_row(*_row(name, image, old, metrics))
    numbers = [
        _both(
            None if baseline is None else baseline.mean(metric.name),
            measurement.mean(metric.name),
            metric,
        )
        for metric in metrics
    ]
    table.add_row("mean", "", "", *numbers, "")
    return table


def _row(
    name: str, image: ImageResult, old: ImageResult | None, metrics: Sequence[Metric]
) -> tuple[str, ...]:
    sizes = [f"{side.bytes}" for side in (old, image) if side is not None]
    numbers = [
        _both(None if old is None else old.gated(metric.name), image.gated(metric.name), metric)
        for metric in metrics
    ]
    bits = ""
    if old is not None:
        bits = "same" if old.bits == image.bits else "other"
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
