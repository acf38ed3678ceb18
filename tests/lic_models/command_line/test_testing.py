"""``python -m lic_models test``: rates and qualities are the plugin's, and the estimate holds."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from PIL import Image

from lic_models.__main__ import main
from lic_models.command_line.testing import corpus_of, measure_weights, report_lines
from lic_models.config.builder import build_codec
from lic_models.data import ImageFolder
from lic_models.storage.weights_file import load_weights
from lic_models.storage.weights_header import read_header
from pytest_lic.images.corpus import load_corpus
from pytest_lic.measuring import coding

CONFIG: dict[str, Any] = {
    "model": {
        "transform": {
            "class_path": "lic_models.components.ConvolutionalTransform",
            "init_args": {"channels": 12, "latent_channels": 16, "kernel_sizes": [3, 3, 3, 3]},
        },
        "entropy_model": {
            "class_path": "lic_models.components.MeanScaleHyperprior",
            "init_args": {"hyper_channels": 8},
        },
    },
    "data": {
        "class_path": "lic_models.data.ImageFolder",
        "init_args": {
            "path": "photos/train",
            "test_path": "photos/test",
            "batch_size": 2,
            "crop_size": 64,
            "steps_per_epoch": 5,
        },
    },
    "trainer": {"max_steps": 10},
}
WEIGHTS = "tiny-1.safetensors"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with photographs, a config, and a short training's checkpoint and weights."""
    folder = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for part in ("train", "test"):
            Path("photos", part).mkdir(parents=True)
        for index, image in enumerate(load_corpus("photos").images):
            whole = Image.fromarray(image.pixels)
            whole.crop((0, 0, 160, 160)).save(f"photos/train/{index}.png")
            if index < 3:  # one of odd size, one too small for MS-SSIM
                size = [(176, 192), (187, 165), (96, 80)][index]
                left, top = 100, 100
                whole.crop((left, top, left + size[0], top + size[1])).save(
                    f"photos/test/{image.name}"
                )
        Path("tiny.yaml").write_text(yaml.safe_dump(CONFIG))
        assert main(["fit", "--config=tiny.yaml"]) == 0
        assert main(["export", "runs/tiny-1/checkpoints/last.ckpt"]) == 0
    return folder


@pytest.fixture(autouse=True)
def here(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)


def no_progress(done: int, total: int) -> None: ...


def test_the_numbers_are_those_of_the_gate(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Bytes, PSNR and MS-SSIM of every image, as ``pytest -m rd`` records them."""
    recorded = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "--pyargs", "pytest_lic.suites", "-m", "rd", "-q"),
            *("--lic-config=tiny.yaml", "--lic-codec=tiny", "--lic-corpus=photos/test"),
            *("--lic-update", "--lic-no-cache", "-p", "no:cacheprovider"),
        ],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert recorded.returncode == 0, recorded.stdout + recorded.stderr
    (entry,) = json.loads(Path("baselines/tiny.json").read_text())["entries"]

    module = ImageFolder(path=Path("photos/train"), test_path=Path("photos/test"))
    measured = measure_weights(Path(WEIGHTS), corpus_of(module), "cpu", no_progress)
    images = measured.measurement.images
    assert list(images) == list(entry["images"])
    for name, image in entry["images"].items():
        assert images[name].bytes == image["bytes"]
        assert images[name].payload == image["payload"]
        for metric in ("psnr", "ms_ssim"):
            assert images[name].metrics.get(metric) == image.get(metric)
        assert images[name].reconstruction == image["reconstruction"]
    assert measured.measurement.mean("bpp") == pytest.approx(entry["mean"]["bpp"], abs=1e-6)

    # What is printed is that, of the checkpoint and of the weights that it is exported to.
    told = list(report_lines(measured))
    for given in ([], [f"--weights={WEIGHTS}"], ["--ckpt_path=last"]):
        capsys.readouterr()
        assert main(["test", "--config=tiny.yaml", *given]) == 0
        out, err = capsys.readouterr()
        first, *rows = out.splitlines()
        assert first.startswith("tiny quality 1, λ = 0.0067 (")
        assert rows == told
        assert err == ""
    mean = told[-2].split()
    assert mean[:2] == ["mean", f"{entry['mean']['bpp']:.4f}"]
    assert mean[2] == f"{entry['mean']['psnr']:.3f}"
    assert mean[3] == "–"  # one image has no MS-SSIM, so there is no mean, and the reason is given
    assert re.match(r"MS-SSIM is missing: \S+: image of 96×80 pixels; MS-SSIM needs 161", told[-1])


def test_the_estimate_is_that_of_the_likelihoods() -> None:
    """On an image that needs no padding: −log2 of the likelihoods of the network's forward."""
    module = ImageFolder(path=Path("photos/train"), test_path=Path("photos/test"))
    corpus = corpus_of(module)
    measured = measure_weights(Path(WEIGHTS), corpus, "cpu", no_progress)
    network = build_codec(read_header(Path(WEIGHTS)).components, "test")
    load_weights(network, Path(WEIGHTS))
    image = next(image for image in corpus.images if image.width == 176)
    with torch.inference_mode():
        likelihoods = network(coding.image_batch([image]))["likelihoods"]
    bits = -sum(float(each.double().log2().sum()) for each in likelihoods.values())
    bpp = bits / (image.width * image.height)
    assert measured.estimates[image.name] == pytest.approx(bpp, rel=1e-5)
    payload = measured.measurement.images[image.name].payload
    assert payload is not None
    # Ten steps do not teach the scales, and what lies beyond a table is coded as an escape.
    assert 8 * payload == pytest.approx(bits, rel=0.1)


def test_another_data_set_may_be_tested(capsys: pytest.CaptureFixture[str]) -> None:
    other = ["--data=lic_models.data.ImageFolder", "--data.test_path=photos/train"]
    assert main(["test", "--config=tiny.yaml", *other, "--data.path=photos/test"]) == 0
    out, err = capsys.readouterr()
    assert [line.split()[0] for line in out.splitlines()[2:7]] == [f"{n}.png" for n in range(5)]
    assert err == ""
