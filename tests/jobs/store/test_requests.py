"""Requests that make no sense make no job."""

from __future__ import annotations

import pytest

from localft.errors import UsageError
from localft.jobs.store import Store
from stores import request


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"training_file": "file-" + "0" * 32}, "training_file: No file"),
        ({"validation_file": "file-nothing"}, "validation_file: No file"),
        ({"model": "gpt-4o"}, "model is 'gpt-4o'"),
        ({"model": "../../etc"}, "model is"),
        ({"suffix": "a b"}, "suffix"),
        ({"suffix": ""}, "suffix"),
        ({"suffix": "a" * 65}, "suffix"),
        ({"seed": -5}, "seed"),
        ({"hyperparameters": {"n_epochs": 0}}, "n_epochs"),
        ({"hyperparameters": {"epochs": 1}}, "epochs is not a key"),
        ({"recipe": {"output_dir": "/tmp/x"}}, "localft.output_dir is not a key"),
        ({"recipe": {"lora": {"rank": 0}}}, "rank"),
        ({"metadata": {str(n): "" for n in range(17)}}, "17 pairs"),
        ({"metadata": {"k" * 65: ""}}, "65 characters"),
        ({"metadata": {"k": "v" * 513}}, "513 characters"),
    ],
)
def test_what_makes_no_sense_is_refused_and_makes_no_job(
    store: Store, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        store.jobs.create(request(store, **changes))
    assert store.jobs.page().items == ()
