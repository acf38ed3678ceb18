"""The command to look closer asks for one subject, and says nothing that is the default anyway."""

from __future__ import annotations

import pytest

from pytest_lic.images.corpus import CONFORMANCE
from pytest_lic.measuring.grid import Cell, Curve, Setting
from pytest_lic.project.option_table import OPTIONS
from pytest_lic.project.pytest_options import Words
from pytest_lic.session.rerun_command import rerun_command

CORPORA = {"photos": "photos", "edge": "edge", CONFORMANCE: CONFORMANCE, "kodak": "/my data/kodak"}
DEFAULTS = {option.name: option.default for option in OPTIONS}
START = "pytest --pyargs pytest_lic.suites -m rd "


@pytest.mark.parametrize(
    ("subject", "options"),
    [
        (Cell("toy", "3", Setting("photos")), "--lic-codec toy --lic-quality 3"),
        (Cell("toy", "3", Setting(CONFORMANCE)), "--lic-codec toy --lic-quality 3"),
        (Cell("toy", "bpp0.25", Setting("photos")), "--lic-codec toy --lic-target-bpp 0.25"),
        (Curve("toy", Setting("edge")), "--lic-codec toy --lic-corpus edge"),
        (
            Cell("mine", "1", Setting("kodak", "256", 4, "cuda:1")),
            "--lic-config mine.yaml --lic-codec mine --lic-quality 1 --lic-corpus '/my data/kodak' "
            "--lic-resolution 256 --lic-batch 4 --lic-device cuda:1",
        ),
    ],
)
def test_the_command_names_what_is_no_default(subject: Cell | Curve, options: str) -> None:
    assert _command(subject, Words(DEFAULTS)) == START + options


def test_the_command_names_what_the_ini_file_has_otherwise() -> None:
    bare = {**DEFAULTS, "corpus": "/my data/kodak", "batch": "4"}
    assert _command(Curve("toy", Setting("kodak")), Words(bare)) == (
        START + "--lic-codec toy --lic-batch 1"
    )


def test_the_command_has_the_metrics_that_were_asked_for() -> None:
    words = Words(DEFAULTS, {"metrics": "psnr,gmsd", "lpips-net": "vgg", "codec": "*"})
    assert _command(Curve("toy", Setting("photos")), words) == (
        START + "--lic-codec toy --lic-metrics psnr,gmsd --lic-lpips-net vgg"
    )


def _command(subject: Cell | Curve, words: Words) -> str:
    return rerun_command(subject, "rd", {"mine": "mine.yaml"}, CORPORA, words)
