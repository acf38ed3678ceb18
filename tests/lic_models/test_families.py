"""The learned families that ship: described without torch, small, true to their configs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import skimage.data
import torch
from safetensors.torch import load_file, save_file

from lic_models import families as shipped
from lic_models.command_line.training_cli import described_components
from lic_models.config.codec_config import SHIPPED, read_codec_config
from lic_models.storage.weights_header import HEADER, read_header
from lic_models.training.loss import estimated_bits
from pytest_lic.ablation.groups import make_groups
from pytest_lic.codec import SupportsRateControl
from pytest_lic.container import payload_size
from pytest_lic.errors import ForeignBitstreamError, TruncatedBitstreamError, UsageError
from tests.helpers.weights import WEIGHTS, built, change, metadata

FAMILIES = {family.name: family for family in shipped.families() if family.trained}
LAMBDAS = [0.0018, 0.0067, 0.025, 0.0932]
CONFIGS = sorted([*SHIPPED.glob("*-*.yaml"), SHIPPED / "pln.yaml"])
"""Of codecs: `zoo.yaml` is none."""


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def photograph() -> torch.Tensor:
    """(1, 3, 256, 384)."""
    pixels = torch.from_numpy(skimage.data.astronaut()[:256, 64:448].copy())
    return pixels.permute(2, 0, 1)[None].float() / 255


def test_they_are_described_without_loading_torch() -> None:
    script = (
        "import sys\n"
        "from lic_models.families import families\n"
        "found = [family for family in families() if family.trained]\n"
        "for family in found:\n"
        "    prints = {family.fingerprint(label) for label in family.qualities}\n"
        "    assert len(prints) == len(family.qualities)\n"
        "    if family.tags['latent_coding'] != 'quantised':\n"
        "        assert family.default_qualities is not None\n"
        "        assert not family.default_qualities\n"
        "        continue\n"
        "    lambdas = list(family.qualities.values())\n"
        f"    assert family.one_network or lambdas in ({LAMBDAS}, {LAMBDAS[:2]}, {LAMBDAS[1:2]})\n"
        "    named = family.name.split('-')[1]\n"
        "    plain = family.tags['transform'] == named == 'convolutional'\n"
        "    controlled = family.tags['rate_control'] != 'none'\n"
        "    other = plain or controlled or family.tags['transform'] != 'convolutional'\n"
        "    assert family.tags['nonlinearity'] == ('gdn' if other else named)\n"
        "    joint = 'context' in family.tags\n"
        "    named = 'joint' if joint else family.name.split('-')[0]\n"
        "    assert family.tags['architecture'] == named\n"
        "    other = other or 'adaptation' in family.tags\n"
        "    other = other or family.tags['arithmetic'] != 'float64'\n"
        "    assert (joint or other) == (family.default_qualities is not None)\n"
        "assert len(found) >= 4\n"
        "assert 'torch' not in sys.modules\n"
        "assert 'jsonargparse' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_they_code_without_loading_compressai() -> None:
    script = (
        "import sys\n"
        "import torch\n"
        "from lic_models.families import families\n"
        "shipped = {family.name: family for family in families()}\n"
        "for name in ('fp-1dn', 'msh-gsdn'):\n"
        "    codec = shipped[name].build('1', 'cpu')\n"
        "    codec.decode(codec.encode(torch.rand(1, 3, 40, 40)))\n"
        "assert not {'compressai', 'torch_geometric', 'torch._dynamo'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_adapted_ones_run_where_they_are_named_and_are_compared_with_each_other_alone() -> None:
    adapted = {name for name, family in FAMILIES.items() if "adaptation" in family.tags}
    assert adapted == {
        "msh-gdn-documents-encoder",
        "msh-gdn-documents-enhance",
        "msh-gdn-hific",
    }
    for name in adapted:
        assert FAMILIES[name].default_qualities == []
        pictures_differ = FAMILIES[name].tags["adaptation"] == "synthesis"
        assert FAMILIES[name].decodes == (None if pictures_differ else "msh-gdn")
    for by in {tag for family in FAMILIES.values() for tag in family.tags}:
        try:
            groups, _ = make_groups(list(FAMILIES.values()), (by,), None)
        except UsageError:
            continue  # no two differ in it alone
        for group in groups:
            assert (by == "adaptation") == bool(adapted & {each.name for each in group.families})


@pytest.mark.parametrize("quality", ["1", "2"])
def test_pictures_that_look_right_are_of_the_same_bytes(
    quality: str, photograph: torch.Tensor
) -> None:
    before, after = (FAMILIES[name].build(quality, "cpu") for name in ("msh-gdn", "msh-gdn-hific"))
    streams = before.encode(photograph)
    assert after.encode(photograph) == streams
    errors = [(codec.decode(streams) - photograph).square().mean() for codec in (before, after)]
    assert errors[0] != errors[1] < 1.1 * errors[0]


@pytest.mark.parametrize("name", FAMILIES)
def test_rate_and_quality_rise_with_lambda_and_the_estimate_is_what_is_paid(
    name: str, photograph: torch.Tensor
) -> None:
    family = FAMILIES[name]
    if family.tags["latent_coding"] == "relative-entropy":  # whose encoders search
        photograph = photograph[..., :128, 128:320]
    bits, psnr = [], []
    for quality in family.qualities:
        codec = family.build(quality, "cpu")
        (bitstream,) = codec.encode(photograph)
        decoded = codec.decode([bitstream]).clamp(0, 1).mul(255).round() / 255
        assert decoded.shape == photograph.shape
        payload = payload_size(bitstream)
        assert payload is not None
        of_quality = "all" if family.one_network else quality
        # An enhanced codec codes a photograph with the codec that stayed as it is.
        writer = family.decodes if family.tags.get("adaptation") == "enhance" else name
        network = built(shipped.WEIGHTS / f"{writer}-{of_quality}.safetensors")
        if family.one_network:
            network.level = float(quality) - 1
        with torch.inference_mode():
            estimate = float(estimated_bits(network(photograph)["likelihoods"])[0]) / 8
        level = 24 if family.one_network else 0  # told by name in each stream
        if family.tags["latent_coding"] == "relative-entropy":
            assert 1.3 * estimate < payload < 2.2 * estimate  # which no sampler comes close to
        else:
            assert payload == pytest.approx(estimate, rel=0.01, abs=16 + level)
        bits.append(8 * len(bitstream) / (photograph.size(2) * photograph.size(3)))
        psnr.append(-10 * torch.log10((decoded - photograph).square().mean()).item())
    assert bits == sorted(set(bits))
    assert psnr == sorted(set(psnr))
    assert 0.05 < bits[0] <= bits[-1] < 3
    assert 24 < psnr[0] <= psnr[-1] < 45


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.stem)
def test_weights_are_those_of_the_config(config: Path) -> None:
    described = read_codec_config(config)
    assert described.name == config.stem
    paths = {quality: described.weights_path(quality) for quality in described.qualities}
    trained = {quality: path for quality, path in paths.items() if path.is_file()}
    # Of the joint entropy model's kinds, of transforms and of rate control some have one quality so
    # far, and some none.
    model = described.settings["model"]
    is_convolutional = model["transform"]["class_path"].endswith(".ConvolutionalTransform")
    is_whole = is_convolutional and not config.stem.startswith("msh-convolutional")
    some_lack = model.get("trained") or "rate_control" in model or not is_whole
    # What vector-quantised codecs are held to: for them there is room, not for it too.
    some_lack = some_lack or config.stem == "fp-pico"
    assert some_lack or trained == paths
    for quality, path in trained.items():
        header = read_header(path)
        assert header.components == described_components(described, quality)
        assert header.lmbda == described.qualities[quality]["model.lmbda"]
        assert header.training["steps"] > 0


def test_streams_of_another_context_and_parts_nobody_promised_are_refused(
    photograph: torch.Tensor,
) -> None:
    one, other, whole = (
        FAMILIES[name].build("2", "cpu")
        for name in ("msh-gdn-checkerboard", "msh-gdn-channel-wise", "msh-gdn")
    )
    (bitstream,) = one.encode(photograph)
    with pytest.raises(ForeignBitstreamError, match="was written by model"):
        other.decode([bitstream])
    part = bitstream[: one.pass_lengths(bitstream)[0]]
    with pytest.raises(ForeignBitstreamError, match="was written by model"):
        other.decode([part], passes=1)
    with pytest.raises(TruncatedBitstreamError, match="its header asks for"):
        one.decode([part])
    (bitstream,) = whole.encode(photograph)
    with pytest.raises(UsageError, match="a part of its stream gives no picture; decode it whole"):
        whole.decode([bitstream[:-40]], passes=1)


def test_all_weights_together_stay_small() -> None:
    assert sum(path.stat().st_size for path in WEIGHTS) < 60e6


def test_every_network_has_its_card() -> None:
    cards = (shipped.WEIGHTS.parent / "MODEL_CARDS.md").read_text()
    for path in WEIGHTS:
        assert f"`{path.stem}`" in cards


def test_new_weights_are_a_new_fingerprint(shipped_weights: Path) -> None:
    family = shipped.learned_family([read_header(shipped_weights)])
    (quality,) = family.qualities
    before = family.fingerprint(quality) if family.fingerprint else None
    kernel = load_file(shipped_weights)["transform.synthesis.0.weight"]
    change(shipped_weights, "transform.synthesis.0.weight", kernel + 1e-3)
    assert family.fingerprint is not None
    assert family.fingerprint(quality) != before


@pytest.mark.parametrize("other", ["msh-gain-all", "msh-gdn-1", "msh-gdn-4"])
def test_a_network_with_rate_control_is_the_only_file_of_its_family(other: str) -> None:
    names = ("msh-gain-all", other)
    headers = [read_header(shipped.WEIGHTS / f"{name}.safetensors") for name in names]
    message = r"msh-gain-all\.safetensors: a network with rate control, of which .* has 2 files"
    with pytest.raises(UsageError, match=message):
        shipped.learned_family(headers)


@pytest.mark.parametrize("level", [0.5, 7])
def test_a_width_that_does_not_exist_is_refused(level: float) -> None:
    header = read_header(shipped.WEIGHTS / "fp-slimmable-all.safetensors")
    codec = shipped.learned_family([header]).build("1", "cpu")
    with pytest.raises(UsageError, match=f"level {level}; expected one of 0 to 3 in steps of 1"):
        codec.encode(torch.zeros(1, 3, 64, 64), level=level)  # type: ignore[call-arg]


class TestConfigOfAUser:
    """What `read_config` makes of a file given to ``--lic-config``."""

    @pytest.fixture
    def config(self, tmp_path: Path) -> Path:
        path = tmp_path / "mine.yaml"
        path.write_text("extends: fp-gdn\nweights: 'weights/{quality}.safetensors'\n")
        (tmp_path / "weights").mkdir()
        return path

    def test_qualities_with_weights_are_its_operating_points(self, config: Path) -> None:
        for quality in ("2", "4"):
            self.give_weights(config, "mine", quality)
        (family,) = shipped.read_config(config) or ()
        assert (family.name, dict(family.qualities)) == ("mine", {"2": 0.0067, "4": 0.0932})

    def test_its_version_is_the_familys_and_is_not_inherited(self, config: Path) -> None:
        self.give_weights(config, "mine", "2")
        config.write_text(config.read_text() + "format_version: 2\n")
        (family,) = shipped.read_config(config) or ()
        assert family.format_version == 2
        heir = config.with_name("heir.yaml")
        heir.write_text("extends: mine.yaml\nweights: 'weights/{quality}.safetensors'\n")
        assert read_codec_config(heir).format_version == 1
        config.write_text(config.read_text().replace("version: 2", "version: two"))
        with pytest.raises(UsageError, match=r"mine\.yaml: format_version is 'two'; expected a w"):
            shipped.read_config(config)

    def test_another_kind_of_file_is_left_to_other_readers(self, tmp_path: Path) -> None:
        assert shipped.read_config(tmp_path / "mine.toml") is None

    def test_no_weights_at_all(self, config: Path) -> None:
        with pytest.raises(UsageError, match=r"mine\.yaml: no trained weights, expected .*fit --"):
            shipped.read_config(config)

    def test_weights_of_another_codec(self, config: Path) -> None:
        self.give_weights(config, "mine", "1")
        config.write_text(
            config.read_text() + "model: {entropy_coder: lic_models.components.RangeCoder}"
        )
        with pytest.raises(UsageError, match=r"mine\.yaml: model\.entropy_coder is .*trained with"):
            shipped.read_config(config)

    def give_weights(self, config: Path, name: str, quality: str) -> None:
        source = shipped.WEIGHTS / f"fp-gdn-{quality}.safetensors"
        header = json.loads(metadata(source)[HEADER])
        save_file(
            load_file(source),
            config.parent / "weights" / f"{quality}.safetensors",
            metadata={HEADER: json.dumps({**header, "name": name})},
        )


def test_between_two_gains_the_rate_rises_with_the_level(photograph: torch.Tensor) -> None:
    codec = FAMILIES["msh-gain"].build("1", "cpu")
    assert isinstance(codec, SupportsRateControl)
    sizes = [len(codec.encode(photograph, level=eighth / 8)[0]) for eighth in range(25)]
    assert sizes == sorted(set(sizes))
