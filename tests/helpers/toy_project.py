"""A user's project for a test: a toy codec, small photographs, runs of pytest in it."""

from __future__ import annotations

import textwrap
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

TOY = '''
"""A codec small enough to break on purpose: uniform steps, prediction from the left, zlib."""
import zlib

import numpy as np

from pytest_lic import CodecFamily
from pytest_lic.container import Bitstream, pack, short_fingerprint, unpack
from pytest_lic.errors import CorruptBitstreamError


class Late:
    """torch, imported by those processes of a run that code."""

    def __getattr__(self, name):
        import torch

        return getattr(torch, name)


torch = Late()
STEPS = {"1": 40, "2": 28, "3": 20, "4": 12, "5": 7}


class Toy:
    def __init__(self, quality):
        self.step = STEPS[quality]
        self.fingerprint = short_fingerprint(f"toy {quality}")

    def quantise(self, images):
        return torch.round(images * 255 / self.step)

    def code(self, levels):
        symbols = levels.numpy().astype(np.uint8)
        predicted = np.diff(symbols, axis=2, prepend=np.uint8(0))
        return zlib.compress(predicted.tobytes(), 5)

    def encode(self, images):
        _, _, height, width = images.shape
        return [
            pack(Bitstream(self.fingerprint, height, width, (self.code(levels),)))
            for levels in self.quantise(images)
        ]

    def decode(self, bitstreams):
        decoded = []
        for bitstream in bitstreams:
            stream = unpack(bitstream, fingerprint=self.fingerprint)
            try:
                flat = np.frombuffer(zlib.decompress(stream.sections[0]), np.uint8)
                predicted = flat.reshape(3, stream.height, stream.width)
            except (IndexError, ValueError, zlib.error) as error:
                raise CorruptBitstreamError(f"toy: {error}") from error
            symbols = np.cumsum(predicted, axis=2, dtype=np.uint8)
            decoded.append(torch.from_numpy(symbols.astype(np.float32)) * self.step / 255)
        return torch.stack(decoded).clamp(0, 1)
'''

HOOK = """
def pytest_lic_codecs():
    yield CodecFamily(
        "toy",
        {"1": 0.001, "2": 0.002, "3": 0.005, "4": 0.01, "5": 0.02},
        build=lambda quality, device: CODEC(quality),
        tags={"quantizer": "uniform"},
        fingerprint=FINGERPRINT,
    )
"""


class Project:
    """A user's project in a folder of its own, and the runs of pytest in it.

    ``defaults`` are arguments of every run.
    """

    def __init__(self, pytester: pytest.Pytester, *defaults: str) -> None:
        self.pytester = pytester
        self.defaults = defaults
        self.path = pytester.path
        self.images = self.path / "images"

    def write_codec(
        self,
        change: str = "",
        codec: str = "Toy",
        fingerprint: str = "lambda quality: 'toy'",
    ) -> None:
        """Write ``conftest.py``: the toy codec, ``change``, and a hook that yields ``codec``."""
        body = TOY + textwrap.dedent(change) + HOOK
        body = body.replace("CODEC", codec).replace("FINGERPRINT", fingerprint)
        (self.path / "conftest.py").write_text(body)

    def command(self, *arguments: str, cached: bool = False) -> list[str]:
        """The arguments that run the shipped suites on the toy codec."""
        command = ["--pyargs", "pytest_lic.suites", "-p", "no:cacheprovider", *self.defaults]
        # Its plugin would import all of Hypothesis anew in each of these runs.
        command += ["-p", "no:hypothesispytest"]
        # Runs in this process find the plugin imported by the one before.
        command += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]
        if not any(argument.startswith("--lic-codec") for argument in arguments):
            command.append("--lic-codec=toy")
        if not any(argument.startswith("--lic-corpus") for argument in arguments):
            command.append(f"--lic-corpus={self.images}")
        command.append(f"--lic-cache-dir={self.path / 'cache'}" if cached else "--lic-no-cache")
        return [*command, *arguments]

    def run(self, *arguments: str, cached: bool = False) -> pytest.RunResult:
        """Run the shipped suites on the toy codec, in this process unless xdist is asked for."""
        command = self.command(*arguments, cached=cached)
        if any(argument.startswith("-n") for argument in arguments):
            return self.pytester.runpytest_subprocess(*command, timeout=300)
        # In this process, so that torch is loaded once; the suites' fresh processes stay fresh.
        return self.pytester.runpytest_inprocess(*command)

    @property
    def baseline(self) -> Path:
        """The toy codec's baseline file."""
        return self.path / "baselines" / "toy.json"


def write_photographs(folder: Path, count: int = 8, side: int = 176) -> None:
    """Crops of a photograph that scikit-image bundles, as PNG files."""
    from skimage import data

    folder.mkdir()
    photograph = data.astronaut()
    for index in range(count):
        y, x = 40 * (index % 4), 150 * (index // 4)
        crop = np.ascontiguousarray(photograph[y : y + side, x : x + side])
        Image.fromarray(crop).save(folder / f"photo{index}.png")
