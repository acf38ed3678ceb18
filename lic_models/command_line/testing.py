"""``test``: rate and quality of a learned codec on whole images, as the plugin measures them.

Bits are those of the bitstreams, header included; quality is that of the 8-bit images decoded from
them. Beside the rate stands what the likelihoods estimate for the same images: where the two differ
by more than a percent, the entropy coder does not code what the network was trained for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from tabulate import tabulate
from torch import Tensor

from lic_models.codec import LearnedCodec
from lic_models.config.builder import build_codec
from lic_models.data.module import CropDataModule
from lic_models.storage.export import export
from lic_models.storage.weights_file import load_weights
from lic_models.storage.weights_header import WeightsHeader, file_digest, read_header
from lic_models.training.loss import estimated_bits
from pytest_lic.adapters.compressai import compressai_family
from pytest_lic.codec import Codec
from pytest_lic.images.corpus import Corpus, Image, batches
from pytest_lic.measuring.grid import Cell, Setting
from pytest_lic.measuring.measure import Measurement, measure
from pytest_lic.measuring.metrics import METRICS

MEASURED = ("psnr", "ms_ssim")


@dataclass(frozen=True)
class MeasuredCodec:
    """What a test found: the plugin's measurement, and the estimated bpp of each image."""

    measurement: Measurement
    estimates: dict[str, float]


def corpus_of(data: CropDataModule) -> Corpus:
    """The data module's test images as a corpus.

    Raises:
        UsageError: the data set has none.
        CorpusError: one can't be used.
    """
    data.setup("test")
    image_set = data.images("test")
    images = (
        Image(file.name, np.asarray(image_set.read(index)))
        for index, file in enumerate(image_set.files)
    )
    return Corpus(type(data).__name__, tuple(images), image_set.digest)


def measure_checkpoint(
    checkpoint: Path, corpus: Corpus, device: str, progress: Callable[[int, int], None]
) -> MeasuredCodec:
    """Test the weights that `export` would make of a checkpoint."""
    with TemporaryDirectory() as folder:
        weights = export(checkpoint, Path(folder, "exported.safetensors"))
        return measure_weights(weights, corpus, device, progress)


def measure_weights(
    weights: Path, corpus: Corpus, device: str, progress: Callable[[int, int], None]
) -> MeasuredCodec:
    """Code every image of a corpus with exported weights, and measure what came back.

    Raises:
        WeightsError: weights that can't be used.
        CodecError: the codec failed.
    """
    header = read_header(weights)
    network = build_codec(header.components, str(weights))
    load_weights(network, weights)
    codec = _Estimating(network, _codec(network, header, device))
    measurement = measure(
        codec,
        Cell(header.name, header.quality, Setting(corpus.name, device=device)),
        corpus,
        lmbda=header.lmbda,
        metrics=[METRICS[name] for name in MEASURED],
        threads=1,  # as the plugin does, so that the numbers are its numbers
        progress=progress,
    )
    order = [image for group in batches(corpus, 1) for image in group]
    estimates = {
        image.name: bits / (image.height * image.width)
        for image, bits in zip(order, codec.bits, strict=True)
    }
    return MeasuredCodec(
        measurement, {image.name: estimates[image.name] for image in corpus.images}
    )


_COLUMNS = (
    *("image", "bpp", "PSNR dB", "MS-SSIM", "MS-SSIM dB"),
    *("estimated bpp", "bytes − estimate"),
)


def report_lines(tested: MeasuredCodec) -> Iterator[str]:
    """A table: bpp, PSNR, MS-SSIM and the estimated bpp of each image, and their means."""
    measured, estimates = tested.measurement, tested.estimates
    rows = []
    for name, image in measured.images.items():
        values = [image.value(metric) for metric in ("bpp", *MEASURED)]
        rows.append([name, *_cells(values, estimates[name])])
    means = [measured.mean(metric) for metric in ("bpp", *MEASURED)]
    rows.append(["mean", *_cells(means, math.fsum(estimates.values()) / len(estimates))])
    right = ["right"] * (len(_COLUMNS) - 1)
    aligned = ("left", *right)
    table = tabulate(rows, _COLUMNS, "plain", colalign=aligned, disable_numparse=True)
    yield from table.splitlines()
    for metric, reason in measured.unavailable().items():
        yield f"{METRICS[metric].label} is missing: {reason}"


def _codec(network: LearnedCodec, header: WeightsHeader, device: str) -> Codec:
    """The codec that the plugin builds of these weights, around a network that we hold too."""
    family = compressai_family(
        header.name,
        lambda quality: network,
        {header.quality: header.lmbda},
        synthesis="transform.synthesis",
        fingerprint=lambda quality: file_digest(header.path),
    )
    return family.build(header.quality, device)


class _Estimating:
    """A codec that notes what the likelihoods estimate for each image that it encodes.

    Args:
        network: the network.
        codec: the codec around it.
    """

    def __init__(self, network: LearnedCodec, codec: Codec) -> None:
        self._network = network
        self._codec = codec
        self.bits: list[float] = []

    def encode(self, images: Tensor, /) -> list[bytes]:
        """The codec's bitstreams of an image batch (B, 3, H, W)."""
        seen: list[Tensor] = []
        analysis = self._network.transform.analysis
        hook = analysis.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
        try:
            bitstreams = self._codec.encode(images)
        finally:
            hook.remove()
        with torch.inference_mode():
            for padded in seen:
                bits = estimated_bits(self._network(padded)["likelihoods"])
                self.bits.extend(float(image_bits) for image_bits in bits)
        return bitstreams

    def decode(self, bitstreams: Sequence[bytes], /) -> Tensor:
        """The codec's images, (B, 3, H, W)."""
        return self._codec.decode(bitstreams)


def _cells(values: Sequence[float | None], estimate: float) -> list[str]:
    bpp, psnr, ms_ssim = values
    decibels = None if ms_ssim is None else METRICS["ms_ssim"].shown(ms_ssim)
    assert bpp is not None  # every bitstream has a length
    return [
        f"{bpp:.4f}",
        "–" if psnr is None else f"{psnr:.3f}",
        "–" if ms_ssim is None else f"{ms_ssim:.5f}",
        "–" if decibels is None or math.isinf(decibels) else f"{decibels:.2f}",
        f"{estimate:.4f}",
        f"{100 * (bpp / estimate - 1):+.2f} %",
    ]
