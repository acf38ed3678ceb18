"""How bitstreams are kept: whole, whenever an update ends, and shipped ones behind the user's."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pytest_lic.baselines import kept_streams
from pytest_lic.baselines.kept_streams import Kept, KeptStreams, Stream, load, read, save
from pytest_lic.errors import BaselineError
from pytest_lic.measuring import coding
from tests.helpers.measurements import ELSEWHERE, HERE


def kept(quality: str = "1", image: str = "one", content: bytes = b"coded", level: int = 7) -> Kept:
    """A bitstream, and an image of one colour that it is said to have decoded to."""
    pixels = np.full((2, 3, 3), level, np.uint8)
    stream = Stream(
        quality=quality,
        image=image,
        height=2,
        width=3,
        original="0f",
        format_version=1,
        bytes=len(content),
        bitstream=coding.digest(content),
        reconstruction=coding.digest(pixels),
        latents="ab",
        psnr=None,
        commit="c0ffee",
        changed=True,
        environment=HERE,
        parts={"tables": "cd"},
    )
    return Kept.of(stream, content, pixels)


ONE, TWO = kept(), kept(quality="2.5+", image="two", level=8)


def listed(folder: Path) -> list[str]:
    """Every file below a folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_what_is_saved_is_read(tmp_path: Path) -> None:
    save(tmp_path, "toy", {}, [TWO, ONE])
    assert load(tmp_path, "toy") == {("1", "one"): ONE.stream, ("2.5+", "two"): TWO.stream}
    for expected in (ONE, TWO):
        found = read(tmp_path, "toy", expected.stream)
        assert (found.stream, found.bitstream) == (expected.stream, expected.bitstream)
        assert np.array_equal(found.pixels, expected.pixels)


def test_the_same_streams_in_another_order_are_the_same_files(tmp_path: Path) -> None:
    save(tmp_path / "a", "toy", {}, [ONE, TWO])
    save(tmp_path / "b", "toy", {}, [TWO])
    save(tmp_path / "b", "toy", load(tmp_path / "b", "toy"), [ONE])
    assert listed(tmp_path / "a") == listed(tmp_path / "b")
    for name in listed(tmp_path / "a"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_replacing_and_removing_leaves_no_file_that_the_manifest_does_not_name(
    tmp_path: Path,
) -> None:
    save(tmp_path, "toy", {}, [ONE, TWO])
    newer = kept(content=b"coded anew")
    save(tmp_path, "toy", load(tmp_path, "toy"), [newer])
    named = {f"toy/{name}" for each in (newer, TWO) for name in each.stream.files}
    assert set(listed(tmp_path)) == {"toy.json", *named}
    (tmp_path / "toy" / "notes.txt").write_text("not ours")
    save(tmp_path, "toy", {})
    assert listed(tmp_path) == ["toy/notes.txt"]
    (tmp_path / "toy" / "notes.txt").unlink()
    save(tmp_path, "toy", {}, [ONE])
    save(tmp_path, "toy", {})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("written", [0, 1, 2])
def test_an_update_that_is_cut_off_leaves_the_old_streams_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: int
) -> None:
    save(tmp_path, "toy", {}, [ONE])
    whole = kept_streams.write_whole
    left = iter([True] * written)

    def until_killed(path: Path, content: bytes) -> None:
        if not next(left, False):
            raise OSError("no space left")
        whole(path, content)

    monkeypatch.setattr(kept_streams, "write_whole", until_killed)
    newer = kept(content=b"coded anew", level=9)
    with pytest.raises(BaselineError, match=r"toy\.json can't be written: no space left; they are"):
        save(tmp_path, "toy", load(tmp_path, "toy"), [newer])
    monkeypatch.undo()
    assert load(tmp_path, "toy") == {("1", "one"): ONE.stream}
    assert read(tmp_path, "toy", ONE.stream).bitstream == ONE.bitstream
    save(tmp_path, "toy", load(tmp_path, "toy"), [newer])
    assert len(listed(tmp_path)) == 3, "what was left behind is gone"


def test_shipped_streams_stand_behind_the_users_own(tmp_path: Path) -> None:
    streams = KeptStreams(tmp_path / "own", tmp_path / "shipped", frozenset({"toy"}))
    for family in ("toy", "mine"):
        save(streams.shipped, family, {}, [kept(), kept(image="two"), kept(quality="2")])
    assert streams.own("toy") == {}
    assert streams.families() == []
    assert streams.find("mine", "1") == [], "shipped under a name that is not shipped's"
    newer = kept(content=b"coded anew")
    save(streams.folder, "toy", {}, [newer])
    assert streams.find("toy", "1") == [
        (streams.folder, newer.stream),
        (streams.shipped, kept(image="two").stream),
    ]
    assert streams.families() == ["toy"]


def test_environments_are_stored_once(tmp_path: Path) -> None:
    other = replace(TWO, stream=replace(TWO.stream, environment=ELSEWHERE))
    save(tmp_path, "toy", {}, [ONE, kept(image="two"), other])
    stored = json.loads((tmp_path / "toy.json").read_text())
    assert set(stored["environments"]) == {HERE.digest, ELSEWHERE.digest}
    assert load(tmp_path, "toy")[other.stream.key].environment == ELSEWHERE


def test_a_picture_that_is_not_rgb_is_refused(tmp_path: Path) -> None:
    from PIL import Image

    save(tmp_path, "toy", {}, [ONE])
    path = tmp_path / "toy" / ONE.stream.files[1]
    Image.new("L", (3, 2)).save(path)
    with pytest.raises(BaselineError, match=r"is not the PNG that was recorded \(it is L, not RGB"):
        read(tmp_path, "toy", ONE.stream)
