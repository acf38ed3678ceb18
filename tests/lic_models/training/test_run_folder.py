"""The folder of a run: an earlier run in it is safe."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.tiny_run import RUN, fit

pytestmark = pytest.mark.usefixtures("tiny_folder")


def test_an_earlier_run_is_not_written_over(
    whole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    RUN.parent.mkdir()
    whole.rename(RUN)
    files = {path: path.read_bytes() for path in RUN.rglob("*") if path.is_file()}
    assert fit() == 2
    assert capsys.readouterr().err == (
        "error: runs/tiny-1: holds an earlier run; go on with it (--ckpt_path=last), delete it, or "
        "choose another folder (--trainer.logger.init_args.name=NAME)\n"
    )
    assert {path: path.read_bytes() for path in RUN.rglob("*") if path.is_file()} == files
    assert fit("--trainer.logger.init_args.name=other", "--trainer.max_steps=1") == 0
    # One step is fewer than a row of the log takes.
    assert {path.name for path in Path("runs/other").iterdir()} == {"checkpoints", "config.yaml"}
