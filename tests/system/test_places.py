"""The place of an error is in the user's code."""

from __future__ import annotations

import re

import pytest
import torch

from pytest_lic.adapters.network.blame import blamed
from pytest_lic.errors import CodecError
from pytest_lic.system.places import place


def test_the_last_frame_outside_torch_is_named() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.nn.Linear(3, 4)(torch.zeros(2))
    assert re.search(r"test_places.py:\d+, in test_the_last_frame_outside", place(caught.value))


def test_an_error_that_was_not_raised_has_no_place() -> None:
    assert place(KeyError("q")) == ""


def test_the_place_stands_in_what_is_told() -> None:
    message = r"toy failed: KeyError: 'q' \(at .*test_places.py:\d+, in test_the_place"
    with pytest.raises(CodecError, match=message), blamed("toy"):
        raise KeyError("q")
