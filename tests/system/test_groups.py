"""Values in groups of one key."""

from __future__ import annotations

from pytest_lic.system.groups import grouped


def test_keys_and_values_keep_their_order() -> None:
    groups = grouped([("b", 2), ("a", 1), ("b", 1)])
    assert list(groups.items()) == [("b", [2, 1]), ("a", [1])]
