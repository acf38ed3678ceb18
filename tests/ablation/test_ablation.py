"""``pytest-lic ablation``: what one component does, from what was measured or is measured now."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from pytest_lic import cli
from pytest_lic.ablation.turns import TimeRatio
from pytest_lic.baselines import entries as baseline
from pytest_lic.images.corpus import load_corpus
from pytest_lic.measuring import published
from pytest_lic.measuring.measure import rd_curve
from pytest_lic.measuring.published import published_curve
from pytest_lic.measuring.rate_distortion import RDCurve, bd_quality, bd_rate
from tests.helpers.toy_project import TOY, Project, write_photographs
from tests.helpers.toy_reader import describe, install_reader

IMAGES = 6

# Two predictors × three quantizers. Each call of an encoder or a decoder leaves a line.
VARIANTS = """
import pathlib, time

CALLS = pathlib.Path(__file__).with_name("calls.txt")
ROUNDING = {"uniform": 0.5, "deadzone": 0.35, "narrow": 0.45}


class Variant(Toy):
    def __init__(self, name, quality, offset, predicted):
        super().__init__(quality)
        self.name, self.offset, self.predicted = name, offset, predicted

    def note(self, what):
        with open(CALLS, "a") as calls:
            calls.write(f"{self.name} {what}\\n")

    def quantise(self, images):
        return torch.floor(images * 255 / self.step + self.offset)

    def code(self, levels):
        if self.predicted:
            return super().code(levels)
        return zlib.compress(np.diff(levels.numpy().astype(np.uint8), axis=1, prepend=np.uint8(0)))

    def encode(self, images):
        self.note("encodes")
        return super().encode(images)

    def decode(self, bitstreams):
        self.note("decodes")
        if self.predicted:
            return super().decode(bitstreams)
        streams = [unpack(each, fingerprint=self.fingerprint) for each in bitstreams]
        shape = (3, streams[0].height, streams[0].width)
        flat = [np.frombuffer(zlib.decompress(each.sections[0]), np.uint8) for each in streams]
        symbols = [np.cumsum(each.reshape(shape), axis=1, dtype=np.uint8) for each in flat]
        levels = torch.from_numpy(np.stack(symbols).astype(np.float32))
        return (levels * self.step / 255).clamp(0, 1)


def variant(predictor, quantizer, made=Variant, qualities="12345", **more):
    name = f"{predictor}-{quantizer}"
    return CodecFamily(
        name,
        list(qualities),
        lambda quality, device: made(
            name, quality, ROUNDING.get(quantizer, 0.5), predictor == "left"
        ),
        {"predictor": predictor, "quantizer": quantizer, "coder": "zlib"},
        **{"fingerprint": lambda quality: name, **more},
    )
"""
ALL = """
def pytest_lic_codecs():
    for predictor in ("left", "up"):
        for quantizer in ("uniform", "deadzone", "narrow"):
            yield variant(predictor, quantizer)
