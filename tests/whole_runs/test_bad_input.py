"""Bad input ends in one clear line: what was wrong, where, what was expected, what to do next."""

from __future__ import annotations

import errno
import importlib
import os
import pickle

import compressai.models  # noqa: F401, kept over the runs below as torch is
import pytest
import torch

from tests.helpers.toy_project import Project

PLAIN = """
from pytest_lic import CodecFamily

def build(quality, device):
    raise RuntimeError("no such luck")

def plain(name="plain", build=build, **more):
    return CodecFamily(name, {"1": 0.001, "2": 0.002}, build, {"quantizer": "uniform"}, **more)

def pytest_lic_codecs():
    yield plain()
"""


@pytest.fixture
def plain(pytester: pytest.Pytester) -> Project:
    """A project with a codec that is never built, on images that are made when needed."""
    project = Project(pytester, "--lic-metrics=psnr", "--lic-corpus=edge", "-m", "rd")
    (project.path / "conftest.py").write_text(PLAIN)
    return project


def run_plain(project: Project, *arguments: str) -> pytest.RunResult:
    """Run the suites with nothing chosen that ``arguments`` do not choose."""
    options = ("-p", "no:hypothesispytest", "-p", "no:cacheprovider", "--lic-no-cache")
    chosen = (*options, *project.defaults, *arguments)
    return project.pytester.runpytest_inprocess("--pyargs", "pytest_lic.suites", *chosen)


def refusal(result: pytest.RunResult) -> str:
    """The one line with which a run refused to start."""
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    text = result.stdout.str() + result.stderr.str()
    assert "Traceback" not in text
    assert "INTERNALERROR" not in text
    (line,) = [line for line in result.stderr.lines if line.strip()]
    return line.removeprefix("ERROR: ")


