"""``pytest-lic timing``: tables and plots of saved times, and what is wrong with a file."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pytest_lic.cli import main

MACHINE = "a processor"


def benchmark(
    family: str = "toy",
    direction: str = "encode",
    resolution: int = 256,
    batch: int = 1,
    median: float = 0.01,
    **extra: Any,
) -> dict[str, Any]:
    """One benchmark as it is saved, as far as it is read."""
    stages = {"seconds": {"analysis": 0.003, "entropy coding and the rest": 0.001}}
    return {
        "name": f"{family}-q3-rand-{resolution}px-b{batch}-cpu-{direction}",
        "stats": {"median": median, "iqr": 0.1 * median, "rounds": 5},
        "extra_info": {
            "lic_format": 1,
            "family": family,
            "quality": "3",
            "direction": direction,
            "corpus": "rand",
            "resolution": resolution,
            "batch": batch,
            "device": "cpu",
            "device_name": MACHINE,
            "threads": 1,
            "warm_up": {"rounds": 6, "settled": True},
            "stages": stages,
            **extra,
        },
    }


def grid(factor: float = 1.0, **extra: Any) -> list[dict[str, Any]]:
    """Two codecs: encoding takes 10 µs a pixel side and image, decoding twice that."""
    return [
        benchmark(family, direction, side, batch, factor * 1e-5 * side * batch * slow, **extra)
        for family in ("toy", "other")
        for direction, slow in (("encode", 1), ("decode", 2))
        for side in (256, 512)
        for batch in (1, 4)
    ]


def save(path: Path, benchmarks: Any, **more: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    commit = {"id": "0123456789abcdef", "dirty": False}
    document = {"benchmarks": benchmarks, "commit_info": commit, **more}
    path.write_text(json.dumps(document))
    return path


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["timing", *arguments]) == 0
    return capsys.readouterr().out


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["timing", *arguments]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    return output.err


def rows(text: str, title: str) -> dict[tuple[str, str], list[str]]:
    """(codec, direction) → places of the table below ``title``."""
    lines = text.split(title)[1].split("\n\n")[0].splitlines()[2:]
    return {
        (family, direction): places
        for family, _quality, direction, *places in (line.split() for line in lines)
    }


def test_latency_by_resolution_and_throughput_by_batch(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(folder / "times.json", grid())
    text = printed(capsys, "times.json")
    latency = rows(text, "latency in ms by resolution, batch 1")
    assert latency[("toy", "encode")] == ["2.56", "5.12"]
    assert latency[("other", "decode")] == ["5.12", "10.2"]
    assert rows(text, "images per second by batch, 256 px")[("toy", "encode")] == ["391", "391"]
    assert rows(text, "images per second by batch, 512 px")[("toy", "decode")] == ["97.7", "97.7"]
    assert f"times: {MACHINE}, CPU threads: 1; commit 0123456789" in text
    assert "shares of the stages" not in text


def test_the_newest_saved_run_is_shown_and_others_by_their_name_or_number(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, name in enumerate(("before", "after"), 1):
        saved = save(folder / ".benchmarks" / "machine" / f"000{number}_{name}.json", grid(number))
        os.utime(saved, (number, number))
    newest = printed(capsys)
    assert newest.startswith("0002_after: ")
    assert printed(capsys, "before") == printed(capsys, "0001") == printed(capsys, "--run=0001")
    both = printed(capsys, "before", "after")
    assert rows(both, "latency in ms")[("toy", "encode")] == [
        "2.56",
        "|",
        "5.12",
        "5.12",
        "|",
        "10.2",
    ]
    assert "side by side: 0001_before | 0002_after" in both
    assert printed(capsys, "before", "--run", "before") == printed(capsys, "before")


def test_a_codec_that_one_run_lacks_leaves_its_place_empty(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(folder / "one.json", [each for each in grid() if each["extra_info"]["family"] == "toy"])
    save(folder / "two.json", grid())
    found = rows(printed(capsys, "one.json", "two.json"), "latency in ms")
    assert found[("other", "encode")] == ["–", "|", "2.56", "–", "|", "5.12"]


def test_runs_of_other_machines_are_no_comparison(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(folder / "one.json", grid())
    save(folder / "two.json", grid(device_name="another"))
    warning = "these runs are of different machines"
    assert warning in printed(capsys, "one.json", "two.json")
    assert warning not in printed(capsys, "one.json")


def test_files_of_one_name_are_told_apart(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(folder / "a" / "times.json", grid())
    save(folder / "b" / "times.json", grid(2))
    assert "side by side: a/times.json | b/times.json" in printed(
        capsys, "a/times.json", "b/times.json"
    )


def test_other_images_and_devices_have_tables_of_their_own(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(folder / "times.json", [*grid(), *grid(3, corpus="photos", device="cuda")])
    text = printed(capsys, "times.json")
    on_cpu = rows(text, "latency in ms by resolution, batch 1, rand images on cpu")
    on_gpu = rows(text, "latency in ms by resolution, batch 1, photos images on cuda")
    assert on_cpu[("toy", "encode")] == ["2.56", "5.12"]
    assert on_gpu[("toy", "encode")] == ["7.68", "15.4"]


def test_shares_of_the_stages(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    partless = benchmark("jpeg", stages={"reason": "it has no parts"})
    save(folder / "times.json", [benchmark(), partless])
    text = printed(capsys, "times.json", "--stages")
    (line,) = (line for line in text.splitlines() if line.startswith("toy q3") and "75.0" in line)
    assert line.split()[2:] == ["encode", "256", "75.0", "25.0"]
    assert "no stages of jpeg q3: it has no parts" in text


def test_times_that_had_not_settled_are_marked(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(folder / "times.json", [benchmark(warm_up={"rounds": 50, "settled": False})])
    text = printed(capsys, "times.json")
    assert rows(text, "latency in ms")[("toy", "encode")] == ["~10.0"]
    assert "~ 1 times of little worth" in text


def test_uneven_times_are_marked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    uneven = benchmark("uneven")
    uneven["stats"]["iqr"] = 0.3 * uneven["stats"]["median"]
    save(folder / "times.json", [benchmark(), uneven])
    latency = rows(printed(capsys, "times.json"), "latency in ms")
    assert latency == {("toy", "encode"): ["10.0"], ("uneven", "encode"): ["~10.0"]}


def test_benchmarks_of_other_things_are_counted_and_left_alone(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = {"name": "test_sort", "stats": {"median": 1.0}, "extra_info": {}}
    save(folder / "times.json", [*grid(), other])
    text = printed(capsys, "times.json")
    assert "times: 1 other benchmarks in this file left alone" in text
    assert "test_sort" not in text


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_both_are_drawn(folder: Path, capsys: pytest.CaptureFixture[str], suffix: str) -> None:
    save(folder / "one.json", grid())
    save(folder / "two.json", grid(2))
    plot = folder / f"plot.{suffix}"
    assert f"drawn: {plot}" in printed(capsys, "one.json", "two.json", "--plot", str(plot))
    if suffix == "png":
        with Image.open(plot) as image:
            pixels = image.convert("RGB")
            assert min(pixels.size) > 300
            # The cycle's first two colours: a line for each codec.
            colours = {colour for _, colour in pixels.getcolors(1 << 20) or ()}
            assert {(31, 119, 180), (255, 127, 14)} <= colours
    else:
        drawn = plot.read_text()
        # Text is drawn as paths; matplotlib writes it down beside them.
        for text in ("latency, batch 1", "throughput, 512 px", "toy q3 encode (one)", "other q3"):
            assert text in drawn


def test_published_times_of_the_codecs_shown_with_their_circumstances(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(folder / "times.json", [benchmark("fp-gsdn-small"), benchmark("toy")])
    text = printed(capsys, "times.json", "--reference", "thesis")
    assert "for reference only: D. Ferrari" in text
    assert "NVIDIA RTX 3090, torch.randn images" in text
    assert "fp-gsdn-small: throughput, 256 px: 420 images per second" in text
    assert "msh-relu-small" not in text
    save(folder / "times.json", [benchmark("toy")])
    text = printed(capsys, "times.json", "--reference", "thesis")
    assert "of none of the codecs shown; N=128, M=192: fp-gsdn-small, fp-relu-small" in text


def test_what_differs_a_hundredfold_is_drawn_on_a_logarithmic_axis(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [f"codec{index}" for index in range(12)]  # more than there are plain colours
    timings = [
        benchmark(name, batch=batch, median=1e-4 * 2**index)
        for index, name in enumerate(names)
        for batch in (1, 2)
    ]
    save(folder / "times.json", timings)
    printed(capsys, "times.json", "--plot=plot.svg")
    drawn = (folder / "plot.svg").read_text()
    assert "10^{1}" in drawn
    save(folder / "times.json", timings[:4])
    printed(capsys, "times.json", "--plot=plot.svg")
    assert "10^{1}" not in (folder / "plot.svg").read_text()


class TestRefused:
    def test_nothing_saved(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert "no saved run in .benchmarks; take times with pytest" in refused(capsys)

    def test_no_such_run(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        save(folder / ".benchmarks" / "machine" / "0001_before.json", grid())
        told = refused(capsys, "befor")
        assert "befor: no such file, and no run of that name" in told
        assert "0001_before" in told

    @pytest.mark.parametrize(
        ("content", "told"),
        [
            (b"{", " is not valid JSON"),
            (b"\xff\xfe", " can't be read"),
            (b"[]", " is not pytest-benchmark's JSON"),
            (b'{"benchmarks": 3}', " is not pytest-benchmark's JSON"),
            (b'{"benchmarks": [3]}', " is not pytest-benchmark's JSON"),
            (b'{"benchmarks": []}', ": none of its 0 benchmarks is of a codec"),
            (
                b'{"benchmarks": [{"name": "test_sort"}]}',
                ": none of its 1 benchmarks is of a codec",
            ),
        ],
    )
    def test_a_file_of_something_else(
        self, folder: Path, capsys: pytest.CaptureFixture[str], content: bytes, told: str
    ) -> None:
        (folder / "times.json").write_bytes(content)
        assert f"times.json{told}" in refused(capsys, "times.json")

    @pytest.mark.parametrize(
        "damage",
        [
            {"batch": "many"},
            {"warm_up": None},
            {"stages": {}},
            {"stages": []},
            {"resolution": None},
        ],
    )
    def test_damaged_circumstances(
        self, folder: Path, capsys: pytest.CaptureFixture[str], damage: dict[str, Any]
    ) -> None:
        damaged = benchmark()
        damaged["extra_info"].update(damage)
        save(folder / "times.json", [damaged])
        told = refused(capsys, "times.json")
        assert "times.json is damaged: toy-q3-rand-256px-b1-cpu-encode: $." in told

    @pytest.mark.parametrize("median", [0, -1.0, float("nan"), "fast", None])
    def test_a_time_that_is_none(
        self, folder: Path, capsys: pytest.CaptureFixture[str], median: object
    ) -> None:
        damaged = benchmark()
        damaged["stats"]["median"] = median
        save(folder / "times.json", [damaged])
        assert "damaged" in refused(capsys, "times.json")

    def test_a_newer_format(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        save(folder / "times.json", [benchmark(lic_format=2)])
        assert "format 2, this version reads 1" in refused(capsys, "times.json")

    def test_a_plot_of_another_kind_or_in_no_folder(
        self, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        save(folder / "times.json", grid())
        assert "expected a file that ends in .png or .svg" in refused(
            capsys, "times.json", "--plot=plot.gif"
        )
        assert "there is no folder" in refused(capsys, "times.json", "--plot=nowhere/plot.png")
        (folder / "taken.png").mkdir()
        assert main(["timing", "times.json", "--plot=taken.png"]) == 2
        assert "--plot taken.png: can't be written" in capsys.readouterr().err