"""


class Bench:
    """A project with codecs to compare, and the command in its folder."""

    def __init__(self, project: Project, capsys: pytest.CaptureFixture[str]) -> None:
        self.project = project
        self.path = project.path
        self._capsys = capsys
        self.ini()
        self.write(ALL)

    def ini(self, *lines: str) -> None:
        """The ini file: PSNR alone, and these lines."""
        settings = ["addopts = -p no:hypothesispytest", f"lic_cache_dir = {self.path / 'cache'}"]
        # The tag that the shipped codecs lack.
        settings += [f"lic_corpus = {self.project.images}", "lic_component = coder=zlib"]
        settings += [] if any("lic_metrics" in line for line in lines) else ["lic_metrics = psnr"]
        (self.path / "pytest.ini").write_text("\n".join(["[pytest]", *settings, *lines, ""]))

    def write(self, hook: str) -> None:
        """Write ``conftest.py``: the variants, and ``hook``."""
        (self.path / "conftest.py").write_text(TOY + VARIANTS + hook)

    def show_larger_photographs(self) -> None:
        """Two, on which MS-SSIM is defined."""
        shutil.rmtree(self.project.images)
        write_photographs(self.project.images, count=2, side=176)

    def gate(self, *arguments: str) -> None:
        """Run the gate on the variants and record them."""
        options = ["--pyargs", "pytest_lic.suites", "-m", "rd", "--lic-update", *arguments]
        assert self.project.pytester.runpytest_inprocess(*options).ret == 0
        self._capsys.readouterr()

    def ablate(self, *arguments: str, status: int = 0) -> str:
        """Run the command; what it printed, and to stderr where it failed."""
        found = cli.main(["ablation", *arguments])
        self.out, self.err = self._capsys.readouterr()
        assert found == status, self.out + self.err
        return self.err if status else self.out

    def tables(self, *arguments: str) -> list[dict[str, Any]]:
        """The tables that the command writes as JSON."""
        self.ablate(*arguments, "--json", "found.json")
        stored = json.loads((self.path / "found.json").read_text())
        return stored["tables"]  # type: ignore[no-any-return]

    def calls(self) -> dict[str, int]:
        """How often each codec coded and decoded since the last time."""
        log: Path = self.path / "calls.txt"
        lines = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return {line: lines.count(line) for line in lines}

    def recorded(self, family: str) -> RDCurve:
        """A family's curve as the gate recorded it."""
        entries = baseline.load(self.path / "baselines", family)
        points = {key.quality: measured for key, measured in entries.items()}
        return rd_curve(family, dict(sorted(points.items(), key=lambda point: int(point[0]))))


