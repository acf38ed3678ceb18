"""Networks of published papers through the suites: what is said of them, and how often."""

from __future__ import annotations

import re

import compressai.models  # noqa: F401  # before pytester looks at sys.modules: it loads only once

from tests.helpers.toy_project import Project

FAMILY = """
from pytest_lic.adapters.compressai import compressai_family
from tests.helpers.toy_hyperpriors import *


class LaterOtherScales(InStep):
    # As when the gains of encoder and decoder are interpolated otherwise.
    def decompress(self, strings, shape):
        self.gain = 1e3 if shape[1] == 1 else 1.0
        return super().decompress(strings, shape)


class Undeclared(LargeImagesOnly):
    downsampling_factor = None


def broken():
    return Prior(no_such_name)


def pytest_lic_codecs():
    yield compressai_family("toy", NETWORK, ["1"])
"""


def written(project: Project, network: str) -> None:
    (project.path / "conftest.py").write_text(FAMILY.replace("NETWORK", network))


def test_a_decoder_out_of_step_in_one_process_fails_and_records_nothing(small: Project) -> None:
    written(small, "LaterOtherScales")
    result = small.run("-m", "rd or roundtrip", "--lic-update")
    assert result.ret == 1
    found = re.findall(
        r"toy-q1-images.*photo0.png.*out of step: the decoder read \d+ of [\d,]+ bytes",
        result.stdout.str(),
    )
    assert found, result.stdout.str()
    assert not small.baseline.exists()


def test_a_network_that_cannot_be_built_is_told_of_once(small: Project) -> None:
    written(small, "broken")
    result = small.run("-m", "rd or roundtrip or conformance", "-p", "no:randomly")
    text = result.stdout.str()
    whole = re.findall(
        r"failed: NameError: .*no_such_name.* \(at conftest.py:\d+, in broken\)", text
    )
    assert whole, text
    assert "not built again, since that failed before" in text
    assert "multiple=" not in text


def test_a_multiple_that_is_not_the_first_is_remarked_on(small: Project) -> None:
    written(small, "Undeclared")
    result = small.run("-m", "roundtrip", "--lic-strict", "-k", "images")
    assert result.ret == 0, result.stdout.str()
    result.stdout.fnmatch_lines(
        [
            "*toy-q1-images-*: images are padded to multiples of 128 pixels, since the network "
            "refused 64*",
            "*toy-q1-images-*: images are padded to 256 pixels at least*",
        ]
    )
