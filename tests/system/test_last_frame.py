"""The place in a user's code that an error came from."""

from __future__ import annotations

import json

import torch

from pytest_lic.errors import UsageError
from pytest_lic.system.last_frame import last_frame
from pytest_lic.system.simulated_environments import chosen_environments


def error_of(call: object, *arguments: object) -> Exception:
    try:
        call(*arguments)  # type: ignore[operator]
    except Exception as error:
        return error
    raise AssertionError


def user_code(call: object, *arguments: object) -> None:
    call(*arguments)  # type: ignore[operator]


def test_the_last_frame_is_the_users_not_torchs_pythons_or_ours() -> None:
    layer = torch.nn.Linear(2, 3)
    for call, argument in (
        (layer, torch.zeros(5)),
        (json.loads, "{"),
        (chosen_environments, ["x"]),
    ):
        error = error_of(user_code, call, argument)
        assert last_frame(error).startswith(" (test_last_frame.py, line ")
        assert last_frame(error).endswith(", in user_code)")


def test_an_error_that_was_never_raised_has_no_place() -> None:
    assert last_frame(UsageError("told")) == ""
