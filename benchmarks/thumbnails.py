"""Thumbnails beside whole images: time, bytes and PSNR.

    python benchmarks/thumbnails.py WEIGHTS FOLDER [--images 24] [--rounds 3]

Each image of a folder, cut to multiples of 16 pixels, is coded with one network whose weights have
a thumbnail synthesis. Then, turn by turn on one thread, the thumbnail is decoded from the bytes
that it needs, and the image from all of them. Prints the median seconds, the mean bytes, and the
mean PSNR against the original scaled down by 8 (means of 8 × 8 pixels), to which the decoded image
is scaled down alike.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
import time
from pathlib import Path

import torch
from learned_networks import codec_of, load_network
from tabulate import tabulate
from torch import Tensor
from torch.nn import functional as F

from lic_models.storage.weights_header import read_header
from pytest_lic.adapters.network.progressive import SCALE, ProgressiveNetworkCodec
from pytest_lic.errors import LicError, UnavailableError, UsageError
from pytest_lic.images.finding import image_files
from pytest_lic.images.reading import read_image
from pytest_lic.measuring import coding

MULTIPLE = 16


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights", type=Path, help="with a thumbnail synthesis")
    parser.add_argument("folder", type=Path, help="of images")
    parser.add_argument("--images", type=int, default=24, help="at most so many (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="of each image (%(default)s)")
    options = parser.parse_args()
    try:
        with coding.cpu_threads(1):
            measure(options.weights, options.folder, options.images, options.rounds)
    except LicError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def measure(weights: Path, folder: Path, most: int, rounds: int) -> None:
    header = read_header(weights)
    network = load_network(header)
    codec = codec_of(network, header)
    if network.thumbnail is None or not isinstance(codec, ProgressiveNetworkCodec):
        raise UsageError(
            f"{weights}: no thumbnail synthesis; add one with python -m lic_models thumbnail"
        )
    paths = sorted(image_files(folder))[:most]
    if not paths:
        raise UnavailableError(f"{folder}: no images here")
    seconds: dict[str, list[float]] = {"thumbnail": [], "whole": []}
    sizes: dict[str, list[int]] = {name: [] for name in seconds}
    decibels: dict[str, list[float]] = {name: [] for name in seconds}
    for path in paths:
        image = original(path)
        target = F.avg_pool2d(image, SCALE)
        (stream,) = codec.encode(image)
        part = stream[: codec.thumbnail_length(stream)]
        sizes["thumbnail"].append(len(part))
        sizes["whole"].append(len(stream))
        for _ in range(rounds):
            began = time.perf_counter()
            small = codec.decode_thumbnail([part])
            between = time.perf_counter()
            whole = codec.decode([stream])
            ended = time.perf_counter()
            seconds["thumbnail"].append(between - began)
            seconds["whole"].append(ended - between)
        decibels["thumbnail"].append(psnr(small, target))
        decibels["whole"].append(psnr(F.avg_pool2d(whole, SCALE), target))
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    means = {name: statistics.mean(each) for name, each in sizes.items()}
    rows = [
        [
            name,
            f"{1000 * medians[name]:.0f}",
            f"{100 * medians[name] / medians['whole']:.1f} %",
            f"{means[name]:.0f}",
            f"{100 * means[name] / means['whole']:.1f} %",
            f"{statistics.mean(decibels[name]):.2f}",
        ]
        for name in seconds
    ]
    parameters = sum(value.numel() for value in network.thumbnail.parameters())
    print(
        f"{header.name} quality {header.quality}, {len(paths)} images, {rounds} rounds in turn, "
        f"one thread; thumbnails of {network.thumbnail.groups} of "
        f"{len(network.latent_coding.groups)} groups, {parameters} parameters"
    )
    headings = ("", "ms", "of whole", "bytes", "of whole", "PSNR at 1/8, dB")
    print(tabulate(rows, headings, tablefmt="pipe", disable_numparse=True))


def original(path: Path) -> Tensor:
    """An image, (1, 3, H, W) in [0, 1], cut to multiples of 16 pixels."""
    pixels = read_image(path)
    height, width = (side - side % MULTIPLE for side in pixels.shape[:2])
    if not height or not width:
        raise UsageError(f"{path}: smaller than {MULTIPLE}×{MULTIPLE} pixels")
    return torch.from_numpy(pixels[:height, :width].copy()).permute(2, 0, 1)[None] / 255.0


def psnr(images: Tensor, targets: Tensor) -> float:
    return -10.0 * math.log10(max(float((images - targets).square().mean()), 1e-10))


if __name__ == "__main__":
    sys.exit(main())
