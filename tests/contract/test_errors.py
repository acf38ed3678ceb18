"""What the errors tell the user."""

import inspect

import pytest

from pytest_lic import errors
from pytest_lic.errors import (
    BitstreamError,
    LicError,
    UnknownNameError,
    Unwinding,
    UsageError,
    is_crash,
)


def test_every_error_is_a_lic_error():
    classes = [each for _, each in inspect.getmembers(errors, inspect.isclass)]
    classes.remove(errors.Unavailable)  # stands in place of a value, and is not raised
    classes.remove(errors.Unwinding)  # never reaches the user
    assert len(classes) > 10
    assert all(issubclass(each, LicError) for each in classes if each.__module__ == errors.__name__)


@pytest.mark.parametrize(
    "name", ["Truncated", "Corrupt", "Foreign", "Newer", "AbsurdSize"], ids=str.lower
)
def test_every_fault_of_a_bitstream_has_its_own_type(name):
    fault = getattr(errors, f"{name}BitstreamError", None) or getattr(errors, f"{name}Error")
    assert issubclass(fault, BitstreamError)
    assert fault is not BitstreamError


def test_an_unknown_name_is_answered_with_the_nearest_ones():
    known = ["fp-gdn", "fp-gsdn", "jpeg", "webp"]
    message = str(UnknownNameError("codec", "fp-gnd", known, "--lic-codec"))
    assert message.startswith("--lic-codec: no codec is named 'fp-gnd'; did you mean fp-gdn, ")
    assert "webp" not in message
    assert "\n" not in message


def test_a_name_like_no_other_is_answered_with_those_that_exist():
    message = str(UnknownNameError("codec", "zzz", ["jpeg", "webp", "avif", "jpeg"], "lic_codec"))
    assert message == "lic_codec: no codec is named 'zzz'; known: avif, jpeg, webp"


def test_a_long_list_of_known_names_is_cut_short():
    known = [f"network{number:03}" for number in range(100)]
    message = str(UnknownNameError("codec", "zzz", known, "--lic-codec"))
    assert message.endswith("network011, …")
    assert "network012" not in message


def test_where_nothing_is_registered_the_message_says_so():
    message = str(UnknownNameError("codec", "jpeg", [], "--lic-codec"))
    assert message == "--lic-codec: no codec is named 'jpeg'; none is registered here"


def test_an_unknown_name_is_an_error_of_usage():
    with pytest.raises(UsageError):
        raise UnknownNameError("anchor", "bpg", iter(["bpg-444"]), "--lic-anchor")


class Panic(BaseException):
    """What a panic of a library written in Rust is in Python."""


@pytest.mark.parametrize("error", [ValueError(), SystemExit(0), Panic()], ids=repr)
def test_what_somebody_elses_code_raises_is_a_crash(error: BaseException) -> None:
    assert is_crash(error)


@pytest.mark.parametrize(
    "error",
    [
        KeyboardInterrupt(),
        Unwinding(),
        pytest.skip.Exception("no"),
        pytest.exit.Exception("end"),
    ],
)
def test_what_ends_a_run_or_a_test_is_none(error: BaseException) -> None:
    assert not is_crash(error)
