"""Finds the codec families, and finds the same ones again in another process.

A family's ``build`` may live in a ``conftest.py`` and can't be pickled, so a child process or the
command line repeats the search: same folder, same arguments, and then selection by name.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from pytest_lic.codec import CodecFamily
from pytest_lic.errors import UnknownNameError, UsageError, is_crash
from pytest_lic.measuring.target_rates import at_target_rates
from pytest_lic.project.config_files import read_config
from pytest_lic.project.pytest_options import config_files, on_command_line, target_rates
from pytest_lic.project.registration import Registered, entry_points

ENTRY_POINTS = "pytest_lic.codecs"
_OWN = ("pillow", "lic_models")


@dataclass(frozen=True)
class Origin:
    """All that another process needs to find the same families: where pytest was started, and how.

    ``path`` is the ``sys.path`` of the process that found them first, and ``variables`` its
    environment, as both were then.
    """

    folder: str
    args: tuple[str, ...]
    path: tuple[str, ...]
    variables: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))

    @classmethod
    def of(cls, config: pytest.Config) -> Origin:
        """The origin of the families that ``config`` gives."""
        params = config.invocation_params
        return cls(str(params.dir), tuple(str(arg) for arg in params.args), tuple(sys.path))


@dataclass(frozen=True)
class Families:
    """Every family there is, by name, and the names of those shipped with pytest-lic.

    ``files`` are those whose hooks gave families, for pytest may hide a ``conftest.py`` behind
    another, and those of ``--lic-config``. ``configs`` names the families of the files on the
    command line, and each one's file as it stands there.
    """

    by_name: Mapping[str, CodecFamily]
    shipped: frozenset[str]
    files: tuple[str, ...] = ()
    configs: Mapping[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> CodecFamily:
        return self.get(name, "codec")

    def get(self, name: str, where: str) -> CodecFamily:
        """The family of that name; UnknownNameError names ``where`` it was asked for."""
        if name not in self.by_name:
            raise UnknownNameError("codec", name, self.by_name, where)
        return self.by_name[name]


def discover(config: pytest.Config) -> Families:
    """The families of the hook ``pytest_lic_codecs``, of the entry points, of ``--lic-config``.

    Those with rate control are at the rates of ``--lic-target-bpp``, where that is given.

    Raises:
        UsageError: a hook or an entry point that fails, yields something else, a config file that
            can't be read, or two families of one name.
    """
    registered = Registered[CodecFamily]("codec families", (CodecFamily,))
    hook = config.hook.pytest_lic_codecs
    registered.add_hooks("pytest_lic_codecs", hook)
    shipped: set[str] = set()
    for entry in entry_points(ENTRY_POINTS):
        before = set(registered.by_name)
        registered.add_entry_point(entry)
        if entry.name in _OWN and entry.dist is not None and entry.dist.name == "pytest-lic":
            shipped |= set(registered.by_name) - before
    configs: dict[str, str] = {}
    described = config_files(config)
    for path, text in described.items():
        families = read_config(path)
        registered.add(f"config {path}", families)
        if on_command_line(config, "config"):
            configs |= {family.name: text for family in families}
    plugins = (implementation.plugin for implementation in hook.get_hookimpls())
    files = (getattr(plugin, "__file__", None) for plugin in plugins)
    return Families(
        at_target_rates(registered.by_name, target_rates(config)),
        frozenset(shipped),
        (*(file for file in files if file), *(str(path) for path in described)),
        configs,
    )


def rediscover(origin: Origin) -> Families:
    """The same families, in a process that pytest did not start.

    Raises:
        UsageError: as `discover`, or pytest could not start, such as for a broken ``conftest.py``.
    """
    with pytest_config(origin) as config:
        return discover(config)


@contextmanager
def pytest_config(origin: Origin) -> Iterator[pytest.Config]:
    """What pytest knows when it starts at ``origin``, in a process that pytest did not start.

    The working directory becomes ``origin.folder``; options are parsed and the initial
    ``conftest.py`` files loaded as pytest does, but nothing is configured or collected.

    Raises:
        UsageError: pytest could not start, such as for a broken ``conftest.py``.
    """
    # What pytest-xdist's workers start with too: pytest has no public name for it.
    from _pytest.config import _prepareconfig

    sys.path[:] = list(dict.fromkeys([*origin.path, *sys.path]))
    os.chdir(origin.folder)
    try:
        # This process may have imported a plugin already, and tests nothing.
        quiet = ["-W", "ignore::pytest.PytestAssertRewriteWarning"]
        config = _prepareconfig(["--capture=no", "-p", "no:cacheprovider", *quiet, *origin.args])
    except BaseException as error:
        if not is_crash(error):
            raise
        raise UsageError(f"pytest could not start in {origin.folder}: {error}") from error
    try:
        yield config
    finally:
        config._ensure_unconfigure()
