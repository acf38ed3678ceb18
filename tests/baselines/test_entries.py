"""Baselines come back as they were stored, or with one clear error; and no crash can harm them."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_lic.baselines.entries import BaselineKey, dumps, load, save
from pytest_lic.errors import BaselineError
from tests.helpers.measurements import ELSEWHERE, as_stored, image, measurement, of
from tests.helpers.places import ROOT

SEVERAL = [
    measurement(),
    measurement({"only.png": image(psnr=None, lpips=0.1, bits="x")}, quality="2", lmbda=None),
    measurement(quality="3", environment=ELSEWHERE, device="cuda:0", batch=4),
    measurement(resolution="256", left_out=("small.png (100×90)",)),
    measurement(corpus="kodak", digest="d2"),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the toy family's baseline goes; its folder does not exist yet."""
    return tmp_path / "baselines" / "toy.json"


def test_what_is_stored_comes_back(path: Path) -> None:
    save(path.parent, "toy", of(*SEVERAL))
    assert load(path.parent, "toy") == {BaselineKey.of(one): as_stored(one) for one in SEVERAL}


def test_a_file_that_is_not_there_holds_nothing(path: Path) -> None:
    assert load(path.parent, "toy") == {}


def test_the_text_is_the_same_in_whatever_order_the_entries_came() -> None:
    texts = set()
    for seed in range(10):
        shuffled = random.Random(seed).sample(SEVERAL, len(SEVERAL))
        texts.add(dumps("toy", shuffled))
    assert len(texts) == 1


def test_saving_what_was_loaded_changes_no_byte(path: Path) -> None:
    save(path.parent, "toy", of(*SEVERAL))
    before = path.read_bytes()
    save(path.parent, "toy", load(path.parent, "toy"))
    assert path.read_bytes() == before


def test_a_change_of_one_image_is_a_diff_of_that_line_and_the_mean() -> None:
    others = [one for one in SEVERAL if one.cell.quality == "1"][1:]
    before = dumps("toy", [SEVERAL[0], *others]).splitlines()
    changed = replace(
        SEVERAL[0], images={**SEVERAL[0].images, "two.png": image(size=12_001, psnr=33.1)}
    )
    after = dumps("toy", [changed, *others]).splitlines()
    assert len(before) == len(after)
    lines = [new.strip() for old, new in zip(before, after, strict=True) if old != new]
    assert [line.split(":")[0] for line in lines] == ['"mean"', '"two.png"']


def test_the_file_is_json_with_its_environments_once_and_one_image_per_line() -> None:
    text = dumps("toy", SEVERAL)
    stored = json.loads(text)
    assert stored["format"] == 1
    assert stored["family"] == "toy"
    assert len(stored["environments"]) == 2
    images = [line for line in text.splitlines() if '.png": {' in line]
    assert len(images) == sum(len(one.images) for one in SEVERAL)
    assert text.endswith("}\n")
    assert max(len(line) for line in text.splitlines()) < 400


def test_entries_stand_in_the_order_of_corpus_resolution_and_rate() -> None:
    cheap = measurement({"one.png": image(size=100)}, quality="high")
    dear = measurement({"one.png": image(size=900)}, quality="fine")
    stored = json.loads(dumps("toy", [dear, measurement(corpus="a", digest="d9"), cheap]))
    assert [(entry["corpus"], entry["quality"]) for entry in stored["entries"]] == [
        ("a", "1"),
        ("photos", "high"),
        ("photos", "fine"),
    ]


def test_names_that_are_not_ascii_stay_readable(path: Path) -> None:
    save(path.parent, "toy", of(measurement({"Brücke 橋.png": image()})))
    assert "Brücke 橋.png" in path.read_text(encoding="utf-8")
    assert "Brücke 橋.png" in next(iter(load(path.parent, "toy").values())).images


def test_device_batch_and_environment_do_not_make_another_key() -> None:
    other = measurement(environment=ELSEWHERE, device="cuda", batch=8, corpus="renamed")
    assert BaselineKey.of(other) == BaselineKey.of(measurement())
    for key in (measurement(quality="2"), measurement(resolution="64"), measurement(digest="d2")):
        assert BaselineKey.of(key) != BaselineKey.of(measurement())


def test_recording_replaces_the_entry_of_a_key_and_keeps_the_others(path: Path) -> None:
    again = measurement({"one.png": image(size=9_000)}, environment=ELSEWHERE)
    save(path.parent, "toy", of(*SEVERAL), [again])
    recorded = load(path.parent, "toy")
    assert len(recorded) == len(SEVERAL)
    assert recorded[BaselineKey.of(again)] == as_stored(again)


