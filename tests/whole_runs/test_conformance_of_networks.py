"""A learned codec that no longer reads its old bitstreams: what broke is told from what did not."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace

import compressai.models  # before pytester looks at sys.modules: it loads only once
import pytest
import torch

from lic_models.families import WEIGHTS, families, learned_family
from lic_models.storage.weights_file import read_tensors, write_tensors
from lic_models.storage.weights_header import WeightsHeader, read_header
from pytest_lic.adapters.network.state import part_digests
from pytest_lic.codec import CodecFamily, SupportsParts
from pytest_lic.errors import UsageError
from tests.helpers.places import ROOT
from tests.helpers.toy_project import Project

COPY = """
from dataclasses import replace
from pathlib import Path

from lic_models.families import learned_family
from lic_models.storage.weights_header import read_header


def changed(network):
    pass


def family():
    found = learned_family([read_header(path) for path in Path("weights").glob("*")])

    def build(quality, device):
        codec = found.build(quality, device)
        changed(codec._calls.network)
        return codec

    return replace(found, name="copy", build=build)


def pytest_lic_codecs():
    yield family()
"""
# One count moved between two symbols of the first table of the latents.
ONE_COUNT = """
import numpy as np
from lic_models.components.entropy_coding.tables import FrequencyTables


def changed(network):
    tables = dict(network.tables)
    frequencies = tables["latents"].frequencies.copy()
    likeliest = int(np.argmax(frequencies[: tables["latents"].length(0)]))
    frequencies[[likeliest, 0 if likeliest else 1]] += [-1, 1]
    tables["latents"] = FrequencyTables(
        frequencies, tables["latents"].starts, tables["latents"].offsets
    )
    network.tables = tables
"""
BRIGHTER = """
import torch


def changed(network):
    with torch.no_grad():
        network.transform.synthesis[-1].bias += 0.02
"""


LATENTS_OFF = """
def changed(network):
    decompress = network.entropy_model.decompress
    network.entropy_model.decompress = lambda *rest: decompress(*rest) + 1
