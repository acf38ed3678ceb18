"""The times of an ablation: taken now and in turn, never read from the cache."""

from __future__ import annotations

import re
from dataclasses import asdict

from pytest_lic.ablation.turns import TimeRatio
from tests.helpers.ablation_bench import Bench, rows


def test_times_are_taken_now_and_in_turn_and_never_read_from_the_cache(bench: Bench) -> None:
    slow = """
class Slow(Variant):
    def encode(self, images):
        time.sleep(0.02)
        return super().encode(images)

def pytest_lic_codecs():
    yield variant("left", "uniform", qualities="1234")
    yield variant("left", "deadzone", Slow, qualities="1234")
"""
    bench.write(slow)
    question = ("--by", "quantizer", "--reference", "uniform", "--repetitions", "2")
    bench.ablate(*question[:4], "--no-times")
    bench.calls()
    (table,) = bench.tables(*question)
    # 4 qualities, 5 of 6 images, a warm-up and 2 repetitions
    assert set(bench.calls().values()) == {4 * 5 * (1 + 2)}
    assert len(table["timed_images"]) == 5
    row, reference = rows(table)["left-deadzone"], rows(table)["left-uniform"]
    for what in ("encode", "decode"):
        expected = TimeRatio.of(row["seconds"][what], reference["seconds"][what])
        assert row[f"{what}_ratio"] == asdict(expected)
        assert expected.low <= expected.value <= expected.high
    assert len(row["seconds"]["encode"]) == 4 * 5
    assert all(len(image) == 2 for image in row["seconds"]["encode"])
    assert min(min(image) for image in row["seconds"]["encode"]) >= 0.02
    assert "encode time" in bench.out
    assert "2 repetitions over 5 images and qualities 1, 2, 3, 4" in bench.out
    assert re.search(r"left-uniform takes \S+ ms to encode an image, \S+ ms to decode", bench.out)
