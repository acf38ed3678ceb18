"""The kinds of component in this package, as their classes tell of them: ``pytest-lic components``.

A new class is announced by being exported from `lic_models.components`.
"""

from __future__ import annotations

from collections.abc import Iterator

from lic_models.config.seats import SEATS, kind_tag
from pytest_lic.component import ComponentKind


def kinds() -> Iterator[ComponentKind]:
    """Each kind in each seat; the base of a seat's kinds is none."""
    from lic_models import components  # which loads torch

    for seat, (base_name, _) in SEATS.items():
        base = getattr(components, base_name)
        for name in components.__all__:
            kind = getattr(components, name)
            if kind is not base and base in kind.__mro__:  # one base is a protocol
                path = f"{components.__name__}.{name}"
                yield ComponentKind.of(kind, seat, kind_tag(seat, name), path)
