"""JSON becomes typed values, and whatever is wrong with it is said in one line that names it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest

from pytest_lic.errors import UsageError
from pytest_lic.system.typed_json import Count, Finite, JsonFile, as_text, plain, structured

FILE = JsonFile("plan", UsageError, "draw {file} again", newest=2)


@dataclass(frozen=True)
class Room:
    """A part of what is read."""

    windows: Count
    warmth: Finite | None
    doors: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True)
class House:
    """What is read."""

    rooms: Mapping[str, Room]
    floors: tuple[int, ...] = ()


GOOD = {"rooms": {"a.b": {"windows": 1, "warmth": 20, "doors": {"[...]": {"to the hall": 2}}}}}


def test_what_is_written_is_read() -> None:
    house = House({"hall": Room(2, 19.5, {})}, (0, 1))
    assert structured(json.loads(json.dumps(plain(house))), House) == house


def test_mappings_and_numbers_of_numpy_are_written_as_json_has_them() -> None:
    value = {"a": MappingProxyType({"b": np.float64(0.5)}), "c": np.int64(3), "d": np.float32(2)}
    assert json.dumps(plain(value)) == '{"a": {"b": 0.5}, "c": 3, "d": 2.0}'


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rooms": 3}, "$.rooms is 3: expected `object`, got `int`"),
        ({}, "$: object missing required field `rooms`"),
        ({"rooms": {"ok": GOOD["rooms"]["a.b"], "x": {}}}, "$.rooms['x']: object missing"),
        (
            {"rooms": {"ok": GOOD["rooms"]["a.b"], "a.b": {**GOOD["rooms"]["a.b"], "windows": 0}}},
            "$.rooms['a.b'].windows is 0: expected `int` >= 1",
        ),
        (
            {"rooms": {"a": {**GOOD["rooms"]["a.b"], "doors": {"b": {}, "c": {"d": 1, "e": "f"}}}}},
            "$.rooms['a'].doors['c']['e'] is 'f': expected `int`, got `str`",
        ),
        ({**GOOD, "floors": [0, 1.5]}, "$.floors[1] is 1.5: expected `int`, got `float`"),
        (
            {"rooms": {"a": {**GOOD["rooms"]["a.b"], "warmth": float("nan")}}},
            "$.rooms['a'].warmth is nan: expected a finite number, smaller than 2**48",
        ),
        ({**GOOD, "floors": "x" * 500}, f"$.floors is '{'x' * 39}…: expected `array`"),
    ],
)
def test_an_error_names_the_place_and_shows_what_is_there(
    change: dict[str, object], message: str
) -> None:
    before = json.dumps(change)
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        structured(change, House)
    assert json.dumps(change) == before, "what was read is left as it was"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "can't be read"),
        (b"\xff", "can't be read"),
        (b"{", "is not valid JSON"),
        (b'{"format": 3}', "is of format 3; this pytest-lic reads up to 2: upgrade it"),
        (b'{"format": 0}', "is damaged: its format is 0; expected 2; draw plan.json again"),
        (b'{"format": "1"}', "is damaged: its format is '1'; expected 2; draw plan.json again"),
        (b'{"format": true}', "is damaged: its format is True; expected 2; draw plan.json again"),
    ],
)
def test_a_file_that_can_not_be_used_is_one_clear_line(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    path = tmp_path / "plan.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=f"plan {path} {message}") as caught:
        FILE.read(path)
    assert "\n" not in str(caught.value)
    assert ("draw plan.json again" in str(caught.value)) == any(
        word in message for word in ("JSON", "damaged")
    )


def test_what_is_wrong_while_it_is_parsed_is_damage_of_the_file(tmp_path: Path) -> None:
    with (
        pytest.raises(UsageError, match=r"plan .* is damaged: room 1: too small; draw p again"),
        FILE.parsing(tmp_path / "p", "room 1"),
    ):
        raise ValueError("too small")


def test_what_is_small_stands_on_one_line() -> None:
    assert as_text({"a": {"b": 1}, "c": [{"d": [1, 2]}, {}]}) == (
        '{\n "a": {"b": 1},\n "c": [\n  {\n   "d": [1, 2]\n  },\n  {}\n ]\n}\n'
    )


THREADS = """
import sys, threading
from dataclasses import make_dataclass

from pytest_lic.system.typed_json import structured

sys.setswitchinterval(1e-6)
for number in range(200):
    kind, value = int, 1
    for depth in range(12):
        fields = [("inner", kind), ("numbers", "dict[str, int]"), ("values", "list[float | None]")]
        kind = make_dataclass(f"Kind{number}_{depth}", fields)
        value = {"inner": value, "numbers": {"one": 1}, "values": [1.0, None]}
    together = threading.Barrier(4)
    threads = [
        threading.Thread(target=lambda: (together.wait(), structured(value, kind)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
"""


def test_threads_that_meet_a_type_at_once_do_not_crash() -> None:
    """As those of pytest-xdist's controller do, one for each worker."""
    subprocess.run([sys.executable, "-c", THREADS], check=True, timeout=120)
