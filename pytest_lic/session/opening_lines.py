"""What a run measures, said before it starts."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_lic.images.corpus import corpus_notes
from pytest_lic.measuring.grid import Grid, Part
from pytest_lic.project.options import Options
from pytest_lic.report.words import label, tolerance_unit
from pytest_lic.system.words import plural


def opening_lines(grid: Grid, options: Options, gates: bool = True) -> list[str]:
    """A line each on the gates, on the timing, and on what the selection left out.

    Args:
        grid: of the run.
        options: of the run.
        gates: whether it does more than timing.
    """
    part = [] if grid.part is None else [_part_line(grid, grid.part)]
    if not grid.every_cell and part:
        return part
    if not grid.of("rate", "time") and not part:
        return ["lic: no codec is on the grid"]
    of_images = [note for spec in options.selection.corpora for note in corpus_notes(spec)]
    milestone = _milestone_line(options) if grid.of("rate") and gates else None
    notes = [
        f"lic: {note}" for note in (milestone, options.misled, *grid.notes, *of_images) if note
    ]
    timed = [_timing_line(grid, options)] if grid.of("time") else []
    gated = [_gates_line(grid, options)] if grid.of("rate") and gates else []
    return [*part, *gated, *timed, *notes]


def _part_line(grid: Grid, part: Part) -> str:
    curves = plural(len(part.left), "curve")
    left = (
        f"; {curves} with points in other shards {'is' if len(part.left) == 1 else 'are'} left to "
        "pytest-lic merge"
    )
    here = len(grid.every_cell)
    return f"lic: shard {part.shard}: {here} of {part.cells} cells{left if part.left else ''}"


def _timing_line(grid: Grid, options: Options) -> str:
    cells = grid.of("time")
    codecs = len({(cell.family, cell.quality) for cell in cells})
    images = ", ".join(sorted({cell.setting.corpus for cell in cells}))
    sides = sorted({int(cell.setting.resolution) for cell in cells})
    batches = sorted({cell.setting.batch for cell in cells})
    return (
        f"lic: timing {codecs} codecs on {images} images: {_joined(sides)} px, batches of "
        f"{_joined(batches)}; {_threads(options)}"
    )


def _gates_line(grid: Grid, options: Options) -> str:
    cells = grid.of("rate")
    families = len({cell.family for cell in cells})
    corpora = ", ".join(sorted({cell.setting.corpus for cell in cells}))
    cache = f"cache {options.cache}" if options.cache is not None else "no cache"
    return (
        f"lic: {len(cells)} cells of {families} codecs on {corpora}; {_threads(options)}; {cache}"
    )


def _milestone_line(options: Options) -> str | None:
    if options.milestone is None:
        return None
    tolerances = (
        f"{label(metric)} {tolerance.mean:g} {tolerance_unit(metric)}".rstrip()
        for metric, tolerance in options.milestone_tolerance.items()
    )
    return f"also held to milestone {options.milestone}, tolerances {', '.join(tolerances)}"


def _threads(options: Options) -> str:
    return f"{plural(options.threads, 'thread')} per process"


def _joined(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))
