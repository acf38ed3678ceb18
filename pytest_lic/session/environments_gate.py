"""What simulated environments make of each other's bitstreams."""

from __future__ import annotations

from collections.abc import Collection

from pytest_lic.checks.environment_matrix import EnvironmentMatrix
from pytest_lic.errors import LicError
from pytest_lic.report.terminal.environments import broken_text, other_networks_text
from pytest_lic.session.recorder import GateError
from pytest_lic.system.simulated_environments import ENVIRONMENTS


def check_agreement(matrix: EnvironmentMatrix, required: Collection[str]) -> None:
    """Fail where environments are out of step, or one that is required could not be had.

    Args:
        matrix: how they agree.
        required: environments and devices that must be available.

    Raises:
        LicError: one of those is not.
        GateError: some image decodes otherwise than where it was encoded, or the network is
            another one somewhere.
    """
    for name, reason in matrix.unavailable.items():
        if {name, ENVIRONMENTS[name].device} & set(required):
            raise LicError(f"{name} is required, but unavailable: {reason}")
    texts = [other_networks_text(matrix)] if matrix.other_networks else []
    texts += [broken_text(matrix)] if matrix.broken_images else []
    if texts:
        raise GateError("\n".join(texts))
