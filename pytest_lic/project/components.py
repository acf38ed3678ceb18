"""The kinds of component that the user's project and installed packages register."""

from __future__ import annotations

import pytest

from pytest_lic.component import ComponentKind
from pytest_lic.project.registration import Registered, entry_points

ENTRY_POINTS = "pytest_lic.components"


def component_kinds(config: pytest.Config) -> list[ComponentKind]:
    """Those of the hook ``pytest_lic_components`` and of the entry points.

    Raises:
        UsageError: a hook or an entry point that fails or yields something else, or two kinds of
            one tag in one seat.
    """
    registered = Registered[ComponentKind]("kinds of component", (ComponentKind,))
    registered.add_hooks("pytest_lic_components", config.hook.pytest_lic_components)
    for entry in entry_points(ENTRY_POINTS):
        registered.add_entry_point(entry)
    return list(registered.by_name.values())
