"""An ablation as tables for the terminal, and as JSON with all its circumstances."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from pytest_lic.ablation.result import Ablation, Table, Variant
from pytest_lic.ablation.turns import TimeRatio, Times, total
from pytest_lic.errors import Unavailable
from pytest_lic.measuring.metrics.base import NONE, Metric
from pytest_lic.measuring.rate_distortion import BD, MIN_POINTS, Interval, RDCurve, metric_on
from pytest_lic.report.terminal.text import grid, terminal_text
from pytest_lic.system.environment import environment
from pytest_lic.system.groups import grouped
from pytest_lic.system.words import plural

FORMAT = 1


def ablation_text(ablation: Ablation, *, width: int, color: bool) -> str:
    """One table for each group and setting, what they lack, and how to read them.

    Args:
        ablation: what to show.
        width: of the terminal, in characters.
        color: whether it shows colours.
    """
    return terminal_text(_parts(ablation), max(width, 100), color=color)


def _parts(ablation: Ablation) -> Iterator[RenderableType]:
    by = ", ".join(ablation.question.by)
    shared = _shared_tags([table.tags for table in ablation.tables])
    settings = dict.fromkeys(table.setting for table in ablation.tables)
    for setting in settings:
        yield Text(f"effect of {by} on {setting.id}", style="bold")
        if shared:
            yield f"all codecs: {_tags(shared)}"
        yield ""
        for table in ablation.tables:
            if table.setting == setting:
                own = {tag: choice for tag, choice in table.tags.items() if tag not in shared}
                yield from _table_parts(ablation, table, _tags(own))
    yield from _closing(ablation)


def ablation_json(ablation: Ablation) -> dict[str, Any]:
    """All numbers of an ablation, the curves and single times behind them, and the environment."""
    return {
        "format": FORMAT,
        "by": list(ablation.question.by),
        "metric": ablation.question.metric,
        "repetitions": ablation.question.repetitions,
        "tables": [_table_json(ablation, table) for table in ablation.tables],
        "alone": list(ablation.alone),
    }


def _table_parts(ablation: Ablation, table: Table, title: str) -> Iterator[RenderableType]:
    reference = next((row.label for row in table.rows if row.family == table.reference), "?")
    kind = metric_on(ablation.question.metric)
    metric, unit = kind.label, kind.unit
    anchors = ablation.anchors[table.setting.id]
    headings = ["/".join(ablation.question.by), "codec"]
    headings += [f"BD-rate\nvs {name}" for name in anchors]
    headings += [f"BD-rate\nvs {reference}", f"BD-{metric}\nvs {reference}"]
    if ablation.question.repetitions:
        headings += [f"encode time\n× {reference}", f"decode time\n× {reference}"]
    numbers = range(2, len(headings))
    drawn = grid(headings, numbers, title=title or None, unwrapped=numbers)
    for row in table.rows:
        cells = [_rate(row.anchors[name]) for name in anchors]
        if row.family == table.reference:
            cells += ["reference", "reference"]
        else:
            cells += [_rate(row.rate), _signed(row.quality, 3, unit)]
        if ablation.question.repetitions:
            cells += [_ratio(row.encode), _ratio(row.decode)]
        drawn.add_row(row.label, row.family, *cells)
    yield drawn
    if table.bits:
        yield _bits(table, kind)
    for line in (*_not_shown(table), *_missing(ablation, table), *_seconds(table)):
        yield f"  {line}"
    yield ""


def _bits(table: Table, metric: Metric) -> RenderableType:
    reference = next((row.label for row in table.rows if row.family == table.reference), "?")
    headings = ["at equal qualities", "bpp", f"bytes, %\nvs {reference}"]
    headings += [f"{metric.label},\n{metric.unit}".rstrip(",\n"), "excess,\n%", "passes"]
    headings += ["weights,\n1000", "encode,\ns", "decode,\ns"]
    drawn = grid(headings, range(1, len(headings)), unwrapped=(0,))
    for row in table.bits:
        name = f"{row.family} q{row.quality}"
        if isinstance(row.bpp, Unavailable):
            drawn.add_row(name, *[NONE] * (len(headings) - 1))
            continue
        drawn.add_row(
            name,
            f"{row.bpp:.4f}",
            "reference" if row.family == table.reference else _number(row.change, "+.2f"),
            _number(row.distortion, ".4g"),
            _number(row.excess, "+.2f"),
            _number(row.passes, "d"),
            _number(None if row.parameters is None else row.parameters / 1000, ",.0f"),
            _number(row.encode, ".3g"),
            _number(row.decode, ".3g"),
        )
    return drawn


def _number(value: float | None, form: str) -> str:
    return NONE if value is None else f"{value:{form}}"


def _points(row: Variant) -> int:
    return len(row.curve.bpp) if isinstance(row.curve, RDCurve) else 0


def _not_shown(table: Table) -> Iterator[str]:
    """The variants of which these images don't show that they differ from the reference."""
    intervals = {row.label: row.rate.interval for row in table.rows if row.rate is not None}
    alike = [
        label
        for label, interval in intervals.items()
        if isinstance(interval, Interval) and interval.spans_zero
    ]
    if alike:
        yield f"no difference shown: {', '.join(alike)} (the interval of the BD-rate spans zero)"


