"""Means that a resumed run goes on with."""

from __future__ import annotations

import torch

from lic_models.training.running_means import RunningMeans


def test_means_go_on_where_they_were_saved() -> None:
    means, restored = RunningMeans(), RunningMeans()
    means.add({"a": torch.tensor(1.0)})
    restored.load_state_dict(means.state_dict(), torch.device("cpu"))
    assert restored.add({"a": torch.tensor(4.0)}) == {"a": torch.tensor(2.5)}
    restored.clear()
    assert restored.add({"a": torch.tensor(4.0)}) == {"a": torch.tensor(4.0)}
