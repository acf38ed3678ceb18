"""``adapt``: what each way leaves as it was, whether old bitstreams decode, and what is refused."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import cast

import lpips
import pytest
import torch
from safetensors.torch import load_file

from lic_models.__main__ import main
from lic_models.enhanced import EnhancedCodec
from lic_models.families import learned_family
from lic_models.storage.weights_file import read_json_header, read_tensors, write_tensors
from lic_models.storage.weights_header import WEIGHTS, read_header
from lic_models.training import generative
from pytest_lic.baselines import kept_streams
from pytest_lic.baselines.comparison import Verdict
from pytest_lic.checks import conformance
from pytest_lic.checks.old_stream import Decoder
from pytest_lic.codec import Codec, CodecFamily
from pytest_lic.errors import CodecError, ForeignBitstreamError, UsageError, WeightsError
from pytest_lic.images.corpus import load_corpus
from pytest_lic.measuring.grid import Cell, Setting
from pytest_lic.system.environment import environment
from tests.helpers.grouped_codec import write_grouped
from tests.helpers.image_folders import write_image, write_images
from tests.helpers.toy_project import Project
from tests.helpers.weights import built

pytestmark = pytest.mark.usefixtures("photos_folder", "one_thread")

WAYS = ("all", "encoder", "synthesis", "enhance")
OPTIONS = ("--data=photos", "--crop-size=16", "--steps=6", "--learning-rate=0.03")


def adapted(way: str, *options: str) -> Path:
    """A small codec, ``w.safetensors``, adapted: the new file."""
    if not Path("w.safetensors").exists():
        write_grouped(Path("w.safetensors"))
    target = Path(f"{way}.safetensors")
    command = ["adapt", "w.safetensors", f"--way={way}", f"--out={target}", *OPTIONS, *options]
    assert main(command) == 0
    return target


def family(path: Path) -> CodecFamily:
    return learned_family([read_header(path)])


def codec(path: Path) -> Codec:
    return family(path).build("1", "cpu")


def images() -> torch.Tensor:
    return torch.rand((2, 3, 33, 50), generator=torch.Generator().manual_seed(0))


def test_the_decoder_is_the_sources_to_the_bit_where_the_encoder_alone_is_trained() -> None:
    path = adapted("encoder")
    new, old = read_tensors(path)[0], read_tensors(Path("w.safetensors"))[0]
    changed = {key for key in old if not torch.equal(new[key], old[key])}
    assert new.keys() == old.keys()
    assert changed
    assert changed == load_file(path).keys()
    assert all(
        key.startswith("transform.analysis.") or ".hyper_analysis." in key for key in changed
    )


def test_both_decode_each_others_bitstreams_where_the_encoder_alone_is_trained() -> None:
    new, old = codec(adapted("encoder")), codec(Path("w.safetensors"))
    streams, before = new.encode(images()), old.encode(images())
    assert streams != before
    assert torch.equal(old.decode(streams), new.decode(streams))
    assert torch.equal(new.decode(before), old.decode(before))


def test_bitstreams_are_the_sources_to_the_bit_where_the_synthesis_alone_is_trained() -> None:
    path = adapted("synthesis", "--name=other")
    tensors, before = read_tensors(path)[0], read_tensors(Path("w.safetensors"))[0]
    changed = {key for key in before if not torch.equal(tensors[key], before[key])}
    assert tensors.keys() == before.keys()
    assert changed
    assert all(key.startswith("transform.synthesis.") for key in (*changed, *load_file(path)))
    new, old = codec(path), codec(Path("w.safetensors"))
    streams = new.encode(images())
    assert streams == old.encode(images())
    assert new.decode(streams).shape == old.decode(streams).shape
    assert not torch.allclose(new.decode(streams), old.decode(streams))


def test_kernels_of_a_synthesis_take_eight_bits() -> None:
    stored = load_file(adapted("synthesis"))
    kernels = {key: value for key, value in stored.items() if value.ndim == 4}
    assert len(kernels) == 4
    assert {value.dtype for value in kernels.values()} == {torch.int8}
    assert all(f"{key}.scales" in stored for key in kernels)


@pytest.fixture
def large_photos(photos_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Images that LPIPS takes, and random features for it."""
    write_image(Path("photos/large.png"), height=60)
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(0)
        network = lpips.LPIPS(net="alex", pnet_rand=True, verbose=False).requires_grad_(False)
    monkeypatch.setattr(generative.LPIPS, "network", lambda _: network)


