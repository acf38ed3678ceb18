"""A project whose ``filterwarnings`` makes every warning an error is told the same as any other."""

from __future__ import annotations

from tests.helpers.toy_project import Project

NETWORK = """
def network(quality):
    from compressai.models import FactorizedPrior

    return FactorizedPrior(8, 8)

first = pytest_lic_codecs

def pytest_lic_codecs():
    from pytest_lic.adapters.compressai import compressai_family

    yield from first()
    yield compressai_family("network", network, ["1"])
"""


def test_nothing_of_a_whole_run_warns(small: Project) -> None:
    small.write_codec()
    conftest = small.path / "conftest.py"
    conftest.write_text(conftest.read_text() + NETWORK)
    (small.path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
    checks = "roundtrip or determinism or rd or conformance or hostile"
    options = ("--lic-quality=1", "--lic-hostile=3", "--lic-metrics=psnr", "--lic-update")
    # In a process of its own: what is not cleaned up is told at its end.
    command = small.command("-m", checks, "--lic-codec=toy,network", *options)
    command = [word for word in command if word not in ("-W", _IGNORED)]
    result = small.pytester.runpytest_subprocess(*command, timeout=300)
    assert result.ret == 0, result.stdout.str()
    assert "error" not in result.stdout.str()
    assert result.stderr.str() == ""


_IGNORED = "ignore::pytest.PytestAssertRewriteWarning"
