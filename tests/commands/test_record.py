"""``pytest-lic record``: a merged result becomes the baselines that ``--lic-update`` writes."""

from __future__ import annotations

import pytest

from pytest_lic.cli import main
from tests.helpers.toy_project import Project

BROKEN = """
class Broken(Toy):
    def decode(self, bitstreams):
        if self.step == 20:
            raise RuntimeError("no quality 3 today")
        return super().decode(bitstreams)
"""
CHOSEN = ("-m", "rd or roundtrip")


def merged(project: Project) -> str:
    files = [str(project.path / f"{number}.json") for number in (1, 2)]
    for number, file in enumerate(files, 1):
        project.run(*CHOSEN, f"--lic-shard={number}/2", f"--lic-json={file}")
    out = str(project.path / "all.json")
    main(["merge", *files, "--out", out])
    return out


def test_it_records_what_update_records(small: Project, capsys: pytest.CaptureFixture[str]) -> None:
    file = merged(small)
    capsys.readouterr()
    assert main(["record", file]) == 0
    assert "toy, quality 3, images native: first recorded: " in capsys.readouterr().out
    recorded = small.baseline.read_text()
    small.baseline.unlink()
    small.run(*CHOSEN, "--lic-update")
    assert small.baseline.read_text() == recorded
    assert main(["record", merged(small)]) == 0
    assert "nothing to record" in capsys.readouterr().out


def test_what_failed_its_round_trip_is_never_recorded(
    small: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    small.write_codec(BROKEN, "Broken")
    assert main(["record", merged(small)]) == 0
    assert "toy, quality 3: not recorded, its round trip" in capsys.readouterr().out
    assert '"quality": "3"' not in small.baseline.read_text()
    assert '"quality": "2"' in small.baseline.read_text()


def test_a_shard_alone_is_refused(small: Project, capsys: pytest.CaptureFixture[str]) -> None:
    merged(small)
    assert main(["record", str(small.path / "1.json")]) == 2
    assert "1.json is of shard 1/2 alone; pytest-lic merge" in capsys.readouterr().err
    assert not small.baseline.exists()