def _missing(ablation: Ablation, table: Table) -> Iterator[str]:
    """Why a place in the tables is empty, each reason once."""
    for bits in table.bits:
        if isinstance(bits.bpp, Unavailable):
            yield f"{bits.family} q{bits.quality}: {bits.bpp}"
    few = [row.family for row in table.rows if table.bits and 0 < _points(row) < MIN_POINTS]
    if few:
        yield (
            f"BD values of {', '.join(few)}: through the qualities of both alone; a curve needs "
            f"{MIN_POINTS}"
        )
    for row in table.rows:
        differences = {f"BD-rate vs {name}": bd for name, bd in row.anchors.items()}
        if row.family in few:
            differences = {}  # anchors have curves
        if row.rate is not None and row.quality is not None:
            metric = metric_on(ablation.question.metric).label
            differences |= {"BD-rate": row.rate, f"BD-{metric}": row.quality}
        lacking = grouped(
            (bd.value.reason, place)
            for place, bd in differences.items()
            if isinstance(bd.value, Unavailable)
        )
        for reason, names in lacking.items():
            where = f": no {' and '.join(names)}" if isinstance(row.curve, RDCurve) else ""
            yield f"{row.family}{where}: {reason}"
        untimed = ablation.question.repetitions and isinstance(row.times, Unavailable)
        if untimed and isinstance(row.curve, RDCurve):
            yield f"{row.family}: no times: {row.times}"


def _seconds(table: Table) -> Iterator[str]:
    """What the reference took, so that a ratio of two trifles is seen to be one."""
    for row in table.rows:
        if row.family == table.reference and isinstance(row.times, Times):
            count = len(row.times.encode)
            encode, decode = total(row.times.encode) / count, total(row.times.decode) / count
            yield (
                f"{row.family} takes {_duration(encode)} to encode an image, "
                f"{_duration(decode)} to decode it, in the mean"
            )


