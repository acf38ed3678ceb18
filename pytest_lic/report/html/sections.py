"""What a report says in words and tables, ready for the template."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_lic.ab.result import Compared
from pytest_lic.baselines.comparison import Comparison, Difference, Verdict
from pytest_lic.measuring.metrics import METRICS, to_db
from pytest_lic.report.ab import ab_headline
from pytest_lic.report.headline import headline
from pytest_lic.report.html.curves import setting_title
from pytest_lic.report.words import difference_text
from pytest_lic.results.crop import Crop
from pytest_lic.results.results import PointResult, Results, TestResult, TimeResult
from pytest_lic.system.environment import Environment, differences

SHOWN = 20
"""Regressions that are told one by one; the table of points has all."""

_LABELS = {name: metric.label for name, metric in METRICS.items()} | {"bd_rate": "BD-rate"}
_UNITS = {
    "bpp": " %",
    "psnr": " dB",
    "ms_ssim": " dB",
    "lpips": "",
    "bd_rate": " %",
}  # of tolerances
_WORDS = 8  # differences of one regression, as the terminal has it
_IMAGES = 60  # rows of the table of what changed most
_TESTS = 100
_TOLD_FIRST = 5  # verdicts of a comparison of two commits that stand at the top


@dataclass(frozen=True)
class Failure:
    """One cell or curve that fails, with its cause in words.

    ``tolerances`` is by how many of them its worst number is worse.
    """

    run: str
    subject: str
    verdict: Verdict
    tolerances: float
    reason: str
    lines: tuple[str, ...]
    more: int
    tests: tuple[TestResult, ...]
    crops: tuple[CropShown, ...]


@dataclass(frozen=True)
class CropShown:
    """A crop, its images as addresses that hold them."""

    crop: Crop
    original: str
    reconstruction: str
    baseline: str | None


@dataclass(frozen=True)
class Row:
    """One point in a table: its means, and how far each is from the baseline's."""

    run: str
    comparison: Comparison
    quality: str
    lmbda: float | None
    numbers: tuple[tuple[str, str], ...]


def sections(runs: Mapping[str, Results], compared: Sequence[Compared]) -> dict[str, Any]:
    """The template's variables, but for the curves."""
    failures = sorted(_failures(runs), key=_severity, reverse=True)
    told = {id(test) for failure in failures[:SHOWN] for test in failure.tests}
    tests = [
        (run, test)
        for run, results in runs.items()
        for test in results.tests
        if test.outcome == "failed" and id(test) not in told
    ]
    return {
        "several": len(runs) > 1,
        "signed": signed,
        "labels": _LABELS,
        "units": _UNITS,
        "told_first": _TOLD_FIRST,
        "verdict": _verdict(runs, compared),
        "failed": any(each.failed for each in runs.values())
        or any(each.fails for each in compared),
        "counts": _counts(runs),
        "failures": failures[:SHOWN],
        "more_failures": len(failures) - SHOWN,
        "tests": tests[:_TESTS],
        "more_tests": len(tests) - _TESTS,
        "images": list(_images(runs))[:_IMAGES],
        "groups": _groups(runs),
        "circumstances": [_circumstances(run, results) for run, results in runs.items()],
    }


def _verdict(runs: Mapping[str, Results], compared: Sequence[Compared]) -> str:
    """On the runs; where two commits were compared and one got worse, on those first."""
    worse = [ab_headline(found) for found in compared if found.fails]
    of_runs = headline(runs.values())
    return f"failed: {'; '.join(worse)}; the run {of_runs}" if worse else of_runs


def _counts(runs: Mapping[str, Results]) -> list[tuple[Verdict, int]]:
    found = {
        verdict: sum(results.count(verdict) for results in runs.values())
        for verdict in reversed(Verdict)
    }
    return [(verdict, count) for verdict, count in found.items() if count]


def _failures(runs: Mapping[str, Results]) -> Iterator[Failure]:
    for run, results in runs.items():
        crops: dict[str, list[CropShown]] = {}
        for crop in results.crops:
            crops.setdefault(crop.subject, []).append(_shown(crop))
        tests: dict[str, list[TestResult]] = {}
        for test in results.tests:
            if test.outcome == "failed":
                tests.setdefault(test.subject, []).append(test)
        for comparison in results.comparisons:
            if comparison.verdict.fails(strict=results.run.strict):
                worse = [each for each in comparison.differences if each.regressed]
                yield Failure(
                    run,
                    comparison.subject,
                    comparison.verdict,
                    max((each.severity for each in worse), default=0.0),
                    comparison.reason,
                    tuple(difference_text(each) for each in worse[:_WORDS]),
                    len(worse) - _WORDS,
                    tuple(tests.get(comparison.subject, ())),
                    tuple(crops.get(comparison.subject, ())),
                )


def _severity(failure: Failure) -> tuple[bool, int, float]:
    """Those with crops first, then the worst verdict, then what is worse by most."""
    return bool(failure.crops), list(Verdict).index(failure.verdict), failure.tolerances


