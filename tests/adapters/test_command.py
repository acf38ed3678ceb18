"""Codecs that are a pair of programs, played by small Python scripts."""

from __future__ import annotations

import json
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from pytest_lic.adapters import command
from pytest_lic.adapters.command import command_family
from pytest_lic.codec import Codec
from pytest_lic.errors import CodecError, UnavailableError, UnknownNameError, UsageError

PYTHON = [sys.executable, "-S", "-E"]  # without site-packages: it starts faster
COPY = "import shutil, sys; shutil.copy(sys.argv[1], sys.argv[2])"
ENCODE = [*PYTHON, "-c", COPY, "{input}", "{bitstream}"]
DECODE = [*PYTHON, "-c", COPY, "{bitstream}", "{output}"]

Script = Callable[[str], list[str]]


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """A script's source → the beginning of a command that runs it."""

    def write(source: str) -> list[str]:
        path = tmp_path / f"script {len(list(tmp_path.iterdir()))}.py"
        path.write_text(textwrap.dedent(source))
        return [*PYTHON, str(path)]

    return write


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which temporary folders are made."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def noise(batch: int, height: int, width: int) -> torch.Tensor:
    drawn = np.random.default_rng(7).integers(0, 256, (batch, 3, height, width), np.uint8)
    return torch.from_numpy(drawn).float() / 255


