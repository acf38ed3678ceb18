"""Many stamps as one matrix, and stamps that contradict each other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pytest_lic.checks.passport.matrix import matrix_of
from pytest_lic.errors import PassportError
from tests.helpers.passports import BROKEN, FINE, stamp

ONE, OTHER = Path("one.json"), Path("other.json")


def test_machines_and_pairs_are_those_of_the_stamps() -> None:
    matrix = matrix_of({ONE: stamp("B", "A", FINE), OTHER: stamp("A", "C", BROKEN)})
    assert matrix.machines == ("A", "B", "C")
    assert matrix.pairs == {("A", "C"): (BROKEN,), ("B", "A"): (FINE,)}
    assert matrix.broken == (("A", "C", BROKEN),)


def test_stamps_of_several_packs_join() -> None:
    second = replace(FINE, quality="2")
    matrix = matrix_of({ONE: stamp("A", "B", FINE), OTHER: stamp("A", "B", second)})
    assert matrix.pairs == {("A", "B"): (FINE, second)}
    assert matrix.broken == ()


def test_a_codec_on_several_corpora_of_one_pack_counts_with_all_of_them() -> None:
    matrix = matrix_of({ONE: stamp("A", "B", FINE, BROKEN)})
    assert matrix.pairs == {("A", "B"): (FINE, BROKEN)}
    assert matrix.broken == (("A", "B", BROKEN),)


def test_one_codec_of_one_pair_twice_is_refused() -> None:
    with pytest.raises(
        PassportError, match=r"one\.json and other\.json both tell of mine q1, encoded by A and"
    ):
        matrix_of({ONE: stamp("A", "B", FINE), OTHER: stamp("A", "B", BROKEN)})


def test_one_name_for_two_environments_is_refused() -> None:
    other = stamp("A", "C", FINE)
    side = replace(other.encoder, environment=other.decoder.environment)
    with pytest.raises(PassportError, match=r"other\.json call two environments 'A'; give each"):
        matrix_of({ONE: stamp("A", "B", FINE), OTHER: replace(other, encoder=side)})
