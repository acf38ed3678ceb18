"""``pytest-lic passport``: from a pack over stamps to the matrix, and what each step refuses."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lic_models.codec import LearnedCodec
from pytest_lic.checks.passport.stamp import stamp_text
from pytest_lic.cli import main
from pytest_lic.commands import passport
from pytest_lic.errors import UsageError
from pytest_lic.system.simulated_environments import OLDEST
from tests.helpers.passports import A_LEVEL, BROKEN, FINE, stamp
from tests.helpers.staged_codec import Staged
from tests.helpers.toy_project import write_photographs

COMMAND = Path(sys.executable).with_name("pytest-lic")
HOOK = """
from tests.helpers.staged_codec import staged_family

def pytest_lic_codecs():
    yield staged_family()
"""
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Run a step in a project that has the codec ``staged`` and two photographs."""
    (pytester.path / "conftest.py").write_text(HOOK)
    write_photographs(pytester.path / "images", count=2, side=64)
    monkeypatch.chdir(pytester.path)

    def call(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        status = main(["passport", *words])
        return status, *capsys.readouterr()

    return call


def make(run: Run, out: str = "a.zip") -> None:
    status, said, _ = run(
        *("make", "--codec", "staged", "--corpus", "images", "--name", "A", "--out", out)
    )
    assert status == 0
    assert said.startswith(f"{out}: 2 bitstreams of A, ")


def test_a_pack_passes_on_the_machine_that_made_it(run: Run) -> None:
    make(run)
    status, said, _ = run("check", "a.zip", "--name", "A", "--out", "a.stamp.json")
    assert status == 0
    assert said == ("encoded by A, decoded by A\n  staged q1: 2 images the same to the bit\n")
    status, said, _ = run("matrix", "a.stamp.json")
    assert status == 0
    assert said.endswith("1 pair of machines, none out of step\n")


def test_another_machine_that_is_out_of_step_is_named_with_its_stage(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(run)
    monkeypatch.setattr(Staged, "hyper_noise", 1e-6)
    status, said, _ = run("check", "a.zip", "--name", "B", "--threads", "2", "--out", "b.json")
    assert status == 1
    assert "  staged q1: 2 images out of step\n" in said
    assert "first stage that differs: hyper-synthesis\n    photo0.png: 3 of 3 values" in said
    status, said, _ = run("matrix", "b.json", "--markdown", "m.md", "--html", "m.html")
    assert status == 1
    assert "1 of 1 pair of machines out of step" in said
    assert "1 of 1 pair of machines out of step" in Path("m.md").read_text()
    assert "1 of 1 pair of machines out of step" in Path("m.html").read_text()


def test_a_synthesis_that_is_a_level_off_passes_and_is_told(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(run)
    monkeypatch.setattr(Staged, "synthesis_noise", 1 / 255)
    status, said, _ = run("check", "a.zip", "--name", "B")
    assert status == 0
    assert "2 images of the same latents, pixels a level apart\n" in said
    assert "first stage that differs: synthesis\n" in said


def test_a_machine_without_any_of_the_codecs_says_so(run: Run) -> None:
    make(run)
    Path("conftest.py").write_text("")
    status, said, error = run("check", "a.zip", "--out", "b.json")
    assert status == 2
    assert "  staged q1: not decoded: no codec of that name is here" in said
    assert error.endswith("pytest-lic: passport pack a.zip: none of its codecs can be had here\n")
    assert not Path("b.json").exists()


def test_what_can_not_be_used_is_refused_in_one_line(run: Run) -> None:
    Path("bad.zip").write_bytes(b"nothing")
    for words, expected in (
        (("check", "none.zip"), "passport pack none.zip can't be read: "),
        (("check", "bad.zip"), "passport pack bad.zip is damaged: "),
        (("check", "bad.zip", "--out", "no/b.json"), "--out no/b.json: there is no folder "),
        (("make", "--codec", "nobody", "--out", "a.zip"), "--codec: no codec is named 'nobody'"),
        (("matrix", "none.json"), "passport stamp none.json can't be read: "),
    ):
        status, said, error = run(*words)
        assert (status, said) == (2, "")
        assert expected in error
        assert error.count("\n") == 1
    assert not Path("a.zip").exists()


def test_several_devices_are_refused() -> None:
    assert passport._one_device(["cuda:1"]) == "cuda:1"
    with pytest.raises(UsageError, match=r"^--device cpu,cuda: a passport is of one device"):
        passport._one_device(["cpu", "cuda"])


def test_a_forged_stamp_is_refused(run: Run) -> None:
    text = stamp_text(stamp("A", "B", BROKEN))
    Path("a.json").write_text(text.replace('"broken": 1', '"broken": 0'))
    status, said, error = run("matrix", "a.json")
    assert (status, said) == (2, "")
    assert "passport stamp a.json was edited or damaged" in error


def test_the_matrix_fails_for_one_pair_of_many(run: Run) -> None:
    several = {"a": ("A", FINE), "b": ("B", A_LEVEL), "c": ("C", BROKEN)}
    for name, (decoder, checked) in several.items():
        Path(f"{name}.json").write_text(stamp_text(stamp("A", decoder, checked)))
    assert run("matrix", "a.json", "b.json")[0] == 0
    status, said, _ = run("matrix", "a.json", "b.json", "c.json")
    assert status == 1
    assert "1 of 3 pairs of machines out of step" in said


def test_a_shipped_family_passes_between_this_machine_and_an_older_one(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_photographs(pytester.path / "images", count=2, side=128)
    chosen = ("--codec", "msh-gdn", "--quality", "3", "--corpus", "images")
    made = pytester.run(COMMAND, "passport", "make", *chosen, "--out", "a.zip", timeout=300)
    assert made.ret == 0, made.stderr.str()
    for name, value in OLDEST.items():
        monkeypatch.setenv(name, value)
    checked = pytester.run(
        *(COMMAND, "passport", "check", "a.zip", "--threads", "2", "--name", "older"),
        *("--out", "older.json"),
        timeout=300,
    )
    assert checked.ret == 0, checked.stderr.str()
    assert "out of step" not in checked.stdout.str()
    monkeypatch.chdir(pytester.path)
    assert main(["passport", "matrix", "older.json"]) == 0


def test_a_pack_of_its_own_corpus_has_photographs_and_edges_and_tells_of_encoders(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = ("--codec", "fp-gdn", "--quality", "1", "--resolution", "64")
    status, said, _ = run("make", *chosen, "--name", "A", "--out", "a.zip")
    assert status == 0
    assert said.startswith("a.zip: 17 bitstreams of A, ")  # five photographs, twelve edges
    status, said, _ = run("check", "a.zip", "--name", "A")
    assert status == 0
    assert said == "encoded by A, decoded by A\n  fp-gdn q1: 17 images the same to the bit\n"

    whole = LearnedCodec.compress
    monkeypatch.setattr(LearnedCodec, "compress", lambda self, images: whole(self, images * 0.9))
    status, said, _ = run("check", "a.zip", "--name", "B")
    assert status == 0  # it decodes what A encoded, to the bit
    assert "fp-gdn q1: 17 images the same to the bit\n    encodes " in said
    assert "images to other bits here; first pixel_1x1: analysis: " in said
