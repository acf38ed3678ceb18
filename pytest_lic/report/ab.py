"""A comparison of two commits in words: for the terminal, and as Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from rich.console import RenderableType

from pytest_lic.ab.estimate import Estimate, Interval, Speed
from pytest_lic.ab.result import DIRECTIONS, CellResult, Compared, Timed
from pytest_lic.baselines.comparison import Verdict
from pytest_lic.errors import Unavailable
from pytest_lic.measuring.measure import Measurement
from pytest_lic.measuring.metrics import HEADLINES
from pytest_lic.report.markdown.page import LIMIT, Page
from pytest_lic.report.markdown.text import escaped
from pytest_lic.report.terminal.text import grid, terminal_text
from pytest_lic.system.groups import grouped
from pytest_lic.system.words import listed, plural, spanned

_STYLES = {Speed.SLOWER: "bold red", Speed.FASTER: "green", Speed.UNDECIDED: "yellow"}
_HEADINGS = ("codec", "", "base ms", "HEAD/BASE", "95 %", "all together", "verdict")
_NUMBERS = range(2, 6)
_ALIKE = {
    Verdict.SAME: "the same to the bit",
    Verdict.WITHIN: "within tolerance",
    Verdict.CHANGED: "changed, but inside the tolerances",
}
_WIDE = 200  # where nobody's terminal sets a width


def ab_text(compared: Compared, *, width: int, color: bool) -> str:
    """The verdict, the times of each cell, and what became of rate and quality.

    Args:
        compared: the comparison.
        width: of the terminal, in characters; 0 where there is none.
        color: whether it shows colours.
    """
    return terminal_text(_parts(compared), width or _WIDE, color=color)


def _parts(compared: Compared) -> Iterator[RenderableType]:
    yield f"base: {compared.base.title}"
    yield f"head: {compared.head.title}\n"
    for setting in dict.fromkeys(result.cell.setting for result in compared.cells):
        table = grid(_HEADINGS, _NUMBERS, title=setting.id)
        for result, times in compared.timed:
            if result.cell.setting == setting:
                for estimate, cells in ratio_rows(result, times):
                    table.add_row(*cells, style=_STYLES.get(estimate.verdict))
        if table.row_count:
            yield table
            yield ""
    yield from remark_lines(compared)
    yield from quality_lines(compared)
    yield from verdict_lines(compared)


def ab_markdown(compared: Compared, room: int = LIMIT) -> str:
    """The same for a comment on a pull request, of at most ``room`` bytes; what fails is first."""
    page = Page(room)
    page.add(
        f"**base** {escaped(compared.base.title)}  ", f"**head** {escaped(compared.head.title)}", ""
    )
    verdicts = [[f"- {escaped(line)}"] for line in verdict_lines(compared)]
    page.blocks(verdicts, "verdicts", most=room // 4)
    slower_first = sorted(
        compared.timed, key=lambda cell: not cell[0].slower(compared.demand.fail_slower)
    )
    rows = [
        [escaped(cell) for cell in (codec, result.cell.setting.id, *cells)]
        for result, times in slower_first
        for _, (codec, *cells) in ratio_rows(result, times)
    ]
    headings = (_HEADINGS[0], "setting", "direction", *_HEADINGS[2:])
    page.table(headings, rows, "times", numbers=range(3, 7), most=room // 2)
    lines = [[f"- {escaped(line)}"] for line in (*quality_lines(compared), *remark_lines(compared))]
    page.blocks(lines, "remarks")
    return page.text


def ab_headline(compared: Compared) -> str:
    """Such as ``HEAD against v1.2: slower in 2 of 8 timings, worse in 1 of 16 cells``."""
    slower = sum(len(result.slower(compared.demand.fail_slower)) for result in compared.cells)
    worse = sum(result.worse for result in compared.cells)
    timings = len(DIRECTIONS) * len(compared.timed)
    parts = [f"slower in {slower} of {timings} timings"] if slower else []
    if worse:
        parts.append(f"worse in {worse} of {len(compared.cells)} cells")
    if compared.lost:
        parts.append(f"{len(compared.lost)} of its codecs can't run any more")
    sides = f"{compared.head.short} against {compared.base.short}"
    return f"{sides}: {', '.join(parts) or 'nothing got worse'}"


def verdict_lines(compared: Compared) -> list[str]:
    """What fails, named, or that nothing does."""
    lines = [
        f"WORSE: {family}: it ran on base, and can't on head: {reason}"
        for family, reason in compared.lost.items()
    ]
    for result in compared.cells:
        for direction in result.slower(compared.demand.fail_slower):
            assert isinstance(result.times, Timed)
            estimate = result.times.estimates[direction]
            lines.append(
                f"SLOWER: {result.cell.id} {direction}: {estimate.ratio:.3f} "
                f"({_range(estimate.corrected)})"
            )
        if result.worse:
            lines.append(f"WORSE: {result.cell.id}: {_why_worse(result)}")
    if lines:
        return lines
    counts = _speeds(compared)
    names = {Speed.SLOWER: f"slower by less than {100 * compared.demand.fail_slower:g} %"}
    counted = ", ".join(
        f"{counts[verdict]} {names.get(verdict, verdict)}" for verdict in Speed if verdict in counts
    )
    return [f"nothing got worse; times: {counted or 'none taken'}"]


def _speeds(compared: Compared) -> Counter[Speed]:
    return Counter(
        estimate.verdict for _, times in compared.timed for estimate in times.estimates.values()
    )


def ratio_rows(result: CellResult, times: Timed) -> Iterator[tuple[Estimate, tuple[str, ...]]]:
    """The estimate of each direction, and its cells of a table under `_HEADINGS`."""
    for direction in DIRECTIONS:
        estimate = times.estimates[direction]
        verdict = str(estimate.verdict)
        if estimate.verdict is Speed.NO_DIFFERENCE and estimate.seen_from is not None:
            verdict += f" ({100 * (estimate.seen_from - 1):.1f} % would be slower)"
        cells = (
            f"{result.cell.family}-q{result.cell.quality}",
            direction,
            f"{1000 * times.seconds[direction]:.2f}",
            f"{estimate.ratio:.3f}",
            _range(estimate.interval),
            _range(estimate.corrected),
            verdict,
        )
        yield estimate, cells


def remark_lines(compared: Compared) -> Iterator[str]:
    """What the table can't show, and how to read it."""
    yield from compared.notes
    for what, side in compared.one_sided.items():
        yield f"only on {side}: {what}"
    for what, reason in compared.left_out.items():
        yield f"left out: {what}: {reason}"
    untimed = grouped(
        (result.times.reason, result.cell.id)
        for result in compared.cells
        if isinstance(result.times, Unavailable)
    )
    for reason, cells in untimed.items():
        yield f"no times: {listed(cells, 1)}: {reason}"
    starts = [len(times.starts) for _, times in compared.timed]
    if starts:
        yield (
            f"times: HEAD over BASE, from {spanned(starts)} pairs of fresh processes; the verdict "
            "goes by the interval that holds for all cells together; slower by "
            f"{100 * compared.demand.fail_slower:g} % or more fails"
        )
    if Speed.UNDECIDED in _speeds(compared):
        yield "undecided: the time was up; a longer --budget, or fewer cells, would tell"


