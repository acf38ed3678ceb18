"""What the README tells a newcomer works as it stands there."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import compressai.models  # noqa: F401, before pytester looks at sys.modules: it loads only once
import pytest

from conftest import write_photographs
from pytest_lic import Codec, CodecFamily, cli
from pytest_lic.comparison import DEFAULT_TOLERANCES, parse_tolerances
from pytest_lic.option_table import OPTIONS

README = Path(__file__).parent.parent / "README.md"
TEXT = README.read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """The fenced blocks of one language."""
    return re.findall(rf"```{language}\n(.*?)```", TEXT, flags=re.DOTALL)


def commands(block: str) -> list[str]:
    """The command lines of a console block, without comments."""
    joined = block.replace("\\\n", " ")
    return [line[2:].split("  #")[0] for line in joined.splitlines() if line.startswith("$ ")]


def test_own_codec_goes_from_conftest_to_gate(pytester: pytest.Pytester) -> None:
    write_photographs(pytester.path / "images", count=2)
    pytester.makeini("[pytest]\nlic_corpus = images\nlic_no_cache = true\n")
    (pytester.path / "conftest.py").write_text(blocks("python")[0])
    check, record, gate = (shlex.split(line)[1:] for line in commands(blocks("console")[1]))
    assert pytester.runpytest_inprocess(*check).ret == 0
    assert pytester.runpytest_inprocess(*gate).ret == 1, "nothing is recorded yet"
    assert pytester.runpytest_inprocess(*record).ret == 0
    assert pytester.runpytest_inprocess(*gate).ret == 0
    assert (pytester.path / "baselines" / "mine.json").exists()


def test_a_changed_component_goes_from_yaml_to_gate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The walk-through with two steps in place of a thousand, and one quality in place of four."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    write_photographs(tmp_path / "photographs", count=3)
    (described,) = (block for block in blocks("yaml") if "extends:" in block)
    short = described.replace("1000", "2").replace("250", "1").replace("photographs,", FEW)
    (tmp_path / "leaky.yaml").write_text(short)
    (walk,) = (block for block in blocks("console") if "lic_models fit" in block)
    fit, resume, export, _all, update, gate, ablation = commands(walk)
    run(fit)
    assert Path("runs/leaky-1/checkpoints/last.ckpt").is_file()
    run(f"{resume} --trainer.max_steps 3")
    run(export)
    small = "--lic-corpus photographs"
    run(f"{update} {small} -m 'roundtrip or rd'")
    assert Path("baselines/leaky.json").is_file()
    assert "1 passed" in run(f"{gate} {small}")
    alone = run(f"{ablation} --no-times --codec leaky --corpus photographs", status=2)
    assert "nothing to compare: every codec that is chosen has leakyrelu" in alone


FEW = "photographs, batch_size: 2, crop_size: 32, scale: null,"


def run(line: str, status: int = 0) -> str:
    """What a command line prints, which is run as this interpreter's."""
    words = shlex.split(line)
    program = {
        "python": [sys.executable],
        "pytest": [sys.executable, "-m", "pytest"],
        "pytest-lic": [
            sys.executable,
            "-c",
            "import sys; from pytest_lic.cli import main; sys.exit(main())",
        ],
    }[words[0]]
    done = subprocess.run(
        [*program, *words[1:]], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_class_of_two_methods_is_a_codec() -> None:
    names: dict[str, object] = {}
    exec(blocks("python")[1].replace("MyCodec(...)", "MyCodec()"), names)
    (family,) = names["pytest_lic_codecs"]()  # type: ignore[operator]
    assert isinstance(family, CodecFamily)
    assert isinstance(family.build("low", "cpu"), Codec)


def test_own_quantizer_fails_as_shown(pytester: pytest.Pytester) -> None:
    (quantizer,) = (block for block in blocks("python") if "pytest_lic_quantizers" in block)
    (failure,) = blocks("text")
    (pytester.path / "conftest.py").write_text(quantizer)
    (command,) = (
        line for block in blocks("console") for line in commands(block) if line.endswith("-k mine")
    )
    result = pytester.runpytest_inprocess(*shlex.split(command)[1:])
    assert failure in result.stdout.str() + "\n"
    result.assert_outcomes(failed=1, passed=9)


def test_tolerances_shown_are_the_defaults() -> None:
    table = tomllib.loads(blocks("toml")[0])["tool"]["pytest_lic"]["tolerance"]
    assert parse_tolerances(table, "README", base=DEFAULT_TOLERANCES) == DEFAULT_TOLERANCES
    assert set(table) == set(DEFAULT_TOLERANCES)


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_every_option_is_named(option: object) -> None:
    assert option.flag_name in TEXT  # type: ignore[attr-defined]


def test_set_up_commands_are_environments_of_tox() -> None:
    tox = (README.parent / "tox.ini").read_text(encoding="utf-8")
    named = re.findall(r"tox run -e (\w+)", TEXT)
    assert set(named) >= {"rd", "tests"}
    assert all(f"[testenv:{name}]" in tox for name in named)


def test_linked_files_exist() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", TEXT):
        assert (README.parent / target).exists(), target


def test_options_of_ab_are_named_and_its_defaults_are_those_shown(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        cli.main(["ab", "--help"])
    told = " ".join(capsys.readouterr().out.split())
    section = TEXT.split("## Compare two commits")[1].split("\n## ")[0]
    for option in ("--budget", "--fail-slower", "--json", "--markdown"):
        assert option in section
        assert option in told
    assert "by `--fail-slower` (3 %) or more" in section
    assert "as best estimated (default: 3)" in told
    assert "as --lic-resolution (default: 256)" in told
    assert "`photos` at 256 px" in " ".join(section.split())
