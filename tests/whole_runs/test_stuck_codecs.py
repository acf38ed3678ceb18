"""Codecs that hang, leave, or keep what they code: the run says so, and looks at the others."""

from __future__ import annotations

import textwrap

import pytest

from tests.helpers.toy_project import Project, write_photographs

HUNG = """
class Hung(Toy):
    def encode(self, images):
        while self.step == STEPS["2"]:
            pass
        return super().encode(images)
"""
LEAVING = """
import os

class Leaving(Toy):
    def decode(self, bitstreams):
        if self.step == STEPS["2"]:
            os._exit(0)
        return super().decode(bitstreams)
"""
KEEPING = """
KEPT = []

class Keeping(Toy):
    def encode(self, images):
        KEPT.append(np.ones(50 << 20, np.uint8))
        return super().encode(images)
"""
ODD = """
class Odd(Toy):
    def encode(self, images):
        if images.shape[-1] % 2:
            images = images.clone()
            images[..., ::2] += 0.08
        return super().encode(images.clamp(0, 1))
"""


@pytest.fixture
def project(pytester: pytest.Pytester) -> Project:
    project = Project(pytester, "--lic-quality", "1,2")
    write_photographs(project.images, count=5)
    return project


def test_an_encoder_that_hangs_is_stopped_and_named(project: Project) -> None:
    project.write_codec(HUNG, codec="Hung")
    ended = project.run("-m", "roundtrip", "--lic-timeout=1")
    ended.assert_outcomes(passed=2, failed=2)
    ended.stdout.fnmatch_lines(
        [
            "*encoder failed on photo0.png (176×176): it did not come back within 1 s, and was "
            "stopped (at *conftest.py:*, in encode); raise --lic-timeout if that is expected*"
        ]
    )


def test_a_decoder_that_ends_the_process_is_refused(project: Project) -> None:
    project.write_codec(LEAVING, codec="Leaving")
    ended = project.run("-m", "roundtrip")
    ended.assert_outcomes(passed=2, failed=2)
    ended.stdout.fnmatch_lines(
        ["*decoder failed on photo0.png (176×176): it called os._exit(0) (at *conftest.py:*"]
    )


def test_memory_that_grows_with_each_image_is_remarked(project: Project) -> None:
    project.write_codec(KEEPING, codec="Keeping")
    ended = project.run("-m", "roundtrip", "--lic-quality=1")
    assert ended.ret == 0
    ended.stdout.fnmatch_lines(["*this process grows by 50 MiB with each image*"])
    project.write_codec()
    ended = project.run("-m", "roundtrip", "--lic-quality=1")
    ended.stdout.no_fnmatch_line("*this process grows*")


def test_an_encoder_that_loses_on_odd_sides_fails_its_round_trip(project: Project) -> None:
    project.write_codec(ODD, codec="Odd")
    ended = project.run("-m", "roundtrip", "--lic-quality=1")
    assert ended.ret == 1
    ended.stdout.fnmatch_lines(
        [
            "*photo0.png: odd sides cost * dB: its upper left 113×127 pixels come back with * dB, "
            "and within 128×128 pixels with * dB; look at how the codec pads and crops*"
        ]
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            """
            class Broken(Toy):
                def decode(self, bitstreams):
                    images = super().decode(bitstreams)
                    if images.shape[-1] > images.shape[-2] and images.shape[-1] % 8:
                        images = images.roll(8, -1)
                    return images
            """,
            "*photo0.png: odd sides cost * dB: its upper left 127×113 pixels come back with*",
        ),
        (
            """
            class Broken(Toy):
                def decode(self, bitstreams):
                    images = super().decode(bitstreams)
                    return images.roll(8, -1) if images.shape[-1] % 8 == 4 else images
            """,
            "*photo0.png: sides that are no multiple of 16 cost * dB: its upper left 116×128*",
        ),
        (
            """
            class Broken(Toy):
                def encode(self, images):
                    return super().encode((images * 256).to(torch.uint8) / 255)
            """,
            "*white_65x63: every pixel is 255 of 255, and it comes back with 0 in the mean*",
        ),
    ],
    ids=["landscape", "multiple", "white"],
)
def test_what_a_codec_does_to_some_images_alone_fails_its_round_trip(
    project: Project, change: str, message: str
) -> None:
    project.write_codec(textwrap.dedent(change), codec="Broken")
    ended = project.run("-m", "roundtrip")
    ended.assert_outcomes(passed=2, failed=2)
    ended.stdout.fnmatch_lines([message])


def test_files_that_stay_open_are_remarked_on(project: Project) -> None:
    change = """
    import tempfile

    class Broken(Toy):
        def decode(self, bitstreams):
            tempfile.mkstemp()
            return super().decode(bitstreams)
    """
    project.write_codec(textwrap.dedent(change), codec="Broken")
    ended = project.run("-m", "roundtrip", "--lic-quality=2")
    ended.stdout.fnmatch_lines(["*toy-q2-*: this process holds 1 more file open with each batch*"])


def run_apart(project: Project, change: str, codec: str = "Broken") -> pytest.RunResult:
    """In a process of its own, whose end counts."""
    project.write_codec(textwrap.dedent(change), codec=codec)
    return project.pytester.runpytest_subprocess(*project.command("-m", "roundtrip"), timeout=200)


def test_an_exit_that_was_imported_by_its_name_is_refused(project: Project) -> None:
    change = """
        from os import _exit

        class Broken(Toy):
            def decode(self, bitstreams):
                if self.step == STEPS["2"]:
                    _exit(0)
                return super().decode(bitstreams)
    """
    ended = run_apart(project, change)
    assert ended.ret == 1
    ended.stdout.fnmatch_lines(["*it called os._exit(0) (at conftest.py:*, in decode), which*"])


def test_an_exit_while_the_interpreter_ends_keeps_the_status_of_the_run(project: Project) -> None:
    change = """
        import atexit, os

        atexit.register(os._exit, 0)

        class Broken(Toy):
            def decode(self, bitstreams):
                raise RuntimeError("no such layer")
    """
    ended = run_apart(project, change)
    ended.assert_outcomes(failed=4)
    assert ended.ret == 1


def test_an_exit_between_the_tests_and_the_report_is_no_success(project: Project) -> None:
    change = """
        import os

        def pytest_sessionfinish():
            os._exit(0)

        class Broken(Toy):
            pass
    """
    ended = run_apart(project, change)
    assert ended.ret == 1
    ended.stderr.fnmatch_lines(["*os._exit(0) was called before pytest had its report*"])


def test_a_thread_that_never_ends_fails_the_run_and_does_not_hold_it(project: Project) -> None:
    change = """
        import threading, time

        def wait():
            while True:
                time.sleep(1)

        class Broken(Toy):
            def decode(self, bitstreams):
                if not any(thread.name == "prefetch" for thread in threading.enumerate()):
                    threading.Thread(target=wait, name="prefetch").start()
                return super().decode(bitstreams)
    """
    ended = run_apart(project, change)
    assert ended.ret == 1
    ended.assert_outcomes(passed=4)
    ended.stdout.fnmatch_lines(
        ["lic: thread prefetch (at *conftest.py:*) still runs, and this process would wait for it*"]
    )
