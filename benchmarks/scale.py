"""What a grid of a million cells costs over a thousand shards, and whether that grows linearly.

    python benchmarks/scale.py [--cells 1000000] [--shards 1000]

Prints, for 10,000 cells, 100,000 and so on up to what is asked for, over a hundredth to a
thousandth as many shards: seconds and peak memory to plan (which cells are whose, as each shard
does), to collect one shard (`pytest --collect-only`, the whole process), to merge the results of
all, and the sizes of the merged results and of their page. Results are made up, with one image a
cell. Whole processes, one after the other; run it on an idle machine.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tabulate import tabulate

from pytest_lic.baselines.comparison import compare
from pytest_lic.baselines.tolerances import DEFAULT_TOLERANCES
from pytest_lic.measuring.grid import Cell, Curve, Setting
from pytest_lic.measuring.measure import ImageResult, Measurement
from pytest_lic.results.json_file import to_json, to_text
from pytest_lic.results.results import FamilyFacts, PointResult, Results, RunFacts, TestResult
from pytest_lic.results.shard_facts import LEFT, LeftCurve, ShardFacts
from pytest_lic.system.environment import environment

QUALITIES = 10
SETTINGS = {"batch": (1, 2, 4, 8, 16), "resolution": tuple(range(1, 201))}  # 1000 of them
CODECS = """
from pytest_lic import CodecFamily

def pytest_lic_codecs():
    for index in range({families}):
        labels = {{str(q): q / 1000 for q in range(1, {qualities} + 1)}}
        yield CodecFamily(f"codec{{index}}", labels, build=lambda quality, device: None)
"""
PLAN = """
import sys
import time
from pytest_lic.commands.plugin_options import origin_here
from pytest_lic.project.discovery import discover, pytest_config
from pytest_lic.project.options import read_options
from pytest_lic.measuring.shards import Shard, Sharing
from pytest_lic.measuring.timed_grid import whole_grid

with pytest_config(origin_here(*sys.argv[1:])) as config:
    families, options = discover(config), read_options(config)
