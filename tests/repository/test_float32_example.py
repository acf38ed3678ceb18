"""The example that breaks between machines is stock CompressAI, sound on each of them."""

from __future__ import annotations

import importlib.util
import sys
from typing import Any

import numpy as np
import pytest
import torch
from compressai.models import MeanScaleHyperprior
from skimage import data

from lic_models.families import families
from pytest_lic import CodecFamily
from tests.helpers.places import ROOT

EXAMPLE = ROOT / "examples" / "float32_hyperprior" / "conftest.py"


pytestmark = pytest.mark.usefixtures("one_thread_throughout")


@pytest.fixture(scope="module")
def example() -> Any:
    """The example's ``conftest.py``, as a module."""
    spec = importlib.util.spec_from_file_location("float32_hyperprior", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def found(example: Any) -> dict[str, CodecFamily]:
    return {family.name: family for family in example.pytest_lic_codecs()}


def test_every_shipped_hyperprior_has_a_twin_in_float32(found: dict[str, CodecFamily]) -> None:
    usual = {"architecture": "msh", "arithmetic": "float64", "rate_control": "none"}
    hyperpriors = (f for f in families() if usual.items() <= f.tags.items() and f.trained)
    shipped = [family for family in hyperpriors if "adaptation" not in family.tags]
    assert sorted(found) == sorted(f"{family.name}-float32" for family in shipped)
    assert all(found[f"{each.name}-float32"].qualities == each.qualities for each in shipped)


def test_its_coding_is_compressais_own(found: dict[str, CodecFamily]) -> None:
    network: Any = found["msh-gsdn-float32"].build("3", "cpu")._calls.network  # type: ignore[attr-defined]
    assert type(network) is MeanScaleHyperprior
    assert all(parameter.dtype == torch.float32 for parameter in network.parameters())


def test_it_decodes_what_it_encodes_at_about_the_rate_and_quality_of_its_twin(
    found: dict[str, CodecFamily],
) -> None:
    image = torch.from_numpy(data.astronaut()[:256, :256]).permute(2, 0, 1)[None].float() / 255
    codecs = {
        "float32": found["msh-gsdn-float32"].build("3", "cpu"),
        "float64": {family.name: family for family in families()}["msh-gsdn"].build("3", "cpu"),
    }
    streams = {name: codec.encode(image) for name, codec in codecs.items()}
    errors = {
        name: float((codec.decode(streams[name]) - image).square().mean())
        for name, codec in codecs.items()
    }
    sizes = {name: len(stream[0]) for name, stream in streams.items()}
    assert sizes["float32"] == pytest.approx(sizes["float64"], rel=0.05)
    assert errors["float32"] == pytest.approx(errors["float64"], rel=0.02)


def test_its_tables_do_not_hang_on_the_machine_that_loads_it(found: dict[str, CodecFamily]) -> None:
    network: Any = found["msh-gsdn-float32"].build("3", "cpu")._calls.network  # type: ignore[attr-defined]
    shipped: Any = {f.name: f for f in families()}["msh-gsdn"].build("3", "cpu")
    tables = shipped._calls.network.tables
    for model, name in (
        (network.gaussian_conditional, "latents"),
        (network.entropy_bottleneck, "hyper_latents"),
    ):
        assert model._offset.tolist() == tables[name].offsets.tolist()
        rows = zip(model._quantized_cdf.tolist(), model._cdf_length.tolist(), strict=True)
        for table, (row, length) in enumerate(rows):
            assert row[0] == 0
            assert np.diff(row[:length]).tolist() == tables[name].row(table).tolist()
