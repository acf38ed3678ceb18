"""How long tests of strategies search, and for what."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, find, settings
from hypothesis import strategies as st

INT32 = np.iinfo(np.int32)
FLOAT32 = np.finfo(np.float32)
SEARCH = settings(
    max_examples=3000,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate, Phase.shrink],
)
QUICK = settings(SEARCH, max_examples=60)


def smallest(strategy: st.SearchStrategy[Any], wanted: Callable[[Any], bool]) -> Any:
    """The simplest example of this kind; an error where there is none."""
    return find(strategy, wanted, settings=SEARCH)
