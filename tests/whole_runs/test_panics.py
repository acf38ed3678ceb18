"""A panic of a library written in Rust, which is no ``Exception``, is an error of the codec."""

from __future__ import annotations

import json

import pytest

from pytest_lic import cli
from tests.helpers.toy_project import Project

PANIC = """
    class PanicException(BaseException):
        pass

    class Panicking(Toy):
        def SIDE(self, given):
            raise PanicException("`std` must be positive.")
"""
SAYS = "PanicException: `std` must be positive."


def test_of_an_encoder(small: Project, capsys: pytest.CaptureFixture[str]) -> None:
    small.write_codec(PANIC.replace("SIDE", "encode"), codec="Panicking")
    files = {kind: small.path / f"r.{kind}" for kind in ("json", "markdown")}
    options = [f"--lic-{kind}={path}" for kind, path in files.items()]
    result = small.run("-m", "rd", "--lic-quality=3", "--lic-update-missing", *options)
    cell = "toy-q3-images-native-b1-cpu"
    told = f"{cell}: encoder crashed on photo0.png (64×64): {SAYS}"
    result.stdout.fnmatch_lines(
        [f"error: {told} (at conftest.py:*)", "lic: toy, quality 3: not recorded, *"]
    )
    assert "Traceback" not in result.stdout.str()
    texts = [test["text"] for test in json.loads(files["json"].read_text())["tests"]]
    assert any(text.startswith(told) for text in texts)
    assert "PanicException" in files["markdown"].read_text()
    small.pytester.chdir()
    capsys.readouterr()
    cli.main(["show", cell, "--corpus", str(small.images), "--metrics", "psnr", "--no-cache"])
    shown = capsys.readouterr()
    assert SAYS in shown.out
    assert "Traceback" not in shown.err


def test_of_a_decoder_here_and_in_children(small: Project) -> None:
    change = (
        PANIC.replace("SIDE", "decode")
        + """
        def decode(self, given):
            if "pytest_lic_served" in __import__("sys").modules:  # of a child
                raise PanicException("`std` must be positive.")
            return super().decode(given)
    """
    )
    small.write_codec(change, codec="Panicking")
    result = small.run("-m", "determinism or hostile", "--lic-quality=3", "--lic-hostile=3")
    result.stdout.fnmatch_lines_random([f"error: *in a fresh process*{SAYS}*"])
    assert "it died" not in result.stdout.str()


def test_of_a_family_that_is_built(small: Project) -> None:
    change = """
    class PanicException(BaseException):
        pass

    def panicking(quality):
        raise PanicException("`std` must be positive.")
    """
    small.write_codec(change, codec="panicking")
    result = small.run("-m", "roundtrip", "--lic-quality=3")
    result.stdout.fnmatch_lines([f"error: *toy, quality 3 could not be built: {SAYS}*"])
