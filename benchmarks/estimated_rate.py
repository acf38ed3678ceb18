"""A codec's measurement, with the rate that its likelihoods estimate beside that of its bytes.

The estimate is −log2 of the likelihoods that the network's own ``forward`` gives, in evaluation
mode, on the image as the codec pads it; per pixel of the image without padding, like the bytes.
Both come out of the measurement store, so that what was measured once is not measured again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from learned_networks import codec_of, load_network

from lic_models.storage.weights_header import WeightsHeader, file_digest
from pytest_lic.codec import Codec, CodecFamily
from pytest_lic.images.corpus import Corpus, Image
from pytest_lic.measuring import coding
from pytest_lic.measuring.grid import Cell, Setting
from pytest_lic.measuring.measure import Measurement, measure
from pytest_lic.measuring.metrics import METRICS, metric_fingerprint
from pytest_lic.measuring.store import MeasurementStore, installed_packages
from pytest_lic.project import family_calls
from pytest_lic.system.environment import environment
from pytest_lic.system.ticker import Ticker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lic_models.codec import LearnedCodec

MEASURED = (METRICS["psnr"], METRICS["ms_ssim"])
ESTIMATE = "estimated_bpp"
THREADS = 1
_DEFINITION = 1  # of the estimate; a new one is measured anew


@dataclass(frozen=True)
class Measuring:
    """What every measurement shares.

    ``say`` is told what is being measured, and how far it is.
    """

    corpus: Corpus
    device: str
    store: MeasurementStore
    say: Callable[[str], None]

    def learned(self, header: WeightsHeader) -> Measurement:
        """One quality of a learned codec; each image's metrics hold the estimated bpp too.

        Raises:
            LicError: weights that can't be used, or a codec that broke its protocol.
        """

        def make(cell: Cell) -> Measurement:
            network = load_network(header)
            codec = codec_of(network, header, device=self.device)
            measured = self._measured(codec, cell, header.lmbda)
            with coding.cpu_threads(THREADS):
                estimates = {
                    image.name: estimated_bits(network, codec, image, self.device)
                    / (image.height * image.width)
                    for image in self.corpus.images
                }
            images = {
                name: replace(image, metrics={**image.metrics, ESTIMATE: estimates[name]})
                for name, image in measured.images.items()
            }
            return replace(measured, images=images)

        cell = Cell(header.name, header.quality, Setting(self.corpus.name, device=self.device))
        return self._stored(cell, file_digest(header.path), make, estimate=_DEFINITION)

    def classical(self, family: CodecFamily, quality: str) -> Measurement:
        """One quality of a classical codec, on the CPU."""

        def make(cell: Cell) -> Measurement:
            return self._measured(family_calls.build(family, quality, "cpu"), cell, None)

        cell = Cell(family.name, quality, Setting(self.corpus.name))
        return self._stored(cell, family_calls.fingerprint(family, quality), make)

    def _measured(self, codec: Codec, cell: Cell, lmbda: float | None) -> Measurement:
        return measure(
            codec,
            cell,
            self.corpus,
            lmbda=lmbda,
            metrics=MEASURED,
            threads=THREADS,
            progress=Ticker(cell.id, self.say),
        )

    def _stored(
        self,
        cell: Cell,
        fingerprint: str | None,
        make: Callable[[Cell], Measurement],
        **more: int,
    ) -> Measurement:
        key = {
            "cell": cell.id,
            "fingerprint": fingerprint,
            "corpus": self.corpus.digest,
            "environment": asdict(environment(cell.setting.device, THREADS)),
            "metrics": metric_fingerprint(MEASURED),
            "packages": installed_packages(),
            **more,
        }

        def measured() -> Measurement:
            self.say(f"measuring {cell.id}")
            return make(cell)

        return self.store.get(key, fingerprint is not None, measured).measurement


@contextmanager
def measuring(
    corpus: Corpus, device: str, cache: Path | None, say: Callable[[str], None]
) -> Iterator[Measuring]:
    """Measure ``corpus``; what ``cache`` holds is not measured again, and None keeps nothing."""
    with TemporaryDirectory(prefix="kodak-table-") as run:
        yield Measuring(corpus, device, MeasurementStore(Path(run), cache), say)


def estimated_bits(network: LearnedCodec, codec: Codec, image: Image, device: str) -> float:
    """−log2 of all likelihoods of one image, as ``codec``, which holds ``network``, pads it."""
    import torch

    padded = []
    analysis = network.transform.analysis
    handle = analysis.register_forward_pre_hook(lambda _, inputs: padded.append(inputs[0]))
    try:
        codec.encode(coding.image_batch([image], device))
    finally:
        handle.remove()
    with torch.inference_mode():
        likelihoods = network(padded[-1])["likelihoods"]
        return -sum(float(each.double().log2().sum()) for each in likelihoods.values())


def mean_bpp(measured: Measurement, kind: str) -> float:
    """Mean over the images of the bits per pixel of the ``bytes``, ``payload`` or ``estimate``."""
    rates = []
    for image in measured.images.values():
        area = image.height * image.width
        of: Mapping[str, float | None] = {
            "bytes": 8 * image.bytes / area,
            "payload": None if image.payload is None else 8 * image.payload / area,
            "estimate": image.metrics.get(ESTIMATE),
        }
        rate = of[kind]
        rates.append(math.nan if rate is None else rate)
    return math.fsum(rates) / len(rates)
