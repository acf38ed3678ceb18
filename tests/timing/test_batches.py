"""The images that are timed: random ones of an exact size, or crops of a corpus."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from pytest_lic.timing.batches import random_image
from tests.helpers.timed_runs import SMALL, stored, take
from tests.helpers.toy_project import Project, write_photographs


def cells(found: Mapping[str, Any]) -> set[tuple[str, int, int]]:
    """Corpus, resolution and batch of what was timed."""
    extras = [benchmark["extra_info"] for benchmark in found.values()]
    return {(extra["corpus"], extra["resolution"], extra["batch"]) for extra in extras}


class TestImages:
    def test_random_ones_are_the_same_each_time_and_of_the_exact_size(self) -> None:
        first, again, second = random_image(48, 0), random_image(48, 0), random_image(48, 1)
        assert first.pixels.shape == (48, 48, 3)
        assert (first.pixels == again.pixels).all()
        assert (first.pixels != second.pixels).any()
        # Uniform on [0, 1]: mean 1/2, variance 1/12.
        values = first.pixels / 255
        assert values.mean() == pytest.approx(0.5, abs=0.02)
        assert values.var() == pytest.approx(1 / 12, rel=0.05)

    def test_two_runs_code_the_same_images(self, timed: Project) -> None:
        first, second = (stored(timed, *SMALL) for _ in range(2))
        for name, benchmark in first.items():
            assert benchmark["extra_info"]["bytes"] == second[name]["extra_info"]["bytes"]

    def test_crops_of_a_corpus_on_request(self, timed: Project) -> None:
        write_photographs(timed.images, count=3, side=40)
        found = stored(
            timed, f"--lic-corpus={timed.images}", "--lic-resolution=32", "--lic-batch=4"
        )
        extra = found["toy-q3-images-32px-b4-cpu-encode"]["extra_info"]
        assert extra["images"] == ["photo0.png", "photo1.png", "photo2.png", "photo0.png"]
        assert len(extra["corpus_digest"]) == 16
        assert "seed" not in extra

    def test_images_that_are_too_small_are_named(self, timed: Project) -> None:
        write_photographs(timed.images, count=2, side=40)
        write_photographs(timed.images / "small", count=1, side=20)
        result = take(timed, f"--lic-corpus={timed.images}", "--lic-resolution=32", "--lic-batch=1")
        assert result.ret == 1
        result.stdout.fnmatch_lines(
            ["*too small for 32×32 pixels: small/photo0.png (20×20); give a smaller*"]
        )

    def test_a_corpus_of_the_ini_file_is_meant_for_the_gates(self, timed: Project) -> None:
        write_photographs(timed.images, count=1, side=40)
        timed.pytester.makeini(
            f"[pytest]\nlic_corpus = {timed.images}\nlic_resolution = 24\nlic_batch = 3\n"
        )
        found = stored(timed)
        assert {corpus for corpus, _, _ in cells(found)} == {"rand"}
        assert {size[1:] for size in cells(found)} == {(256, 1), (256, 4), (512, 1), (512, 4)}
