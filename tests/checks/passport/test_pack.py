"""What a pack refuses to be: each with one clear error, before anything of it is believed."""

from __future__ import annotations

import json
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_lic.checks.passport import pack as room
from pytest_lic.checks.passport.pack import FORMAT, Pack, new_pack, opened_pack
from pytest_lic.errors import PassportError
from pytest_lic.system.environment import environment


def whole(path: Path) -> Path:
    with new_pack(path) as writer:
        writer.add("0-0.bin", b"stream" * 100)
        writer.finish(Pack(FORMAT, "A", environment("cpu", 1), ()))
    return path


def opened(path: Path) -> str:
    """The error on opening."""
    with pytest.raises(PassportError) as caught, opened_pack(path):
        pass
    text = str(caught.value)
    assert str(path) in text
    assert "\n" not in text
    return text


def with_member(path: Path, name: str, content: bytes = b"x") -> Path:
    whole(path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name, content)
    return path


def test_a_whole_pack_is_read_back(tmp_path: Path) -> None:
    with opened_pack(whole(tmp_path / "a.zip")) as reader:
        assert reader.pack == Pack(FORMAT, "A", environment("cpu", 1), ())
        assert reader.content("0-0.bin") == b"stream" * 100
        with pytest.raises(PassportError, match=r"it has no 0-1\.bin"):
            reader.content("0-1.bin")


def test_equal_packs_are_equal_files(tmp_path: Path) -> None:
    one, other = (whole(tmp_path / name).read_bytes() for name in ("a.zip", "b.zip"))
    assert one == other


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/b", "..", "C:evil", "a\\..\\b", "é"])
def test_a_path_that_leaves_its_folder_is_refused(tmp_path: Path, name: str) -> None:
    text = opened(with_member(tmp_path / "a.zip", name))
    assert "a path that is none of a pack's" in text
    assert "nothing of it was read" in text


def test_a_claimed_size_of_ten_gigabytes_is_refused(tmp_path: Path) -> None:
    path = whole(tmp_path / "a.zip")
    content = bytearray(path.read_bytes())
    place = content.index(b"PK\x01\x02")  # the first entry of the directory
    content[place + 24 : place + 28] = struct.pack("<I", 0xFFFFFFFF)  # the size is in its extra
    extra = struct.pack("<HHQ", 1, 8, 10 * 2**30)
    name_length, extra_length = struct.unpack_from("<HH", content, place + 28)
    assert extra_length == 0
    content[place + 30 : place + 32] = struct.pack("<H", len(extra))
    content[place + 46 + name_length : place + 46 + name_length] = extra
    end = content.index(b"PK\x05\x06")
    (size,) = struct.unpack_from("<I", content, end + 12)
    content[end + 12 : end + 16] = struct.pack("<I", size + len(extra))
    path.write_bytes(content)
    assert f"'0-0.bin' claims {10 * 2**30} bytes; a pack's files have at most" in opened(path)


@pytest.mark.parametrize(
    ("limit", "value", "expected"),
    [
        ("_MOST_MEMBERS", 1, "has 2 files; expected at most 1"),
        ("_MOST_IN_ALL", 601, "bytes in all; expected at most 601"),
    ],
)
def test_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: int, expected: str
) -> None:
    path = whole(tmp_path / "a.zip")
    monkeypatch.setattr(room, limit, value)
    assert expected in opened(path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_one_name_twice_is_refused(tmp_path: Path) -> None:
    assert "'0-0.bin' twice" in opened(with_member(tmp_path / "a.zip", "0-0.bin"))


@pytest.mark.parametrize(
    "harm",
    [
        lambda content: content[: len(content) // 2],
        lambda content: b"",
        lambda content: b"no zip at all",
        lambda content: content.replace(b"PK\x01\x02", b"PK\x01\x03"),
    ],
)
def test_a_damaged_zip_says_so(tmp_path: Path, harm: Callable[[bytes], bytes]) -> None:
    path = whole(tmp_path / "a.zip")
    path.write_bytes(harm(path.read_bytes()))
    assert "is damaged: " in opened(path)


def test_a_member_that_was_damaged_says_so(tmp_path: Path) -> None:
    path = whole(tmp_path / "a.zip")
    content = bytearray(path.read_bytes())
    content[40] ^= 0xFF
    path.write_bytes(content)
    with opened_pack(path) as reader, pytest.raises(PassportError, match=r"damaged: 0-0\.bin: "):
        reader.content("0-0.bin")


def test_a_pack_that_is_not_there_says_so(tmp_path: Path) -> None:
    assert "can't be read: " in opened(tmp_path / "none.zip")


@pytest.mark.parametrize(
    ("manifest", "expected"),
    [
        ("[", "is damaged: "),
        ("[]", "pack.json has no format"),
        ('{"format": 99}', "is of format 99; this pytest-lic reads up to 1: upgrade it"),
        ('{"format": 1}', "missing required field"),
        (
            json.dumps({"format": 1, "machine": "", "environment": {}, "codecs": []}),
            "$.machine is ''",
        ),
    ],
)
def test_a_manifest_that_is_none_is_refused(tmp_path: Path, manifest: str, expected: str) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("pack.json", manifest)
    assert expected in opened(path)


def test_a_zip_of_something_else_is_no_pack(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("data.pkl", b"")
    assert "it has no pack.json" in opened(path)
