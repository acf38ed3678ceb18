"""Decoding elsewhere: an error of the hyper-synthesis flips the indices that are expected."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import compressai  # noqa: F401, before anything that imports parts of it
import numpy as np
import pytest
import torch

from lic_models.storage.weights_header import read_header
from pytest_lic.images.corpus import load_corpus
from pytest_lic.measuring import coding
from tests.helpers.benchmark_runs import learned_networks

hyper_synthesis = importlib.import_module("hyper_synthesis")


def shifted(monkeypatch: pytest.MonkeyPatch, error: float, precision: torch.dtype) -> None:
    """Another machine: the hyper-synthesis comes out otherwise by ``error``, in one precision."""
    plain = hyper_synthesis.Watched.__init__

    def init(watched: Any, *arguments: Any) -> None:
        plain(watched, *arguments)
        predict = watched._predict

        def predicted(hyper_latents: Any, size: Any, dtype: torch.dtype) -> Any:
            means, log_scales = predict(hyper_latents, size, dtype)
            off = error if dtype == precision else 0.0
            return means + off, log_scales + off

        watched._predict = predicted

    monkeypatch.setattr(hyper_synthesis.Watched, "__init__", init)


class TestDecodingElsewhere:
    def test_nothing_differs_under_the_encoders_own_circumstances(self, task: Any) -> None:
        pictures = load_corpus(task.corpus).images
        hyper_synthesis.encode(task, pictures)
        sizes = {"a.png": 12 * 12, "b.png": 11 * 12}
        for name, found in hyper_synthesis.decode(task, pictures).items():
            for precision in ("float32", "float64"):
                differences = dict(found[precision])
                assert differences.pop("latents") == 8 * sizes[name]
                assert not any(differences.values())

    def test_an_error_flips_as_many_indices_as_are_expected_and_breaks_the_stream(
        self, task: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pictures = load_corpus(task.corpus).images
        densities = hyper_synthesis.encode(task, pictures)["densities"]
        shifted(monkeypatch, 0.004, torch.float32)
        for name, found in hyper_synthesis.decode(task, pictures).items():
            before, after = found["float32"], found["float64"]
            assert before["wrong"]
            assert before["flipped"] > 0
            assert before["moved"] > 0
            assert before["mean_error"] == pytest.approx(0.004, rel=0.01)
            expected = before["latents"] * before["step_error"] * densities[name]
            assert before["flipped"] == pytest.approx(expected, rel=0.5)
            assert (after["wrong"], after["flipped"], after["moved"]) == (False, 0, 0)

    def test_float64_is_what_a_coding_network_computes_in_unless_told_otherwise(
        self, task: Any
    ) -> None:
        pictures = load_corpus(task.corpus).images
        watched = hyper_synthesis.Watched(read_header(Path(task.weights)), True, "cpu")
        untouched = learned_networks.load_network(read_header(Path(task.weights)))
        plain = learned_networks.codec_of(untouched, read_header(Path(task.weights)))
        batch = coding.image_batch(pictures[:1])
        assert watched.codec.encode(batch) == plain.encode(batch)
        assert watched.means.dtype == torch.float64
        watched.precision = torch.float32
        watched.codec.encode(batch)
        assert watched.means.dtype == torch.float32

    def test_the_steps_round_to_the_indices_that_the_coder_got(self, task: Any) -> None:
        watched = hyper_synthesis.Watched(read_header(Path(task.weights)), True, "cpu")
        watched.codec.encode(coding.image_batch(load_corpus(task.corpus).images[:1]))
        rounded = np.clip(np.rint(watched.steps().numpy()), 0, 63).reshape(-1)
        assert len(np.unique(rounded)) > 5
        assert np.array_equal(rounded, watched.indices)

    @pytest.mark.parametrize(
        ("steps", "density"),
        [
            (np.linspace(0, 63, 100_001), 1.0),  # evenly: one boundary a step
            (np.arange(64.0), 0.0),  # as far away as can be
            (np.linspace(63.6, 80, 1001), 0.0),  # the last table serves beyond it
            (np.full(10, 7.5), 10.0),  # all of them within 0.05 on either side of one
        ],
    )
    def test_density_counts_latents_at_a_boundary(self, steps: Any, density: float) -> None:
        found = hyper_synthesis.boundary_density(steps, 64)
        assert found == pytest.approx(density, rel=0.02, abs=1e-9)