"""


class Copy(Project):
    """A project with a copy of a shipped codec at one quality, under the name ``copy``."""

    def __init__(self, pytester: pytest.Pytester, codec: str) -> None:
        super().__init__(pytester, "-m", "conformance")
        self.weights = self.path / "weights" / f"{codec}.safetensors"
        self.weights.parent.mkdir()
        shutil.copy(WEIGHTS / self.weights.name, self.weights)
        self.change("")

    def change(self, source: str) -> None:
        """Replace what happens to the network after it was built."""
        text = COPY.replace("def family", f"{source}\n\ndef family")
        (self.path / "conftest.py").write_text(text)

    def gate(self, *arguments: str) -> pytest.RunResult:
        """Run the conformance suite on the copy."""
        return self.run("--lic-codec=copy", "--lic-corpus=photos", *arguments)

    def failure(self, *arguments: str) -> str:
        """What the failed test says."""
        result = self.gate(*arguments)
        assert result.ret == 1, result.stdout.str()
        text = result.stdout.str()
        assert "Traceback" not in text
        found = re.search(r"^copy-q\d-conformance-.*(\n  .*)*", text, re.MULTILINE)
        assert found is not None, text
        return found[0]


@pytest.fixture(params=["fp-gdn-1", "msh-gdn-2"])
def copy(request: pytest.FixtureRequest, pytester: pytest.Pytester) -> Copy:
    """The copy, with its bitstreams kept."""
    made = Copy(pytester, request.param)
    result = made.gate("--lic-update")
    assert result.ret == 0, result.stdout.str()
    return made


def test_a_table_that_is_one_count_off_in_the_weights_file_is_said_to_be_the_tables(
    copy: Copy,
) -> None:
    tensors, header = read_tensors(copy.weights)
    frequencies = tensors["tables.latents.frequencies"]
    length = int(tensors["tables.latents.lengths"][0])
    likeliest = int(frequencies.numpy().view("uint16")[:length].argmax())
    frequencies[likeliest] -= 1
    frequencies[0 if likeliest else 1] += 1
    write_tensors(tensors, copy.weights, header)
    told = copy.failure()
    assert ": regressed: 2 of 2 old bitstreams no longer decode as they did" in told
    assert re.search(
        r"astronaut_128x96: model fingerprint: bitstream was written by model \w{8}, this decoder "
        r"is \w{8}: .*; tables changed since \(was \w{16}, is \w{16}\); weights and settings "
        r"as they were; written by ",
        told,
    )


def test_a_table_that_changes_in_memory_only_breaks_entropy_decoding(copy: Copy) -> None:
    copy.change(ONE_COUNT)
    lines = copy.failure().splitlines()[1:]
    assert lines
    for line in lines:
        assert re.search(r"_\d+x\d+: tables: ", line), line
        assert "; tables changed since (was " in line
        assert "; weights and settings as they were; written by" in line
        assert "entropy decoding failed" in line or "the latents differ already" in line


def test_a_synthesis_that_changes_is_said_to_be_the_pixels(copy: Copy) -> None:
    copy.change(BRIGHTER)
    told = copy.failure()
    assert re.search(
        r"astronaut_128x96: pixels: \d+ of 12288 pixels differ, by up to \d+ levels of 255, first "
        r"at row \d+, column \d+, [RGB]: \d+ then, \d+ now; PSNR \d+\.\d{3} dB then, \d+\.\d{3} dB "
        r"now; the latents are the same; weights changed since \(was \w+, is \w+\); tables and "
        r"settings as they were; written by ",
        told,
    )


def test_a_decoder_that_changes_is_not_said_to_be_the_tables(copy: Copy) -> None:
    copy.change(LATENTS_OFF)
    for line in copy.failure().splitlines()[1:]:
        assert re.search(r"_\d+x\d+: decoder: \d+ of \d+ pixels differ", line), line
        assert "; the latents differ already; " in line
        assert "; weights, tables and settings as they were, so what changed is the decoder" in line


def test_other_weights_under_other_instructions_are_a_finding_of_their_own(copy: Copy) -> None:
    copy.change(BRIGHTER)
    manifest = copy.path / "baselines" / "conformance" / "copy.json"
    kept = json.loads(manifest.read_text())
    for environment in kept["environments"].values():
        environment["instructions"] = "AVX9"
    manifest.write_text(json.dumps(kept))
    told = copy.failure()
    assert "2 of 2 old bitstreams are of other weights than are built here; where these" in told
    assert re.search(
        r"astronaut_128x96: other weights: .*; weights changed since \(was .*; tables(,| and) .*"
        r"Weights drawn at random while building are others where instructions are others, .*; "
        r"written by .*, differs from this one in instructions AVX9 \(now ",
        told,
    )


def test_a_raised_version_refuses_old_streams_by_name_and_keeps_new_ones(copy: Copy) -> None:
    tensors, header = read_tensors(copy.weights)
    write_tensors(tensors, copy.weights, {**header, "format_version": 3})
    assert (
        "astronaut_128x96: format version: bitstream was written by version 2 of this codec's "
        "format; this decoder reads version 3: decode it with the release that wrote it"
        in copy.failure()
    )
    assert copy.gate("--lic-update").ret == 0
    assert copy.gate().ret == 0
    stored = json.loads((copy.path / "baselines" / "conformance" / "copy.json").read_text())
    assert {stream["format_version"] for stream in stored["streams"]} == {3}


def test_shipped_streams_are_those_of_the_shipped_families() -> None:
    folder = ROOT / "baselines" / "conformance"
    for family in (family for family in families() if family.trained):
        streams = json.loads((folder / f"{family.name}.json").read_text())["streams"]
        assert len(streams) == 2 * len(family.qualities), family.name
        assert not any(stream["changed"] for stream in streams), "of a commit that can be had"
        assert all(stream["commit"] for stream in streams)


# What tells the parts apart, and the version's way from a config to the family.


def headers(*versions: int) -> list[WeightsHeader]:
    """Headers of one shipped codec, as if exported in these versions of its format."""
    found = [read_header(WEIGHTS / f"fp-gdn-{quality}.safetensors") for quality in "1234"]
    return [replace(each, format_version=one) for each, one in zip(found, versions, strict=False)]


def test_a_family_has_the_version_that_its_weights_or_its_config_say() -> None:
    assert learned_family(headers(1)).format_version == 1
    assert learned_family(headers(3, 3)).format_version == 3
    assert learned_family(headers(3, 1), 2).format_version == 2
    with pytest.raises(UsageError, match=r"-2\.safetensors is of format version 1, .* of 3; exp"):
        learned_family(headers(3, 1))


def test_a_version_that_is_none_is_refused_wherever_it_stands() -> None:
    for version in (0, 256, True, "2"):
        with pytest.raises(UsageError, match=f"format_version is {version!r}; expected a whole"):
            CodecFamily("toy", ["1"], build=lambda quality, device: None, format_version=version)


@pytest.mark.parametrize(("version", "start"), [(1, b"\xd1\x1c\x01"), (2, b"\xd1\x1c\x02\x02")])
def test_a_bitstream_begins_with_its_layout_and_other_versions_than_the_first(
    copy: Copy, version: int, start: bytes
) -> None:
    """Layout 1 has no room for a version: bitstreams of the first are what they were."""
    tensors, header = read_tensors(copy.weights)
    write_tensors(tensors, copy.weights, {**header, "format_version": version})
    assert copy.gate("--lic-update").ret == 0
    kept = next((copy.path / "baselines" / "conformance" / "copy").glob("*.bin")).read_bytes()
    assert kept[: len(start)] == start


@pytest.fixture
def prior() -> compressai.models.FactorizedPrior:
    """A network of CompressAI's with its tables built."""
    torch.manual_seed(0)
    network = compressai.models.FactorizedPrior(8, 12).eval()
    network.update()
    return network


def shift_table(network: torch.nn.Module) -> None:
    network.entropy_bottleneck._quantized_cdf[0, 1] += 1


def shift_weight(network: torch.nn.Module) -> None:
    with torch.no_grad():
        network.g_s[0].bias += 1e-3


@pytest.mark.parametrize(("change", "part"), [(shift_table, "tables"), (shift_weight, "weights")])
def test_tables_and_weights_of_compressai_are_told_apart(
    prior: torch.nn.Module, change: Callable[[torch.nn.Module], None], part: str
) -> None:
    before = part_digests(prior)
    assert set(before) == {"weights", "tables"}
    change(prior)
    after = part_digests(prior)
    assert {name for name in before if before[name] != after[name]} == {part}


def test_what_a_network_has_none_of_has_no_digest() -> None:
    assert part_digests(object()) == {}
    assert set(part_digests(torch.nn.Linear(1, 1))) == {"weights"}
    codec = learned_family(headers(1)).build("1", "cpu")
    assert isinstance(codec, SupportsParts)
    assert set(codec.part_digests()) == {"weights", "tables", "settings"}
