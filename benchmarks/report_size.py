"""How large a report of many cells gets, and how fast a browser opens it.

    python benchmarks/report_size.py [--cells 1000] [--output report.html]

Makes results up: codecs of four qualities in five settings, 24 images each, one cell in fifty
regressed, and as many crops as a run cuts, of noise, which no PNG file makes smaller. Prints the
size of the results file and of the report, the seconds to make it, and, where Chromium and
playwright are installed, the seconds until the page was loaded and the curves were drawn, the
median of five.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from pytest_lic.baselines.comparison import Comparison, Verdict, compare, compare_curves
from pytest_lic.baselines.tolerances import DEFAULT_TOLERANCES
from pytest_lic.measuring.grid import Cell, Curve, Setting
from pytest_lic.measuring.measure import ImageResult, Measurement, rd_curve
from pytest_lic.measuring.rate_distortion import bd_quality, bd_rate
from pytest_lic.report.html import html_report
from pytest_lic.results.crop import Crop, cut
from pytest_lic.results.json_file import to_text
from pytest_lic.results.results import (
    CurveResult,
    FamilyFacts,
    PointResult,
    Results,
    RunFacts,
    TestResult,
)
from pytest_lic.results.worst_images import MOST
from pytest_lic.system.environment import environment

QUALITIES = {"1": 0.0018, "2": 0.0067, "3": 0.025, "4": 0.0932}
SETTINGS = tuple(
    Setting("kodak", resolution, batch)
    for resolution, batch in (("native", 1), ("512", 1), ("512", 8), ("256", 1), ("256", 8))
)
IMAGES = 24
SIDE = 512
SEED = 6


def made_up(cells: int) -> Results:
    """Results of about so many cells; the same each time."""
    numbers = np.random.default_rng(SEED)
    count = max(1, round(cells / len(QUALITIES) / len(SETTINGS)))
    families = [f"codec-{number:03}" for number in range(count)]
    points, curves, tests = [], [], []
    for family in families:
        skill = numbers.normal(0, 0.4)
        for setting in SETTINGS:
            measured: dict[str, Measurement] = {}
            baseline: dict[str, Measurement] = {}
            for quality in QUALITIES:
                cell = Cell(family, quality, setting)
                baseline[quality] = _measurement(cell, skill, numbers)
                hurt = 0.5 if numbers.random() < 0.02 else 0.0
                measured[quality] = _worse(baseline[quality], hurt)
                comparison = compare(measured[quality], baseline[quality], DEFAULT_TOLERANCES)
                points.append(PointResult(comparison, measured[quality], baseline[quality]))
                tests.append(_test(cell.id, comparison))
            before, after = rd_curve("baseline", baseline), rd_curve(family, measured)
            curve = Curve(family, setting)
            verdict = compare_curves(
                curve.id, bd_rate(before, after), bd_quality(before, after), DEFAULT_TOLERANCES
            )
            curves.append(CurveResult(verdict, family, setting))
            tests.append(_test(curve.id, verdict))
    return Results(
        RunFacts(
            created=datetime(2026, 11, 25, tzinfo=UTC),
            pytest_lic="0.1.0",
            exit_status=1,
            command=("pytest", "--pyargs", "pytest_lic.suites", "-m", "rd"),
            commit="0123456789abcdef0123456789abcdef01234567",
            changed=False,
            strict=False,
            tolerances=DEFAULT_TOLERANCES,
        ),
        {family: FamilyFacts(QUALITIES, {"number": family}) for family in families},
        tuple(points),
        tuple(curves),
        tuple(tests),
        crops=tuple(_crops(points, numbers)),
    )


def _measurement(cell: Cell, skill: float, numbers: np.random.Generator) -> Measurement:
    place = int(cell.quality)
    images = {}
    for number in range(IMAGES):
        kind = 3 * np.sin(number)
        images[f"kodim{number + 1:02}.png"] = ImageResult(
            height=SIDE,
            width=SIDE,
            bytes=int(SIDE * SIDE / 8 * 0.12 * 2.1**place * (1 + 0.1 * numbers.random())),
            payload=None,
            metrics={
                "psnr": round(23.0 + 3.6 * place + kind + skill, 6),
                "ms_ssim": round(1 - 0.09 / 2.2**place, 8),
                "lpips": round(0.4 / 1.8**place, 6),
            },
            unavailable={},
            lossless=False,
            bitstream=f"{number:016x}",
            reconstruction=f"{number:016x}",
        )
    return Measurement(cell, "made-up", QUALITIES[cell.quality], environment("cpu", 1), images)


def _worse(before: Measurement, decibels: float) -> Measurement:
    """The same measurement, its fourth image worse by so much."""
    from dataclasses import replace

    if not decibels:
        return before
    images = dict(before.images)
    name = list(images)[3]
    metrics = dict(images[name].metrics)
    metrics["psnr"] -= decibels
    images[name] = replace(images[name], metrics=metrics)
    return replace(before, images=images)


def _test(subject: str, comparison: Comparison) -> TestResult:
    fails = comparison.verdict.fails()
    text = f"{subject}: {comparison.verdict.value}" if fails else ""
    return TestResult(
        f"test_rd.py::test[{subject}]", "failed" if fails else "passed", ("rd",), subject, text
    )


def _crops(points: list[PointResult], numbers: np.random.Generator) -> list[Crop]:
    regressed = [p for p in points if p.comparison.verdict is Verdict.REGRESSED]
    return [
        cut(
            point.comparison.subject,
            "kodim04.png",
            *(numbers.integers(0, 256, (SIDE, SIDE, 3), np.uint8) for _ in range(3)),
        )
        for point in regressed[:MOST]
    ]


def seconds_to_open(page: Path, times: int = 5) -> float | None:
    """Until Chromium has loaded the page and drawn its curves, the median; None without either."""
    import shutil

    program = shutil.which("chromium") or shutil.which("google-chrome")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return None
    if program is None:
        return None
    taken = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for _ in range(times):
            tab = browser.new_page(viewport={"width": 1280, "height": 900})
            started = time.monotonic()
            tab.goto(page.resolve().as_uri(), wait_until="load")
            tab.wait_for_selector("#plot svg .line")
            taken.append(time.monotonic() - started)
            tab.close()
        browser.close()
    return statistics.median(taken)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, default=1000)
    parser.add_argument("--output", type=Path, help="keep the report here")
    given = parser.parse_args()
    results = made_up(given.cells)
    text = to_text(results)
    started = time.monotonic()
    page = html_report({"": results})
    made = time.monotonic() - started
    print(f"{len(results.points)} cells, {len(results.curves)} curves, {len(results.crops)} crops")
    print(f"results {len(text.encode()) / 1e6:.2f} MB")
    print(f"report {len(page.encode()) / 1e6:.2f} MB, made in {made:.2f} s")
    with tempfile.TemporaryDirectory() as folder:
        path = given.output or Path(folder) / "report.html"
        path.write_text(page, encoding="utf-8")
        opened = seconds_to_open(path)
    if opened is None:
        print("opened: not measured, for want of Chromium or playwright")
    else:
        print(f"opened in {opened:.2f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