HIFIC = ("--loss=hific", "--crop-size=48", "--steps=2")


@pytest.mark.usefixtures("large_photos")
@pytest.mark.parametrize("way", ["all", "encoder", "synthesis"])
def test_what_looks_right_can_be_trained_for_in_each_way_of_one_codec(way: str) -> None:
    plain = adapted(way, "--crop-size=48", "--steps=2").read_bytes()
    path = adapted(way, *HIFIC)
    first = path.read_bytes()
    assert first != plain
    training = read_header(path).training
    assert training["hific"] == {
        "lpips": pytest.approx(426.667, abs=1e-3),
        "adversarial": pytest.approx(64.0),
    }
    assert adapted(way, *HIFIC).read_bytes() == first
    assert adapted(way, *HIFIC, "--lpips-weight=1").read_bytes() != first
    assert adapted(way, *HIFIC, "--adversarial-weight=1").read_bytes() != first
    assert adapted(way, *HIFIC, "--seed=2").read_bytes() != first


def test_what_training_for_it_refuses(
    refusal: Callable[..., str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write_grouped(Path("w.safetensors"))
    write_image(Path("photos/large.png"), height=60)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def told(*options: str) -> str:
        command = ("adapt", "w.safetensors", "--way=synthesis", "--out=n.safetensors", *OPTIONS)
        return refusal(*command, *options)

    assert told("--loss=hific", "--crop-size=16") == (
        "w.safetensors: crops of 16 pixels; LPIPS needs 34 on each side: give a larger --crop-size"
    )
    assert told("--loss=hific", "--crop-size=48") == (
        "w.safetensors: LPIPS has no weights for alex: `pytest-lic weights lpips` brings them"
    )
    assert "chooses between two codecs by their MSE" in told("--loss=hific", "--way=enhance")
    assert told("--lpips-weight=2") == "--lpips-weight: of --loss hific alone; give that too"
    assert "--adversarial-weight nan: expected" in told("--adversarial-weight=nan", "--loss=hific")
    tensors, _ = read_tensors(Path("w.safetensors"))
    header = read_json_header(Path("w.safetensors"))
    write_tensors(tensors, Path("w.safetensors"), {**header, "training": {"distortion": "ms-ssim"}})
    assert "trained for ms-ssim; --loss hific is beside MSE" in told("--loss=hific")


def test_each_bitstream_is_of_the_cheaper_codec_where_one_is_enhanced() -> None:
    path = adapted("enhance")
    new, old = cast(EnhancedCodec, codec(path)), codec(Path("w.safetensors"))
    before = old.encode(images())
    assert torch.equal(new.decode(before), old.decode(before))
    enhanced = new._enhanced.encode(images())
    with pytest.raises(ForeignBitstreamError):
        old.decode(enhanced)
    with pytest.raises(CodecError, match="decode was given no bitstream"):
        new.decode([])
    mixed = [before[0], enhanced[1]]
    decoded, latents = new.decode_with_latents(mixed)
    assert torch.equal(decoded, new.decode(mixed))
    assert torch.equal(decoded[0], old.decode(before[:1])[0])
    assert torch.equal(decoded[1], new._enhanced.decode(enhanced[1:])[0])
    assert all(map(torch.equal, latents, new.decode_latents(mixed)))
    for image, stream in zip(images(), new.encode(images()), strict=True):
        costs = {}
        for one in (new._source, new._enhanced):
            (coded,) = one.encode(image[None])
            error = ((one.decode([coded])[0] * 255).round() - image * 255).square().mean()
            costs[coded] = 0.01 * float(error) + 8 * len(coded) / (33 * 50)
        assert stream == min(costs, key=costs.__getitem__)


def test_an_enhanced_codec_is_the_source_plus_what_is_stored() -> None:
    path = adapted("enhance", "--rank=2")
    new, old, own = read_tensors(path)[0], read_tensors(Path("w.safetensors"))[0], load_file(path)
    name = "transform.synthesis.0.weight"
    added = own[f"{name}.up"].double() @ own[f"{name}.down"].double()
    assert own[f"{name}.up"].shape[1] == 2
    assert added.abs().max() > 0
    kernel = old[name].double()
    assert torch.equal(new[name], (kernel + added.reshape(kernel.shape)).half())
    assert all(torch.equal(new[key], old[key]) for key in old if key.startswith("tables."))
    assert path.stat().st_size < Path("w.safetensors").stat().st_size


@pytest.mark.parametrize("way", WAYS)
def test_the_same_command_writes_the_same_bytes(way: str) -> None:
    first = adapted(way).read_bytes()
    assert adapted(way).read_bytes() == first
    assert adapted(way, "--seed=2").read_bytes() != first


@pytest.mark.parametrize("way", WAYS)
def test_the_conformance_gate_shows_whether_old_bitstreams_decode(way: str) -> None:
    path = adapted(way)
    corpus, here = load_corpus("conformance"), environment("cpu", 1)
    cell = Cell("grouped", "1", Setting("conformance", "native", 1, "cpu"))
    old = Decoder(codec(Path("w.safetensors")), cell, 1, here)
    kept = [conformance.keep(old, image, None) for image in corpus.images]
    kept_streams.save(Path("kept"), "grouped", {}, kept)
    examined = conformance.examine(
        replace(old, codec=codec(path)),
        [("grouped", Path("kept"), one.stream) for one in kept],
        corpus,
        keep_lacking=False,
        keep_broken=False,
        commit=lambda: None,
    )
    told = conformance.compared(cell, examined, "pytest")
    if way in ("all", "synthesis"):
        assert told.verdict is Verdict.REGRESSED
        assert "2 of 2 old bitstreams no longer decode as they did" in told.reason
        assert ("model fingerprint: " if way == "all" else "pixels: ") in told.reason
        assert "weights changed since" in told.reason
    else:
        assert told.verdict is Verdict.SAME
        assert told.reason == ""


def test_a_family_of_another_name_is_held_to_the_bitstreams_of_its_source() -> None:
    assert family(adapted("encoder", "--name=other")).decodes == "grouped"
    assert family(adapted("enhance", "--name=other")).decodes == "grouped"
    assert family(adapted("all", "--name=other")).decodes is None
    assert family(adapted("synthesis", "--name=other")).decodes is None
    assert family(adapted("encoder")).decodes is None


def test_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    adapted("all")
    out, err = capsys.readouterr()
    assert out.startswith("all.safetensors: grouped quality 1, λ = 0.01, adapted to photos, loss ")
    assert "grouped (w.safetensors) no longer decode with it" in out
    assert err == ""
    adapted("encoder")
    assert "decoders of grouped (w.safetensors) decode the new" in capsys.readouterr().out
    adapted("synthesis")
    assert "grouped (w.safetensors) decode, to other pictures; both" in capsys.readouterr().out


def test_a_source_that_is_gone_or_another_one_by_now() -> None:
    path = adapted("encoder")
    source = Path("w.safetensors").rename("old.safetensors")
    with pytest.raises(WeightsError, match=r"is adapted from w\.safetensors, which is neither"):
        read_tensors(path)
    shutil.copy(WEIGHTS / "msh-gdn-1.safetensors", "w.safetensors")
    with pytest.raises(WeightsError, match=r"from another file than w\.safetensors is now"):
        read_tensors(path)
    source.rename("w.safetensors")
    built(path)


def test_parts_of_another_architecture() -> None:
    path = adapted("encoder")
    tensors, header = load_file(path), read_header(path).adapted_from
    stated = {"adapted_from": header}
    write_tensors({**tensors, "transform.other.weight": torch.ones(1)}, path, stated)
    with pytest.raises(WeightsError, match=r"other\.weight is no part of w\.safetensors"):
        read_tensors(path)
    factors = {name: torch.ones(9, 2) for name in ("up", "down")}
    stated = {"adapted_from": {**header, "way": "enhance"}}
    for name, told in (("up", r"0\.weight\.up and .* do not fit"), ("down", "without .*up; adapt")):
        write_tensors({f"transform.synthesis.0.weight.{name}": factors[name]}, path, stated)
        with pytest.raises(WeightsError, match=told):
            read_tensors(path)


def test_an_encoders_part_is_refused_where_the_synthesis_alone_was_adapted() -> None:
    path = adapted("synthesis")
    stated = {"adapted_from": read_header(path).adapted_from}
    name = "transform.analysis.0.weight"
    write_tensors({name: read_tensors(path)[0][name] + 1.0}, path, stated)
    with pytest.raises(
        WeightsError, match=rf"{name} is no part of a synthesis, and w\.safe.* its own"
    ):
        read_tensors(path)


def test_a_decoders_part_is_refused_where_the_encoder_alone_was_adapted() -> None:
    path = adapted("encoder")
    stated = {"adapted_from": read_header(path).adapted_from}
    name = "transform.synthesis.0.weight"
    write_tensors({name: read_tensors(path)[0][name] + 1.0}, path, stated)
    with pytest.raises(WeightsError, match=rf"{name} is no part of an encoder, and would decode"):
        read_tensors(path)


@pytest.mark.parametrize("way", WAYS)
def test_a_thumbnail_synthesis_stays_where_the_latents_do(
    way: str, refusal: Callable[..., str]
) -> None:
    write_grouped(Path("w.safetensors"))
    more = ("--data=photos", "--crop-size=16", "--steps=1")
    assert main(["thumbnail", "w.safetensors", *more]) == 0
    path = adapted(way)
    assert (built(path).thumbnail is None) == (way == "all")
    if way != "all":
        assert "train one for those" in refusal("thumbnail", str(path), *more)


def test_files_of_one_family_are_adapted_alike() -> None:
    encoder, source = read_header(adapted("encoder")), read_header(Path("w.safetensors"))
    with pytest.raises(UsageError, match="are of one family, grouped, but not adapted alike"):
        learned_family([source, replace(encoder, quality="2", lmbda=1.0)])


def test_what_is_refused(refusal: Callable[..., str], tmp_path: Path) -> None:
    write_grouped(Path("w.safetensors"))
    adapted("encoder")

    def told(weights: str = "w.safetensors", *options: str) -> str:
        return refusal("adapt", weights, "--way=encoder", "--out=n.safetensors", *OPTIONS, *options)

    assert told("none.safetensors").startswith("none.safetensors: can't be read (No such file")
    assert "adapted from w.safetensors already" in told("encoder.safetensors")
    assert "--data none: no such folder" in told("w.safetensors", "--data=none")
    Path("empty").mkdir()
    assert "--data empty: no image in it" in told("w.safetensors", "--data=empty")
    assert "no image with 512 pixels" in told("w.safetensors", "--crop-size=512")
    assert "crops of 17 pixels; expected a multiple of 16" in told(
        "w.safetensors", "--crop-size=17"
    )
    assert told("w.safetensors", "--steps=0") == "--steps 0: expected at least 1"
    Path("apart").mkdir()
    assert "would not be found from apart/n" in told("w.safetensors", "--out=apart/n.safetensors")
    assert "would not be found" in told("w.safetensors", "--out=w.safetensors")
    assert "--out apart: a folder; expected a file" in told("w.safetensors", "--out=apart")
    (slimmable,) = WEIGHTS.glob("fp-slimmable-*.safetensors")
    assert "one network for several λ, of which adapt would train one" in told(str(slimmable))
    torch.save({"state_dict": {}}, "fit.ckpt")
    assert "(a checkpoint of fit: python -m lic_models export)" in told("fit.ckpt")
    tensors, header = load_file("w.safetensors"), read_header(Path("w.safetensors"))
    del tensors["transform.analysis.0.weight"]
    stated = {
        "name": header.name,
        "quality": "1",
        "lmbda": 0.01,
        "components": header.components,
        "training": {},
    }
    write_tensors(tensors, Path("other.safetensors"), stated)
    assert "weights of another codec than the one described" in told("other.safetensors")


def test_ctrl_c_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_grouped(Path("w.safetensors"))

    def pressed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("lic_models.training.adaptation.rate_distortion_loss", pressed)
    command = ["adapt", "w.safetensors", "--way=encoder", "--out=n.safetensors", *OPTIONS]
    assert main(command) == 130
    assert capsys.readouterr().err.splitlines()[-1] == "stopped"
    assert not list(Path().glob("*n.safetensors*"))


HELD = """
from pathlib import Path

from lic_models.families import learned_family
from lic_models.storage.weights_header import read_header


def pytest_lic_codecs():
    for path in sorted(Path().glob("*.safetensors")):
        yield learned_family([read_header(path)])
"""


def held(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project whose codec has old bitstreams, and images of another domain."""
    project = Project(pytester, "-m", "conformance")
    monkeypatch.chdir(project.path)
    (project.path / "conftest.py").write_text(HELD)
    write_grouped(Path("w.safetensors"))
    assert project.run("--lic-codec=grouped", "--lic-corpus=photos", "--lic-update").ret == 0
    write_images(Path("photos"), "a.png", "b.png")
    return project


def test_a_run_of_the_suite_decodes_the_sources_old_bitstreams(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = held(pytester, monkeypatch)
    adapted("enhance", "--name=new")
    assert project.run("--lic-codec=new", "--lic-corpus=photos", "--lic-update-missing").ret == 0
    result = project.run("--lic-codec=new", "--lic-corpus=photos")
    assert result.ret == 0, result.stdout.str()
    assert "conformance: new: 4 old bitstreams: 4 to the bit" in result.stdout.str()


def test_a_run_of_the_suite_refuses_fine_tuned_weights_that_call_themselves_an_encoder(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = held(pytester, monkeypatch)
    stated = read_json_header(adapted("encoder", "--name=new"))
    path = adapted("all", "--name=new")
    weights = {key: one for key, one in load_file(path).items() if not key.startswith("tables.")}
    write_tensors(weights, Path("encoder.safetensors"), stated)
    path.unlink()
    result = project.run("--lic-codec=new", "--lic-corpus=photos", "--lic-update-missing")
    assert result.ret == 1
    assert "is no part of an encoder, and would decode w.safetensors's" in result.stdout.str()


def test_a_run_of_the_suite_fails_where_a_fine_tuned_codec_claims_to_decode_them(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = held(pytester, monkeypatch)
    claims = 'if family.name == "new" else family'
    conftest = HELD.replace(
        "        yield learned_family([read_header(path)])",
        "        family = learned_family([read_header(path)])\n"
        f'        yield replace(family, decodes="grouped") {claims}',
    )
    (project.path / "conftest.py").write_text(f"from dataclasses import replace\n{conftest}")
    adapted("all", "--name=new")
    result = project.run("--lic-codec=new", "--lic-corpus=photos", "--lic-update-missing")
    assert result.ret == 1
    text = result.stdout.str()
    assert "regressed: 2 of 2 old bitstreams of grouped, which new is to decode" in text
    assert "astronaut_128x96 of grouped: " in text