def _shown(crop: Crop) -> CropShown:
    def address(png: bytes) -> str:
        return "data:image/png;base64," + base64.b64encode(png).decode("ascii")

    baseline = None if crop.baseline is None else address(crop.baseline)
    return CropShown(crop, address(crop.original), address(crop.reconstruction), baseline)


def _images(runs: Mapping[str, Results]) -> list[tuple[str, Comparison, Difference, str]]:
    """What moved by more than its tolerance on a single image: the worst first, then the best."""
    found = [
        (run, point.comparison, difference, _change(difference))
        for run, results in runs.items()
        for point in results.points
        for difference in point.comparison.differences
        if difference.image is not None
    ]
    return sorted(found, key=lambda each: (each[2].regressed, each[2].severity), reverse=True)


def _change(difference: Difference) -> str:
    metric = METRICS[difference.metric]
    change = -difference.worse_by if metric.higher_is_better else difference.worse_by
    unit = "%" if difference.metric == "bpp" else metric.unit
    return f"{change:+.4g} {unit}".rstrip()


def _groups(runs: Mapping[str, Results]) -> dict[str, list[Row]]:
    """The title of each family in each setting → its points, qualities in the family's order."""
    found: dict[str, list[Row]] = {}
    for run, results in runs.items():
        places = {
            (family, label): place
            for family, facts in results.families.items()
            for place, label in enumerate(facts.qualities)
        }

        def place(point: PointResult, places: Mapping[tuple[str, str], int] = places) -> int:
            if point.measured is None:
                return len(places)
            cell = point.measured.cell
            return places.get((cell.family, cell.quality), len(places))

        for point in sorted(results.points, key=place):
            measured = point.measured
            if measured is None:
                title = "not measured"
                row = Row(run, point.comparison, "–", None, (("–", ""),) * 5)
            else:
                cell = measured.cell
                title = f"{cell.family} on {setting_title(cell.setting)}"
                row = Row(run, point.comparison, cell.quality, measured.lmbda, _numbers(point))
            title = f"{title} · {run}" if len(runs) > 1 else title
            found.setdefault(title, []).append(row)
    return found


def _numbers(point: PointResult) -> tuple[tuple[str, str], ...]:
    """Each mean, and its change against the baseline's."""
    assert point.measured is not None
    found = []
    for metric, digits in (("bpp", 4), ("psnr", 3), ("ms_ssim", 3), ("lpips", 4)):
        new = point.measured.mean(metric)
        old = point.baseline.mean(metric) if point.baseline is not None else None
        if metric == "ms_ssim":
            new, old = (None if each is None else to_db(each) for each in (new, old))
        value = "–" if new is None else f"{new:.{digits}f}"
        change = ""
        if new is not None and old is not None and metric == "bpp":
            change = signed(100 * (new - old) / old, 2)
            change = f"{change} %" if float(change) else ""
        elif new is not None and old is not None:
            change = signed(new - old, digits)
            change = change if float(change) else ""
        found.append((value, change))
    share = point.measured.payload_share
    found.insert(1, ("–" if share is None else f"{100 * share:.1f} %", ""))
    return tuple(found)


def signed(value: float, digits: int) -> str:
    """With its sign, but for what rounds to zero."""
    text = f"{value:+.{digits}f}"
    return text if float(text) else f"{0:.{digits}f}"


def _environment(time: TimeResult) -> Environment | None:
    """Where a time was taken, if it says so as we write it: a file may hold anything there."""
    stored = time.facts.get("environment")
    if not isinstance(stored, Mapping):
        return None
    if not all(isinstance(stored.get(name), Mapping) for name in ("packages", "variables")):
        return None
    try:
        return Environment(**stored)
    except TypeError:
        return None


def _circumstances(run: str, results: Results) -> dict[str, Any]:
    facts = results.run
    commit = facts.commit or "not in a git repository"
    environments: dict[str, Environment] = {}
    moved: dict[str, None] = {}
    for point in results.points:
        if point.measured is not None:
            environments[point.measured.environment.digest] = point.measured.environment
            if point.baseline is not None:
                then, now = point.baseline.environment, point.measured.environment
                moved.update(dict.fromkeys(differences(then, now)))
    for time in results.times:
        environment = _environment(time)
        if environment is not None:
            environments[environment.digest] = environment
    return {
        "run": run,
        "created": f"{facts.created:%Y-%m-%d %H:%M %Z}",
        "commit": commit + (", with changes that are not committed" if facts.changed else ""),
        "command": " ".join(facts.command),
        "version": facts.pytest_lic,
        "status": facts.exit_status,
        "strict": facts.strict,
        "tolerances": facts.tolerances,
        "tests": {
            outcome: sum(test.outcome == outcome for test in results.tests)
            for outcome in ("passed", "failed", "skipped")
        },
        "environments": list(environments.values()),
        "moved": list(moved),
        "remarks": results.remarks,
        "crops": bool(results.crops),
        "regressed": any(p.comparison.verdict is Verdict.REGRESSED for p in results.points),
    }