def _closing(ablation: Ablation) -> Iterator[str]:
    metric = metric_on(ablation.question.metric).label
    yield (
        f"BD-rate: bytes more at equal {metric}, negative is better; BD-{metric}: gain at equal "
        "rate; Bjøntegaard's, with pchip interpolation, over means of per-image bpp"
    )
    if any(
        isinstance(bd.interval, Interval)
        for table in ablation.tables
        for row in table.rows
        for bd in (*row.anchors.values(), *([row.rate] if row.rate is not None else []))
    ):
        yield (
            "below each BD-rate its 95 % interval over other images of the kind, by a paired "
            "bootstrap; of another training it says nothing"
        )
    if any(table.bits for table in ablation.tables):
        yield (
            "at equal qualities: excess, bytes over what the likelihoods estimate; weights, of all "
            "of the codec; seconds of an image, one at a time"
        )
    timed = {(table.timed, table.qualities) for table in ablation.tables if table.timed}
    for images, qualities in sorted(timed):
        threads = plural(ablation.threads, "thread")
        repetitions = plural(ablation.question.repetitions, "repetition")
        yield (
            f"times: sums of medians of {repetitions} over {plural(len(images), 'image')} and "
            f"qualities {', '.join(qualities)}, one image at a time, {threads}, the "
            "variants in turn; in brackets the extremes of single repetitions"
        )
    count = ablation.measured + ablation.earlier
    yield f"{count} points: {ablation.measured} measured now, {ablation.earlier} from earlier"
    unsafe = {
        row.family
        for table in ablation.tables
        for row in table.rows
        if isinstance(row.curve, RDCurve) and None in row.fingerprints.values()
    }
    if unsafe:
        yield f"measured anew each time, for want of a fingerprint: {', '.join(sorted(unsafe))}"
    if ablation.alone:
        yield f"nothing to compare with: {', '.join(ablation.alone)}"


def _signed(bd: BD | None, digits: int, unit: str) -> str:
    if bd is None or isinstance(bd.value, Unavailable):
        return NONE
    return f"{bd.value:+.{digits}f} {unit}".rstrip()


def _rate(bd: BD | None) -> str:
    """A BD-rate with its interval below it."""
    interval = bd.interval if bd is not None else None
    below = (
        f"\n{interval.low:+.2f} to {interval.high:+.2f}" if isinstance(interval, Interval) else ""
    )
    return _signed(bd, 2, "%") + below


def _ratio(ratio: TimeRatio | None) -> str:
    if ratio is None:
        return NONE
    if ratio.low == ratio.high:
        return f"{ratio.value:.2f}"
    return f"{ratio.value:.2f} ({ratio.low:.2f}–{ratio.high:.2f})"


def _duration(seconds: float) -> str:
    return f"{seconds:.3g} s" if seconds >= 1 else f"{1000 * seconds:.3g} ms"


def _shared_tags(all_tags: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """The tags that all groups agree in; none where there is only one group to name."""
    if len({frozenset(tags.items()) for tags in all_tags}) < 2:
        return {}
    first, *others = all_tags
    return {
        tag: choice
        for tag, choice in first.items()
        if all(tags.get(tag) == choice for tags in others)
    }


def _tags(tags: Mapping[str, str]) -> str:
    return " ".join(f"{tag}={choice}" for tag, choice in tags.items())


def _table_json(ablation: Ablation, table: Table) -> dict[str, Any]:
    setting = table.setting
    return {
        "setting": asdict(setting),
        "corpus_digest": table.corpus_digest,
        "environment": asdict(environment(setting.device, ablation.threads)),
        "tags": dict(table.tags),
        "reference": table.reference,
        "anchors": {name: _curve(one) for name, one in ablation.anchors[setting.id].items()},
        "timed_images": list(table.timed),
        "timed_qualities": list(table.qualities),
        "rows": [_row_json(row) for row in table.rows],
        "bits": [asdict(row) for row in table.bits],
    }


def _curve(curve: RDCurve | Unavailable) -> dict[str, Any]:
    """All that is drawn of a curve, without the measurements behind it."""
    return asdict(curve) if isinstance(curve, Unavailable) else curve.to_json()


def _row_json(row: Variant) -> dict[str, Any]:
    return {
        "family": row.family,
        "variant": row.label,
        "fingerprints": dict(row.fingerprints),
        "curve": _curve(row.curve) if isinstance(row.curve, RDCurve) else None,
        "bd_rate": {name: bd.to_json() for name, bd in row.anchors.items()},
        "bd_rate_reference": row.rate.to_json() if row.rate is not None else None,
        "bd_quality_reference": row.quality.to_json() if row.quality is not None else None,
        "seconds": asdict(row.times),
        "encode_ratio": asdict(row.encode) if row.encode is not None else None,
        "decode_ratio": asdict(row.decode) if row.decode is not None else None,
    }
