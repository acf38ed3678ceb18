"""The benchmarks of the learned codecs: flipped indices, estimated rate, the table of Kodak."""

from __future__ import annotations

import importlib
import json
import math
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import compressai  # noqa: F401, before anything that imports parts of it
import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from lic_models.config.builder import build_codec
from lic_models.storage.weights_file import write_weights
from lic_models.storage.weights_header import read_header
from pytest_lic.errors import (
    CodecError,
    Unavailable,
    UnavailableError,
    UnknownNameError,
    UsageError,
)
from pytest_lic.images.corpus import load_corpus
from pytest_lic.measuring import coding
from pytest_lic.measuring.rate_distortion import BD, RDCurve
from tests.helpers.places import BENCHMARKS

sys.path.append(str(BENCHMARKS))
learned_networks = importlib.import_module("learned_networks")
hyper_synthesis = importlib.import_module("hyper_synthesis")
flipped_indices = importlib.import_module("flipped_indices")
estimated_rate = importlib.import_module("estimated_rate")
kodak_table = importlib.import_module("kodak_table")

MODELS = {"fp": "Factorized", "msh": "MeanScaleHyperprior"}


def components(architecture: str) -> dict[str, Any]:
    """A codec small enough to be made in no time."""
    here = "lic_models.components"
    entropy_model: dict[str, Any] = {"class_path": f"{here}.{MODELS[architecture]}"}
    if architecture == "msh":
        entropy_model["init_args"] = {"hyper_channels": 6}
    return {
        "transform": {
            "class_path": f"{here}.ConvolutionalTransform",
            "init_args": {
                "channels": 6,
                "latent_channels": 8,
                "nonlinearity": {"class_path": f"{here}.ReLU"},
            },
        },
        "quantizer": {"class_path": f"{here}.NoiseQuantizer"},
        "entropy_model": entropy_model,
        "entropy_coder": {"class_path": f"{here}.AnsCoder"},
    }


