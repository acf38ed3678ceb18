"""The whole grid: which cells are timed, beside those that are gated.

Times depend on the size of the work, not on what a gate measures, so these cells are chosen apart
from the others: by a preset, one quality of each family, untrained networks too where asked for.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pytest_lic.codec import CodecFamily
from pytest_lic.errors import UnknownNameError, UsageError
from pytest_lic.images.corpus import RANDOM
from pytest_lic.measuring.gated_grid import make_grid
from pytest_lic.measuring.grid import (
    Cell,
    Grid,
    Purpose,
    Setting,
    cells_of,
    check_ids,
    networks_of,
    plan,
)
from pytest_lic.measuring.selection import (
    Selection,
    matching_families,
    select_qualities,
    settings_of,
    settings_on,
)
from pytest_lic.measuring.shards import Sharing
from pytest_lic.system.words import listed

_NAMED = 6  # families of a note


@dataclass(frozen=True)
class Preset:
    """Sizes and numbers to take times with.

    Args:
        resolutions: sides in pixels.
        batches: images at once.
        rounds: of each cell and direction; None takes what pytest-benchmark's options ask for.
    """

    resolutions: tuple[str, ...]
    batches: tuple[int, ...]
    rounds: int | None = None


PRESETS = {
    "quick": Preset(("256", "512"), (1, 4)),
    "full": Preset(
        tuple(str(side) for side in range(256, 1025, 128)), (1, 2, 4, 8, 10, 12, 14, 16), 50
    ),
}


@dataclass(frozen=True)
class TimingChoice:
    """What the user asked of the times; None leaves it to the preset.

    Args:
        preset: a name of `PRESETS`.
        corpora: to crop images from, in place of random ones.
        resolutions: sides in pixels.
        batches: images at once.
        least_rounds: fewest rounds of a benchmark.
        least_seconds: rounds are repeated for so long, unless the preset says how many.
        run_once: pytest-benchmark is switched off by the user: code once, take no time.
    """

    preset: str = "quick"
    corpora: tuple[str, ...] | None = None
    resolutions: tuple[str, ...] | None = None
    batches: tuple[int, ...] | None = None
    least_rounds: int = 5
    least_seconds: float = 1.0
    run_once: bool = False

    def __post_init__(self) -> None:
        if self.preset not in PRESETS:
            raise UnknownNameError("preset", self.preset, PRESETS, "--lic-preset")

    @property
    def rounds(self) -> int | None:
        """How many rounds the preset fixes, or None."""
        return PRESETS[self.preset].rounds


def whole_grid(
    families: Sequence[CodecFamily],
    selection: Selection,
    choice: TimingChoice | None,
    sharing: Sharing | None = None,
) -> Grid:
    """The grid of a run, with what is to be timed if anything is; of a shard, what is gated there.

    Raises:
        UnknownNameError: a name in the selection that nothing answers to.
        UsageError: as `make_grid`, or untrained families alone are chosen in a run that times
            nothing.
    """
    grid = make_grid(families, selection, sharing)
    if choice is not None:
        return with_timed_cells(grid, families, selection, choice)
    chosen = timed_families(families, selection)
    untrained = [family.name for family in chosen if not family.trained]
    if untrained and grid.part is None and not grid.of("rate"):
        raise UsageError(
            f"only untrained codecs are chosen ({listed(untrained, _NAMED)}), and those are only "
            "timed: give pytest -m timing, or choose trained ones with --lic-codec"
        )
    if untrained:
        note = f"untrained, so left out but for -m timing: {listed(untrained, _NAMED)}"
        return replace(grid, notes=(*grid.notes, note))
    return grid


def with_timed_cells(
    grid: Grid, families: Sequence[CodecFamily], selection: Selection, choice: TimingChoice
) -> Grid:
    """The grid with the cells to be timed, and what is to be said of their choice.

    Raises:
        UnknownNameError: a quality or λ that none of the chosen families has.
        UsageError: a resolution that is no number of pixels, or two cells of one name.
    """
    chosen = timed_families(families, selection)
    qualities, notes = select_qualities(chosen, selection)
    if not selection.narrows_qualities:
        qualities = {name: _middle(labels) for name, labels in qualities.items()}
        notes.append(_quality_note(qualities))
    passed_over = [
        family.name
        for family in matching_families(families, selection)
        if family not in chosen and (selection.codecs or selection.components)
    ]
    if passed_over:
        notes.append(
            f"untrained and not timed: {listed(passed_over, _NAMED)}; name them alone, or give "
            "--lic-component weights=untrained"
        )
    settings, corpora = _timed_settings(selection, choice)
    points = [(family, quality) for family in chosen for quality in qualities[family.name]]
    timed = list(cells_of(points, settings))
    check_ids([*timed, *grid.every_cell, *grid.curves])
    gated: dict[Purpose, tuple[Cell, ...]] = {
        purpose: grid.of(purpose) for purpose in ("rate", "edge", "conformance")
    }
    return replace(
        grid,
        planned=plan({**gated, "time": timed}),
        corpora={**corpora, **grid.corpora},
        networks={**grid.networks, **networks_of(points)},
        notes=tuple(dict.fromkeys([*grid.notes, *notes])),
    )


def timed_families(
    families: Sequence[CodecFamily], selection: Selection
) -> tuple[CodecFamily, ...]:
    """The families whose times are taken: the trained ones, and the untrained ones asked for.

    What asks for untrained families is a glob or a component that fits no trained one:
    ``fp-gdn-small`` and ``weights=untrained`` do, ``fp-*`` does not.
    """
    return tuple(
        family
        for family in matching_families(families, selection)
        if family.trained or _is_asked_for(family, families, selection)
    )


def _is_asked_for(
    family: CodecFamily, families: Sequence[CodecFamily], selection: Selection
) -> bool:
    trained = [other for other in families if other.trained]
    for pattern in selection.codecs:
        fits = fnmatch.fnmatchcase(family.name, pattern)
        if fits and not any(fnmatch.fnmatchcase(other.name, pattern) for other in trained):
            return True
    for component in selection.components:
        tag, _, choice = component.partition("=")
        if not any(fnmatch.fnmatchcase(other.tags.get(tag, ""), choice) for other in trained):
            return True
    return False


def middle_quality(family: CodecFamily) -> str:
    """The middle quality; of two in the middle, the upper."""
    return _middle(list(family.qualities))[0]


def _middle(labels: Sequence[str]) -> list[str]:
    """The middle one; of two in the middle, the upper; of none, none."""
    return [labels[len(labels) // 2]] if labels else []


def _quality_note(qualities: Mapping[str, Sequence[str]]) -> str:
    timed = [f"{name} q{label}" for name, labels in qualities.items() for label in labels]
    named = listed(timed, _NAMED)
    return f"one quality of each codec is timed, its middle one: {named}; --lic-quality chooses"


def _timed_settings(
    selection: Selection, choice: TimingChoice
) -> tuple[list[Setting], dict[str, str]]:
    preset = PRESETS[choice.preset]
    sized = replace(
        selection,
        resolutions=choice.resolutions or preset.resolutions,
        batches=choice.batches or preset.batches,
        corpora=choice.corpora or (),
    )
    if "native" in sized.resolutions:
        raise UsageError(
            "--lic-resolution native: times are taken on squares of a given size; give a number "
            "of pixels, or leave it to --lic-preset"
        )
    settings, corpora = settings_of(sized)
    return (settings_on([RANDOM], sized) if choice.corpora is None else settings), corpora
