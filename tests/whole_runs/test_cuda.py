"""What only a machine with a CUDA GPU can show; skipped elsewhere."""

from __future__ import annotations

import pytest
import torch
from skimage import data

from lic_models.families import families
from pytest_lic import CodecFamily
from tests.helpers.toy_project import write_photographs

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA GPU here"),
]


@pytest.fixture(params=["fp-gdn", "msh-gdn"])
def family(request: pytest.FixtureRequest) -> CodecFamily:
    return {family.name: family for family in families()}[request.param]


@pytest.fixture
def images() -> torch.Tensor:
    """Two crops of a photograph, (2, 3, 128, 192)."""
    pixels = torch.from_numpy(data.astronaut())
    crops = torch.stack([pixels[:128, :192], pixels[128:256, 64:256]])
    return crops.permute(0, 3, 1, 2).float() / 255


def test_codes_on_the_gpu_and_decodes_there(family: CodecFamily, images: torch.Tensor) -> None:
    codec = family.build("3", "cuda")
    decoded = codec.decode(codec.encode(images.cuda()))
    assert decoded.shape == images.shape
    assert float((decoded.cpu() - images).square().mean()) < 1e-3


@pytest.mark.parametrize(("encoder", "decoder"), [("cpu", "cuda"), ("cuda", "cpu")])
def test_streams_cross_between_cpu_and_gpu(
    family: CodecFamily, images: torch.Tensor, encoder: str, decoder: str
) -> None:
    bitstreams = family.build("3", encoder).encode(images.to(encoder))
    here = family.build("3", encoder).decode(bitstreams).cpu()
    there = family.build("3", decoder).decode(bitstreams).cpu()
    levels = ((here * 255).round() - (there * 255).round()).abs()
    assert float(levels.max()) <= 1, "the latents differ: out of step"


@pytest.mark.parametrize("name", ["fp-gdn", "msh-gdn"])
def test_cpu_and_gpu_decode_each_others_streams_alike(pytester: pytest.Pytester, name: str) -> None:
    write_photographs(pytester.path / "images", count=2)
    result = pytester.runpytest_inprocess(
        *("--pyargs", "pytest_lic.suites", "-m", "determinism", "-k", "environments"),
        *(f"--lic-codec={name}", "--lic-quality=3", "--lic-corpus=images", "--lic-no-cache"),
        *("--lic-environments=cuda,cuda-tf32", "--lic-require=cuda,cuda-tf32"),
    )
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        [f"{name} between environments: 2 images *", "here * 2 =*", "cuda *", "cuda-tf32 *"]
    )
