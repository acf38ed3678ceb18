"""When two measurements are expected to agree to the bit."""

import json
import platform
import subprocess
import sys
from dataclasses import asdict, fields, replace

import pytest

from pytest_lic.errors import UnavailableError
from pytest_lic.system.environment import Environment, differences, environment, package_version

HERE = Environment(
    python="3.11.9",
    system="Linux x86_64",
    processor="A processor",
    instructions="0123456789ab",
    device="cpu",
    threads=1,
    packages={"torch": "2.6.0", "numpy": "1.26.4"},
    variables={"MKL_CBWR": "COMPATIBLE"},
)

ELSEWHERE = {
    "python": "3.12.0",
    "system": "Darwin arm64",
    "processor": "Another processor",
    "instructions": "ba9876543210",
    "device": "cuda NVIDIA H200 CUDA 12.8 tf32=True",
    "threads": 2,
    "packages": {"torch": "2.6.1", "numpy": "1.26.4"},
    "variables": {},
}


def test_the_same_circumstances_twice_are_one_environment():
    assert environment("cpu", 1) == environment("cpu", 1)
    assert environment("cpu", 1).digest == environment("cpu", 1).digest


def test_another_process_on_the_same_machine_is_the_same_environment():
    script = (
        "from pytest_lic.system.environment import environment; print(environment('cpu', 1).digest)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == environment("cpu", 1).digest


def test_every_field_was_given_another_value():
    assert set(ELSEWHERE) == {field.name for field in fields(Environment)}


@pytest.mark.parametrize("field", ELSEWHERE)
def test_the_digest_depends_on(field):
    other = replace(HERE, **{field: ELSEWHERE[field]})
    assert other != HERE
    assert other.digest != HERE.digest


def test_the_digest_does_not_depend_on_the_order_in_which_packages_were_found():
    turned = replace(HERE, packages=dict(reversed(HERE.packages.items())))
    assert turned.digest == HERE.digest


def test_the_digest_is_twelve_hexadecimal_digits():
    assert len(HERE.digest) == 12
    assert int(HERE.digest, 16) >= 0


def test_an_environment_survives_its_json():
    stored = json.loads(json.dumps(asdict(HERE)))
    assert Environment(**stored) == HERE
    assert Environment(**stored).digest == HERE.digest


def test_threads_and_device_are_the_ones_measured_with():
    assert environment("cpu", 3).threads == 3
    assert environment("cpu", 1).device == "cpu"
    assert environment("cpu", 1).digest != environment("cpu", 2).digest


def test_the_packages_that_do_the_arithmetic_are_named_with_their_versions():
    found = environment("cpu", 1)
    assert found.python == platform.python_version()
    assert found.packages["torch"] == package_version("torch")
    assert {"torch", "numpy", "compressai", "Pillow"} <= set(found.packages)
    assert found.processor


def test_a_package_that_is_not_installed_has_no_version():
    assert package_version("no-such-distribution-exists") is None


def test_a_variable_that_chooses_another_kernel_is_another_environment(monkeypatch):
    monkeypatch.delenv("ATEN_CPU_CAPABILITY", raising=False)
    before = environment("cpu", 1)
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "default")
    after = environment("cpu", 1)
    assert after.variables["ATEN_CPU_CAPABILITY"] == "default"
    assert after.digest != before.digest


def test_a_gpu_that_is_not_there_is_said_to_be_unavailable(monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UnavailableError, match=r"device 'cuda:1': .* sees no CUDA GPU; use"):
        environment("cuda:1", 1)


def test_describing_a_cpu_loads_no_torch():
    script = (
        "import sys; from pytest_lic.system.environment import environment; environment('cpu', 1);"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


def test_differences_are_named_with_what_is_there_now():
    assert differences(HERE, HERE) == []
    there = replace(HERE, threads=2, packages={"torch": "2.6.1"}, variables={})
    assert differences(HERE, there) == [
        "threads 1 (now 2)",
        "numpy 1.26.4 (now none)",
        "torch 2.6.0 (now 2.6.1)",
        "MKL_CBWR COMPATIBLE (now none)",
    ]


@pytest.mark.parametrize("field", [field.name for field in fields(Environment)])
def test_every_difference_is_named(field):
    assert differences(HERE, replace(HERE, **{field: ELSEWHERE[field]}))
