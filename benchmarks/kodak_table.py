"""Rate and quality of a shipped family on a folder of images, and its BD-rate against JPEG.

    python benchmarks/kodak_table.py DIR [--codec fp-gdn]

Codes every image with every quality: bits per pixel are those of the whole bitstream, PSNR and
MS-SSIM those of the 8-bit reconstruction, each the mean over the images. JPEG is Pillow's, over a
sweep of qualities, with 4:2:0 and with 4:4:4 chroma; its BD-rate counts whatever range of PSNR
the two curves share.
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from lic_models.families import families
from pytest_lic.codec import Codec
from pytest_lic.container import payload_size
from pytest_lic.ms_ssim import ms_ssim
from pytest_lic.rate_distortion import RDCurve, bd_rate

Pixels = NDArray[np.uint8]
JPEG_QUALITIES = (5, 8, 12, 18, 25, 35, 50, 65, 75, 82, 88, 92, 95)


def through_codec(codec: Codec, pixels: Pixels) -> tuple[int, int, Pixels]:
    """Bytes, bytes of payload, and the 8-bit reconstruction of one image."""
    images = torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255.0
    (bitstream,) = codec.encode(images)
    decoded = codec.decode([bitstream])[0].clamp(0.0, 1.0).mul(255.0).round().byte()
    payload = payload_size(bitstream)
    size = len(bitstream)
    return size, size if payload is None else payload, decoded.permute(1, 2, 0).cpu().numpy()


def through_jpeg(quality: int, subsampling: str, pixels: Pixels) -> tuple[int, int, Pixels]:
    """The same for JPEG with optimised Huffman tables."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(
        stream, "JPEG", quality=quality, subsampling=subsampling, optimize=True
    )
    size = stream.tell()
    return size, size, np.asarray(Image.open(stream))


def measure(
    name: str,
    points: Iterable[tuple[str, Callable[[Pixels], tuple[int, int, Pixels]]]],
    images: list[Pixels],
) -> RDCurve:
    """Print one row for each point and return the curve."""
    rows = []
    for label, code in points:
        started, values = time.perf_counter(), []
        for pixels in images:
            size, payload, decoded = code(pixels)
            area = pixels.shape[0] * pixels.shape[1]
            mse = np.mean((pixels.astype(np.float64) - decoded) ** 2)
            psnr = 10 * np.log10(255.0**2 / mse)
            values.append((8 * size / area, 8 * payload / area, psnr, ms_ssim(pixels, decoded)))
        bpp, payload_bpp, psnr, similarity = np.mean(values, axis=0)
        seconds = (time.perf_counter() - started) / len(images)
        print(
            f"| {name} | {label} | {bpp:.4f} | {payload_bpp:.4f} | {psnr:.3f} | {similarity:.5f} "
            f"| {-10 * np.log10(1 - similarity):.3f} | {seconds:.2f} |",
            flush=True,
        )
        rows.append((label, float(bpp), float(psnr), float(similarity)))
    labels, rates, qualities, similarities = zip(*rows, strict=True)
    return RDCurve(name, rates, qualities, similarities, labels)


def main() -> None:
    parser = argparse.ArgumentParser(description="Rate and quality of a shipped family.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--codec", default="fp-gdn")
    options = parser.parse_args()
    torch.set_num_threads(1)
    paths = sorted(options.folder.glob("*.png"))
    images = [np.asarray(Image.open(path).convert("RGB")) for path in paths]
    family = {family.name: family for family in families()}[options.codec]
    print("| codec | quality | bpp | payload bpp | PSNR dB | MS-SSIM | MS-SSIM dB | s per image |")
    print("|---|---|---|---|---|---|---|---|")

    def coder(quality: str) -> Callable[[Pixels], tuple[int, int, Pixels]]:
        codec = family.build(quality, "cpu")
        return lambda pixels: through_codec(codec, pixels)

    def jpeg(quality: int, subsampling: str) -> Callable[[Pixels], tuple[int, int, Pixels]]:
        return lambda pixels: through_jpeg(quality, subsampling, pixels)

    curve = measure(family.name, ((label, coder(label)) for label in family.qualities), images)
    print(curve.non_monotone() or f"{family.name} is strictly monotone")
    for subsampling in ("4:2:0", "4:4:4"):
        sweep = ((str(quality), jpeg(quality, subsampling)) for quality in JPEG_QUALITIES)
        anchor = measure(f"jpeg {subsampling}", sweep, images)
        for metric in ("psnr", "ms_ssim_db"):
            found = bd_rate(anchor, curve, metric)
            print(f"BD-rate against {anchor.name} by {metric}: {found.value}, {found.reason}")


if __name__ == "__main__":
    main()
