"""Fine-tuning jobs over HTTP, without a worker: what is made, refused, listed and moved."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import openai
import pytest

from localft.jobs.store import MAX_QUEUED_JOBS
from served import Service
from service import rows

MODEL = "localft/tiny-base"


def training_file(service: Service) -> str:
    return service.openai().files.create(file=("train.jsonl", rows(12)), purpose="fine-tune").id


def create(service: Service, **changes: Any) -> Any:
    asked = {"model": MODEL, "training_file": changes.pop("training_file", None) or training_file(service), **changes}
    return service.openai().fine_tuning.jobs.create(**asked)


def test_a_job_has_what_was_asked_for(fresh: Service) -> None:
    job = create(
        fresh,
        suffix="Travel-1",
        seed=7,
        method={"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 2, "batch_size": "auto"}}},
        metadata={"who": "me"},
        extra_body={"trainingType": "GlobalStandard"},
    )
    assert (job.status, job.model, job.seed, job.metadata) == ("validating_files", MODEL, 7, {"who": "me"})
    assert (job.suffix, job.user_provided_suffix, job.trainingType) == ("Travel-1", "Travel-1", "GlobalStandard")
    assert (job.hyperparameters.n_epochs, job.hyperparameters.batch_size) == (2, "auto")
    assert (job.fine_tuned_model, job.finished_at, job.error, job.result_files) == (None, None, None, [])


def test_the_older_place_of_the_knobs_counts_where_the_method_says_nothing(fresh: Service) -> None:
    job = create(
        fresh,
        hyperparameters={"n_epochs": 4, "batch_size": 8, "learning_rate_multiplier": -1},
        method={"type": "supervised", "supervised": {"hyperparameters": {"batch_size": 2}}},
    )
    knobs = job.hyperparameters
    assert (knobs.n_epochs, knobs.batch_size, knobs.learning_rate_multiplier) == (4, 2, "auto")


def test_azures_dated_api_says_pending_warning_and_leaves_out_nulls(fresh: Service) -> None:
    client = fresh.azure()
    file = training_file(fresh)
    raw = client.fine_tuning.jobs.with_raw_response.create(model=MODEL, training_file=file, extra_body={"odd": 1})
    job = raw.parse()
    assert raw.status_code == 201 and raw.headers["location"].startswith(
        f"/openai/fine_tuning/jobs/{job.id}?api-version="
    )
    assert job.status == "pending" and job.fine_tuned_model is None
    assert "fine_tuned_model" not in raw.http_response.json()
    assert {event.level for event in client.fine_tuning.jobs.list_events(job.id)} == {"info", "warning"}
    assert {event.level for event in fresh.openai().fine_tuning.jobs.list_events(job.id)} == {"info", "warn"}


def test_unknown_keys_are_ignored_and_the_events_say_so(fresh: Service) -> None:
    job = create(fresh, extra_body={"prompt_loss_weight": 0.1})
    warning = next(event for event in fresh.openai().fine_tuning.jobs.list_events(job.id) if event.level == "warn")
    assert "prompt_loss_weight" in warning.message


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"model": "no-such-model"}, "model"),
        ({"model": "../../etc"}, "model"),
        ({"model": "/etc"}, "model"),
        ({"training_file": "file-none"}, "training_file"),
        ({"validation_file": "file-none"}, "validation_file"),
        ({"suffix": "with.dot"}, "suffix"),
        ({"suffix": "x" * 65}, "suffix"),
        ({"seed": 2**31}, "seed"),
        ({"seed": True}, "seed"),
        ({"hyperparameters": {"n_epochs": 0}}, None),
        ({"hyperparameters": {"batch_size": 257}}, None),
        ({"hyperparameters": {"batch_size": True}}, None),
        ({"hyperparameters": {"learning_rate_multiplier": 0}}, None),
        ({"hyperparameters": {"learning_rate": 1}}, None),
        ({"method": {"type": "dpo"}}, "method.type"),
        ({"metadata": {"k" * 65: "v"}}, "metadata"),
        ({"metadata": {str(i): "v" for i in range(17)}}, "metadata"),
        ({"extra_body": {"localft": {"chat_template": "/etc/passwd"}}}, "localft.chat_template"),
        ({"extra_body": {"localft": {"lora": {"rank": 0}}}}, None),
    ],
)
def test_what_makes_no_sense_is_refused_at_once(shared: Service, changes: dict[str, Any], param: str | None) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        create(shared, **changes)
    assert param is None or refused.value.param == param
    assert list(shared.openai().fine_tuning.jobs.list()) == []


def told(service: Service, body: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """The message of a refusal, and the sentence about each field."""
    with service.http() as client:
        error = client.post("/v1/fine_tuning/jobs", json={"model": MODEL, "training_file": "f", **body}).json()["error"]
    return error["message"], {detail["target"]: detail["message"] for detail in error.get("details", [error])}


def test_each_field_at_fault_is_told_once_by_its_own_name(shared: Service) -> None:
    knobs = {"n_epochs": "x", "batch_size": 1.5, "odd": 1}
    message, fields = told(shared, {"training_file": 7, "suffix": "a b", "hyperparameters": knobs})
    assert message == "training_file: expected text, found 7 (4 more: see details)"
    assert fields == {
        "training_file": "training_file: expected text, found 7",
        "suffix": 'suffix: expected 1 to 64 of the characters A-Z a-z 0-9 _ -, found "a b"',
        "hyperparameters.n_epochs": 'hyperparameters.n_epochs is "x"; expected an integer from 1 to 50, or "auto"',
        "hyperparameters.batch_size": 'hyperparameters.batch_size is 1.5; expected an integer from 1 to 256, or "auto"',
        "hyperparameters.odd": "hyperparameters.odd: expected no field of this name, found 1",
    }


def test_keys_of_recipes_and_metadata_are_told_by_the_services_field(shared: Service) -> None:
    keys = {"odd": 1, "overlong": "cut", "lora": {"rank": "x"}}
    message, fields = told(shared, {"localft": keys, "metadata": {"k": "v" * 513}})
    assert set(fields) == {"localft.odd", "localft.overlong", "localft.lora.rank", "metadata"}
    assert message.endswith("(3 more: see details)")


def test_a_file_of_another_purpose_is_refused(fresh: Service) -> None:
    file = fresh.openai().files.create(file=("a.jsonl", rows(1)), purpose="batch")
    with pytest.raises(openai.BadRequestError, match="purpose"):
        create(fresh, training_file=file.id)


def test_listing_jobs_pages_and_filters_by_metadata(fresh: Service) -> None:
    file, client = training_file(fresh), fresh.openai()
    made = [create(fresh, training_file=file, metadata={"n": str(i % 2), "k[]": "v w"}).id for i in range(5)]
    plain = create(fresh, training_file=file).id
    assert [job.id for job in client.fine_tuning.jobs.list(limit=2)] == [plain, *reversed(made)]
    assert [job.id for job in client.fine_tuning.jobs.list(metadata={"n": "1", "k[]": "v w"})] == [made[3], made[1]]
    with fresh.http() as http:
        page = http.get("/v1/fine_tuning/jobs?metadata=null").json()
    assert ([job["id"] for job in page["data"]], page["has_more"]) == ([plain], False)


def test_a_filter_of_more_pairs_than_a_job_has_is_400(shared: Service) -> None:
    with shared.http() as http:
        response = http.get("/v1/fine_tuning/jobs", params={f"metadata[{number}]": "v" for number in range(1500)})
    assert (response.status_code, response.json()["error"]["param"]) == (400, "metadata")


def test_events_and_checkpoints_page_to_an_end(fresh: Service) -> None:
    client = fresh.openai()
    job = create(fresh, extra_body={"odd": 1})
    messages = [event.message for event in client.fine_tuning.jobs.list_events(job.id, limit=1)]
    assert len(messages) == 2 and messages[-1].startswith("Job enqueued")
    assert list(client.fine_tuning.jobs.checkpoints.list(job.id)) == []


def test_a_job_that_waits_is_cancelled_and_deleted(fresh: Service) -> None:
    client = fresh.openai()
    job = create(fresh)
    assert client.fine_tuning.jobs.cancel(job.id).status == "cancelled"
    with fresh.http() as http:
        gone = http.delete(f"/v1/fine_tuning/jobs/{job.id}")
    assert (gone.status_code, gone.content) == (204, b"")
    with pytest.raises(openai.NotFoundError):
        client.fine_tuning.jobs.retrieve(job.id)


@pytest.mark.parametrize("move", ["pause", "resume"])
def test_a_move_that_the_state_forbids_is_409_and_is_not_sent_again(fresh: Service, move: str) -> None:
    job = create(fresh)
    tries: list[httpx.Request] = []
    client = fresh.openai()
    client._client.event_hooks["request"].append(tries.append)
    with pytest.raises(openai.ConflictError) as refused:
        getattr(client.fine_tuning.jobs, move)(job.id)
    assert refused.value.response.headers["x-should-retry"] == "false"
    assert len(tries) == 1


def test_a_full_queue_is_409(fresh: Service) -> None:
    file = training_file(fresh)
    for _ in range(MAX_QUEUED_JOBS):
        create(fresh, training_file=file)
    with pytest.raises(openai.ConflictError) as refused:
        create(fresh, training_file=file)
    assert refused.value.code == "too_many_queued_jobs"


def test_a_file_that_a_job_waits_for_is_not_deleted(fresh: Service) -> None:
    client, file = fresh.openai(), training_file(fresh)
    job = create(fresh, training_file=file)
    with pytest.raises(openai.ConflictError):
        client.files.delete(file)
    client.fine_tuning.jobs.cancel(job.id)
    assert client.files.delete(file).deleted


def send(service: Service, body: dict[str, Any], **headers: str) -> str:
    with service.http() as http:
        response = http.post(
            "/v1/fine_tuning/jobs", content=json.dumps(body), headers={"Content-Type": "application/json", **headers}
        )
    return str(response.json().get("id", response.status_code))


def test_a_request_that_the_client_sends_again_makes_no_second_job(fresh: Service) -> None:
    body = {"model": MODEL, "training_file": training_file(fresh)}
    retries = [send(fresh, body, **{"x-stainless-retry-count": str(count)}) for count in range(3)]
    assert len(set(retries)) == 1
    assert send(fresh, body, **{"x-stainless-retry-count": "0"}) != retries[0]
    assert send(fresh, {**body, "seed": 1}, **{"x-stainless-retry-count": "1"}) != retries[0]


def test_an_idempotency_key_makes_one_job_and_refuses_another_body(fresh: Service) -> None:
    body = {"model": MODEL, "training_file": training_file(fresh)}
    first, second = (send(fresh, body, **{"Idempotency-Key": "a key"}) for _ in range(2))
    assert first == second
    assert send(fresh, {**body, "seed": 1}, **{"Idempotency-Key": "a key"}) == "409"


def test_a_reply_that_was_lost_makes_one_job(fresh: Service) -> None:
    """The client of the official package sends a creation again when the answer does not come."""
    file, client = training_file(fresh), fresh.openai(max_retries=2)
    send_on: Callable[..., Any] = client._client.send
    lost = iter([True, True, False])

    def send_and_lose(*arguments: Any, **options: Any) -> Any:
        response = send_on(*arguments, **options)
        if next(lost):
            raise httpx.ReadTimeout("the reply is lost on its way") from None
        return response

    client._client.send = send_and_lose  # type: ignore[method-assign]
    job = client.fine_tuning.jobs.create(model=MODEL, training_file=file)
    assert [found.id for found in fresh.openai().fine_tuning.jobs.list()] == [job.id]
