"""Compares rate, quality and time of two sides in each cell that both have."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Container, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from pytest_lic.ab.paired_times import take_paired_times
from pytest_lic.ab.result import CellResult, Compared, Demand, Timed
from pytest_lic.ab.side import Side, SideError
from pytest_lic.baselines.comparison import Comparison, compare
from pytest_lic.codec import CodecFamily
from pytest_lic.errors import LicError, Unavailable, UsageError
from pytest_lic.images.corpus import Corpus, batches, load_corpus
from pytest_lic.measuring import coding
from pytest_lic.measuring.gated_grid import NO_CURVES, make_grid
from pytest_lic.measuring.grid import Cell, Setting
from pytest_lic.measuring.measure import Measurement, measure
from pytest_lic.measuring.selection import matching_families, select_families
from pytest_lic.measuring.timed_grid import middle_quality
from pytest_lic.project.options import Options
from pytest_lic.system.environment import environment
from pytest_lic.timing.batches import spread

TIMED_BATCHES = 5
"""Of a larger corpus, that many batches are timed."""

_BROKEN = Unavailable("not taken of a codec that is broken")
_UNASKED = Unavailable("not taken of this quality, unless --quality names it")

Say = Callable[[str], None]


def compare_sides(base: Side, head: Side, options: Options, demand: Demand, say: Say) -> Compared:
    """Measure every cell once on each side, and take times of one quality of each family.

    Times are taken of every quality where qualities were chosen.

    Args:
        base: the side compared with.
        head: the side in question.
        options: whose selection, metrics, tolerances and threads are used.
        demand: which slowdown matters, and how long to look for it.
        say: told how far it is.

    Raises:
        UsageError: a side whose codecs can't be found, or no codec that both have.
        UnavailableError: there is no such device.
    """
    began = time.monotonic()
    here = environment(options.selection.devices[0], options.threads)
    common, one_sided, left_out, lost = _common_families(base.families(), head.families(), options)
    grid = make_grid(common, replace(options.selection, codecs=(), components=()))
    cells = grid.of("rate")
    corpora = {
        setting: load_corpus(grid.corpora[setting.corpus], setting.resolution)
        for setting in dict.fromkeys(cell.setting for cell in cells)
    }
    results = []
    for number, cell in enumerate(cells, start=1):
        say(f"rate and quality: {cell.id}, {number} of {len(cells)}")
        results.append(_measured(cell, (base, head), corpora[cell.setting], options))
    wanted = set(cells)
    if not options.selection.narrows_qualities:
        middle = {family.name: middle_quality(family) for family in common}
        wanted = {cell for cell in wanted if cell.quality == middle[cell.family]}
    with tempfile.TemporaryDirectory(prefix="pytest-lic-batches-") as folder:
        files = {
            setting: _batch_files(corpus, setting, Path(folder))
            for setting, corpus in corpora.items()
        }
        sound = [result.cell for result in results if result.quality is not None]
        timed = {cell: files[cell.setting] for cell in sound if cell in wanted}
        times = take_paired_times(base, head, timed, demand, options.threads, say)
    return Compared(
        base.checkout.revision,
        head.checkout.revision,
        demand,
        here,
        tuple(_with_times(result, times, wanted) for result in results),
        one_sided,
        left_out,
        lost,
        time.monotonic() - began,
        tuple(note for note in grid.notes if note != NO_CURVES),
    )


def _common_families(
    base: Mapping[str, CodecFamily], head: Mapping[str, CodecFamily], options: Options
) -> tuple[list[CodecFamily], dict[str, str], dict[str, str], dict[str, str]]:
    """What both sides have, with the qualities of both; what is one-sided, left out, lost."""
    selection = options.selection
    known = [*{**base, **head}.values()]
    chosen = select_families(known, selection)
    if not chosen:
        untrained = [family.name for family in matching_families(known, selection)]
        raise UsageError(
            f"only untrained codecs are chosen ({', '.join(untrained)}): their rate and quality "
            "mean nothing; choose trained ones with --codec"
        )
    device = selection.devices[0].split(":")[0]
    common: list[CodecFamily] = []
    one_sided: dict[str, str] = {}
    left_out: dict[str, str] = {}
    lost: dict[str, str] = {}
    for name in (family.name for family in chosen):
        before, after = base.get(name), head.get(name)
        if before is None or after is None:
            one_sided[name] = "head" if before is None else "base"
            continue
        for label in dict.fromkeys([*before.qualities, *after.qualities]):
            if label not in before.qualities or label not in after.qualities:
                owner = "head" if label in after.qualities else "base"
                one_sided[f"{name}, quality {label}"] = owner
        shared = {
            label: lmbda for label, lmbda in after.qualities.items() if label in before.qualities
        }
        reason = _why_not(before, device)
        if reason is None and not shared:
            reason = "the sides have no quality in common"
        if reason is not None:
            left_out[name] = reason
        elif (now := _why_not(after, device)) is not None:
            lost[name] = now
        else:
            common.append(replace(after, qualities=shared))
    if not common and not lost:
        lacking = [f"{name} (only on {side})" for name, side in one_sided.items()]
        lacking += [f"{name} ({reason})" for name, reason in left_out.items()]
        raise UsageError(f"no codec can be compared: {'; '.join(lacking) or 'there is none'}")
    return common, one_sided, left_out, lost


def _why_not(family: CodecFamily, device: str) -> str | None:
    reason = family.unavailable() if family.unavailable is not None else None
    if reason is None and device not in family.devices:
        return f"it does not run on {device}"
    return reason


def _measured(cell: Cell, sides: tuple[Side, Side], corpus: Corpus, options: Options) -> CellResult:
    """Rate and quality of both sides; times are yet to come."""
    base, head = (_of_side(cell, side, corpus, options) for side in sides)
    verdict: Comparison | None = None
    if isinstance(base, Measurement) and isinstance(head, Measurement):
        verdict = compare(head, base, options.tolerances)
    return CellResult(cell, base, head, verdict, Unavailable("not yet taken"))


def _of_side(cell: Cell, side: Side, corpus: Corpus, options: Options) -> Measurement | Unavailable:
    """What a side's codec gives on the corpus, or how it broke."""
    try:
        side.load(cell, options.threads)
        return measure(
            side.codec(), cell, corpus, lmbda=None, metrics=options.metrics, threads=options.threads
        )
    except LicError as error:
        return Unavailable(str(error))


def _batch_files(corpus: Corpus, setting: Setting, folder: Path) -> list[Path]:
    """At most `TIMED_BATCHES` image batches from all over the corpus, as .npy files."""
    files = []
    for index, group in enumerate(spread(batches(corpus, setting.batch), TIMED_BATCHES)):
        files.append(folder / f"{setting.id}-{index}.npy")
        np.save(files[-1], coding.image_batch(group).numpy())
    return files


def _with_times(
    result: CellResult, times: Mapping[Cell, Timed | LicError], wanted: Container[Cell]
) -> CellResult:
    """With its times, or the reason why they were not taken."""
    match times.get(result.cell):
        case Timed() as timed:
            return replace(result, times=timed)
        case SideError(label="head") as error:
            return replace(result, head=Unavailable(str(error)), times=_BROKEN)
        case LicError() as error:
            return replace(result, times=Unavailable(str(error)))
    if result.quality is None:
        return replace(result, times=_BROKEN)
    assert result.cell not in wanted
    return replace(result, times=_UNASKED)
