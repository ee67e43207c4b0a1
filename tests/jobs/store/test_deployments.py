"""Deployments: names for models."""

from __future__ import annotations

import pytest

from localft.errors import NotFound, UsageError
from localft.jobs.store import Deployment, Store
from stores import finished_job


def test_a_deployment_is_made_pointed_elsewhere_and_deleted(store: Store) -> None:
    name = str(finished_job(store).job.fine_tuned_model)
    made, is_new = store.deployments.put(Deployment("mine", "localft/tiny-base"))
    assert is_new and made.created_at > 0
    moved, is_new = store.deployments.put(Deployment("mine", name, sku="GlobalStandard", capacity=50))
    assert not is_new and (moved.model, moved.sku, moved.capacity) == (name, "GlobalStandard", 50)
    assert store.deployments.page().items == (moved,)
    with pytest.raises(NotFound):
        store.deployments.put(Deployment("other", "tiny-llama.ft-" + "0" * 32))
    with pytest.raises(UsageError, match="name"):
        store.deployments.put(Deployment("../x", name))
    store.deployments.delete("mine")
    with pytest.raises(NotFound):
        store.deployments.get("mine")
