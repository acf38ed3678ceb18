"""One costly thing is kept until another is asked for, and so is the failure to make it."""

from __future__ import annotations

import weakref

import pytest

from pytest_lic.errors import CodecError
from pytest_lic.system.latest import Latest


class Network:
    """Something large."""


def test_it_is_made_once_until_another_is_asked_for() -> None:
    latest: Latest[str, Network] = Latest()
    first = latest.of("a", Network)
    assert latest.of("a", Network) is first
    assert latest.of("b", Network) is not first
    assert latest.of("a", Network) is not first


def test_the_old_one_is_gone_before_the_next_is_made() -> None:
    latest: Latest[str, Network] = Latest()
    old = weakref.ref(latest.of("a", Network))

    def make() -> Network:
        assert old() is None
        return Network()

    latest.of("b", make)
    new = weakref.ref(latest.of("b", make))
    latest.forget()
    assert new() is None


def test_a_failure_is_remembered_too() -> None:
    latest: Latest[str, Network] = Latest()

    def fail() -> Network:
        raise CodecError("no")

    with pytest.raises(CodecError, match="no"):
        latest.of("a", fail)
    with pytest.raises(CodecError, match="no"):
        latest.of("a", Network)
    assert latest.of("b", Network)
