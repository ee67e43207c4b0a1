"""How ZeRO-3 cuts; what trains under it is in invariants/test_sharding.py."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
import torch.distributed as dist

from localft.modeling.zero import own_slice


@pytest.mark.parametrize(("rank", "expected"), [(0, [0.0, 1.0]), (1, [2.0, 3.0]), (2, [4.0, 0.0]), (3, [0.0, 0.0])])
def test_slices_are_of_one_length_also_where_a_tensor_does_not_divide(
    monkeypatch: pytest.MonkeyPatch, rank: int, expected: list[float]
) -> None:
    monkeypatch.setattr(dist, "get_rank", lambda: rank)
    parameter = SimpleNamespace(ds_tensor=torch.empty(2))
    assert own_slice(torch.arange(5.0).view(5, 1), parameter).tolist() == expected
