"""The place of an error is in the user's code."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
import torch

from pytest_lic.adapters.network.blame import blamed
from pytest_lic.errors import CodecError
from pytest_lic.system.places import place, without_place
from pytest_lic.system.simulated_environments import chosen_environments


def test_the_last_frame_outside_torch_is_named() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.nn.Linear(3, 4)(torch.zeros(2))
    assert re.search(r"test_places.py:\d+, in test_the_last_frame_outside", place(caught.value))


@pytest.mark.parametrize(
    ("call", "argument"), [(json.loads, "{"), (chosen_environments, ["x"])], ids=["python", "ours"]
)
def test_frames_of_python_and_of_this_package_are_passed_over(
    call: Callable[[object], object], argument: object
) -> None:
    with pytest.raises(Exception) as caught:  # noqa: PT011
        call(argument)
    assert re.search(r"test_places.py:\d+, in test_frames_of_python", place(caught.value))


def test_an_error_that_was_not_raised_has_no_place() -> None:
    assert place(KeyError("q")) == ""


def test_the_place_stands_in_what_is_told() -> None:
    message = r"toy failed: KeyError: 'q' \(at .*test_places.py:\d+, in test_the_place"
    with pytest.raises(CodecError, match=message), blamed("toy"):
        raise KeyError("q")


def test_a_message_is_the_same_without_its_place_wherever_it_was_made() -> None:
    told = [f"KeyError: 'a (b)' (at {file}:7, in <listcomp>); it" for file in ("c.py", "/x/c.py")]
    assert {without_place(text) for text in told} == {"KeyError: 'a (b)'; it"}