def test_the_last_entry_takes_the_file_with_it(path: Path) -> None:
    save(path.parent, "toy", of(*SEVERAL))
    save(path.parent, "toy", {})
    assert not path.exists()
    save(path.parent, "toy", {})


Damage = Callable[[dict[str, Any]], object]


def first_image(stored: dict[str, Any]) -> dict[str, Any]:
    """The first image of the first entry."""
    return stored["entries"][0]["images"]["one.png"]


def set_image(key: str, value: object) -> Damage:
    """A damage to one value of the first image."""
    return lambda stored: first_image(stored).update({key: value})


def set_entry(key: str, value: object) -> Damage:
    """A damage to one value of the first entry."""
    return lambda stored: stored["entries"][0].update({key: value})


ENTRY, IMAGE = r"\$\.entries\[0\]", r"\$\.entries\[0\]\.images\['one\.png'\]"
DAMAGES: list[tuple[Damage, str]] = [
    (lambda stored: stored.pop("family"), r"\$: object missing required field `family`"),
    (lambda stored: stored.pop("format"), r"\$: object missing required field `format`"),
    (lambda stored: stored.pop("entries"), r"\$: object missing required field `entries`"),
    (lambda stored: stored.pop("environments"), r"\$: object missing .* `environments`"),
    (lambda stored: stored.update(family="other"), "it is of family 'other', not 'toy'"),
    (lambda stored: stored.update(format="one"), "its format is 'one'; expected 1"),
    (lambda stored: stored.update(format=0), "its format is 0; expected 1"),
    (lambda stored: stored.update(entries={}), r"\$\.entries is {}: expected `array`"),
    (lambda stored: stored["entries"].append(7), r"\$\.entries\[1\] is 7: expected `object`"),
    (
        lambda stored: stored["entries"].append(stored["entries"][0]),
        "entry 2: quality 1 .*already",
    ),
    (lambda stored: stored["environments"].clear(), "entry 1: environment '.*' is not among"),
    (
        lambda stored: next(iter(stored["environments"].values())).pop("python"),
        r"\$\.environments\['.*'\]: object missing required field `python`",
    ),
    (
        lambda stored: next(iter(stored["environments"].values())).update(threads="1"),
        r"\$\.environments\['.*'\]\.threads is '1': expected `int`, got `str`",
    ),
    (lambda stored: stored["entries"][0].pop("digest"), f"{ENTRY}: object missing .*`digest`"),
    (set_entry("quality", 1), rf"{ENTRY}\.quality is 1: expected `str`"),
    (set_entry("batch", 0), rf"{ENTRY}\.batch is 0: expected `int` >= 1"),
    (set_entry("images", {}), rf"{ENTRY}\.images is {{}}: expected `object` of length >= 1"),
    (set_entry("images", [1, 2]), rf"{ENTRY}\.images is \[1, 2\]: expected `object`"),
    (set_entry("left_out", "one.png"), rf"{ENTRY}\.left_out is 'one.png': expected `array`"),
    (set_entry("left_out", [1]), rf"{ENTRY}\.left_out\[0\] is 1: expected `str`"),
    (set_entry("lambda", "big"), rf"{ENTRY}\.lambda is 'big': expected `float \| null`"),
    (lambda stored: first_image(stored).pop("bytes"), f"{IMAGE}: object missing .* `bytes`"),
    (set_image("bytes", 0), rf"{IMAGE}\.bytes is 0: expected `int` >= 1"),
    (set_image("height", 0), rf"{IMAGE}\.height is 0: expected `int` >= 1"),
    (set_image("width", -3), rf"{IMAGE}\.width is -3: expected `int` >= 1"),
    (set_image("bytes", "10"), rf"{IMAGE}\.bytes is '10': expected `int`"),
    (set_image("bytes", 10.5), rf"{IMAGE}\.bytes is 10.5: expected `int`"),
    (set_image("bytes", True), rf"{IMAGE}\.bytes is True: expected `int`"),
    (set_image("bytes", 10**400), rf"{IMAGE}\.bytes is 1000.*…: expected `int` <="),
    (set_image("payload", -1), rf"{IMAGE}\.payload is -1: expected `int` >= 0"),
    (set_image("lossless", "no"), rf"{IMAGE}\.lossless is 'no': expected `bool`"),
    (set_image("psnr", "30"), rf"{IMAGE}\.psnr is '30': expected `float`"),
    (set_image("psnr", float("nan")), rf"{IMAGE}\.psnr is nan: expected a finite number"),
    (set_image("psnr", float("inf")), rf"{IMAGE}\.psnr is inf: expected a finite number"),
    (set_image("ms_ssim", [0.9]), rf"{IMAGE}\.ms_ssim is \[0\.9\]: expected `float`"),
    (set_image("bitstream", 5), rf"{IMAGE}\.bitstream is 5: expected `str`"),
]


