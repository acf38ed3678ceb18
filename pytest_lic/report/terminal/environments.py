"""The matrix of simulated environments for each family, and the first differences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from textwrap import shorten

from rich.console import Console

from pytest_lic.checks.environment_matrix import EnvironmentMatrix
from pytest_lic.checks.old_stream import ANOTHER_NETWORK
from pytest_lic.report.terminal.text import grid
from pytest_lic.results.records import EnvironmentsRecord
from pytest_lic.system.groups import grouped
from pytest_lic.system.simulated_environments import ENVIRONMENTS
from pytest_lic.system.words import plural

_SHOWN = 8  # first differences
_LONGEST = 400  # characters of one; those of a process that died may quote all that it wrote
_WIDTH = 250  # of a terminal; more than all environments take
_COUNTED = {
    "identical": ("=", "green"),
    "within": ("≈", "yellow"),
    "broken": ("broken", "bold red"),
}
_LEGEND = (
    "rows encode, columns decode: in how many images the decoder gives = the same pixels as where "
    "it was encoded, ≈ the same latents, where the codec shows them, and pixels a level apart at "
    "most, or is broken: out of step, or an error"
)


def broken_text(matrix: EnvironmentMatrix) -> str:
    """Why a cell fails: how many images break, between which environments, and where first."""
    lines = [
        f"{matrix.cell}: out of step between environments: {len(matrix.broken_images)} of "
        f"{matrix.images} images break",
        *(f"  {line}" for line in _broken_lines([matrix])),
    ]
    return "\n".join(lines)


def other_networks_text(matrix: EnvironmentMatrix) -> str:
    """Why a cell fails whose network is another one in some environments."""
    parts = "; ".join(f"{part} in {name}" for name, part in matrix.other_networks.items())
    return (
        f"{matrix.cell}: another network in other environments, not out of step: others than in "
        f"{matrix.environments[0]} are its {parts}. {ANOTHER_NETWORK}"
    )


def print_matrices(console: Console, records: Iterable[EnvironmentsRecord]) -> None:
    """A matrix for each family, over all of its cells, worst family first.

    Args:
        console: where to.
        records: of the cells that environments were compared on.
    """
    by_id = sorted(records, key=lambda record: record.cell.id)
    families = grouped((record.cell.family, record.matrix) for record in by_id)

    def worst_first(family: str) -> tuple[int, str]:
        return -sum(len(matrix.broken_images) for matrix in families[family]), family

    for family in sorted(families, key=worst_first):
        _print_family(console, family, families[family])
    if families:
        console.print(_LEGEND, markup=False)
        meanings = [f"{name}: {ENVIRONMENTS[name].meaning}" for name in _names(families.values())]
        console.print("; ".join(meanings), markup=False)
        console.print()


def _print_family(console: Console, family: str, matrices: Sequence[EnvironmentMatrix]) -> None:
    say = partial(console.print, markup=False, soft_wrap=True)
    names = _names([matrices])
    images = sum(matrix.images for matrix in matrices)
    cells = matrices[0].cell if len(matrices) == 1 else f"{len(matrices)} cells"
    say(f"{family} between environments: {plural(images, 'image')} ({cells})")
    headings = ("encoder ╲ decoder", *names)
    table = grid(headings, range(1, len(headings)), unwrapped=range(len(headings)))
    for encoder in names:
        table.add_row(encoder, *(_cell(matrices, encoder, decoder) for decoder in names))
    console.print(table, width=_WIDTH)
    broken = sum(len(matrix.broken_images) for matrix in matrices)
    if broken:
        say(f"  broken: {broken} of {images} images", style="bold red")
    else:
        say("  broken: none")
    for line in _broken_lines(matrices) if broken else _within_lines(matrices):
        say(f"  {line}")
    for matrix in matrices:
        if matrix.other_networks:
            say(f"  {other_networks_text(matrix)}", style="bold red")
    unavailable = {name: why for matrix in matrices for name, why in matrix.unavailable.items()}
    for reason, lacking in grouped((why, name) for name, why in unavailable.items()).items():
        say(f"  {', '.join(lacking)} unavailable: {reason}")
    console.print()


def _cell(matrices: Sequence[EnvironmentMatrix], encoder: str, decoder: str) -> str:
    """The counts of one pair over all cells."""
    every = (pair for matrix in matrices for pair in matrix.pairs)
    pairs = [pair for pair in every if (pair.encoder, pair.decoder) == (encoder, decoder)]
    parts = []
    for name, (sign, style) in _COUNTED.items():
        count = sum(getattr(pair, name) for pair in pairs)
        if count:
            parts.append(f"[{style}]{count} {sign}[/]")
    return ", ".join(parts) or "–"


def _broken_lines(matrices: Sequence[EnvironmentMatrix]) -> Iterator[str]:
    """The first difference of every pair that breaks, those that break most first."""
    broken = [(matrix, pair) for matrix in matrices for pair in matrix.pairs if pair.broken]
    broken.sort(key=lambda place: -place[1].broken)
    for matrix, pair in broken[:_SHOWN]:
        yield (
            f"{matrix.cell}, encoded in {pair.encoder}, decoded in {pair.decoder}: {pair.broken} "
            f"of {matrix.images} broken, first {shorten(pair.first, _LONGEST, placeholder=' …')}"
        )
    if len(broken) > _SHOWN:
        yield f"… and {len(broken) - _SHOWN} more pairs"


def _within_lines(matrices: Sequence[EnvironmentMatrix]) -> Iterator[str]:
    """The first difference of the pair that differs in most images."""
    within = [(matrix, pair) for matrix in matrices for pair in matrix.pairs if pair.within]
    if within:
        matrix, pair = max(within, key=lambda place: place[1].within)
        yield (
            f"≈ {matrix.cell}, encoded in {pair.encoder}, decoded in {pair.decoder}: {pair.within} "
            f"of {matrix.images} images, first {pair.first}"
        )


def _names(groups: Iterable[Sequence[EnvironmentMatrix]]) -> list[str]:
    """Every environment of some matrices, in the usual order."""
    compared = {name for matrices in groups for matrix in matrices for name in matrix.environments}
    return [name for name in ENVIRONMENTS if name in compared]
