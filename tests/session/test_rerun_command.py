"""The command to look closer asks for one subject, and says nothing that is the default anyway."""

from __future__ import annotations

import pytest

from pytest_lic.images.corpus import CONFORMANCE
from pytest_lic.measuring.grid import Cell, Curve, Setting
from pytest_lic.session.rerun_command import rerun_command

CORPORA = {"photos": "photos", "edge": "edge", CONFORMANCE: CONFORMANCE, "kodak": "/my data/kodak"}
START = "pytest --pyargs pytest_lic.suites -m rd "


@pytest.mark.parametrize(
    ("subject", "options"),
    [
        (Cell("toy", "3", Setting("photos")), "--lic-codec toy --lic-quality 3"),
        (Cell("toy", "3", Setting(CONFORMANCE)), "--lic-codec toy --lic-quality 3"),
        (Curve("toy", Setting("edge")), "--lic-codec toy --lic-corpus edge"),
        (
            Cell("mine", "1", Setting("kodak", "256", 4, "cuda:1")),
            "--lic-config mine.yaml --lic-codec mine --lic-quality 1 --lic-corpus '/my data/kodak' "
            "--lic-resolution 256 --lic-batch 4 --lic-device cuda:1",
        ),
    ],
)
def test_the_command_names_what_is_no_default(subject: Cell | Curve, options: str) -> None:
    command = rerun_command(subject, "rd", configs={"mine": "mine.yaml"}, corpora=CORPORA)
    assert command == START + options