@pytest.mark.parametrize(("damage", "message"), DAMAGES)
def test_a_damaged_file_is_an_error_that_says_where_and_what_to_do(
    path: Path, damage: Damage, message: str
) -> None:
    stored = json.loads(dumps("toy", [measurement()]))
    damage(stored)
    path.parent.mkdir()
    path.write_text(json.dumps(stored))
    with pytest.raises(BaselineError, match=message) as caught:
        load(path.parent, "toy")
    text = str(caught.value)
    assert str(path) in text
    assert "restore it from version control, or delete it and record again" in text
    assert len(text) < 600


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        dumps("toy", SEVERAL)[:-200],
        "<<<<<<< HEAD\n" + dumps("toy", SEVERAL),
        "[]",
        "null",
        '"text"',
        "1" * 5_000,
        "[" * 100_000,
    ],
    ids=["empty", "cut", "truncated", "conflict", "list", "null", "string", "digits", "deep"],
)
def test_text_that_is_no_baseline_is_an_error_that_names_the_file(path: Path, text: str) -> None:
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(BaselineError, match=r"toy\.json is (not valid JSON|damaged).*--lic-update"):
        load(path.parent, "toy")


def test_bytes_that_are_no_text_and_a_folder_are_errors_too(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BaselineError, match=r"toy\.json can't be read"):
        load(path.parent, "toy")
    path.unlink()
    path.mkdir()
    with pytest.raises(BaselineError, match=r"toy\.json can't be read"):
        load(path.parent, "toy")


def test_a_newer_format_asks_for_a_newer_version_and_not_for_recording(path: Path) -> None:
    path.parent.mkdir()
    path.write_text('{"format": 2, "anything": "else"}')
    with pytest.raises(
        BaselineError, match=r"format 2; this pytest-lic reads up to 1: upgrade"
    ) as e:
        load(path.parent, "toy")
    assert "--lic-update" not in str(e.value)


@pytest.mark.parametrize("failing", ["os.replace", "os.fsync", "os.fdopen"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_a_failure_while_writing_leaves_the_old_file_whole(
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    failing: str,
    error: type[BaseException] | BaseException,
) -> None:
    save(path.parent, "toy", of(measurement()))
    before = path.read_bytes()

    def fail(*arguments: object, **more: object) -> None:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(failing, fail)
        with pytest.raises((BaselineError, KeyboardInterrupt)) as caught:
            save(path.parent, "toy", of(*SEVERAL))
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["toy.json"]
    if isinstance(caught.value, BaselineError):
        assert "toy.json can't be written: [Errno 28]" in str(caught.value)
        assert "it is as it was" in str(caught.value)


def test_a_folder_that_can_not_be_written_is_a_baseline_error(tmp_path: Path) -> None:
    (tmp_path / "baselines").write_text("a file")
    with pytest.raises(BaselineError, match="can't be written"):
        save(tmp_path / "baselines", "toy", of(measurement()))


def test_a_file_gets_the_usual_permissions(path: Path) -> None:
    old = os.umask(0o022)
    try:
        save(path.parent, "toy", of(measurement()))
    finally:
        os.umask(old)
    assert path.stat().st_mode & 0o777 == 0o644


def test_what_a_killed_run_left_behind_is_swept_up_by_the_next_one(path: Path) -> None:
    path.parent.mkdir()
    (path.parent / ".toy.json.k1lled.new").write_text('{"half')
    (path.parent / ".another.json.k1lled.new").write_text('{"half')
    (path.parent / "mine.new").write_text("of the user")
    save(path.parent, "toy", of(measurement()))
    left = {file.name for file in path.parent.iterdir()}
    assert left == {"toy.json", ".another.json.k1lled.new", "mine.new"}


def test_sigkill_at_any_moment_leaves_a_valid_file(path: Path) -> None:
    writer = """
import sys
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from tests.helpers.measurements import image, measurement
from pytest_lic.baselines.entries import save
path = Path(sys.argv[1])
versions = [measurement({f"{n}.png": image(bits=b) for n in range(200)}) for b in "ab"]
while True:
    for version in versions:
        save(path.parent, "toy", {}, [version])
        print("saved", flush=True)
"""
    for attempt in range(6):
        process = subprocess.Popen(
            [sys.executable, "-c", writer, str(path), str(ROOT)],
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == b"saved\n"
        time.sleep(0.003 * attempt)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        (found,) = load(path.parent, "toy").values()
        assert len(found.images) == 200
        assert len({result.bitstream for result in found.images.values()}) == 1
