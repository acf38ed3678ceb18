"""Codebook use: dead entries are named, codebook by codebook."""

from __future__ import annotations

import numpy as np

from lic_models.components.vector_quantization import CodebookUse


def test_dead_entries_are_named_of_each_codebook_that_has_some() -> None:
    use = CodebookUse(np.array([[3, 0, 1, 0, 0], [1, 1, 1, 1, 1], [0, 0, 0, 7, 0]]))
    assert use.used == [2, 5, 1]
    assert use.dead == {0: [1, 3, 4], 2: [0, 1, 2, 4]}
    assert str(use) == "3 codebooks of 5 entries, 7 of them dead (0: 1, 3-4; 2: 0-2, 4)"


def test_none_dead_is_said_too() -> None:
    assert str(CodebookUse(np.ones((2, 4), int))) == "2 codebooks of 4 entries, none of them dead"
