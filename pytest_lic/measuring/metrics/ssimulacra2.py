"""SSIMULACRA 2: libjxl's own command, or else a package that comes near it.

J. Sneyers: https://github.com/cloudinary/ssimulacra2. Which of the two computed a number is told
by its variant, and numbers of both are not compared: they are up to 4 points apart.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_lic.errors import UnavailableError
from pytest_lic.images.png import encoded
from pytest_lic.measuring.metrics.borrowed import BorrowedMetric
from pytest_lic.system.program import run_program

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_COMMAND = "ssimulacra2"
_SECONDS = 600.0  # for one image; a program that hangs ends


class SSIMULACRA2(BorrowedMetric):
    """100 when equal; 90 is visually lossless, 50 medium quality, and there is no lowest value."""

    name = "ssimulacra2"
    label = "SSIMULACRA2"
    higher_is_better = True
    decimals = 3
    tolerance = (0.1, 0.5)
    best = 100.0
    implementation = "ssimulacra2"
    module = "ssimulacra2"
    smallest_side = 8
    definition = (
        "sRGB (Sneyers 2022): libjxl's command ssimulacra2 where it is installed, else the "
        "package ssimulacra2, which is approximate: up to 4 points off"
    )
    reference = "the command, or the package, called directly, to 1e-6"
    needs = (
        "libjxl's command ssimulacra2 (Debian 13: apt install libjxl-devtools), or the "
        "approximate package: pip install 'pytest-lic[perceptual]'"
    )

    @property
    def variant(self) -> str | None:
        """Whose numbers they are; None where there are none."""
        program = shutil.which(_COMMAND)
        if program is not None:
            try:
                return f"libjxl's command, {_of_made_pair(program):.1f} for a made pair"
            except UnavailableError:
                return None
        package = super().variant
        return package and f"{package}, approximate"

    @property
    def computed_by(self) -> str:
        """The command, or the package."""
        return self.variant or super().computed_by

    def value(self, original: NDArray[np.uint8], reconstruction: NDArray[np.uint8]) -> float:
        """What the command says, or else the package.

        Raises:
            UnavailableError: there is neither, or the command fails.
        """
        files = [encoded(pixels) for pixels in (original, reconstruction)]
        program = shutil.which(_COMMAND)
        if program is not None:
            return _by_command(program, files)
        return float(self.package().compute_ssimulacra2(*map(io.BytesIO, files)))


def _by_command(program: str, files: list[bytes]) -> float:
    with tempfile.TemporaryDirectory(prefix="pytest-lic-ssimulacra2-") as folder:
        paths = [Path(folder, name) for name in ("original.png", "decoded.png")]
        for path, content in zip(paths, files, strict=True):
            path.write_bytes(content)
        status, said = _run(program, *map(str, paths))
    try:
        if status == 0:
            return float(said.split()[-1])
    except (IndexError, ValueError):
        pass  # told below, with what it said
    raise UnavailableError(
        f"{program} ended with status {status} and said {said.strip()[-200:]!r}; expected a number"
    )


@cache
def _of_made_pair(program: str) -> float:
    """The score of a ramp and of its coarser levels: the command does not tell its version.

    Versions 2.0 and 2.1 of SSIMULACRA are far apart; builds of one are not.
    """
    import numpy as np

    steps = np.arange(64)
    ramp = np.add.outer(2 * steps, steps) + np.array([0, 20, 40])[:, None, None]
    pixels = ramp.transpose(1, 2, 0).astype(np.uint8)
    return _by_command(program, [encoded(pixels), encoded(pixels & np.uint8(0xE0))])


def _run(program: str, *arguments: str) -> tuple[int, str]:
    try:
        ended = run_program([program, *arguments], timeout=_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UnavailableError(f"{program}: {error}") from error
    return ended.returncode, (ended.stdout + ended.stderr).decode(errors="replace")
