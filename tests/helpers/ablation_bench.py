"""A project of codecs that differ in one component, compared from the command line."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pytest_lic import cli
from pytest_lic.baselines import entries as baseline
from pytest_lic.measuring.measure import rd_curve
from pytest_lic.measuring.rate_distortion import RDCurve
from tests.helpers.toy_project import TOY, Project, write_photographs

IMAGES = 6


# Two predictors × three quantizers. Each call of an encoder or a decoder leaves a line.
VARIANTS = """
import pathlib, time

CALLS = pathlib.Path(__file__).with_name("calls.txt")
ROUNDING = {"uniform": 0.5, "deadzone": 0.35, "narrow": 0.45}


class Variant(Toy):
    def __init__(self, name, quality, offset, predicted):
        super().__init__(quality)
        self.name, self.offset, self.predicted = name, offset, predicted

    def note(self, what):
        with open(CALLS, "a") as calls:
            calls.write(f"{self.name} {what}\\n")

    def quantise(self, images):
        return torch.floor(images * 255 / self.step + self.offset)

    def code(self, levels):
        if self.predicted:
            return super().code(levels)
        return zlib.compress(np.diff(levels.numpy().astype(np.uint8), axis=1, prepend=np.uint8(0)))

    def encode(self, images):
        self.note("encodes")
        return super().encode(images)

    def decode(self, bitstreams):
        self.note("decodes")
        if self.predicted:
            return super().decode(bitstreams)
        streams = [unpack(each, fingerprint=self.fingerprint) for each in bitstreams]
        shape = (3, streams[0].height, streams[0].width)
        flat = [np.frombuffer(zlib.decompress(each.sections[0]), np.uint8) for each in streams]
        symbols = [np.cumsum(each.reshape(shape), axis=1, dtype=np.uint8) for each in flat]
        levels = torch.from_numpy(np.stack(symbols).astype(np.float32))
        return (levels * self.step / 255).clamp(0, 1)


def variant(predictor, quantizer, made=Variant, qualities="12345", **more):
    name = f"{predictor}-{quantizer}"
    return CodecFamily(
        name,
        list(qualities),
        lambda quality, device: made(
            name, quality, ROUNDING.get(quantizer, 0.5), predictor == "left"
        ),
        {"predictor": predictor, "quantizer": quantizer, "coder": "zlib"},
        **{"fingerprint": lambda quality: name, **more},
    )
"""


ALL = """
def pytest_lic_codecs():
    for predictor in ("left", "up"):
        for quantizer in ("uniform", "deadzone", "narrow"):
            yield variant(predictor, quantizer)
"""


class Bench:
    """A project with codecs to compare, and the command in its folder."""

    def __init__(self, project: Project, capsys: pytest.CaptureFixture[str]) -> None:
        self.project = project
        self.path = project.path
        self._capsys = capsys
        self.ini()
        self.write(ALL)

    def ini(self, *lines: str) -> None:
        """The ini file: PSNR alone, and these lines."""
        settings = ["addopts = -p no:hypothesispytest", f"lic_cache_dir = {self.path / 'cache'}"]
        # The tag that the shipped codecs lack.
        settings += [f"lic_corpus = {self.project.images}", "lic_component = coder=zlib"]
        settings += [] if any("lic_metrics" in line for line in lines) else ["lic_metrics = psnr"]
        (self.path / "pytest.ini").write_text("\n".join(["[pytest]", *settings, *lines, ""]))

    def write(self, hook: str) -> None:
        """Write ``conftest.py``: the variants, and ``hook``."""
        (self.path / "conftest.py").write_text(TOY + VARIANTS + hook)

    def show_larger_photographs(self) -> None:
        """Two, on which MS-SSIM is defined."""
        shutil.rmtree(self.project.images)
        write_photographs(self.project.images, count=2, side=176)

    def gate(self, *arguments: str) -> None:
        """Run the gate on the variants and record them."""
        options = ["--pyargs", "pytest_lic.suites", "-m", "rd", "--lic-update", *arguments]
        assert self.project.pytester.runpytest_inprocess(*options).ret == 0
        self._capsys.readouterr()

    def ablate(self, *arguments: str, status: int = 0) -> str:
        """Run the command; what it printed, and to stderr where it failed."""
        found = cli.main(["ablation", *arguments])
        self.out, self.err = self._capsys.readouterr()
        assert found == status, self.out + self.err
        return self.err if status else self.out

    def tables(self, *arguments: str) -> list[dict[str, Any]]:
        """The tables that the command writes as JSON."""
        self.ablate(*arguments, "--json", "found.json")
        stored = json.loads((self.path / "found.json").read_text())
        return stored["tables"]  # type: ignore[no-any-return]

    def calls(self) -> dict[str, int]:
        """How often each codec coded and decoded since the last time."""
        log: Path = self.path / "calls.txt"
        lines = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return {line: lines.count(line) for line in lines}

    def recorded(self, family: str) -> RDCurve:
        """A family's curve as the gate recorded it."""
        entries = baseline.load(self.path / "baselines", family)
        points = {key.quality: measured for key, measured in entries.items()}
        return rd_curve(family, dict(sorted(points.items(), key=lambda point: int(point[0]))))


def rows(table: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {row["family"]: row for row in table["rows"]}


QUICK = ("--by", "quantizer", "--reference", "uniform", "--no-times")