def failure(result: pytest.RunResult, test: str = "test_point") -> str:
    """The one line with which a test failed, in a run that came to its end."""
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    text = result.stdout.str() + result.stderr.str()
    assert "Traceback" not in text
    assert "INTERNALERROR" not in text
    lines = result.stdout.lines
    start = next(n for n, line in enumerate(lines) if line.startswith("___") and test in line)
    assert lines[start + 2].startswith(("___", "===")), "one line, and no stack of calls"
    return lines[start + 1]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            "--lic-codec=plian",
            "--lic-codec: no codec is named 'plian'; did you mean plain, pln, fp-slimmable, "
            "gamma-pln?",
        ),
        ("--lic-codec=jpek", "--lic-codec: no codec is named 'jpek'; did you mean jpeg*"),
        ("--lic-quality=7b", "--lic-quality: no quality is named '7b'; *1*"),
        ("--lic-lambda=0.3", "--lic-lambda: no λ is named '0.3'; did you mean *0.00*"),
        ("--lic-lambda=much", "--lic-lambda 'much': expected a number"),
        (
            "--lic-component=quantizer=uniforn",
            "*named 'quantizer=uniforn'; *quantizer=uniform, sampler=importance?",
        ),
        (
            "--lic-component=quantizer",
            "--lic-component 'quantizer': expected TAG=CHOICE, such as *",
        ),
        (
            "--lic-corpus=nowhere",
            "corpus '*nowhere' is not there; expected 'photos', 'edge', 'synthetic-documents' or *",
        ),
        ("--lic-corpus=conftest.py", "corpus '*conftest.py' is a file; expected *"),
        ("--lic-resolution=big", "--lic-resolution 'big': expected 'native' or a number of pixels"),
        ("--lic-batch=0", "--lic-batch 0: expected 1 or more"),
        ("--lic-device=tpu", "--lic-device 'tpu': expected cpu, cuda or cuda:INDEX"),
        ("--lic-threads=0", "--lic-threads '0': expected a number of at least 1"),
        ("--lic-timeout=inf", "--lic-timeout 'inf': expected a number of at least *"),
        ("--lic-corpus=", "--lic-corpus is empty; give it a value, or leave it out"),
        ("--lic-batch=", "--lic-batch is empty; give it a value, or leave it out"),
        ("--lic-metrics=", "--lic-metrics is empty; give it a value, or leave it out"),
        ("--lic-require=lpips", "--lic-require lpips: this run does not ask for it at all"),
        ("--lic-require=cuda", "--lic-require cuda: this run does not ask for it at all"),
        (
            "--lic-require=bd_rate --lic-quality=1",
            "--lic-require bd_rate: this run does not ask for it at all",
        ),
        ("--lic-timeout=soon", "--lic-timeout 'soon': expected a number of at least *"),
        ("--lic-metrics=psnrr", "--lic-metrics: no metric is named 'psnrr'; did you mean psnr*"),
        ("--lic-lpips-net=vgg19", "--lic-lpips-net: no LPIPS network is named 'vgg19'; *vgg?"),
        ("--lic-anchor=bpg444", "--lic-anchor: no anchor is named 'bpg444'; did you mean bpg-444*"),
        (
            "--lic-require=lpip",
            "--lic-require: no requirement is named 'lpip'; *lpips*",
        ),
        ("--lic-prune --lic-quality=1", "--lic-prune needs a run of every codec and quality*"),
    ],
)
def test_a_bad_option_is_refused(plain: Project, arguments: str, expected: str) -> None:
    chosen = arguments.split()
    chosen += [] if "--lic-codec" in arguments or "--lic-prune" in arguments else ["--lic-codec=p*"]
    assert_matches(refusal(run_plain(plain, *chosen)), expected)


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("lic_threads = zero", "--lic-threads 'zero': expected a number of at least 1"),
        ("lic_strict = perhaps", "lic_strict = 'perhaps': expected true or false"),
        (
            "lic_codec = plian",
            "--lic-codec: no codec is named 'plian'; did you mean plain, pln, fp-slimmable, "
            "gamma-pln?",
        ),
    ],
)
def test_a_bad_ini_value_is_refused(plain: Project, setting: str, expected: str) -> None:
    (plain.path / "pytest.ini").write_text(f"[pytest]\n{setting}\n")
    assert_matches(refusal(run_plain(plain)), expected)


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("psnrr = 0.1", "*tolerance] in *: no tolerance is named 'psnrr'; did you mean psnr*"),
        ("psnr = 'little'", "*pyproject.toml: psnr.mean is 'little'; expected a number ≥ 0"),
        ("psnr = {mean = -1}", "*pyproject.toml: psnr.mean is -1; expected a number ≥ 0"),
        ("psnr = {median = 1}", "*, psnr: no part is named 'median'; did you mean mean?"),
        ("psnr = {", "*pyproject.toml*: *(at line 2, column 9)"),
    ],
)
def test_a_bad_tolerance_is_refused(plain: Project, table: str, expected: str) -> None:
    (plain.path / "pytest.ini").write_text("[pytest]\n")
    (plain.path / "pyproject.toml").write_text(f"[tool.pytest_lic.tolerance]\n{table}\n")
    assert_matches(refusal(run_plain(plain)), expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[tool.pytest_lic.tolerances]\nbpp = 0\n", "*no table is named 'tolerances'; *tolerance?"),
        ("[tool]\npytest_lic = 3\n", "*[[]tool.pytest_lic.tolerance] must be a table"),
        ("[tool.pytest_lic]\ntolerance = 3\n", "*[[]tool.pytest_lic.tolerance] must be a table"),
    ],
)
def test_a_table_of_another_name_or_kind_is_refused(
    plain: Project, text: str, expected: str
) -> None:
    (plain.path / "pytest.ini").write_text("[pytest]\n")
    (plain.path / "pyproject.toml").write_text(text)
    assert_matches(refusal(run_plain(plain)), expected.replace("[[]", "["))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('{"format": 1,', "baseline *plain.json is not valid JSON (*); restore it *"),
        ("[]", "baseline *plain.json is damaged*; restore it from version control, or *"),
        ('{"format": 1, "family": "plain", "environments": {}, "entries": [{}]}', "*damaged*"),
        ('{"format": 1, "family": "jpeg", "environments": {}, "entries": []}', "*'jpeg'*'plain'*"),
        ('{"format": 99}', "*plain.json is of format 99; this pytest-lic reads up to 1*"),
    ],
)
def test_a_corrupt_baseline_is_refused(plain: Project, content: str, expected: str) -> None:
    plain.baseline.parent.mkdir()
    (plain.baseline.parent / "plain.json").write_text(content)
    assert_matches(refusal(run_plain(plain, "--lic-codec=plain")), expected)


