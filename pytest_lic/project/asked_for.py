"""Which of the shipped suites a command line asks for."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

from pytest_lic.project.pytest_options import on_command_line

PACKAGE = "pytest_lic.suites"
TIMING = "timing"
"""The marker of the tests that take times."""
MEMORY = "memory"
"""The marker of the tests that measure memory."""
PROPERTIES = "properties"
"""The marker of the property tests, and their folder."""


@cache
def suites_folder() -> Path:
    """Where the suites are installed."""
    spec = find_spec(PACKAGE)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


def wants_suites(config: pytest.Config) -> bool:
    """Whether the command line names the suites, or one of them."""
    folder = suites_folder()
    return any(
        name == PACKAGE or name.startswith(f"{PACKAGE}.") or folder in (path, *path.parents)
        for name, path in _named(config)
    )


def wants_timing(config: pytest.Config) -> bool:
    """Whether ``-m`` or a test's id asks for times.

    They take minutes, and are disturbed by other tests, so a plain run takes none.
    """
    return _names(config, TIMING)


def wants_memory(config: pytest.Config) -> bool:
    """Whether ``-m`` or a test's id asks for memory, which takes a process for each quality."""
    return _names(config, MEMORY)


def wants_properties(config: pytest.Config) -> bool:
    """Whether property tests are to run.

    Where ``-m`` or a test's id asks for them, and in a run that asks for nothing: neither by ``-m``
    nor by narrowing the codecs, of which these tests are about none.
    """
    if config.getoption("markexpr"):
        return _chooses(config, PROPERTIES)
    folder = suites_folder() / PROPERTIES
    if any(
        name.startswith(f"{PACKAGE}.{PROPERTIES}") or folder in (path, *path.parents)
        for name, path in _named(config)
    ):
        return True
    narrowing = ("codec", "config", "quality", "lambda", "component")
    return not any(on_command_line(config, name) for name in narrowing)


def left_properties_out(config: pytest.Config) -> bool:
    """Whether property tests would run, were it not for a choice of codecs."""
    whole = any(name in (PACKAGE, str(suites_folder())) for name, _ in _named(config))
    return whole and not config.getoption("markexpr") and not wants_properties(config)


def would_choose(config: pytest.Config, marker: str) -> bool:
    """Whether tests of a marker would run if they were like others: no ``-m`` leaves them out."""
    return not config.getoption("markexpr") or _chooses(config, marker)


def _names(config: pytest.Config, marker: str) -> bool:
    """Whether ``-m`` or a test's id asks for the tests of a marker, which has a module's name."""
    if _chooses(config, marker) and not _chooses(config, None):
        return True
    module = f"test_{marker}"
    path_of_module = (suites_folder() / f"{module}.py").resolve()
    return any(
        name == f"{PACKAGE}.{module}" or path == path_of_module for name, path in _named(config)
    )


def _named(config: pytest.Config) -> Iterator[tuple[str, Path]]:
    """Each argument without its test's id, and the path that it would be."""
    for argument in config.args:
        name = argument.split("::")[0]
        yield name, (config.invocation_params.dir / name).resolve()


def _chooses(config: pytest.Config, marker: str | None) -> bool:
    """Whether ``-m`` chooses a test with this marker alone, or one without any."""
    # What pytest evaluates itself; it has no public name.
    from _pytest.mark.expression import Expression

    text = config.getoption("markexpr") or ""
    if not text:
        return False
    try:
        expression = Expression.compile(text)
    except SyntaxError:
        return False  # pytest refuses it, in its own words
    return expression.evaluate(lambda name, /, **arguments: name == marker)
