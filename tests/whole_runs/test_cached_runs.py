"""Between runs nothing unchanged is measured again, and nothing changed is taken from before."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from PIL import Image

from pytest_lic import cli
from tests.helpers.toy_project import Project

# Each image that is coded leaves a mark; helpers are imported by helpers, and only while coding.
COUNTED = """
    import os, pathlib

    import rounding

    CALLS = pathlib.Path(__file__).with_name("calls.txt")

    class Counted(Toy):
        def encode(self, images):
            with open(CALLS, "a") as calls:
                calls.write("x" * len(images))
            if os.environ.get("TOY_IS_BROKEN"):
                raise RuntimeError("broken since")
            import late

            return super().encode(images)

        def quantise(self, images):
            return rounding.rounded(images * 255 / self.step)
"""
HELPERS = {
    "rounding.py": "from depths import ties\n\ndef rounded(x):\n    return ties.away(x)\n",
    "depths/__init__.py": "",
    "depths/ties.py": "def away(x):\n    return x.round()\n",
    "late.py": "",
}
NOTHING = "lic: 5 points, all from the cache: nothing was coded"
EVERYTHING = "lic: 5 points: 5 measured now, 0 from the cache"


@pytest.fixture
def counted(small: Project) -> Project:
    """A project whose codec counts its images, with helpers, recorded and in the cache."""
    for name, source in HELPERS.items():
        (small.path / name).parent.mkdir(exist_ok=True)
        (small.path / name).write_text(source)
    small.write_codec(COUNTED, codec="Counted")
    result = small.run("-m", "rd", "--lic-update", cached=True)
    assert result.ret == 0, result.stdout.str()
    result.stdout.fnmatch_lines([EVERYTHING])
    assert coded(small) == 10
    return small


def coded(project: Project) -> int:
    """How many images the codec was given since the last time."""
    calls: Path = project.path / "calls.txt"
    count = calls.stat().st_size if calls.exists() else 0
    calls.unlink(missing_ok=True)
    return count


def test_second_run_codes_nothing_and_says_so(counted: Project) -> None:
    result = counted.run("-m", "rd", cached=True)
    assert result.ret == 0
    result.stdout.fnmatch_lines([NOTHING])
    assert coded(counted) == 0


@pytest.mark.parametrize("helper", ["depths/ties.py", "late.py"])
def test_editing_a_line_of_a_helper_measures_again(counted: Project, helper: str) -> None:
    with (counted.path / helper).open("a") as source:
        source.write("# a remark\n")
    result = counted.run("-m", "rd", cached=True)
    result.stdout.fnmatch_lines([EVERYTHING])
    assert coded(counted) == 10
    counted.run("-m", "rd", cached=True).stdout.fnmatch_lines([NOTHING])


def test_editing_a_file_that_no_codec_imports_measures_nothing(counted: Project) -> None:
    (counted.path / "notes.py").write_text("# nobody imports this\n")
    counted.run("-m", "rd", cached=True).stdout.fnmatch_lines([NOTHING])


def test_new_weights_of_one_quality_measure_that_quality(counted: Project) -> None:
    counted.write_codec(
        COUNTED, codec="Counted", fingerprint="lambda quality: open('weights' + quality).read()"
    )
    for quality in "12345":
        (counted.path / f"weights{quality}").write_text("first")
    counted.run("-m", "rd", cached=True).stdout.fnmatch_lines([EVERYTHING])
    (counted.path / "weights3").write_text("trained for longer")
    result = counted.run("-m", "rd", cached=True)
    result.stdout.fnmatch_lines(["lic: 5 points: 1 measured now, 4 from the cache"])


def test_another_pixel_in_the_corpus_measures_again(counted: Project) -> None:
    path = counted.images / "photo1.png"
    with Image.open(path) as image:
        changed = image.copy()
    changed.putpixel((0, 0), (1, 2, 3))
    changed.save(path)
    counted.run("-m", "rd", cached=True).stdout.fnmatch_lines([EVERYTHING])


def test_other_circumstances_measure_again(counted: Project) -> None:
    for other in ("--lic-threads=2", "--lic-batch=2", "--lic-metrics=psnr,ms_ssim"):
        counted.run("-m", "rd", other, cached=True).stdout.fnmatch_lines([EVERYTHING])
    counted.run("-m", "rd", cached=True).stdout.fnmatch_lines([NOTHING])


def test_no_cache_measures_again_and_keeps_nothing(counted: Project) -> None:
    kept = sorted((counted.path / "cache").rglob("*.json"))
    entry = kept[0].read_bytes()
    result = counted.run("-m", "rd", "--lic-no-cache", cached=True)
    result.stdout.fnmatch_lines(["lic: *; no cache", EVERYTHING])
    assert sorted((counted.path / "cache").rglob("*.json")) == kept
    assert kept[0].read_bytes() == entry


def test_a_family_without_fingerprint_is_not_kept_and_is_named(counted: Project) -> None:
    counted.write_codec(COUNTED, codec="Counted", fingerprint="None")
    for _ in range(2):
        result = counted.run("-m", "rd", cached=True)
        result.stdout.fnmatch_lines(
            [EVERYTHING, "lic: measured anew each run, for want of a fingerprint: toy"]
        )


def test_round_trip_and_determinism_never_read_the_cache(
    counted: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nothing that the fingerprint covers changes.
    monkeypatch.setenv("TOY_IS_BROKEN", "yes")
    result = counted.run(
        "-m", "rd or roundtrip or determinism", "--lic-quality=3", "-rA", cached=True
    )
    passed = [line for line in result.stdout.lines if line.startswith("PASSED")]
    assert len(passed) == 1
    assert "test_point" in passed[0]
    assert result.parseoutcomes()["failed"] == 6  # photographs, edge cases, four of determinism
    result.stdout.fnmatch_lines(["*encoder crashed on photo0.png*: RuntimeError: broken since*"])


def test_the_command_shows_and_clears_the_cache(
    counted: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = counted.path / "cache"
    mine = folder / "mine.txt"
    mine.write_text("not ours to delete")
    # An entry lists the modules that coding imported, so its size is this environment's own.
    size = sum(entry.stat().st_size for entry in folder.glob("*/*"))
    capsys.readouterr()
    assert cli.main(["cache", "--dir", str(folder)]) == 0
    told = f"5 measurements and 10 reconstructions, {size / 1e6:.1f} MB"
    assert capsys.readouterr().out == f"{told}, in {folder}\n"
    assert cli.main(["cache", "--dir", str(folder), "--clear"]) == 0
    assert capsys.readouterr().out == f"removed {told}, from {folder}\n"
    assert list(folder.iterdir()) == [mine]
    counted.run("-m", "rd", cached=True).stdout.fnmatch_lines([EVERYTHING])


def test_a_conftest_that_is_new_counts_as_a_change(counted: Project) -> None:
    """It is imported by nobody, and may patch the codec."""
    (counted.path / "pytest.ini").write_text("[pytest]\n")
    (counted.path / "suite").mkdir()
    (counted.path / "suite" / "conftest.py").write_text("import builtins\n")
    run = ("-m", "rd", "--lic-codec", "toy")
    counted.run(*run, cached=True).stdout.fnmatch_lines([NOTHING])
    counted.run(*run, "suite", cached=True).stdout.fnmatch_lines([EVERYTHING])


# Blocks of 16×16 pixels, whose mean colour goes through a Linear whose weights torch packs.
PACKED = """
    import pathlib
    import warnings
    import zlib

    import torch

    from pytest_lic.adapters.compressai import compressai_family

    BIAS = pathlib.Path(__file__).with_name("bias.txt")


    class Packed(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.mix = torch.nn.Linear(3, 3)
            torch.nn.init.eye_(self.mix.weight)
            torch.nn.init.constant_(self.mix.bias, float(BIAS.read_text()))

        def compress(self, x):
            means = torch.nn.functional.avg_pool2d(x, 16).mul(255).byte()
            strings = [zlib.compress(image.numpy().tobytes()) for image in means]
            return {"strings": [strings], "shape": means.shape[-2:]}

        def decompress(self, strings, shape):
            flat = b"".join(map(zlib.decompress, strings[0]))
            means = torch.frombuffer(bytearray(flat), dtype=torch.uint8).reshape(-1, 3, *shape)
            mixed = self.mix(means.float().movedim(1, 3) / 255).movedim(3, 1)
            return {"x_hat": torch.nn.functional.interpolate(mixed, scale_factor=16)}


    def packed():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that eager quantisation is to be removed
            return torch.ao.quantization.quantize_dynamic(Packed(), dtype=torch.qint8)


    def pytest_lic_codecs():
        yield compressai_family("packed", packed, ["1"])
"""


def test_other_weights_that_torch_packs_are_measured(small: Project) -> None:
    (small.path / "conftest.py").write_text(textwrap.dedent(PACKED))
    (small.path / "bias.txt").write_text("0")
    run = ("-m", "rd", "--lic-codec=packed", "--lic-metrics=psnr")
    small.run(*run, "--lic-update", cached=True)
    again = small.run(*run, cached=True)
    again.stdout.fnmatch_lines(["lic: 1 points, all from the cache: nothing was coded"])
    (small.path / "bias.txt").write_text("0.2")
    changed = small.run(*run, cached=True)
    changed.stdout.fnmatch_lines(["*regressed*", "lic: 1 points: 1 measured now, *"])
    assert changed.ret == 1