began = time.perf_counter()
whole_grid(list(families.by_name.values()), options.selection, None, Sharing(options.shard))
print("seconds:", time.perf_counter() - began)
"""


@dataclass(frozen=True)
class Cost:
    """Of one process: wall seconds, peak memory in MB, the last line that it printed."""

    seconds: float
    memory: float
    last: str

    def __str__(self) -> str:
        """Such as ``1.2 s, 80 MB``."""
        return f"{self.seconds:.1f} s, {self.memory:.0f} MB"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, default=1_000_000, help="of the largest grid")
    parser.add_argument("--shards", type=int, default=1000, help="of the largest grid")
    options = parser.parse_args()
    sizes = [(options.cells, options.shards)]
    while sizes[-1][0] >= 100_000:
        cells, shards = sizes[-1]
        sizes.append((cells // 10, max(1, shards // 10)))
    rows = []
    for cells, shards in reversed(sizes):
        with tempfile.TemporaryDirectory() as name:
            rows.append([f"{cells:,}", shards, *map(str, measured(Path(name), cells, shards))])
            print(" | ".join(map(str, rows[-1])), flush=True)
    headings = ("cells", "shards", "plan", "collect one", "merge", "results", "page")
    print(tabulate(rows, headings, tablefmt="pipe", disable_numparse=True))


def measured(folder: Path, cells: int, shards: int) -> list[object]:
    """What planning, collecting and merging cost, and the sizes of what comes out."""
    each = 1000  # settings
    families = max(1, cells // (QUALITIES * each))
    settings = dict(SETTINGS)
    if cells < QUALITIES * each:
        settings["resolution"] = settings["resolution"][: max(1, cells // QUALITIES // 5)]
    code = CODECS.format(families=families, qualities=QUALITIES)
    (folder / "conftest.py").write_text(code)
    chosen = [
        "--lic-codec=codec*",
        "--lic-corpus=photos",
        f"--lic-shard={max(1, shards // 2)}/{shards}",
    ]
    chosen += [f"--lic-{name}={','.join(map(str, values))}" for name, values in settings.items()]
    plan = cost(folder, "-c", PLAN, *chosen)
    suites = ("-m", "pytest", "--collect-only", "-qq", "--pyargs", "pytest_lic.suites", "-m", "rd")
    collect = cost(folder, *suites, *chosen)
    results = folder / "results"
    results.mkdir()
    write_results(results, families, settings, shards)
    files = sorted(map(str, results.glob("*.json")))
    out, page = folder / "all.json", folder / "all.html"
    merge = cost(folder, "-m", "pytest_lic", "merge", *files, f"--out={out}")
    drawn = cost(folder, "-m", "pytest_lic", "report", str(out), f"--output={page}")
    return [
        Cost(float(plan.last.split()[-1]), plan.memory, ""),
        collect,
        merge,
        f"{out.stat().st_size / 1e6:.0f} MB",
        f"{page.stat().st_size / 1e6:.0f} MB ({drawn})",
    ]


def cost(folder: Path, *arguments: str) -> Cost:
    """Run Python with these arguments; what it costs."""
    out = folder / "out.txt"
    began = time.perf_counter()
    with out.open("w") as stream:
        process = subprocess.Popen(
            [sys.executable, *arguments], cwd=folder, stdout=stream, stderr=subprocess.STDOUT
        )
        _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    text = out.read_text().strip()
    if status:
        sys.exit(f"python {' '.join(arguments)[:300]} failed:\n{text[-2000:]}")
    return Cost(seconds, usage.ru_maxrss / 1000, text.splitlines()[-1] if text else "")


ENVIRONMENT = environment("cpu", 1)
RUN = RunFacts(
    datetime(2026, 1, 1, tzinfo=UTC),
    "0.1.0",
    0,
    ("pytest",),
    None,
    False,
    False,
    DEFAULT_TOLERANCES,
)
OPTIONS = dict.fromkeys(("anchor", "ctc", "require"), "") | {"bd": "psnr"}
COMMAND = "pytest --pyargs pytest_lic.suites -m rd --lic-codec codec0"
_FAMILY = "codec-of-a-shard"
_QUALITIES = {str(number): number / 1000 for number in range(1, QUALITIES + 1)}


def write_results(
    folder: Path, families: int, settings: Mapping[str, tuple[int, ...]], shards: int
) -> None:
    """Results of each shard, as a run that passed would have written them.

    A shard has some qualities of a family in every setting, or all qualities of some families, so
    that it is the merge that has to judge the curves, or none of them.
    """
    places = [
        Setting("photos", str(side), batch)
        for side, batch in itertools.product(settings["resolution"], settings["batch"])
    ]
    names = [(f"codec{number}", quality) for number in range(families) for quality in _QUALITIES]
    dealt = [
        names[number * len(names) // shards : (number + 1) * len(names) // shards]
        for number in range(shards)
    ]
    facts = {f"codec{number}": FamilyFacts(_QUALITIES, {}) for number in range(families)}
    texts = {quality: _texts(quality, places) for quality in _QUALITIES}
    split = any(len({family for family, _ in its}) * QUALITIES != len(its) for its in dealt)
    for number, its in enumerate(dealt, 1):
        left = (
            [
                LeftCurve(family, place, COMMAND)
                for family in dict.fromkeys(name for name, _ in its)
                for place in places
            ]
            if split
            else []
        )
        shard = ShardFacts(
            number,
            shards,
            len(its) * len(places),
            len(names) * len(places),
            "plan",
            "baselines",
            OPTIONS,
            tuple(left),
        )
        empty = json.loads(to_text(Results(RUN, facts, shard=shard)))
        empty["environments"] = texts["1"]["environments"]
        parts: dict[str, list[str]] = {"points": [], "tests": []}
        for family, quality in its:
            for part, lines in parts.items():
                lines.append(texts[quality][part].replace(_FAMILY, family))
        for family, place in [(one.family, one.setting) for one in left]:
            curve = Curve(family, place)
            test = TestResult(
                f"pytest_lic.suites.test_rd::test_curve[{curve.id}]",
                "skipped",
                ("rd",),
                curve.id,
                LEFT,
            )
            parts["tests"].append(json.dumps(asdict(test)))
        text = json.dumps(empty)
        for part, lines in parts.items():
            text = text.replace(f'"{part}": []', f'"{part}": [{",".join(lines)}]', 1)
        (folder / f"{number}.json").write_text(text)


def _texts(quality: str, places: Sequence[Setting]) -> dict[str, Any]:
    """Points, tests and environments of one quality of `_FAMILY`, as a results file has them."""
    points, tests = [], []
    for place in places:
        cell = Cell(_FAMILY, quality, place)
        size = 1000 * 2 ** int(quality)
        psnr = {"psnr": 24.0 + 2.0 * int(quality)}
        image = ImageResult(512, 768, size, None, psnr, {}, False, "a", "a")
        lmbda = _QUALITIES[quality]
        measurement = Measurement(cell, "digest", lmbda, ENVIRONMENT, {"one.png": image})
        comparison = compare(measurement, measurement, DEFAULT_TOLERANCES)
        points.append(PointResult(comparison, measurement, measurement))
        name = f"pytest_lic.suites.test_rd::test_point[{cell.id}]"
        tests.append(TestResult(name, "passed", ("rd",), cell.id, "", 1.0))
    stored = to_json(Results(RUN, {}, tuple(points), tests=tuple(tests)))
    texts = {part: json.dumps(stored[part])[1:-1] for part in ("points", "tests")}
    return {**texts, "environments": stored["environments"]}


if __name__ == "__main__":
    main()