def alive(pid: int) -> bool:
    """Whether a process runs; one that is dead but not yet collected does not."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] not in {"Z", "X"}


def dies(pid: int) -> bool:
    deadline = time.monotonic() + 5
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not alive(pid)


def codec_of(encode: list[str] = ENCODE, decode: list[str] = DECODE, **options: object) -> Codec:
    return command_family("copy", encode, decode, ["7"], **options).build("7", "cpu")  # type: ignore[arg-type]


@pytest.mark.parametrize("suffix", [".png", ".ppm"])
@pytest.mark.parametrize("size", [(1, 1), (5, 3)])
def test_a_pair_of_programs_is_a_codec(suffix: str, size: tuple[int, int], temporary: Path) -> None:
    codec = codec_of(input_suffix=suffix, output_suffix=suffix)
    assert isinstance(codec, Codec)
    images = noise(2, *size)
    bitstreams = codec.encode(images)
    assert len(bitstreams) == 2
    assert all(each.startswith(b"\x89PNG" if suffix == ".png" else b"P6") for each in bitstreams)
    decoded = codec.decode(bitstreams)
    assert decoded.dtype == torch.float32
    assert torch.equal(decoded, images)
    assert torch.equal(codec.decode(bitstreams[::-1]), images.flip(0))
    assert codec.encode(images) == bitstreams
    assert list(temporary.iterdir()) == [], "something was left behind"


def test_placeholders_are_filled_in(script: Script) -> None:
    show = script(
        """
        import os, sys
        out = sys.argv[2]
        with open(out, "w") as file:
            print(os.getcwd() == os.path.dirname(out), *sys.argv[3:], sep="|", file=file)
        """
    )
    words = ["{bitstream}", "-q{quality}", "{width}x{height}", "{{}}", "$HOME", "; echo"]
    family = command_family("show", [*show, "{input}", *words], DECODE, {"q1": 0.5, "q2": 0.9})
    assert dict(family.qualities) == {"q1": 0.5, "q2": 0.9}
    [bitstream] = family.build("q2", "cpu").encode(noise(1, 3, 5))
    assert bitstream.decode().strip() == "True|-qq2|5x3|{}|$HOME|; echo"


def test_a_command_may_be_one_line(script: Script) -> None:
    *python, path = script(COPY)
    line = " ".join(python)
    family = command_family(
        "line", f"{line} '{path}' {{input}} {{bitstream}}", DECODE, (22, 27), bitstream_suffix=".x"
    )
    assert list(family.qualities) == ["22", "27"]
    assert family.tags == {"architecture": "line", "kind": "command"}
    assert family.devices == ("cpu",)
    images = noise(1, 4, 4)
    codec = family.build("22", "cpu")
    assert torch.equal(codec.decode(codec.encode(images)), images)


def test_programs_named_by_a_relative_path_run_in_another_folder(
    script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = Path(script(COPY)[-1])
    path.write_text(f"#!{sys.executable}\n{COPY}\n")
    path.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    direct = command_family("direct", [f"./{path.name}", "{input}", "{bitstream}"], DECODE, ["7"])
    named = command_family(
        "named", [*PYTHON, f"./{path.name}", "{input}", "{bitstream}"], DECODE, ["7"]
    )
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    for family in (direct, named):
        assert family.unavailable is not None
        assert family.unavailable() is None
        assert len(family.build("7", "cpu").encode(noise(1, 2, 2))) == 1


def test_the_environment_is_inherited_and_stdin_is_empty(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CODEC_SECRET", "sesame")
    encode = script(
        """
        import os, sys
        text = os.environ["CODEC_SECRET"] + repr(sys.stdin.read())
        open(sys.argv[2], "w").write(text)
        """
    )
    [bitstream] = codec_of([*encode, "{input}", "{bitstream}"]).encode(noise(1, 2, 2))
    assert bitstream == b"sesame''"


@pytest.mark.parametrize("role", ["encode", "decode"])
@pytest.mark.parametrize(
    ("program", "reason"),
    [("bpgenc-that-is-not-here", "on the PATH"), ("/not/here/bpgenc", "as an executable file")],
)
def test_a_missing_program_makes_the_family_unavailable(
    role: str, program: str, reason: str
) -> None:
    commands = {"encode": ENCODE, "decode": DECODE}
    commands[role] = [program, *commands[role][len(PYTHON) :]]
    family = command_family("bpg", **commands, qualities=["7"])
    assert family.unavailable is not None
    assert family.fingerprint is not None
    said = family.unavailable()
    assert said is not None
    assert repr(program) in said
    assert reason in said
    assert family.fingerprint("7") is None
    with pytest.raises(UnavailableError, match="codec family 'bpg': program"):
        family.build("7", "cpu")


@pytest.mark.parametrize("role", ["encode", "decode"])
def test_a_failing_program_is_quoted(script: Script, role: str, temporary: Path) -> None:
    fail = script(
        """
        import sys
        for line in range(40):
            print(f"remark {line}", file=sys.stderr)
        sys.exit(3)
        """
    )
    places = ["{input}", "{bitstream}"] if role == "encode" else ["{bitstream}", "{output}"]
    codec = codec_of(**{role: [*fail, *places]})
    with pytest.raises(CodecError) as caught:
        codec.decode(codec.encode(noise(1, 2, 2)))
    message = str(caught.value)
    assert message.startswith(f"copy-q7: {role}r failed with exit status 3: {sys.executable}")
    assert message.endswith("remark 38\nremark 39")
    assert "remark 30\n" not in message
    assert list(temporary.iterdir()) == []


def test_a_silent_failure_a_death_by_signal_and_a_start_that_fails_are_told(
    script: Script, tmp_path: Path
) -> None:
    places = ["{input}", "{bitstream}"]
    with pytest.raises(CodecError, match=r"status 1: [\s\S]*\non stdout$"):
        codec_of([*script("print('on stdout'); raise SystemExit(1)"), *places]).encode(
            noise(1, 2, 2)
        )
    with pytest.raises(CodecError, match=r"signal SIGABRT: [\s\S]*\nit printed nothing$"):
        codec_of([*script("import os; os.abort()"), *places]).encode(noise(1, 2, 2))
    broken = tmp_path / "broken"
    broken.write_bytes(b"\x7fELF")
    broken.chmod(0o755)
    with pytest.raises(CodecError, match="encoder could not be started"):
        codec_of([str(broken), *places]).encode(noise(1, 2, 2))


def test_a_program_that_hangs_is_killed_with_everything_it_started(
    script: Script, tmp_path: Path, temporary: Path
) -> None:
    pids = tmp_path / "pids"
    hang = script(
        f"""
        import os, pathlib, subprocess, sys, time
        child = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(60)"])
        pathlib.Path({str(pids)!r}).write_text(f"[{{os.getpid()}}, {{child.pid}}]")
        time.sleep(60)
        """
    )
    began = time.monotonic()
    with pytest.raises(CodecError, match=r"copy-q7: encoder timed out after 3 s: .*raise the fam"):
        codec_of([*hang, "{input}", "{bitstream}"], timeout=3).encode(noise(1, 2, 2))
    assert time.monotonic() - began < 20
    started = json.loads(pids.read_text())
    assert len(started) == 2
    assert all(dies(pid) for pid in started)
    assert list(temporary.iterdir()) == []


def test_what_a_finished_program_left_running_is_killed_and_not_waited_for(
    script: Script, tmp_path: Path
) -> None:
    pid = tmp_path / "pid"
    linger = script(
        f"""
        import pathlib, shutil, subprocess, sys
        child = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(60)"])
        pathlib.Path({str(pid)!r}).write_text(str(child.pid))
        shutil.copy(sys.argv[1], sys.argv[2])
        """
    )
    began = time.monotonic()
    [bitstream] = codec_of([*linger, "{input}", "{bitstream}"]).encode(noise(1, 2, 2))
    assert bitstream.startswith(b"\x89PNG")
    assert time.monotonic() - began < 20
    assert dies(int(pid.read_text()))


@pytest.mark.parametrize(
    ("source", "what"), [("pass", "was not written"), ("open(sys.argv[2], 'w')", "is empty")]
)
def test_a_program_that_writes_nothing_is_a_codec_error(
    script: Script, source: str, what: str
) -> None:
    idle = script(f"import sys; {source}")
    with pytest.raises(CodecError, match=rf"encoder ended well, but .*bitstream\.bin {what}"):
        codec_of([*idle, "{input}", "{bitstream}"]).encode(noise(1, 2, 2))
    codec = codec_of(decode=[*idle, "{bitstream}", "{output}"])
    with pytest.raises(CodecError, match=rf"decoder ended well, but .*output\.png {what}"):
        codec.decode(codec.encode(noise(1, 2, 2)))


def test_an_output_that_is_no_8_bit_rgb_image_is_a_codec_error(tmp_path: Path) -> None:
    from PIL import Image

    codec = codec_of()
    with pytest.raises(CodecError, match=r"decoder's output\.png is not a readable PNG"):
        codec.decode([b"not a picture"])
    with pytest.raises(CodecError, match=r"decoder's output\.png is not a readable PNG"):
        codec.decode([codec.encode(noise(1, 9, 9))[0][:-40]])
    grey = tmp_path / "grey.png"
    Image.new("LA", (3, 3)).save(grey)
    with pytest.raises(CodecError, match="is of Pillow mode LA; expected 8-bit RGB, or grey"):
        codec.decode([grey.read_bytes()])


@pytest.mark.parametrize("mode", ["L", "P"])
def test_a_decoder_that_writes_the_smallest_png_that_there_is(tmp_path: Path, mode: str) -> None:
    from PIL import Image

    smallest = tmp_path / "smallest.png"
    Image.new("RGB", (3, 2), (51, 51, 51)).convert(mode).save(smallest)
    decoded = codec_of().decode([smallest.read_bytes()])
    assert decoded.shape == (1, 3, 2, 3)
    assert torch.equal(decoded, torch.full_like(decoded, 51 / 255))


def test_images_of_different_sizes_are_a_codec_error() -> None:
    codec = codec_of()
    bitstreams = codec.encode(noise(1, 2, 3)) + codec.encode(noise(1, 3, 2))
    with pytest.raises(CodecError, match="2×3, 3×2"):
        codec.decode(bitstreams)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"encode": "enc {input} {bitstream} {qp}"}, r"encode: \{qp\} is not a placeholder here"),
        ({"encode": "enc {input} {bitstream} {}"}, r"\{\} is not a placeholder"),
        ({"encode": "enc {input} {bitstream} {quality:3}"}, r"\{quality:3\} is not a placeholder"),
        ({"encode": "enc {input} {bitstream} {output}"}, r"\{output\} is not a placeholder here"),
        ({"decode": "dec {bitstream} {output} {width}"}, r"decode: \{width\} is not a placeholder"),
        ({"decode": "dec {bitstream} {output} {input}"}, r"\{input\} is not a placeholder"),
        ({"encode": "enc {bitstream}"}, r"encode: the command lacks \{input\}"),
        ({"encode": "enc {input}"}, r"lacks \{bitstream\}"),
        ({"decode": "dec {bitstream}"}, r"decode: the command lacks \{output\}"),
        ({"encode": "enc {input"}, "can't be read as a command"),
        ({"encode": "enc '{input} {bitstream}"}, "can't be read as a command"),
        ({"encode": ""}, "the command is empty"),
        ({"decode": []}, "the command is empty"),
        ({"input_suffix": ".yuv"}, "input_suffix is '.yuv'; expected '.png' or '.ppm'"),
        ({"output_suffix": "png"}, "output_suffix is 'png'"),
        ({"timeout": 0}, "timeout is 0"),
        ({"qualities": []}, "no qualities"),
    ],
)
def test_a_family_that_makes_no_sense_is_refused_at_once(changed: dict, message: str) -> None:
    usual = {"encode": ENCODE, "decode": DECODE, "qualities": ["7"]}
    with pytest.raises(UsageError, match=message):
        command_family("bad", **{**usual, **changed})


def test_unknown_qualities_and_devices_are_named() -> None:
    family = command_family("copy", ENCODE, DECODE, ["7", "8"])
    with pytest.raises(UnknownNameError, match="'9'"):
        family.build("9", "cpu")
    with pytest.raises(UsageError, match="cuda"):
        family.build("7", "cuda")


def test_a_fingerprint_follows_the_weights_that_a_command_names(
    script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = tmp_path / "weights"
    for name in ("q7.pt", "q8.pt", "parts/a.pt"):
        (weights / name).parent.mkdir(parents=True, exist_ok=True)
        (weights / name).write_text("first")
    copy = [*script(COPY), "{input}", "{bitstream}"]

    def fingerprint(*words: str, quality: str = "7") -> str | None:
        family = command_family("copy", [*copy, *words], DECODE, ["7", "8"])
        assert family.fingerprint is not None
        return family.fingerprint(quality)

    for name, words in (
        ("q7.pt", [f"{weights}/q{{quality}}.pt"]),
        ("q7.pt", [f"--weights={weights}/q7.pt"]),
        ("parts/a.pt", [f"{weights}/parts"]),
        ("parts/a.pt", [f"--folder={weights}"]),
    ):
        before = fingerprint(*words)
        assert before is not None
        assert fingerprint(*words) == before
        file = weights / name
        file.write_text(file.read_text() + ", trained on")
        assert fingerprint(*words) != before
    other = fingerprint(f"{weights}/q{{quality}}.pt", quality="8")
    (weights / "q7.pt").write_text("another quality's")
    assert fingerprint(f"{weights}/q{{quality}}.pt", quality="8") == other
    monkeypatch.setattr(command, "_MOST_FILES", 3)
    assert fingerprint(f"{weights}") is None


def test_a_fingerprint_follows_commands_versions_and_the_programs_bytes(script: Script) -> None:
    encode = [*script(COPY), "{input}", "{bitstream}"]

    def fingerprint(command: list[str] = encode, quality: str = "7", **options: str) -> str:
        family = command_family("copy", command, DECODE, ["7", "8"], **options)  # type: ignore[arg-type]
        assert family.fingerprint is not None
        found = family.fingerprint(quality)
        assert found is not None
        return found

    first = fingerprint()
    assert fingerprint() == first
    others = [
        fingerprint(quality="8"),
        fingerprint(version="2"),
        fingerprint(bitstream_suffix=".bpg"),
        fingerprint([*encode, "--fast"]),
    ]
    Path(encode[len(PYTHON)]).write_text(COPY + "\n# slower\n")
    others.append(fingerprint())
    assert len({first, *others}) == 6
