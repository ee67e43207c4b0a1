"""Models of the store: which directory a name means, and what may be deleted."""

from __future__ import annotations

import pytest

from localft.errors import Conflict, NotFound
from localft.jobs.store import Deployment, Store
from stores import finished_job, request


@pytest.mark.parametrize("name", ["../x", "tiny-llama.ft-" + "0" * 32, "ftchkpt-" + "0" * 32, "", "/etc/passwd"])
def test_a_name_that_is_no_model_of_the_store_is_not_found(store: Store, name: str) -> None:
    with pytest.raises(NotFound):
        store.models.resolve(name)


def test_a_model_outlives_its_job_and_takes_the_rest_with_it(store: Store) -> None:
    stored = finished_job(store)
    name = stored.job.fine_tuned_model
    assert name is not None
    store.jobs.delete(stored.id)
    assert store.models.resolve(name).directory.is_dir()
    store.deployments.put(Deployment("mine", name))
    with pytest.raises(Conflict, match="deployed as mine"):
        store.models.delete(name)
    store.deployments.delete("mine")
    store.models.delete(name)
    with pytest.raises(NotFound):
        store.models.resolve(name)
    assert list((store.home / "jobs").iterdir()) == []


def test_a_deleted_model_leaves_the_job_and_its_results(store: Store) -> None:
    stored = finished_job(store)
    store.models.delete(str(stored.job.fine_tuned_model))
    assert store.jobs.get(stored.id).job.status == "succeeded"
    assert store.files.get(stored.job.result_files[0]).bytes > 0
    assert store.jobs.checkpoints(stored.id).items == ()
    store.jobs.delete(stored.id)
    assert list((store.home / "jobs").iterdir()) == []


def test_training_goes_on_from_a_model_or_a_checkpoint_and_keeps_the_first_bases_name(store: Store) -> None:
    first = finished_job(store)
    second = store.jobs.create(request(store, model=first.job.fine_tuned_model))
    assert second.job.model == first.job.fine_tuned_model
    assert second.job.model_name == f"tiny-llama.ft-{second.job.hex}"
    assert second.recipe is not None and f'"model": "{first.directory / "model"}"' in second.recipe
    with pytest.raises(Conflict, match="trained further"):
        store.models.delete(str(first.job.fine_tuned_model))
    last, earlier = store.jobs.checkpoints(first.id).items
    assert store.jobs.create(request(store, model=last.id)).job.model == first.job.fine_tuned_model
    named = f"{first.job.fine_tuned_model}:ckpt-step-1"
    assert store.jobs.create(request(store, model=earlier.id)).job.model == named
