"""The digits' codes as codec families, for ``pytest --pyargs pytest_lic.suites`` in this folder."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from digits import LAMBDAS, WEIGHTS, network, sheet
from safetensors.torch import load_file
from torch import Tensor
from torch.nn.functional import pad, unfold
from vector_code import VectorCode

from lic_models.storage.weights_file import load_weights
from pytest_lic import CodecFamily
from pytest_lic.container import Bitstream, pack, short_fingerprint, unpack
from pytest_lic.errors import CorruptBitstreamError


class BlockCodec:
    """A code of 8 × 8 blocks as a codec: it pads, and packs one string into a bitstream."""

    def __init__(self, path: Path) -> None:
        self.fingerprint = short_fingerprint(digest(path))

    @torch.no_grad()
    def encode(self, images: Tensor) -> list[bytes]:
        """See `pytest_lic.Codec`."""
        height, width = images.shape[2:]
        # Below and to the right, where no block is moved; its edge is repeated.
        padded = pad(images, (0, -width % 8, 0, -height % 8), mode="replicate")
        strings = [self.string(each[None]) for each in padded]
        return [pack(Bitstream(self.fingerprint, height, width, (each,))) for each in strings]

    @torch.no_grad()
    def decode(self, bitstreams: Sequence[bytes]) -> Tensor:
        """See `pytest_lic.Codec`."""
        return torch.cat([self.image(each) for each in bitstreams])

    def image(self, bitstream: bytes) -> Tensor:
        """(1, 3, H, W)."""
        stream = unpack(bitstream, fingerprint=self.fingerprint)
        if len(stream.sections) != 1:
            raise CorruptBitstreamError(f"{len(stream.sections)} sections; expected 1")
        blocks = -(-stream.height // 8), -(-stream.width // 8)
        decoded = self.decoded(stream.sections[0], blocks)
        return decoded[..., : stream.height, : stream.width].clamp(0, 1)


class TransformCodec(BlockCodec):
    """With a transform: one latent a block and channel, through `lic_models`."""

    def __init__(self, path: Path, kind: str) -> None:
        super().__init__(path)
        self.network = network(kind)
        load_weights(self.network, path)

    def string(self, image: Tensor) -> bytes:
        """Of one image (1, 3, H, W)."""
        ((string,),) = self.network.compress(image)["strings"]
        return string

    def decoded(self, string: bytes, blocks: tuple[int, int]) -> Tensor:
        """The way back, given (rows, columns) of blocks."""
        return self.network.decompress([[string]], blocks)["x_hat"]


class VectorCodec(BlockCodec):
    """With a code vector for each block."""

    def __init__(self, path: Path, lmbda: float) -> None:
        super().__init__(path)
        stored = load_file(path)
        self.code = VectorCode(stored["vectors"], stored["counts"].numpy(), lmbda * 255**2)

    def string(self, image: Tensor) -> bytes:
        """Of one image (1, 3, H, W)."""
        return self.code.encode(unfold(image.mean(1, keepdim=True), 8, stride=8)[0].T)

    def decoded(self, string: bytes, blocks: tuple[int, int]) -> Tensor:
        """The way back, given (rows, columns) of blocks."""
        rows, columns = blocks
        return sheet(self.code.decode(string, rows * columns), columns)


def build(kind: str, quality: str) -> BlockCodec:
    """The codec of what `digits.py` has trained."""
    path = weights(kind, quality)
    if kind == "vector":
        return VectorCodec(path, LAMBDAS[quality])
    return TransformCodec(path, kind)


def weights(kind: str, quality: str) -> Path:
    """Where `digits.py` wrote them."""
    return WEIGHTS / f"{kind}-{quality}.safetensors"


def digest(path: Path) -> str:
    """Changes whenever the weights do."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def pytest_lic_codecs() -> Iterator[CodecFamily]:
    """``digits-linear``, ``digits-non-linear`` and ``digits-vector``."""
    for kind in ("linear", "non-linear", "vector"):
        yield CodecFamily(
            f"digits-{kind}",
            LAMBDAS,
            build=lambda quality, device, kind=kind: build(kind, quality),
            tags={"code": kind},
            fingerprint=lambda quality, kind=kind: digest(weights(kind, quality)),
            devices=("cpu",),
        )
