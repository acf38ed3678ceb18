"""``pytest-lic ablation``: its table, its settings, and the questions it refuses."""

from __future__ import annotations

import re

import pytest

from pytest_lic.measuring.rate_distortion import bd_quality, bd_rate
from tests.helpers.ablation_bench import QUICK, Bench, rows
from tests.helpers.toy_reader import describe, install_reader


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


def test_a_difference_that_these_images_do_not_show_is_called_that(bench: Bench) -> None:
    bench.write("""
class Padded(Variant):  # one of the two wastes bytes on every second image, the other elsewhere
    def code(self, levels):
        coded = super().code(levels)
        odd = int(levels.sum()) % 2
        return coded + bytes(len(coded) // 20 if odd == (self.name == "left-uniform") else 0)


def pytest_lic_codecs():
    yield variant("left", "uniform", Padded)
    yield variant("left", "wasteful", Padded)
    yield variant("left", "narrow")
""")
    text = bench.ablate(*QUICK)
    (table,) = bench.tables(*QUICK)
    for label, alike in (("wasteful", True), ("narrow", False)):
        low, high = rows(table)[f"left-{label}"]["bd_rate_reference"]["interval"]
        assert (low <= 0 <= high) is alike, (low, high)
        assert f"{low:+.2f} to {high:+.2f}" in text
    assert "  no difference shown: wasteful (the interval" in text
    assert "by a paired bootstrap" in " ".join(text.split())


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
