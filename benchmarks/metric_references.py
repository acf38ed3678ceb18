"""Metrics beside the programs that JPEG AI's reference software computes them with.

    pip install psnr-hvsm
    pip install --no-deps IQA-pytorch vmaf-torch
    python benchmarks/metric_references.py

psnr-hvsm is under the GPL, IQA-pytorch no longer runs as it is on a torch of today, and neither is
among what pytest-lic installs. Prints the largest difference of each metric over pairs of a
photograph and its JPEG; exit status 1 where one is larger than it may be.
"""

from __future__ import annotations

import importlib.util
import io
import sys
import types
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from tabulate import tabulate

from pytest_lic.images.corpus import load_corpus
from pytest_lic.measuring.metrics import METRICS
from pytest_lic.measuring.metrics.borrowed import as_tensor
from pytest_lic.measuring.metrics.ycbcr import luma, rgb

Reference = Callable[[np.ndarray, np.ndarray], float]

ALLOWED = {"psnr_hvs": 1e-5, "nlpd": 1e-6, "vif": 2e-5, "fsim": 1e-5, "vmaf": 0.1}
"""Metric → by how much it may differ. VIF of both is in single precision, which takes small
variances from large means; vmaf-torch is no libvmaf, whose arithmetic is of integers."""
_QUALITIES = (20, 60, 90)
_PHOTOGRAPHS = 3


def pairs() -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Photographs and their JPEGs; a side of each second one is odd."""
    for index, image in enumerate(load_corpus("photos").images[:_PHOTOGRAPHS]):
        original = np.ascontiguousarray(image.pixels[: 256 + index % 2, : 320 + index % 2])
        for quality in _QUALITIES:
            file = io.BytesIO()
            Image.fromarray(original).save(file, "JPEG", quality=quality)
            yield original, np.array(Image.open(file))


def references() -> dict[str, Reference]:
    """Metric → what the other program gives for an original and its reconstruction."""
    from psnr_hvsm import psnr_hvs_hvsm

    def whole_blocks(pixels: np.ndarray) -> np.ndarray:
        plane = luma(pixels)
        return np.pad(plane, [(0, -side % 8) for side in plane.shape], mode="edge")

    def hvs(original: np.ndarray, decoded: np.ndarray) -> float:
        return float(psnr_hvs_hvsm(whole_blocks(original), whole_blocks(decoded))[0])

    def iqa(program: torch.nn.Module, taken: Callable[[np.ndarray], np.ndarray]) -> Reference:
        def compute(original: np.ndarray, decoded: np.ndarray) -> float:
            images = (as_tensor(taken(pixels)) for pixels in (decoded, original))
            return float(program(*images, as_loss=False))

        return compute

    sys.modules["yuvio"] = types.ModuleType("yuvio")  # of video files, of which there are none
    from vmaf_torch import VMAF

    vmaf_program = VMAF()

    def vmaf(original: np.ndarray, decoded: np.ndarray) -> float:
        images = (255 * as_tensor(luma(pixels)) for pixels in (original, decoded))
        return float(vmaf_program(*images).clamp(0, 100))

    nlpd, vif, fsim = iqa_programs()
    return {
        "psnr_hvs": hvs,
        "nlpd": iqa(nlpd.NLPD(channels=1), luma),
        "vif": iqa(vif.VIFs(channels=1), luma),
        "fsim": iqa(fsim.FSIM(channels=3), rgb),
        "vmaf": vmaf,
    }


def iqa_programs() -> tuple[types.ModuleType, ...]:
    """Three files of IQA_pytorch, whose ``__init__`` would load networks."""
    found = importlib.util.find_spec("IQA_pytorch")
    if found is None or found.origin is None:
        sys.exit("IQA-pytorch is not installed: pip install --no-deps IQA-pytorch")
    shell = types.ModuleType("IQA_pytorch")
    shell.__path__ = [str(Path(found.origin).parent)]
    sys.modules["IQA_pytorch"] = shell
    # What torch had until version 1.7.
    torch.rfft = lambda image, _, onesided: torch.view_as_real(torch.fft.fft2(image))
    torch.ifft = lambda spectrum, _: torch.view_as_real(
        torch.fft.ifft2(torch.view_as_complex(spectrum.contiguous()))
    )
    names = ("NLPD", "VIFs", "FSIM")
    return tuple(importlib.import_module(f"IQA_pytorch.{name}") for name in names)


def main() -> int:
    """Compare and print; 1 where a difference is too large."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    programs = references()
    largest = dict.fromkeys(programs, 0.0)
    for original, decoded in pairs():
        for name, program in programs.items():
            own = METRICS[name].compute(original, decoded)
            if own is None:
                sys.exit(f"{name} has no value")
            largest[name] = max(largest[name], abs(own - program(original, decoded)))
    rows = [(name, f"{largest[name]:.1e}", f"{ALLOWED[name]:.0e}") for name in programs]
    print(tabulate(rows, ("metric", "largest difference", "allowed")))
    return int(any(largest[name] > ALLOWED[name] for name in programs))


if __name__ == "__main__":
    sys.exit(main())
