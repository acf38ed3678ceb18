"""A pack decoded on another machine: the verdict, and the first stage that differs."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lic_models.families import families
from pytest_lic.checks.passport import checking
from pytest_lic.checks.passport.checking import check
from pytest_lic.checks.passport.making import packed, source_digest
from pytest_lic.checks.passport.pack import FORMAT, Pack, new_pack, opened_pack
from pytest_lic.checks.passport.stamp import Checked
from pytest_lic.errors import CodecError, PassportError
from pytest_lic.images.corpus import Corpus, Image
from pytest_lic.measuring.grid import Cell, Setting
from pytest_lic.system.environment import environment
from tests.helpers.staged_codec import SIDE, Staged

CELL = Cell("staged", "1", Setting("images"))


def corpus(count: int = 2, side: int = 32) -> Corpus:
    drawn = np.random.default_rng(0).integers(20, 220, (count, side, side, 3)).astype(np.uint8)
    images = tuple(Image(f"image{i}", pixels) for i, pixels in enumerate(drawn))
    return Corpus("images", images, "0" * 16)


def made(path: Path, codec: Any, cell: Cell = CELL) -> Path:
    with new_pack(path) as writer:
        codecs = (packed(writer, 0, codec, cell, corpus().images),)
        writer.finish(Pack(FORMAT, "A", environment("cpu", 1), codecs))
    return path


def checked(path: Path, codec: Any) -> Checked:
    with opened_pack(path) as reader:
        return check(reader, reader.pack.codecs[0], codec)


def test_the_same_machine_decodes_to_the_bit(tmp_path: Path) -> None:
    pack = made(tmp_path / "a.zip", Staged())
    assert checked(pack, Staged()) == Checked("staged", "1", identical=2)


def test_a_hyper_synthesis_that_is_off_by_a_millionth_is_out_of_step_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack = made(tmp_path / "a.zip", Staged())
    monkeypatch.setattr(Staged, "hyper_noise", 1e-6)
    found = checked(pack, Staged())
    assert (found.identical, found.within, found.broken) == (0, 0, 2)
    assert found.stage == "hyper-synthesis"
    assert found.first.startswith(
        "image0: 3 of 3 values differ, by up to 1e-06, first at place 0: 1.4999999 there, "
        "1.5000009 here; then table indices: 3 of 3 values differ, by up to 1, first at place 0: "
        "1 there, 2 here; 48 of 48 latents differ, first at channel 0, row 0, column 0: "
    )


def test_one_that_is_off_by_too_little_to_matter_is_in_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack = made(tmp_path / "a.zip", Staged())
    monkeypatch.setattr(Staged, "hyper_noise", 1e-9)
    assert checked(pack, Staged()) == Checked("staged", "1", identical=2)


def test_a_synthesis_that_is_a_level_off_is_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack = made(tmp_path / "a.zip", Staged())
    monkeypatch.setattr(Staged, "hyper_noise", 1e-9)
    monkeypatch.setattr(Staged, "synthesis_noise", 1 / 255)
    found = checked(pack, Staged())
    assert (found.identical, found.within, found.broken) == (0, 2, 0)
    assert found.stage == "synthesis"
    assert "by up to 0.00392, first at channel 0, row 0, column 0" in found.first


def test_a_synthesis_that_is_three_levels_off_is_out_of_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack = made(tmp_path / "a.zip", Staged())
    monkeypatch.setattr(Staged, "synthesis_noise", 3 / 255)
    found = checked(pack, Staged())
    assert (found.broken, found.stage) == (2, "synthesis")


def test_a_decoder_that_fails_on_the_way_names_the_stage_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack = made(tmp_path / "a.zip", Staged())
    whole = Staged.decode_stages

    def cut(self: Staged, bitstream: bytes) -> Any:
        for stage, tensor in whole(self, bitstream):
            if stage == "symbols":
                raise CodecError("the coder lost its way")
            yield stage, tensor

    monkeypatch.setattr(Staged, "decode_stages", cut)
    found = checked(pack, Staged())
    assert (found.broken, found.stage) == (2, "symbols")
    assert "not computed here" in found.first
    assert "the coder lost its way" in found.first


def test_a_codec_that_shows_latents_alone_is_compared_in_them(tmp_path: Path) -> None:
    class Latents:
        def __init__(self, off: float = 0.0) -> None:
            self.inner = Staged()
            self.off = off
            self.encode = self.inner.encode
            self.decode = self.inner.decode

        def decode_latents(self, bitstreams: Any) -> Any:
            stages = [dict(self.inner.decode_stages(stream)) for stream in bitstreams]
            return [each["latents"] + self.off for each in stages]

    pack = made(tmp_path / "a.zip", Latents())
    with opened_pack(pack) as reader:
        (first, _) = reader.pack.codecs[0].images
        assert [record.stage for record in first.stages] == ["latents", "pixels"]
    assert checked(pack, Latents()).identical == 2
    assert checked(pack, Latents(off=1.0)).stage == "latents"


def test_a_codec_with_stages_alone_is_compared_in_what_they_receive_and_give(
    tmp_path: Path,
) -> None:
    class Synthesis(nn.Module):
        def forward(self, latents: Tensor) -> Tensor:
            return nn.functional.interpolate(latents[None], scale_factor=SIDE)[0] / 255

    class Parts:
        def __init__(self) -> None:
            self.inner, self.synthesis = Staged(), Synthesis()
            self.encode = self.inner.encode

        def stages(self) -> Any:
            return {"synthesis": self.synthesis}

        def decode(self, bitstreams: Any) -> Tensor:
            latents = [dict(self.inner.decode_stages(each))["latents"] for each in bitstreams]
            return torch.stack([self.synthesis(each) for each in latents]).clamp(0, 1)

    pack = made(tmp_path / "a.zip", Parts())
    with opened_pack(pack) as reader:
        (first, _) = reader.pack.codecs[0].images
        assert [record.stage for record in first.stages] == ["latents", "synthesis", "pixels"]
    assert checked(pack, Parts()).identical == 2


def test_a_codec_that_shows_nothing_is_compared_in_its_pixels(tmp_path: Path) -> None:
    class Opaque:
        def __init__(self) -> None:
            inner = Staged()
            self.encode, self.decode = inner.encode, inner.decode

    pack = made(tmp_path / "a.zip", Opaque())
    with opened_pack(pack) as reader:
        (first, _) = reader.pack.codecs[0].images
        assert [record.stage for record in first.stages] == ["pixels"]
    assert checked(pack, Opaque()).identical == 2


def test_one_family_with_other_weights_is_out_of_step_and_says_why(tmp_path: Path) -> None:
    family = {each.name: each for each in families()}["fp-gdn"]
    pack = made(tmp_path / "a.zip", family.build("1", "cpu"), Cell("fp-gdn", "1", CELL.setting))
    assert checked(pack, family.build("1", "cpu")).identical == 2
    found = checked(pack, family.build("2", "cpu"))
    assert found.broken == 2
    assert found.first == (
        "other weights and tables here than where it was encoded; nothing was decoded"
    )


def test_an_encoder_that_fails_here_is_told_and_is_no_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack = made(tmp_path / "a.zip", Staged())
    images = {source_digest(image): image for image in corpus().images}
    monkeypatch.setattr(checking, "_shipped", lambda: images)
    assert checked(pack, Staged()) == Checked("staged", "1", identical=2)

    def refuse(self: Staged, images: Tensor) -> list[bytes]:
        raise CodecError("no kernel for this machine")

    monkeypatch.setattr(Staged, "encode", refuse)
    found = checked(pack, Staged())
    assert (found.identical, found.within, found.broken) == (2, 0, 0)
    assert found.encoder.startswith("can't encode image0 here: ")
    assert "no kernel for this machine" in found.encoder


def test_a_value_that_was_changed_in_the_pack_is_noticed(tmp_path: Path) -> None:
    pack = made(tmp_path / "a.zip", Staged())
    changed = tmp_path / "b.zip"
    with zipfile.ZipFile(pack) as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, content[:-1] + b"\xff" if name == "0-0-4.raw" else content)
    with pytest.raises(PassportError, match=r"0-0-4\.raw is not what its digest says"):
        checked(changed, Staged())
