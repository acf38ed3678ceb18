"""``pytest-lic ablation``: what one component does, from what was measured or is measured now."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from pytest_lic.images.corpus import load_corpus
from pytest_lic.measuring import published
from pytest_lic.measuring.intervals import bd_rate_interval
from pytest_lic.measuring.published import published_curve
from pytest_lic.measuring.rate_distortion import Interval, bd_quality, bd_rate
from tests.helpers.ablation_bench import IMAGES, QUICK, Bench, rows


def encodings(calls: Mapping[str, int]) -> dict[str, int]:
    return {line.split()[0]: count for line, count in calls.items() if line.endswith("encodes")}


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
        "BD values of left-short: through the qualities of both alone; a curve needs 4",
        "left-short: no times: it lacks quality 1, 2 of the reference left-uniform",
        "left-unbuilt: left-unbuilt-q1-images-native-b1-cpu: left-unbuilt, quality 1 could not be "
        "built: RuntimeError: no such layer",
        "left-absent: no licence here",
    ):
        assert expected in " ".join(text.split()), text
    assert re.search(r"^short +left-short +– +\+0\.00 % +\+0\.000 dB +– +–$", text, re.MULTILINE)
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
    sides = bench.recorded("up-uniform"), bench.recorded("left-uniform")
    expected, interval = bd_rate(*sides), bd_rate_interval(*sides)
    assert isinstance(interval, Interval)
    assert rows(table)["left-uniform"]["bd_rate"] == {
        "up-uniform": {
            "value": pytest.approx(expected.value),
            "reason": None,
            "overlap": pytest.approx(expected.overlap),
            "interval": [pytest.approx(interval.low), pytest.approx(interval.high)],
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
