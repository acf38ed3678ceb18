"""The baselines after a run: record what was asked for, and name or prune what is stale.

Only the controller of a run comes here, after the last test.
"""

from __future__ import annotations

from collections.abc import Sequence

from pytest_lic.errors import LicError
from pytest_lic.results.records import ConformanceRecord, PointRecord, Record, of_kind
from pytest_lic.results.results import ComplexityResult, MemoryResult
from pytest_lic.run import update_costs, update_entries, update_streams
from pytest_lic.run.doubts import doubts
from pytest_lic.run.run import Run


def update_baselines(
    run: Run, records: Sequence[Record], broken: set[tuple[str, str]]
) -> tuple[list[str], bool]:
    """Do what the options say; a line on each thing, and whether a run fails over it that passed.

    Args:
        run: that has ended.
        records: what its tests left.
        broken: (family, quality) pairs that failed their round trip or determinism: never
            recorded.
    """
    setup, options = run.setup, run.setup.options
    points = update_entries.points(of_kind(records, PointRecord))
    streams = of_kind(records, ConformanceRecord)
    lines: list[str] = []
    try:
        if options.update or options.update_missing:
            # Before the baselines that they are held against are replaced.
            recorded = [
                measurement
                for measurement in update_entries.worth_a_look(points, update=options.update)
                if (measurement.cell.family, measurement.cell.quality) not in broken
            ]
            doubtful = [f"recorded, but it looks wrong: {text}" for text in doubts(run, recorded)]
            new = update_entries.record(
                run.baselines, setup.grid.of("rate"), points, broken, update=options.update
            )
            found: list[ComplexityResult | MemoryResult] = [
                *of_kind(records, ComplexityResult),
                *of_kind(records, MemoryResult),
            ]
            folder = run.baselines.folder
            new += update_costs.record(folder, found, broken, update=options.update)
            new += update_streams.record(run.kept, setup.grid.of("conformance"), streams, broken)
            lines += new or ["baselines: nothing to record, all is as it was"]
            lines += doubtful
        measured = {point.measurement.cell for point in points}
        complete = bool(points) and measured >= set(setup.grid.of("rate"))
        decoded = update_streams.covers(setup.grid.of("conformance"), streams)
        part_alone = options.selection.narrows or setup.grid.part is not None
        if part_alone or not (complete or decoded):
            if options.prune:
                lines.append(
                    "--lic-prune refused: not every cell was measured, so what is stale can't be "
                    "told; nothing was removed"
                )
            return lines, options.prune
        entries_gone = (
            update_entries.stale(run.baselines, setup.families, points) if complete else []
        )
        streams_gone = update_streams.stale(run.kept, setup.families) if decoded else []
        costs_gone = update_costs.stale(run.baselines.folder, setup.families) if complete else []
        if options.prune:
            update_entries.prune(run.baselines, entries_gone)
            update_streams.prune(run.kept, streams_gone)
            update_costs.prune(run.baselines.folder, costs_gone)
    except LicError as error:
        return [*lines, str(error)], True
    verb = "removed" if options.prune else "stale (--lic-prune removes it)"
    gone = [*(stale.text for stale in entries_gone), *(stale.text for stale in streams_gone)]
    gone += (stale.text for stale in costs_gone)
    return [*lines, *(f"{verb}: {text}" for text in gone)], False
