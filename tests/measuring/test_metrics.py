"""The registry of metrics, and what is computed of several at once."""

from __future__ import annotations

import ast
import math
from collections import Counter
from pathlib import Path

import pytest

import pytest_lic
from pytest_lic.errors import UnknownNameError
from pytest_lic.images.corpus import load_corpus
from pytest_lic.measuring import metrics
from pytest_lic.measuring.metrics import (
    DEFAULTS,
    GROUPS,
    METRICS,
    Metric,
    metric_fingerprint,
    metric_named,
    metrics_named,
    quality_metrics,
)
from tests.helpers.pixels import noisy


def test_metrics_have_unit_and_direction() -> None:
    facts = {name: (metric.unit, metric.higher_is_better) for name, metric in METRICS.items()}
    assert (
        facts.items()
        >= {
            "bpp": ("bpp", False),
            "psnr": ("dB", True),
            "ms_ssim": ("dB", True),
            "lpips": ("", False),
        }.items()
    )


SHARED = {"of_piq": 7, "psnr_ycbcr": 1}
"""Files that hold metrics of other names, and how many."""


def test_each_metric_is_one_file_of_its_name() -> None:
    (folder,) = metrics.__path__
    files = {path.stem for path in Path(folder).glob("*.py")}
    files -= {"__init__", "base", "trial", "borrowed", "ycbcr"}
    homes = {metric.name: type(metric).__module__.rpartition(".")[2] for metric in METRICS.values()}
    assert set(homes.values()) == files
    assert Counter(home for name, home in homes.items() if home != name) == SHARED


def test_qualities_are_computed_by_default_where_they_say_so() -> None:
    assert [metric.name for metric in DEFAULTS] == ["psnr", "ms_ssim", "lpips"]


@pytest.mark.parametrize("metric", metrics.BUILT_IN, ids=lambda metric: metric.name)
def test_each_metric_states_its_facts(metric: Metric) -> None:
    assert metric.name.isidentifier()
    assert metric.label
    assert metric.definition
    assert 0 < metric.tolerance[0] < metric.tolerance[1]
    if metric.of_pixels:
        assert (metric.best is None) != (metric.lossless is None)


def test_each_metric_has_a_value_or_a_reason() -> None:
    photo = next(image.pixels for image in load_corpus("photos").images if "coffee" in image.name)
    values, unavailable = quality_metrics(photo, noisy(photo, 5), [METRICS["bpp"], *DEFAULTS])
    assert {*values, *unavailable} == {metric.name for metric in DEFAULTS}
    assert set(unavailable) == {"lpips"}


def test_values_are_rounded_as_they_are_stored() -> None:
    photo = load_corpus("photos").images[0].pixels
    values, _ = quality_metrics(photo, noisy(photo, 5), DEFAULTS)
    for name, value in values.items():
        assert value == round(value, METRICS[name].stored_decimals)


class Share(Metric):
    """A metric whose tolerance is in percent, and whose values may be anything."""

    higher_is_better = True
    relative = True


@pytest.mark.parametrize(
    ("before", "after", "worse_by"),
    [(2.0, 1.0, 50.0), (-1.0, -2.0, 100.0), (0.0, -1.0, math.inf), (0.0, 1.0, -math.inf)],
)
def test_a_change_in_percent_has_the_direction_of_the_values(
    before: float, after: float, worse_by: float
) -> None:
    assert Share().worse_by(before, after) == worse_by


def test_an_unknown_name_suggests_a_known_one() -> None:
    with pytest.raises(UnknownNameError, match=r"--lic-metrics: .*did you mean ms_ssim"):
        metric_named("msssim", "--lic-metrics")


def test_a_group_stands_for_its_metrics() -> None:
    seven = metrics_named("jpeg-ai", "--lic-metrics")
    assert [metric.name for metric in seven] == list(GROUPS["jpeg-ai"])
    assert len(seven) == 7
    assert all("JPEG AI's" in metric.definition for metric in seven)
    assert metrics_named("psnr", "--lic-metrics") == (METRICS["psnr"],)
    with pytest.raises(UnknownNameError, match=r"--lic-metrics: .*did you mean jpeg-ai"):
        metrics_named("jpegai", "--lic-metrics")


def test_no_metric_can_have_the_name_of_a_group() -> None:
    assert not any(name.isidentifier() for name in GROUPS)


def test_the_fingerprint_does_not_depend_on_order() -> None:
    psnr, bpp = METRICS["psnr"], METRICS["bpp"]
    assert metric_fingerprint([psnr, bpp]) == metric_fingerprint([bpp, psnr, bpp])


PSNR_BY_DEFINITION = {
    "ablation/result.py": "BD-rate",
    "adapters/image_files/formats.py": "libaom's own option",
    "baselines/comparison.py": "BD-rate",
    "baselines/plausible.py": "a gain is told in bytes and dB",
    "commands/ablation.py": "BD-rate",
    "commands/bisect.py": "BD-rate",
    "commands/show.py": "a cell is shown with PSNR, whatever the options say",
    "measuring/intervals.py": "intervals of BD-rate",
    "measuring/measure.py": "curves for BD-rate",
    "measuring/published/__init__.py": "published curves",
    "measuring/rate_distortion.py": "BD-rate",
    "report/html/sections/progressive.py": "quality of parts of streams",
    "project/option.py": "how much PSNR may lose since a milestone",
    "project/option_table.py": "BD-rate",
    "project/options.py": "BD-rate",
    "results/curve_judge.py": "BD-rate",
    "results/worst_images.py": "crops show the error in pixels",
    "run/doubts.py": "an image is below the others, a curve below JPEG's, in dB",
    "system/environment.py": "the package lpips",
}
"""Where a quality metric's name may stand besides its own file, and why."""


def test_nothing_else_knows_a_quality_metric_by_its_name() -> None:
    (root,) = pytest_lic.__path__
    knowing = set()
    qualities = {metric.name for metric in DEFAULTS}
    for path in Path(root).rglob("*.py"):
        nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        names = {node.value for node in nodes if isinstance(node, ast.Constant)}
        if names & qualities:
            knowing.add(path.relative_to(root).as_posix())
    own = {f"measuring/metrics/{name}.py" for name in qualities}
    assert knowing == own | set(PSNR_BY_DEFINITION)