def test_baselines_that_can_not_be_written_are_said_after_the_tables(
    small: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(file: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    result = small.run("-m", "rd", "--lic-update")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert "Traceback" not in result.stdout.str() + result.stderr.str()
    result.stdout.fnmatch_lines(["lic: baseline *toy.json can't be written: *No space left*"])
    assert not any(small.baseline.parent.iterdir())


def test_a_file_where_the_baselines_should_be_is_refused(plain: Project) -> None:
    plain.baseline.parent.write_text("not a folder")
    line = refusal(run_plain(plain, "--lic-codec=plain"))
    assert_matches(line, "baseline *plain.json can't be read: *Not a directory*")


def test_an_empty_corpus_folder_is_refused(plain: Project) -> None:
    (plain.path / "empty" / "below").mkdir(parents=True)
    (plain.path / "empty" / "below" / "notes.txt").write_text("no image")
    line = refusal(run_plain(plain, "--lic-codec=plain", "--lic-corpus=empty"))
    assert_matches(line, "corpus '*empty': no image in this folder; expected files such as .png*")


def test_a_file_that_is_no_image_is_refused_once_for_all_cells(small: Project) -> None:
    (small.images / "notes.png").write_text("no image")
    line = refusal(small.run("-m", "rd"))
    assert_matches(line, "*images/notes.png: not a readable image (*); repair it or take it out *")


def test_an_image_damaged_further_in_fails_what_needs_it(small: Project) -> None:
    image = small.images / "photo1.png"
    image.write_bytes(image.read_bytes()[:2000])
    line = failure(small.run("-m", "rd", "--lic-quality=1"))
    assert_matches(line, "toy-q1-images-native-b1-cpu: *photo1.png: not a readable image (*)*")


def test_a_resolution_that_leaves_no_image_fails(small: Project) -> None:
    line = failure(small.run("-m", "rd", "--lic-quality=1", "--lic-resolution=100"))
    assert_matches(line, "*at resolution 100: all 2 images are smaller; *at most 64*")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here, so none is missing")
@pytest.mark.parametrize("device", ["cuda", "cuda:3"])
def test_a_gpu_that_is_not_there_is_refused(plain: Project, device: str) -> None:
    line = refusal(run_plain(plain, "--lic-codec=plain", f"--lic-device={device}"))
    assert_matches(line, f"device '{device}': torch * sees no CUDA GPU; use --lic-device cpu, or *")


class Trap:
    """Leaves a mark when it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("sprung",)


def test_lpips_weights_that_are_a_pickle_are_refused_unopened(plain: Project) -> None:
    (plain.path / "vgg.pth").write_bytes(pickle.dumps(Trap()))
    chosen = ("--lic-metrics=lpips", "--lic-lpips-weights=vgg.pth", "--lic-require=lpips")
    line = refusal(run_plain(plain, "--lic-codec=plain", *chosen))
    assert_matches(line, "*vgg.pth: a pickle, which could run code and is never loaded; convert *")
    assert not (plain.path / "sprung").exists()


def test_network_weights_that_are_a_pickle_are_refused_unopened(
    plain: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = plain.path / "weights"
    weights.mkdir()
    for quality in "1234":
        (weights / f"fp-gdn-{quality}.safetensors").write_bytes(pickle.dumps(Trap()))
    # Not by its name, which may be that of a module that an earlier run in this process left.
    monkeypatch.setattr(importlib.import_module("lic_models.families"), "WEIGHTS", weights)
    line = refusal(run_plain(plain, "--lic-codec=fp-gdn", "--lic-quality=2"))
    assert_matches(line, "*fp-gdn-1.safetensors: a pickle, which is never loaded *")
    assert not (plain.path / "sprung").exists()


def test_a_bitstream_of_another_codec_is_named_as_such(small: Project) -> None:
    change = """
        class Foreign(Toy):
            def encode(self, images):
                return Toy("3").encode(images)
    """
    small.write_codec(change, codec="Foreign")
    line = failure(small.run("-m", "rd", "--lic-quality=2"))
    assert_matches(line, "toy-q2-*: decoder failed on photo0.png *: *written by model *")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("yield 3", "pytest_lic_codecs in *conftest.py gave 3; expected CodecFamily objects"),
        ("yield CodecFamily", "*gave <class *CodecFamily'>; expected CodecFamily objects"),
        ("plain()", "*conftest.py: it returned nothing; expected it to yield CodecFamily objects"),
        ("1 / 0; yield", "*conftest.py failed: ZeroDivisionError: division by zero; mend it, or *"),
        ("yield plain('a b')", "*conftest.py: codec family name 'a b': expected letters, digits *"),
        ("yield plain(); yield plain()", "two codec families are named 'plain': *; rename one"),
        ("yield plain('jpeg')", "two codec families are named 'jpeg': *entry point pillow*"),
    ],
)
def test_a_hook_that_yields_no_families_is_refused(
    plain: Project, body: str, expected: str
) -> None:
    conftest = plain.path / "conftest.py"
    conftest.write_text(f"{PLAIN}\ndef pytest_lic_codecs():\n    {body}\n")
    assert_matches(refusal(run_plain(plain)), expected)


@pytest.mark.parametrize(
    ("family", "expected"),
    [
        ("plain()", "plain-q1-*: plain, quality 1 could not be built: RuntimeError: no such luck"),
        (
            "plain(build=lambda quality, device: object())",
            "plain-q1-*: plain, quality 1: build returned a object; expected an object with enc*",
        ),
        ("plain(build=lambda: None)", "plain-q1-*could not be built: TypeError: *"),
        (
            "plain(fingerprint=lambda quality: 1 / 0)",
            "plain-q1-*: plain, quality 1: fingerprint failed: ZeroDivisionError: division by zero",
        ),
        (
            "plain(fingerprint=lambda quality: {quality})",
            "plain-q1-*: plain, quality 1: fingerprint failed: a set; expected text, or None",
        ),
        (
            "plain(unavailable=lambda: 1 / 0)",
            "plain-q1-*: plain: finding out whether it can run here failed: ZeroDivisionError: *",
        ),
    ],
)
def test_a_family_that_fails_is_named(plain: Project, family: str, expected: str) -> None:
    conftest = plain.path / "conftest.py"
    conftest.write_text(f"{PLAIN}\ndef pytest_lic_codecs():\n    yield {family}\n")
    result = run_plain(plain, "--lic-codec=plain", "--lic-quality=1")
    assert_matches(failure(result), expected)


def test_a_bad_marker_fails_its_test_alone(small: Project) -> None:
    small.pytester.makepyfile(
        """
        import pytest

        @pytest.mark.lic_tolerance(psnrr=3)
        def test_mine(lic, lic_cell):
            lic.round_trip(lic_cell)

        def test_other():
            pass
        """
    )
    chosen = ("--lic-codec=toy", "--lic-quality=1", f"--lic-corpus={small.images}")
    result = small.pytester.runpytest_inprocess("-p", "no:hypothesispytest", *chosen)
    result.assert_outcomes(passed=1, errors=1)
    assert "Traceback" not in result.stdout.str()
    result.stdout.fnmatch_lines(["the lic_tolerance marker: no tolerance is named 'psnrr'; *"])


def test_a_marker_without_names_fails_its_test(small: Project) -> None:
    small.pytester.makepyfile(
        """
        import pytest

        @pytest.mark.lic_tolerance(0.5)
        def test_mine(lic, lic_cell):
            lic.round_trip(lic_cell)
        """
    )
    chosen = ("--lic-codec=toy", "--lic-quality=1", f"--lic-corpus={small.images}")
    result = small.pytester.runpytest_inprocess("-p", "no:hypothesispytest", *chosen)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["the lic_tolerance marker takes names, such as *(0.5,)"])


def test_a_codec_that_leaves_python_is_one_line(small: Project) -> None:
    change = """
        class Quits(Toy):
            def encode(self, images):
                raise SystemExit("no licence")
    """
    small.write_codec(change, codec="Quits", fingerprint="None")
    result = small.run("-m", "rd", "--lic-quality=1", "-k", "test_point")
    assert "encoder crashed on photo0.png" in failure(result)
    assert "SystemExit: no licence" in failure(result)


def test_a_lambda_that_is_no_number_is_blamed_on_its_conftest(plain: Project) -> None:
    source = PLAIN.replace('"1": 0.001', '"1": "low"')
    (plain.path / "conftest.py").write_text(source)
    assert_matches(refusal(run_plain(plain)), "*conftest.py*λ of quality 1 is 'low'; expected *")


def assert_matches(line: str, pattern: str) -> None:
    """As ``fnmatch_lines`` does, brackets taken literally; shows both where they differ."""
    import fnmatch

    literal = pattern.replace("[", "[[]")
    assert fnmatch.fnmatchcase(line, literal), f"{line!r} is not like {pattern!r}"