def quality_lines(compared: Compared) -> Iterator[str]:
    """Rate and quality: cells that changed one by one, the others as a count."""
    alike: Counter[Verdict] = Counter()
    for result in compared.cells:
        comparison = result.quality
        if comparison is None:
            for name, side in (("base", result.base), ("head", result.head)):
                if isinstance(side, Unavailable):
                    yield f"broken on {name}: {result.cell.id}: {side}"
        elif comparison.verdict in _ALIKE:
            alike[comparison.verdict] += 1
        elif comparison.verdict is Verdict.IMPROVED:
            yield f"improved: {result.cell.id}: {_moved(result)}"
    for verdict, count in alike.items():
        yield f"rate and quality: {plural(count, 'cell')} {_ALIKE[verdict]}"


def _why_worse(result: CellResult) -> str:
    if isinstance(result.head, Unavailable):
        return f"it broke: {result.head}"
    assert result.quality is not None
    text = _moved(result)
    worst = next(iter(result.quality.regressions), None)
    if worst is None:
        return f"{text}; {result.quality.reason}"
    where = f"on {worst.image}" if worst.image is not None else "in the mean"
    return (
        f"{text}; most in {worst.metric} {where}: worse by {worst.worse_by:.4g}, "
        f"tolerance {worst.tolerance:g}"
    )


def _moved(result: CellResult) -> str:
    """Mean rate and PSNR before and after."""
    assert isinstance(result.base, Measurement)
    assert isinstance(result.head, Measurement)
    parts = []
    for metric in HEADLINES:
        before, after = result.base.mean(metric.name), result.head.mean(metric.name)
        if before is not None and after is not None:
            parts.append(f"{metric.text(before)} → {metric.text(after)} {metric.unit}")
    return ", ".join(parts)


def _range(interval: Interval | None) -> str:
    return "–" if interval is None else f"{interval.low:.3f}–{interval.high:.3f}"
