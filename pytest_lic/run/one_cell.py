"""One cell: its facts, from the codecs and baselines at hand or a results file; its images."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_lic.baselines.comparison import Comparison, Verdict, compare
from pytest_lic.baselines.costs import MemoryKey
from pytest_lic.baselines.entries import BaselineKey
from pytest_lic.baselines.kept_streams import Stream
from pytest_lic.costs.complexity import told
from pytest_lic.costs.memory import memory_text
from pytest_lic.errors import LicError, UnknownNameError, UsageError
from pytest_lic.images import png
from pytest_lic.measuring import coding
from pytest_lic.measuring.grid import Cell, Grid
from pytest_lic.measuring.measure import Measurement
from pytest_lic.results.results import Results, TestResult, TimeResult
from pytest_lic.run.codecs import Codecs
from pytest_lic.run.run import Run
from pytest_lic.run.setup import Setup

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

AMPLIFIED = 8
"""How often a difference is taken in the pictures of differences."""


@dataclass(frozen=True)
class CellFacts:
    """One cell. What is not known is None or empty.

    ``source`` says where the measurement comes from, or why there is none; ``costs`` are lines on
    what coding takes.
    """

    subject: str
    source: str
    tags: Mapping[str, str]
    comparison: Comparison | None = None
    measured: Measurement | None = None
    baseline: Measurement | None = None
    fingerprint: str | None = None
    kept: Sequence[Stream] = ()
    tests: Sequence[TestResult] = ()
    times: Sequence[TimeResult] = ()
    remarks: Sequence[str] = ()
    costs: Sequence[str] = ()


def cell_at_hand(grid: Grid, subject: str) -> Cell:
    """The cell of a grid that has this id.

    Raises:
        UnknownNameError: there is none; the message names the nearest.
    """
    cells = {cell.id: cell for cell in grid.of("rate", "edge")}
    if subject not in cells:
        raise UnknownNameError("cell", subject, cells, "CELL")
    return cells[subject]


def facts_at_hand(run: Run, cell: Cell) -> CellFacts:
    """What the codec gives now, or gave when it was last measured, beside its baseline."""
    setup = run.setup
    family = setup.families[cell.family]
    key = BaselineKey(setup.corpus(cell).digest, cell.setting.resolution, cell.quality)
    baseline = run.baselines.find(cell.family, key)
    measured = comparison = None
    reason = setup.unavailable(cell.family, cell.setting.device)
    try:
        if reason is None:
            stored = run.measurements.of(cell)
            measured = stored.measurement
            reason = "measured now" if stored.measured else "from the cache"
        else:
            reason = f"not measured: {reason}"
    except LicError as error:
        reason = f"not measured: {error}"
    if measured is not None and baseline is not None:
        comparison = compare(measured, baseline, setup.options.tolerances)
    elif measured is not None:
        comparison = Comparison(cell.id, Verdict.MISSING, "no baseline")
    return CellFacts(
        subject=cell.id,
        source=reason,
        tags=family.tags,
        comparison=comparison,
        measured=measured,
        baseline=baseline,
        fingerprint=run.measurements.fingerprint(cell),
        kept=[stream for _, stream in run.kept.find(cell.family, cell.quality)],
        costs=list(_recorded_costs(run, cell)),
    )


def facts_of(results: Results, subject: str, where: str) -> CellFacts:
    """What a results file, called ``where``, says of a cell.

    Raises:
        UnknownNameError: nothing; the message names the nearest cells that it knows.
    """
    points = {point.comparison.subject: point for point in results.points}
    tests = [test for test in results.tests if test.subject == subject]
    if subject not in points and not tests:
        known = {*points, *(test.subject for test in results.tests if test.subject)}
        raise UnknownNameError("cell", subject, known, where)
    point = points.get(subject)
    measured = None if point is None else point.measured
    family = None if measured is None else results.families.get(measured.cell.family)
    source = f"measured {results.run.created:%Y-%m-%d %H:%M %Z}" if measured else "not measured"
    return CellFacts(
        subject=subject,
        source=source,
        tags={} if family is None else family.tags,
        comparison=None if point is None else point.comparison,
        measured=measured,
        baseline=None if point is None else point.baseline,
        tests=tests,
        times=[time for time in results.times if time.name.startswith(f"{subject}-")],
        remarks=[remark for remark in results.remarks if remark.startswith(f"{subject}: ")],
        costs=list(_costs_in(results, None if measured is None else measured.cell)),
    )


def _recorded_costs(run: Run, cell: Cell) -> Iterator[str]:
    complexity = run.complexity.find(cell.family, cell.quality)
    if complexity is not None:
        yield f"complexity, recorded: {told(complexity)}"
    device = cell.setting.device.split(":")[0]
    memory = run.memory.find(cell.family, MemoryKey(cell.quality, device))
    if memory is not None:
        yield f"memory on {device}, recorded: {memory_text(memory.memory)}"


def _costs_in(results: Results, cell: Cell | None) -> Iterator[str]:
    """What a run counted and measured of a cell's codec, with the verdicts."""
    if cell is None:
        return
    codec = (cell.family, cell.quality)
    for counted in results.complexity:
        if (counted.family, counted.quality) == codec and counted.measured is not None:
            yield f"complexity: {counted.comparison.verdict}: {told(counted.measured)}"
    for weighed in results.memory:
        if (weighed.family, weighed.quality) == codec and weighed.measured is not None:
            text = memory_text(weighed.measured)
            yield f"memory on {weighed.device}: {weighed.comparison.verdict}: {text}"


