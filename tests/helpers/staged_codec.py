"""A hyperprior small enough to see through: its hyper-synthesis chooses steps near their edges."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from pytest_lic import CodecFamily
from pytest_lic.container import Bitstream, pack, unpack

FINGERPRINT = b"toy "
SIDE = 8
"""Images are this high and wide times what is given to `predicted`."""


class Staged:
    """Codes 8×8 blocks by their means; a predicted index tells how many levels a symbol stands for.

    What another machine computes otherwise is added to ``hyper_noise`` and ``synthesis_noise``.
    """

    hyper_noise = 0.0
    synthesis_noise = 0.0

    def predicted(self, hyper: Tensor) -> Tensor:
        """Values that lie 1e-7 below the edge between two indices."""
        return hyper.double() + 0.5 - 1e-7 + self.hyper_noise

    def encode(self, images: Tensor) -> list[bytes]:
        height, width = images.shape[-2:]
        streams = []
        for image in images:
            latents = F.avg_pool2d(image, SIDE) * 255
            hyper = (latents.mean((1, 2)) // 64).to(torch.uint8)
            steps = self.predicted(hyper).round() + 1
            symbols = (latents / steps[:, None, None]).round().to(torch.uint8)
            parts = (hyper.numpy().tobytes(), symbols.numpy().tobytes())
            streams.append(pack(Bitstream(FINGERPRINT, height, width, parts)))
        return streams

    def decode_stages(self, bitstream: bytes) -> Iterator[tuple[str, Tensor]]:
        stream = unpack(bitstream, fingerprint=FINGERPRINT)
        hyper, symbols = (
            torch.from_numpy(np.frombuffer(s, np.uint8).copy()) for s in stream.sections
        )
        yield "hyper-latents", hyper
        predicted = self.predicted(hyper)
        yield "hyper-synthesis", predicted
        indices = predicted.round().int()
        yield "table indices", indices
        symbols = symbols.reshape(3, stream.height // SIDE, stream.width // SIDE)
        yield "symbols", symbols
        latents = symbols * (indices + 1)[:, None, None].float()
        yield "latents", latents
        image = F.interpolate(latents[None], scale_factor=SIDE)[0] / 255 + self.synthesis_noise
        yield "synthesis", image

    def decode(self, bitstreams: Sequence[bytes]) -> Tensor:
        images = [dict(self.decode_stages(stream))["synthesis"] for stream in bitstreams]
        return torch.stack(images).float().clamp(0, 1)


def staged_family() -> CodecFamily:
    """The family, named ``staged``, of one quality."""
    return CodecFamily("staged", ["1"], lambda quality, device: Staged(), devices=("cpu",))
