"""Parts of streams: drawn over the bytes received, told in the terminal, kept in the file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from pytest_lic.checks.progressive import PartOfStream
from pytest_lic.report.terminal.progressive import progressive_lines
from pytest_lic.results.json_file import load, to_text
from pytest_lic.results.records import from_builtins, to_builtins
from pytest_lic.results.results import ProgressiveResult
from tests.helpers.html_page import page_of
from tests.helpers.made_results import passing

PARTS = (PartOfStream(0.5, 1200.0, 21.25), PartOfStream(1.0, 2400.0, 30.5))
RESULT = ProgressiveResult("toy-q3-photos-native-b1-cpu", "toy", "3", 2, PARTS)
RUN = replace(passing(), progressive=(RESULT,))


def test_the_page_draws_them_and_tells_all_values() -> None:
    page = page_of(RUN)
    assert "toy-q3-photos-native-b1-cpu 2 21.25 dB of 1200, 30.50 dB of 2400" in page.text
    drawn = [json.loads(script) for script in page.scripts if "psnr" in script[:400]]
    (series,) = next(one for one in drawn if isinstance(one, list) and "points" in one[0])
    assert [point["size"] for point in series["points"]] == [1200, 2400]
    assert "Parts of streams" not in page_of(passing()).text


def test_the_terminal_tells_them_in_a_line() -> None:
    (line,) = progressive_lines([RESULT])
    told = "2 passes: 21.2 dB of 50 %, 30.5 dB of 100 %"
    assert line == f"parts of streams: {RESULT.subject}, {told}"


def test_they_come_back_from_a_worker_and_from_a_file(tmp_path: Path) -> None:
    assert from_builtins(to_builtins([RESULT])) == (RESULT,)
    path = tmp_path / "run.json"
    path.write_text(to_text(RUN))
    assert load(path).progressive == (RESULT,)
    assert "progressive" not in json.loads(to_text(passing()))
