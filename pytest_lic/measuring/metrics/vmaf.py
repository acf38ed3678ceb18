"""VMAF: libvmaf's, by the ffmpeg that the package imageio-ffmpeg brings.

Z. Li et al.: "Toward a practical perceptual video quality metric", Netflix 2016, model
vmaf_v0.6.1. An image is a video of one frame, so there is no motion, and equal images have 97.43.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_lic.errors import UnavailableError
from pytest_lic.measuring.metrics.borrowed import BorrowedMetric
from pytest_lic.measuring.metrics.ycbcr import LEVELS, luma
from pytest_lic.system.program import run_program

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_GREY = (LEVELS + 1) // 2
_SECONDS = 600.0  # for one image; a program that hangs ends


class VMAF(BorrowedMetric):
    """From 0 to 100."""

    name = "vmaf"
    label = "VMAF"
    higher_is_better = True
    decimals = 3
    tolerance = (0.03, 0.15)
    best = 97.43
    implementation = "imageio-ffmpeg"
    extra = "vmaf"
    module = "imageio_ffmpeg"
    smallest_side = 17
    definition = (
        "BT.709 luma of 10 bits, full range, one frame, model vmaf_v0.6.1, held to 0 to 100; "
        "JPEG AI's"
    )
    reference = "vmaf-torch 1.1.0, to 0.1: benchmarks/metric_references.py"
    needs = "an ffmpeg with libvmaf (its binary is under the GPL): pip install 'pytest-lic[vmaf]'"

    @property
    def variant(self) -> str | None:
        """The build of ffmpeg; None where there is none."""
        try:
            return f"ffmpeg {_version(self._program())}"
        except UnavailableError:
            return None

    def value(self, original: NDArray[np.uint8], reconstruction: NDArray[np.uint8]) -> float:
        """What libvmaf says.

        Raises:
            UnavailableError: it fails, or this ffmpeg has no libvmaf.
        """
        program = self._program()
        height, width = original.shape[:2]
        with tempfile.TemporaryDirectory(prefix="pytest-lic-vmaf-") as folder:
            inputs: list[str] = []
            for name, pixels in (("decoded", reconstruction), ("original", original)):
                path = Path(folder, f"{name}.yuv")
                path.write_bytes(_file(pixels))
                inputs += ["-f", "rawvideo", "-pix_fmt", "yuv444p10le"]
                inputs += ["-s", f"{width}x{height}", "-i", str(path)]
            # Relative to the folder: a path would have to be quoted for the filter.
            filtered = "libvmaf=log_path=vmaf.json:log_fmt=json:n_threads=1"
            command = [program, "-nostdin", "-v", "error", "-threads", "1", *inputs]
            command += ["-filter_threads", "1", "-lavfi", filtered, "-f", "null", "-"]
            log = Path(folder, "vmaf.json")
            try:
                ended = run_program(command, cwd=Path(folder), timeout=_SECONDS)
            except (OSError, subprocess.TimeoutExpired) as error:
                raise UnavailableError(f"{program}: {error}") from error
            if ended.returncode != 0 or not log.exists():
                said = ended.stderr.decode(errors="replace").strip().splitlines() or ["nothing"]
                raise UnavailableError(
                    f"{program} ended with status {ended.returncode}; its last words: {said[-1]}"
                )
            (frame,) = json.loads(log.read_text())["frames"]
        return float(min(max(frame["metrics"]["vmaf"], 0.0), 100.0))

    def _program(self) -> str:
        """The ffmpeg that the package brings, or that its variable IMAGEIO_FFMPEG_EXE names."""
        package = self.package()
        try:
            return str(package.get_ffmpeg_exe())
        except RuntimeError as error:  # a wheel without a binary, on a rare platform
            raise UnavailableError(f"imageio-ffmpeg: {error}") from error


@cache
def _version(program: str) -> str:
    try:
        ended = run_program([program, "-version"], timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UnavailableError(f"{program}: {error}") from error
    words = ended.stdout.decode(errors="replace").split()
    return words[2] if words[:2] == ["ffmpeg", "version"] else "of unknown version"


def _file(pixels: NDArray[np.uint8]) -> bytes:
    """Luma, and chroma that is grey: 4:4:4, 10 bits, little-endian."""
    import numpy as np

    y = np.rint(luma(pixels) * LEVELS).astype("<u2")
    chroma = np.full((2, *y.shape), _GREY, "<u2")
    return bytes(y.tobytes() + chroma.tobytes())