def write_images(
    setup: Setup, codecs: Codecs, cell: Cell, folder: Path, known: Measurement | None
) -> Iterator[str]:
    """Code the cell's images, and write each with its reconstruction and their difference, as PNG.

    The difference is the reconstruction less the original, `AMPLIFIED` times, around mid-grey.

    Args:
        setup: with the cell's corpus.
        codecs: with its codec.
        cell: of the run's grid.
        folder: made where it is not there.
        known: a measurement whose reconstructions these should be.

    Yields:
        A line on each image.

    Raises:
        LicError: the codec can't run here, or an image does not come back.
        UsageError: a file can't be written, or would join the corpus.
    """
    import numpy as np

    corpus = Path(setup.grid.corpora[cell.setting.corpus])
    if corpus.is_dir() and folder.exists() and folder.samefile(corpus):
        raise UsageError(
            f"--images {folder}: is the corpus, of which they would be images; name another folder"
        )
    stems: set[str] = set()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for batch in codecs.coded(cell):
            for image, pixels in zip(batch.images, batch.pixels, strict=True):
                stem = _stem(image.name, stems)
                signed = pixels.astype(np.int16) - image.pixels
                difference = np.clip(128 + AMPLIFIED * signed, 0, 255).astype(np.uint8)
                for kind, picture in (
                    ("original", image.pixels),
                    ("reconstruction", pixels),
                    ("difference", difference),
                ):
                    (folder / f"{stem}-{kind}.png").write_bytes(png.encoded(picture))
                yield f"{folder / stem}-*.png{_doubt(image.name, pixels, known)}"
    except OSError as error:
        raise UsageError(f"--images {folder}: can't be written: {error}") from error


def _stem(name: str, stems: set[str]) -> str:
    """A file name that is no other's, whatever an image is called."""
    base = stem = re.sub(r"[^A-Za-z0-9._-]", "_", name).lstrip(".") or "image"
    number = 1
    while stem.lower() in stems:
        number += 1
        stem = f"{base}-{number}"
    stems.add(stem.lower())
    return stem


def _doubt(name: str, pixels: NDArray[np.uint8], known: Measurement | None) -> str:
    if known is None:
        return ""
    if name not in known.images:
        return "  (the results know no such image)"
    same = coding.digest(pixels) == known.images[name].reconstruction
    return "" if same else "  (not the reconstruction of the results: codec or machine differ)"
