"""What parts of streams give, in a line for each codec."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pytest_lic.results.results import ProgressiveResult


def progressive_lines(results: Iterable[ProgressiveResult]) -> Iterator[str]:
    """Such as ``parts of streams: CELL, 2 passes: 18.1 dB of 52 %, 27.5 dB of 100 %``."""
    for result in results:
        whole = result.parts[-1].size
        parts = ", ".join(
            f"{part.psnr:.1f} dB of {100 * part.size / whole:.0f} %" for part in result.parts
        )
        yield f"parts of streams: {result.subject}, {result.passes} passes: {parts}"
