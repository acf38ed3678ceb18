"""The estimated rate: of the padded image, near the bytes, and measured once."""

from __future__ import annotations

import importlib
from pathlib import Path

import compressai  # noqa: F401, before anything that imports parts of it
import pytest
import torch
from torch.nn import functional as F

from lic_models.storage.weights_header import read_header
from pytest_lic.images.corpus import load_corpus
from pytest_lic.measuring import coding
from tests.helpers.benchmark_runs import learned_networks

estimated_rate = importlib.import_module("estimated_rate")


class TestEstimatedRate:
    @pytest.mark.parametrize("architecture", ["fp", "msh"])
    def test_it_is_that_of_the_padded_image_and_near_the_bytes(
        self, weights: Path, images: Path, architecture: str
    ) -> None:
        image = load_corpus(str(images)).images[0]
        assert (image.width, image.height) == (184, 192)
        header = read_header(weights / f"{architecture}-relu-2.safetensors")
        network = learned_networks.load_network(header)
        codec = learned_networks.codec_of(network, header)
        bits = estimated_rate.estimated_bits(network, codec, image, "cpu")
        padded = F.pad(coding.image_batch([image]), (4, 4, 0, 0), mode="replicate")
        with torch.no_grad():
            likelihoods = network(padded)["likelihoods"].values()
        assert bits == pytest.approx(-sum(each.log2().sum().item() for each in likelihoods))
        (bitstream,) = codec.encode(coding.image_batch([image]))
        assert 8 * len(bitstream) == pytest.approx(bits, rel=0.01, abs=8 * 40)

    def test_what_was_measured_once_is_not_measured_again(
        self, weights: Path, images: Path, tmp_path: Path, monkeypatch
    ) -> None:
        corpus, header = load_corpus(str(images)), read_header(weights / "fp-relu-1.safetensors")
        said: list[str] = []
        with estimated_rate.measuring(corpus, "cpu", tmp_path, said.append) as each:
            first = each.learned(header)
        monkeypatch.setattr(estimated_rate, "load_network", None)
        with estimated_rate.measuring(corpus, "cpu", tmp_path, said.append) as each:
            assert each.learned(header) == first
        assert said == ["measuring fp-relu-q1-pictures-native-b1-cpu"]
        rates = [estimated_rate.mean_bpp(first, kind) for kind in ("estimate", "payload", "bytes")]
        assert 0 < rates[1] < rates[2]
        assert rates[0] == pytest.approx(rates[1], rel=0.05)
