"""The config that a run leaves behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from lic_models.__main__ import main
from tests.helpers.tiny_run import RUN, assert_same_outcome

pytestmark = pytest.mark.usefixtures("tiny_folder")


def test_the_saved_config_describes_the_run_again(whole: Path) -> None:
    assert main(["fit", f"--config={whole}/config.yaml"]) == 0
    assert_same_outcome(whole, RUN)
    assert (RUN / "config.yaml").read_bytes() == (whole / "config.yaml").read_bytes()
