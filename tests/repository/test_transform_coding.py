"""The page of transform coding works as it stands, and so do the scripts that it runs."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from tests.helpers.doc_pages import APARTS, ROOT, follow, text_of
from tests.helpers.walkthrough import Walk

PAGE = "docs/transform-coding.md"
PICTURES = ROOT / "docs" / "transform-coding"
EXAMPLE = ROOT / "examples" / "transform_coding"
SCRIPTS = (
    "bound",
    "codes",
    "png_filters",
    "prediction",
    "source",
    "transform_codes",
    "vector_code",
)


@pytest.fixture(scope="module")
def example() -> Iterator[Any]:
    """The example's scripts by their names."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(EXAMPLE)
        patch.setattr("sys.dont_write_bytecode", True)
        yield SimpleNamespace(**{name: import_module(name) for name in SCRIPTS})


def pixels(path: Path) -> NDArray[np.float64]:
    """A picture at an eighth of its size: lines that lie a little otherwise blur into the same."""
    with Image.open(path) as image:
        small = image.convert("RGB").reduce(8)
        return np.asarray(small, np.float64)


def alike(one: NDArray[np.float64], other: NDArray[np.float64]) -> bool:
    return one.shape == other.shape and float(np.abs(one - other).mean()) < 2


def test_page_and_its_pictures(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    walk = follow(PAGE, pytester, monkeypatch)
    shown = sorted(re.findall(r"\(transform-coding/(.+?)\)", text_of(PAGE)))
    assert shown == sorted(path.name for path in PICTURES.iterdir())
    drawn = {name: pixels(pytester.path / "pictures" / name) for name in shown}
    for name in shown:
        assert alike(drawn[name], pixels(PICTURES / name)), f"{name} is drawn otherwise now"

    printed = re.findall(
        r"^(\S+) +(\d) +(\S+) +(\S+)(?: +\d+ +(\S+) +(\S+))?$",
        walk.outputs["python banana.py"],
        re.M,
    )
    bounds = {
        lmbda: float(rate) + float(lmbda) * float(error)
        for kind, lmbda, rate, error, *_ in printed
        if kind == "bound"
    }
    measured = {row[:2]: [float(cell) for cell in row[2:]] for row in printed if row[0] != "bound"}
    quoted = {
        (kind, lmbda): [float(cell) for cell in cells]
        for kind, lmbda, *cells in re.findall(
            r"^\| ([a-z-]+) \| (\d) \| (\S+) \| (\S+) \| (\S+) \|$", text_of(PAGE), re.M
        )
    }
    assert quoted.keys() == measured.keys()
    assert len(quoted) == 9
    for (kind, lmbda), (rate, error, above, as_coded) in measured.items():
        assert [rate, error] == pytest.approx(quoted[kind, lmbda][:2], rel=0.1)
        assert above == pytest.approx(quoted[kind, lmbda][2], abs=0.15)
        assert above == pytest.approx(rate + float(lmbda) * error - bounds[lmbda], abs=0.01)
        assert as_coded == pytest.approx(rate, abs=0.06)

    for quality, *cells in re.findall(
        r"^\| (\d) \| (\S+ bits, \S+ dB) \| (\S+ bits, \S+ dB) \| (\S+ bits, \S+ dB) \|$",
        text_of(PAGE),
        re.M,
    ):
        for kind, cell in zip(("linear", "non-linear", "vector"), cells, strict=True):
            recorded = json.loads((pytester.path / f"baselines/digits-{kind}.json").read_text())
            (mean,) = (
                entry["mean"]
                for entry in recorded["entries"]
                if entry["quality"] == quality and entry["corpus"] == "images"
            )
            bits, _, decibels, _ = cell.split()
            assert 64 * mean["bpp"] == pytest.approx(float(bits), rel=0.1), (kind, quality)
            assert mean["psnr"] == pytest.approx(float(decibels), abs=0.5), (kind, quality)


def test_pictures_with_other_panels_are_not_alike() -> None:
    for path in PICTURES.iterdir():
        picture = pixels(path)
        assert not alike(picture, picture[:, ::-1]), path.name
        assert not alike(picture, np.roll(picture, len(picture) // 3, 1)), path.name


def test_excerpt_that_is_not_in_its_file_is_noticed(pytester: pytest.Pytester) -> None:
    excerpt = "```python\n# from examples/transform_coding/bound.py\n{}\n```\n"
    Walk(pytester, APARTS).follow(excerpt.format("        q = q / q.sum()"))
    with pytest.raises(AssertionError, match="bound"):
        Walk(pytester, APARTS).follow(excerpt.format("        q = q / q.max()"))


def test_grid_holds_what_is_drawn(example: Any) -> None:
    source, points = example.source.grid(), example.source.draw(200_000, seed=5).double()
    weights = source.masses.flatten()
    assert float(weights.sum()) == pytest.approx(1)
    assert (weights @ source.points.double()).tolist() == pytest.approx([0, 0], abs=0.01)
    centred = (source.points.double().T * weights) @ source.points.double()
    assert centred.tolist() == [pytest.approx(row, abs=0.15) for row in points.T.cov().tolist()]


def test_bound_of_a_gaussian_is_the_known_one(example: Any) -> None:
    """R(D) = log2(2σ² / D) bits for two independent coordinates."""
    ticks = (torch.arange(96, dtype=torch.float64) - 47.5) / 8
    one = torch.exp(-ticks.square() / 2)
    source = example.source.Grid(ticks, torch.outer(one, one) / one.sum() ** 2)
    for lmbda in (1.0, 2.0, 4.0):
        found = example.bound.blahut_arimoto(source, lmbda)
        assert found.rate == pytest.approx(np.log2(2 / found.distortion), abs=0.02)


def test_bound_of_the_banana_comes_near_to_shannons_lower_one(example: Any) -> None:
    found = example.bound.blahut_arimoto(example.source.grid(), 4.0)
    lower = example.bound.shannon_lower_bound(example.source.ENTROPY, found.distortion)
    assert 0 <= found.rate - lower < 0.02
    assert found.slack <= 0.01


@pytest.fixture(scope="module")
def trained(example: Any) -> dict[str, Any]:
    """Codes trained for a moment, at λ = 4."""
    torch.manual_seed(0)
    linear = example.transform_codes.linear()
    example.transform_codes.train(linear, 4.0, steps=50)
    vector = example.vector_code.train(example.source.draw(10_000, seed=2), 4.0)
    return {"linear": linear, "vector": vector}


@pytest.mark.parametrize("kind", ["linear", "vector"])
def test_code_is_no_better_than_the_bound_and_gives_back_what_it_says(
    kind: str, example: Any, trained: dict[str, Any]
) -> None:
    source = example.source.grid()
    bound = example.bound.blahut_arimoto(source, 4.0)
    rate, error = example.codes.measure(trained[kind], source)
    assert rate + 4 * error > bound.rate + 4 * bound.distortion - bound.slack
    points = example.source.draw(5000, seed=4)
    string = trained[kind].encode(points)
    coded = trained[kind].coded(points)
    assert torch.allclose(trained[kind].decode(string, 5000), coded.values, atol=1e-5)
    assert 8 * len(string) == pytest.approx(float(coded.bits.detach().sum()), rel=0.01)


def test_nearest_vector_costs_more_than_the_one_that_is_chosen(
    example: Any, trained: dict[str, Any]
) -> None:
    code, points = trained["vector"], example.source.draw(5000, seed=4)
    nearest = torch.cdist(points, code.vectors).argmin(1)

    def cost(indices: torch.Tensor) -> float:
        errors = (code.vectors[indices] - points).square().sum(1)
        return float((code.vector_bits[indices] + 4 * errors).mean())

    assert cost(code.indices(points)) < cost(nearest) - 0.01


def test_floor_drifts_in_open_loop_and_ends_at_2_4_in_a_closed_one(example: Any) -> None:
    prediction = example.prediction
    samples = prediction.SAMPLES
    assert samples == (0.4, 1.1, 1.5, 0.9, 2.1, 2.9)

    def last(encode: Any, *rounding: Any) -> float:
        return float(prediction.decode(samples[0], encode(samples, *rounding))[-1])

    assert last(prediction.encode_open) == pytest.approx(0.4)
    assert last(prediction.encode_closed) == pytest.approx(2.4)
    assert last(prediction.encode_open, round) == pytest.approx(2.4)


@pytest.mark.parametrize("kind", ["none", "sub", "up", "average", "paeth"])
def test_png_with_one_filter_is_what_pillow_reads(kind: str, example: Any) -> None:
    grey = np.random.default_rng(0).integers(0, 256, (17, 13), np.uint8)
    with Image.open(io.BytesIO(example.png_filters.png(grey, kind))) as image:
        assert (np.asarray(image) == grey).all()


def test_tie_that_is_broken_otherwise_is_consistent_and_no_png(
    example: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    filters = example.png_filters

    def last_of_equals(left: int, up: int, corner: int) -> int:
        return min((corner, up, left), key=lambda each: abs(left + up - corner - each))

    monkeypatch.setitem(filters.PREDICTIONS, "paeth", last_of_equals)
    grey = np.random.default_rng(0).integers(0, 4, (17, 13), np.uint8)
    assert (filters.unfiltered(filters.filtered(grey, "paeth"), "paeth") == grey).all()
    with Image.open(io.BytesIO(filters.png(grey, "paeth"))) as image:
        assert not (np.asarray(image) == grey).all()
