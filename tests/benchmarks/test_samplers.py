"""The samplers' benchmark: its pairs are of the bits they say, and its rows tell what was coded."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

import tests.helpers.benchmark_runs  # noqa: F401, which makes them importable
from lic_models.components.relative_entropy_coding import PoissonSampler
from lic_models.components.relative_entropy_coding.gaussians import Targets

samplers = importlib.import_module("samplers")


@pytest.mark.parametrize("bits", [0.1, 4, 20])
def test_pairs_have_so_many_bits_a_dimension(bits: float) -> None:
    divergence = Targets.of(*samplers.pair(bits, 20_000, 0)).bits
    assert divergence.mean() == pytest.approx(bits, abs=0.02)


def test_a_row_holds_what_all_strings_took_together() -> None:
    result = samplers.measure(PoissonSampler, 4, 50, 3)
    sizes, off = 0, []
    for seed in range(3):
        posterior, prior = samplers.pair(4, 50, seed)
        string, draw = PoissonSampler(seed).encode(posterior, prior)
        sizes += len(string)
        off.append((draw - posterior.means) / posterior.scales * np.sign(posterior.means))
    assert result.size == sizes
    np.testing.assert_array_equal(result.deviations, np.concatenate(off))


def test_the_table_has_a_row_for_each_sampler_and_divergence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--bits", "0.5", "3", "--dimensions", "1", "40", "--draws", "20"]
    monkeypatch.setattr("sys.argv", ["samplers", *arguments])
    samplers.main()
    printed = capsys.readouterr().out
    assert "20 strings of 1 dimensions each" in printed
    assert "1 strings of 40 dimensions each" in printed
    assert printed.count("greedy Poisson rejection") == 4


def test_a_sampler_that_does_not_decode_ends_the_benchmark() -> None:
    class Wrong(PoissonSampler):
        def decode(self, string, prior):
            return super().decode(string, prior) + 1e-9

    with pytest.raises(SystemExit, match="did not decode what it coded"):
        samplers.measure(Wrong, 1, 10, 1)