@pytest.fixture
def bench(
    pytester: pytest.Pytester,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Bench:
    """Six codecs, three quantizers with each of two predictors, and six small photographs."""
    project = Project(pytester)
    write_photographs(project.images, count=IMAGES, side=64)
    monkeypatch.chdir(project.path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return Bench(project, capsys)


def rows(table: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {row["family"]: row for row in table["rows"]}


def encodings(calls: Mapping[str, int]) -> dict[str, int]:
    return {line.split()[0]: count for line, count in calls.items() if line.endswith("encodes")}


QUICK = ("--by", "quantizer", "--reference", "uniform", "--no-times")


def test_bd_values_are_those_of_the_curves_that_the_gate_records(bench: Bench) -> None:
    bench.gate()
    bench.gate("--lic-component=architecture=jpeg")
    left, up = bench.tables(*QUICK)
    assert left["tags"] == {"predictor": "left", "coder": "zlib"}
    assert list(rows(left)) == ["left-uniform", "left-deadzone", "left-narrow"]
    jpeg, reference = bench.recorded("jpeg"), bench.recorded("left-uniform")
    for name, row in rows(left).items():
        curve = bench.recorded(name)
        assert row["curve"]["bpp"] == pytest.approx(curve.bpp, abs=1e-12)
        assert row["curve"]["psnr"] == pytest.approx(curve.psnr, abs=1e-12)
        assert row["bd_rate"]["jpeg"]["value"] == pytest.approx(bd_rate(jpeg, curve).value)
        if name == "left-uniform":
            assert row["bd_rate_reference"] is row["bd_quality_reference"] is None
            continue
        assert row["bd_rate_reference"]["value"] == bd_rate(reference, curve).value
        assert row["bd_quality_reference"]["value"] == bd_quality(reference, curve).value
    assert rows(up)["up-narrow"]["bd_rate_reference"]["value"] != 0


def test_the_table_shows_one_row_for_each_variant(bench: Bench) -> None:
    bench.gate()
    text = bench.ablate(*QUICK)
    lines = text.splitlines()
    assert lines[0] == "effect of quantizer on images-native-b1-cpu"
    assert lines[1] == "all codecs: coder=zlib"
    assert lines[3].strip() == "predictor=left"
    heads, variants, *_ = (line.split() for line in lines[4:6])
    assert heads == ["BD-rate", "BD-rate", "BD-PSNR"]
    assert variants == ["quantizer", "codec", *["vs", "jpeg"], *["vs", "uniform"] * 2]
    value = bd_rate(bench.recorded("left-uniform"), bench.recorded("left-deadzone")).value
    gain = bd_quality(bench.recorded("left-uniform"), bench.recorded("left-deadzone")).value
    assert re.search(
        rf"^deadzone +left-deadzone +\S+ % +{re.escape(f'{value:+.2f} %')} +"
        rf"{re.escape(f'{gain:+.3f} dB')}$",
        text,
        flags=re.MULTILINE,
    )
    assert re.search(r"^uniform +left-uniform +\S+ % +reference +reference$", text, re.MULTILINE)
    assert "× uniform" not in text, "no times were asked for"


def test_what_is_missing_is_measured_exactly_once(bench: Bench) -> None:
    bench.gate("--lic-codec=left-*")
    assert encodings(bench.calls()) == dict.fromkeys(
        ("left-uniform", "left-deadzone", "left-narrow"), 5 * IMAGES
    )
    text = bench.ablate(*QUICK)
    assert encodings(bench.calls()) == dict.fromkeys(
        ("up-uniform", "up-deadzone", "up-narrow"), 5 * IMAGES
    )
    assert bench.err.count("measured up-") == 15
    assert "measured left-" not in bench.err
    assert re.search(r"(\d+) points: (\d+) measured now, 15 from earlier", text)
    again = bench.ablate(*QUICK)
    assert bench.calls() == {}, "what the command measures is kept as well"
    assert " 0 measured now, " in again
    bench.gate("--lic-codec=up-*")
    assert bench.calls() == {}, "and the gate finds it too"


def test_an_interrupted_ablation_goes_on_where_it_was(bench: Bench) -> None:
    stop = """
def stopped(name, quality, offset, predicted):
    if not CALLS.with_name("go-on").exists() and (name, quality) == ("left-deadzone", "2"):
        raise KeyboardInterrupt
    return Variant(name, quality, offset, predicted)

def pytest_lic_codecs():
    yield variant("left", "uniform", stopped)
    yield variant("left", "deadzone", stopped)
"""
    bench.write(stop)
    text = bench.ablate(*QUICK, status=130)
    assert text.splitlines()[-1].startswith("pytest-lic: interrupted; the same command goes on")
    assert encodings(bench.calls()) == {"left-uniform": 5 * IMAGES, "left-deadzone": IMAGES}
    (bench.path / "go-on").touch()
    bench.ablate(*QUICK)
    assert encodings(bench.calls()) == {"left-deadzone": 4 * IMAGES}


def test_times_are_taken_now_and_in_turn_and_never_read_from_the_cache(bench: Bench) -> None:
    slow = """
class Slow(Variant):
    def encode(self, images):
        time.sleep(0.02)
        return super().encode(images)

def pytest_lic_codecs():
    yield variant("left", "uniform", qualities="1234")
    yield variant("left", "deadzone", Slow, qualities="1234")
"""
    bench.write(slow)
    question = ("--by", "quantizer", "--reference", "uniform", "--repetitions", "2")
    bench.ablate(*question[:4], "--no-times")
    bench.calls()
    (table,) = bench.tables(*question)
    # 4 qualities, 5 of 6 images, a warm-up and 2 repetitions
    assert set(bench.calls().values()) == {4 * 5 * (1 + 2)}
    assert len(table["timed_images"]) == 5
    row, reference = rows(table)["left-deadzone"], rows(table)["left-uniform"]
    for what in ("encode", "decode"):
        expected = TimeRatio.of(row["seconds"][what], reference["seconds"][what])
        assert row[f"{what}_ratio"] == asdict(expected)
        assert expected.low <= expected.value <= expected.high
    assert len(row["seconds"]["encode"]) == 4 * 5
    assert all(len(image) == 2 for image in row["seconds"]["encode"])
    assert min(min(image) for image in row["seconds"]["encode"]) >= 0.02
    assert "encode time" in bench.out
    assert "2 repetitions over 5 images and qualities 1, 2, 3, 4" in bench.out
    assert re.search(r"left-uniform takes \S+ ms to encode an image, \S+ ms to decode", bench.out)


def test_rows_that_can_not_be_computed_say_why(bench: Bench) -> None:
    broken = """
class Upturned(Variant):
    def __init__(self, name, quality, offset, predicted):
        super().__init__(name, str(6 - int(quality)) if quality in "23" else quality, offset, True)

class Fine(Variant):
    def __init__(self, *given):
        super().__init__(*given)
        self.step /= 6

    def code(self, levels):
        return zlib.compress(levels.numpy().astype(np.uint8).tobytes(), 9)

    def decode(self, bitstreams):
        streams = [unpack(each, fingerprint=self.fingerprint) for each in bitstreams]
        shape = (3, streams[0].height, streams[0].width)
        flat = [np.frombuffer(zlib.decompress(each.sections[0]), np.uint8) for each in streams]
        levels = torch.from_numpy(np.stack([each.reshape(shape) for each in flat]).astype("f4"))
        return (levels * self.step / 255).clamp(0, 1)

def unbuilt(*given):
    raise RuntimeError("no such layer")

def pytest_lic_codecs():
    yield variant("left", "uniform")
    yield variant("left", "deadzone")
    yield variant("left", "upturned", Upturned)
    yield variant("left", "fine", Fine)
    yield variant("left", "short", qualities="345")
    yield variant("left", "unbuilt", unbuilt)
    yield variant("left", "absent", unavailable=lambda: "no licence here")
"""
    bench.write(broken)
    question = ("--by", "quantizer", "--reference", "uniform", "--repetitions", "1")
    text = bench.ablate(*question)
    for expected in (
        "left-upturned: no BD-rate vs jpeg and BD-rate and BD-PSNR: left-upturned is not monotone: "
        "from quality 2 to quality 3",
        "left-fine: no BD-rate: overlap of ",
        "left-short: no BD-rate vs jpeg and BD-rate and BD-PSNR: left-short has 3 points; a BD",
        "left-short: no times: it lacks quality 1, 2 of the reference left-uniform",
        "left-unbuilt: left-unbuilt-q1-images-native-b1-cpu: left-unbuilt, quality 1 could not be "
        "built: RuntimeError: no such layer",
        "left-absent: no licence here",
    ):
        assert expected in " ".join(text.split()), text
    assert re.search(r"^short +left-short +– +– +– +– +–$", text, re.MULTILINE)
    assert re.search(r"^deadzone +left-deadzone +\S+ % +\S+ % +\S+ dB +\d.*", text, re.MULTILINE)


def test_a_reference_that_can_not_be_measured_leaves_the_anchor_s_column(bench: Bench) -> None:
    broken = """
def unbuilt(*given):
    raise RuntimeError("no such layer")

def pytest_lic_codecs():
    yield variant("left", "uniform", unbuilt)
    yield variant("left", "deadzone")
"""
    bench.write(broken)
    (table,) = bench.tables("--by", "quantizer", "--repetitions", "1")
    row = rows(table)["left-deadzone"]
    assert row["bd_rate"]["jpeg"]["value"] is not None
    assert row["bd_rate_reference"]["reason"].startswith("the reference left-uniform has no curve:")
    assert row["seconds"] == {"reason": "there is nothing to compare them with"}


def test_the_anchor_is_published_where_the_corpus_is_and_any_other_can_be_named(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.gate("--lic-codec=left-*,up-uniform")
    digest = load_corpus(str(bench.project.images)).digest
    monkeypatch.setattr(published, "DATASET_DIGESTS", {"kodak": digest})
    only = (*QUICK, "--codec", "left-*")
    (table,) = bench.tables(*only)
    assert list(table["anchors"]) == ["bpg-444"]
    expected = bd_rate(published_curve("bpg-444", digest), bench.recorded("left-uniform"))
    assert rows(table)["left-uniform"]["bd_rate"]["bpg-444"]["value"] == expected.value
    assert rows(table)["left-uniform"]["bd_rate"]["bpg-444"]["reason"] is None
    (table,) = bench.tables(*only, "--anchor", "up-uniform")
    expected = bd_rate(bench.recorded("up-uniform"), bench.recorded("left-uniform"))
    assert rows(table)["left-uniform"]["bd_rate"] == {
        "up-uniform": {
            "value": pytest.approx(expected.value),
            "reason": None,
            "overlap": pytest.approx(expected.overlap),
        }
    }


def test_ms_ssim_can_be_the_axis_and_is_measured_where_the_last_run_left_it_out(
    bench: Bench,
) -> None:
    bench.show_larger_photographs()
    chosen = ("--codec", "left-uniform,left-deadzone", "--metric", "ms-ssim")
    bench.gate("--lic-codec=left-uniform,left-deadzone")
    bench.calls()
    text = bench.ablate(*QUICK, *chosen)
    assert "BD-MS-SSIM" in text
    assert encodings(bench.calls()) == {"left-uniform": 10, "left-deadzone": 10}
    bench.ini("lic_metrics = psnr,ms_ssim")
    bench.gate("--lic-codec=left-uniform,left-deadzone")
    (table,) = bench.tables(*QUICK, *chosen)
    assert bench.calls() == {}
    row = rows(table)["left-deadzone"]
    curves = (bench.recorded("left-uniform"), bench.recorded("left-deadzone"))
    assert row["bd_rate_reference"]["value"] == bd_rate(*curves, "ms_ssim_db").value
    assert row["bd_quality_reference"]["value"] == bd_quality(*curves, "ms_ssim_db").value


def test_a_config_joins_the_codecs_that_are_there(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_reader(bench.path / "site", monkeypatch)
    describe(bench.path / "wide.toy", name="wide", factor=2)
    bench.write("""
def pytest_lic_codecs():
    tags = {"quantizer": "uniform", "steps": "1", "coder": "zlib"}
    yield CodecFamily("plain", STEPS, lambda quality, device: Toy(quality), tags, lambda _: "plain")
""")
    text = bench.ablate("--by", "steps", "--no-times", "--config", "wide.toy")
    assert re.search(r"^1 +plain +\S+ % +reference +reference$", text, re.MULTILINE)
    assert re.search(r"^2 +wide ", text, re.MULTILINE)


def test_ini_settings_that_narrow_or_gate_do_not_stop_a_comparison(bench: Bench) -> None:
    bench.ini("lic_quality = 1", "lic_require = lpips", "lic_prune = true", "lic_codec = left-*")
    (table,) = bench.tables(*QUICK)
    assert rows(table)["left-deadzone"]["curve"]["labels"] == ["1", "2", "3", "4", "5"]


def test_codecs_without_a_fingerprint_or_a_partner_are_named(bench: Bench) -> None:
    bench.write("""
def pytest_lic_codecs():
    yield variant("left", "uniform", fingerprint=None)
    yield variant("left", "deadzone")
    yield variant("up", "deadzone")
""")
    text = bench.ablate(*QUICK)
    assert "measured anew each time, for want of a fingerprint: left-uniform\n" in text
    assert "nothing to compare with: up-deadzone\n" in text


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("--by quantiser", "--by: no component tag is named 'quantiser'; did you mean quantizer?"),
        ("--by ,", "--by is empty; expected a component tag, such as nonlinearity"),
        (
            "--by quantizer --reference uniforn",
            "--reference: no quantizer is named 'uniforn'; did you mean uniform?",
        ),
        (
            "--by quantizer --codec left-uniform",
            "--by quantizer: nothing to compare: every codec that is chosen has uniform; add "
            "another with --config, or widen --codec and --component",
        ),
        ("--by quantizer --codec rihgt-*", "--codec: no codec is named 'rihgt-*'; known: *"),
        ("--by quantizer --component q=x", "--component: no component is named 'q=x'; *"),
        ("--by quantizer --anchor bgp-444", "--anchor: no anchor is named 'bgp-444'; *bpg-444*"),
        ("--by quantizer --corpus nowhere", "corpus '*nowhere' is not there; expected *"),
        ("--by quantizer --config gone.yaml", "config *gone.yaml is not there; expected a file *"),
        ("--by quantizer --device tpu", "--device 'tpu': expected cpu, cuda or cuda:INDEX"),
        ("--by quantizer --repetitions 0", "--repetitions 0: expected 1 or more; or --no-times"),
        ("--by quantizer --json no/where.json", "--json no/where.json: there is no folder *no"),
        ("--by quantizer --json images", "--json images: can't be written: *directory*"),
    ],
)
def test_a_question_that_has_no_answer_is_refused_in_one_line(
    bench: Bench, arguments: str, expected: str
) -> None:
    text = bench.ablate(
        *arguments.split(), *(["--no-times"] if "json" in arguments else []), status=2
    )
    line = text.splitlines()[-1]
    pattern = re.escape(f"pytest-lic: {expected}").replace(r"\*", ".*")
    assert re.fullmatch(pattern, line), line
    assert "Traceback" not in text