def write_network(folder: Path, architecture: str, quality: str, gain: float) -> None:
    """Random weights whose latents spread over some symbols, and whose scales over many tables."""
    torch.manual_seed(0)
    described = components(architecture)
    codec = build_codec(described, "test").eval()
    with torch.no_grad():
        list(codec.transform.analysis.modules())[-1].weight.mul_(gain)
        if architecture == "msh":
            codec.entropy_model.hyper_synthesis[-1].weight.mul_(40.0)
            codec.entropy_model.hyper_analysis[-1].weight.mul_(20.0)
    codec.update()
    name = f"{architecture}-relu"
    header = {
        "name": name,
        "quality": quality,
        "lmbda": 0.01 * float(quality),
        "components": described,
        "training": {},
    }
    write_weights(codec, folder / f"{name}-{quality}.safetensors", header)


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    for architecture in MODELS:
        for quality, gain in (("1", 10.0), ("2", 30.0)):
            write_network(folder, architecture, quality, gain)
    return folder


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images") / "pictures"
    folder.mkdir()
    draw = np.random.default_rng(3)
    for name, size in (("a.png", (184, 192)), ("b.png", (192, 176))):
        coarse = draw.integers(0, 256, (9, 8, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).save(folder / name)
    return folder


@pytest.fixture
def task(weights: Path, images: Path, tmp_path: Path) -> Any:
    return hyper_synthesis.Task(
        role="decode",
        weights=str(weights / "msh-relu-2.safetensors"),
        corpus=str(images),
        folder=str(tmp_path),
        result=str(tmp_path / "result.json"),
    )


def run_main(monkeypatch: pytest.MonkeyPatch, module: Any, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", [module.__name__, *arguments])
    status: int = module.main()
    return status


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
        densities = hyper_synthesis.encode(task, pictures)
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


class TestFlippedIndices:
    def test_every_circumstance_is_a_process_of_its_own(
        self, weights: Path, images: Path, tmp_path: Path, monkeypatch, capfd
    ) -> None:
        elsewhere = flipped_indices.Circumstance(
            "oldest, 2 threads", threads=2, variables=flipped_indices.OLDEST, channels_last=False
        )
        monkeypatch.setattr(flipped_indices, "CIRCUMSTANCES", (elsewhere,))
        monkeypatch.setattr(flipped_indices, "_has_gpu", lambda: False)
        stored = tmp_path / "flips.json"
        status = run_main(
            monkeypatch,
            flipped_indices,
            *(str(images), "--weights", str(weights), "--quality", "2", "--json", str(stored)),
        )
        assert status == 0
        printed = capfd.readouterr().out
        assert "## msh-relu-2: 2 images of 1,104 latents" in printed
        assert "| a.png |" in printed
        assert "float64 takes" in printed
        (report,) = json.loads(stored.read_text())
        process = report["processes"]["oldest, 2 threads"]
        assert process == {"threads": 2, "instructions": "DEFAULT"}
        found = report["found"]["oldest, 2 threads"]["a.png"]
        assert found["float32"]["mean_error"] > 1e-8  # it did compute otherwise
        assert found["float64"]["mean_error"] < 1e-12
        assert not found["float64"]["flipped"]

    def test_a_process_that_fails_is_named_with_its_reason(
        self, weights: Path, images: Path, tmp_path: Path
    ) -> None:
        broken = tmp_path / "broken.safetensors"
        broken.write_bytes((weights / "msh-relu-2.safetensors").read_bytes()[:-40])
        with pytest.raises(CodecError, match=r"broken\.safetensors: encode under encoder failed: "):
            flipped_indices.in_process("encode", flipped_indices.ENCODER, broken, images, tmp_path)

    def test_a_factorized_prior_has_nothing_to_flip(self, weights: Path) -> None:
        with pytest.raises(UsageError, match="fp-relu: no hyperprior"):
            flipped_indices.hyperpriors(weights, ["fp-*"], [])

    def test_a_missing_folder_is_one_line(self, tmp_path: Path, monkeypatch, capsys) -> None:
        assert run_main(monkeypatch, flipped_indices, str(tmp_path / "kodak")) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert "kodak' is not there; expected" in line


class TestChoosingNetworks:
    def test_qualities_rise_within_a_family(self, weights: Path) -> None:
        found = learned_networks.find_networks(weights)
        labels = {name: [header.quality for header in each] for name, each in found.items()}
        assert labels == {"fp-relu": ["1", "2"], "msh-relu": ["1", "2"]}

    def test_names_that_nothing_answers_to(self, weights: Path, tmp_path: Path) -> None:
        with pytest.raises(UnknownNameError, match="did you mean msh-relu"):
            learned_networks.find_networks(weights, ["msh-relo"])
        with pytest.raises(UnknownNameError, match="no quality is named '7'"):
            learned_networks.find_networks(weights, [], ["7"])
        with pytest.raises(UnavailableError, match="no trained weights here"):
            learned_networks.find_networks(tmp_path)


class TestEstimatedRate:
    @pytest.mark.parametrize("architecture", MODELS)
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


def curve(name: str, *points: tuple[float, float, float]) -> RDCurve:
    bpp, psnr, ms_ssim = zip(*points, strict=True)
    return RDCurve(name, bpp, psnr, ms_ssim, tuple("1234"))


def row(**changes: Any) -> Any:
    """A codec that keeps all that is claimed of it."""
    rates, decibels, structure = (0.2, 0.5, 1.1, 2.0), (27, 30, 34, 38), (0.9, 0.95, 0.98, 0.99)
    points = tuple(
        kodak_table.Point(label, 0.01, rate, rate, rate, 0.0, 0.5, psnr, ms_ssim)
        for label, rate, psnr, ms_ssim in zip("1234", rates, decibels, structure, strict=True)
    )
    better = {"psnr": BD(-12.0), "ms_ssim_db": BD(-5.0)}
    return replace(
        kodak_table.Row(
            "msh-relu",
            {"architecture": "msh"},
            points,
            curve("msh-relu", *zip(rates, decibels, structure, strict=True)),
            {"jpeg": better, "fp twin": better, "bpg-444": {m: BD(80.0) for m in better}},
        ),
        **changes,
    )


class TestClaims:
    def test_they_hold(self) -> None:
        assert list(kodak_table.broken_claims([row()])) == []

    def test_a_curve_that_does_not_rise(self) -> None:
        bent = curve("bent", (0.2, 27, 0.9), (0.5, 26, 0.95), (1.1, 34, 0.98), (2.0, 38, 0.99))
        (claim,) = kodak_table.broken_claims([row(curve=bent)])
        assert "from quality 1 to quality 2 PSNR does not rise" in claim

    @pytest.mark.parametrize("anchor", ["jpeg", "fp twin"])
    def test_no_better_than_jpeg_or_than_its_twin(self, anchor: str) -> None:
        worse = {**row().differences, anchor: {"psnr": BD(0.3), "ms_ssim_db": BD(-1.0)}}
        (claim,) = kodak_table.broken_claims([row(differences=worse)])
        assert claim == f"msh-relu: BD-rate +0.30 % against {anchor}"

    def test_a_difference_that_cant_be_told(self) -> None:
        untold = {"jpeg": {"psnr": BD(Unavailable("2 points")), "ms_ssim_db": BD(-1.0)}}
        (claim,) = kodak_table.broken_claims([row(differences=untold)])
        assert claim == "msh-relu: no BD-rate against jpeg: 2 points"

    @pytest.mark.parametrize("off", [1.01, -1.01, math.nan])
    def test_bytes_off_the_estimate(self, off: float) -> None:
        first, *others = row().points
        points = (replace(first, bytes_off=off), *others)
        (claim,) = kodak_table.broken_claims([row(points=points)])
        assert claim.startswith("msh-relu, quality 1: bytes")

    def test_the_twin_differs_in_the_architecture_alone(self) -> None:
        tags = {
            "fp-relu": {"architecture": "fp", "nonlinearity": "relu"},
            "fp-gdn": {"architecture": "fp", "nonlinearity": "gdn"},
            "msh-gdn": {"architecture": "msh", "nonlinearity": "gdn"},
            "msh-gsdn": {"architecture": "msh", "nonlinearity": "gsdn"},
        }
        assert kodak_table.twin_of("msh-gdn", tags) == "fp-gdn"
        assert kodak_table.twin_of("msh-gsdn", tags) is None
        assert kodak_table.twin_of("fp-gdn", tags) is None


class TestKodakTable:
    @pytest.fixture(autouse=True)
    def cache(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(kodak_table, "default_folder", lambda: tmp_path / "cache")

    def test_any_folder_gets_its_table_without_the_published_curve(
        self, weights: Path, images: Path, tmp_path: Path, monkeypatch, capsys
    ) -> None:
        stored, tables = tmp_path / "table.json", tmp_path / "table.md"
        status = run_main(
            monkeypatch,
            kodak_table,
            *(str(images), "--weights", str(weights)),
            *("--json", str(stored), "--markdown", str(tables)),
        )
        printed = capsys.readouterr().out
        assert status == 1  # random weights keep few promises
        assert "msh-relu: no BD-rate against jpeg: msh-relu has 2 points" in printed
        text = tables.read_text()
        assert text in printed
        assert "this corpus" in text
        assert "is not Kodak" in text
        found = json.loads(stored.read_text())
        assert [codec["name"] for codec in found["codecs"]] == ["fp-relu", "msh-relu"]
        assert "fp twin" in found["codecs"][1]["differences"]
        for codec in found["codecs"]:
            for point in codec["points"]:
                first = f"| `{codec['name']}` | {point['quality']} | {point['lmbda']:.4f} |"
                assert f"{first} {point['bpp']:.4f} | {point['payload_bpp']:.4f} |" in text
                assert point["payload_bpp"] < point["bpp"]

    @pytest.mark.parametrize(
        ("given", "message"),
        [("nowhere", "is not there"), ("", "no image in this folder")],
    )
    def test_a_folder_without_images(
        self, given: str, message: str, weights: Path, tmp_path: Path, monkeypatch, capsys
    ) -> None:
        arguments = (str(tmp_path / given), "--weights", str(weights))
        assert run_main(monkeypatch, kodak_table, *arguments) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("kodak_table: corpus")
        assert message in line
