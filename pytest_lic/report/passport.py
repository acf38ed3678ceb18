"""A passport's check and matrix, for the terminal and as Markdown."""

from __future__ import annotations

from pytest_lic.checks.agreement import Agreement
from pytest_lic.checks.passport.matrix import PassportMatrix
from pytest_lic.checks.passport.stamp import Checked, Stamp
from pytest_lic.report.markdown.text import escaped, table
from pytest_lic.system.words import plural

LEGEND = (
    "= the same pixels and latents, ≈ the same latents with pixels a level apart, ✗ out of step, "
    "in images; rows encode, columns decode"
)
_CORNER = "encoder ╲ decoder"
_SIGNS = {Agreement.IDENTICAL: "=", Agreement.WITHIN: "≈", Agreement.BROKEN: "✗"}


def stamp_lines(stamp: Stamp) -> list[str]:
    """What a check found, a line for each codec and one for its first difference."""
    lines = [f"encoded by {stamp.encoder.machine}, decoded by {stamp.decoder.machine}"]
    for checked in stamp.codecs:
        if checked.unavailable:
            lines.append(f"  {checked.name}: not decoded: {checked.unavailable}")
            continue
        lines.append(f"  {checked.name}: {_worded(checked)}")
        if checked.stage:
            lines.append(f"    first stage that differs: {checked.stage}")
        if checked.first:
            lines.append(f"    {checked.first}")
        if checked.encoder:
            lines.append(f"    {checked.encoder}")
    return lines


def matrix_cells(matrix: PassportMatrix) -> list[list[str]]:
    """A row for each encoder: its name, and how each decoder fares; empty where that is unknown."""
    return [
        [encoder, *(_counts(matrix.pairs.get((encoder, other), ())) for other in _decoders(matrix))]
        for encoder in dict.fromkeys(encoder for encoder, _ in matrix.pairs)
    ]


def matrix_columns(matrix: PassportMatrix) -> list[str]:
    """The headings of `matrix_cells`."""
    return [_CORNER, *_decoders(matrix)]


def differences(matrix: PassportMatrix) -> list[tuple[str, Agreement, str]]:
    """Whose codecs do not decode to the bit: pair and codec, how far, and the first difference."""
    return [
        (
            f"{encoder} → {decoder}, {checked.name}",
            checked.agreement,
            f"{checked.stage}: {checked.first}",
        )
        for (encoder, decoder), several in matrix.pairs.items()
        for checked in several
        if checked.agreement in (Agreement.BROKEN, Agreement.WITHIN)
    ]


def verdict(matrix: PassportMatrix) -> str:
    """One sentence."""
    pairs = {(encoder, decoder) for encoder, decoder, _ in matrix.broken}
    if not pairs:
        return f"{plural(len(matrix.pairs), 'pair')} of machines, none out of step"
    return f"{len(pairs)} of {plural(len(matrix.pairs), 'pair')} of machines out of step"


def matrix_text(matrix: PassportMatrix) -> str:
    """The matrix for the terminal."""
    rows = [matrix_columns(matrix), *matrix_cells(matrix)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    lines += [LEGEND, verdict(matrix)]
    lines += [f"  {subject}: {kind.value}: {text}" for subject, kind, text in differences(matrix)]
    return "\n".join(lines) + "\n"


def matrix_markdown(matrix: PassportMatrix) -> str:
    """The matrix as a page of Markdown."""
    cells = [[escaped(cell) for cell in row] for row in matrix_cells(matrix)]
    lines = ["# Passport", "", f"**{escaped(verdict(matrix))}**", ""]
    lines += table([escaped(name) for name in matrix_columns(matrix)], cells)
    lines += ["", LEGEND]
    apart = differences(matrix)
    if apart:
        lines += ["", "## First differences", ""]
        lines += table(
            ["who", "how far", "where"],
            [[escaped(who), kind.value, escaped(text, 600)] for who, kind, text in apart],
        )
    return "\n".join(lines) + "\n"


def _decoders(matrix: PassportMatrix) -> tuple[str, ...]:
    decoders = {decoder for _, decoder in matrix.pairs}
    return tuple(machine for machine in matrix.machines if machine in decoders)


def _counts(several: tuple[Checked, ...]) -> str:
    counts = (
        sum(checked.identical for checked in several),
        sum(checked.within for checked in several),
        sum(checked.broken for checked in several),
    )
    return " ".join(
        f"{count} {_SIGNS[kind]}" for kind, count in zip(Agreement, counts, strict=True) if count
    )


def _worded(checked: Checked) -> str:
    parts = []
    if checked.identical:
        parts.append(f"{plural(checked.identical, 'image')} the same to the bit")
    if checked.within:
        parts.append(f"{plural(checked.within, 'image')} of the same latents, pixels a level apart")
    if checked.broken:
        parts.append(f"{plural(checked.broken, 'image')} out of step")
    return ", ".join(parts)
