"""What the tests of the trackers share: servers on loopback that misbehave, and readers of what the trackers wrote."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from localft.jobs.events import read_events
from localft.jobs.results import read_results

Points = dict[tuple[int, str], float]
"""(step, metric) -> value."""
PATIENT = 240.0
"""Seconds for a tracker that works, on a machine that is busy with other things."""


def points_of_results(run: Path) -> Points:
    return {(row.step, name): value for row in read_results(run / "results.csv") for name, value in row.metrics.items()}


def warnings_of(run: Path) -> list[str]:
    return [event.message for event in read_events(run / "events.jsonl") if event.level == "warn"]


# --- servers


@contextmanager
def silent_server() -> Iterator[str]:
    """Accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@contextmanager
def no_server() -> Iterator[str]:
    """The address of a port on which nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}"


@contextmanager
def http_server(answer: Callable[[str, dict[str, Any]], tuple[int, dict[str, Any]]]) -> Iterator[str]:
    """Answers each request by `answer(path, body)`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer({})

        def do_POST(self) -> None:
            self._answer(json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}"))

        def _answer(self, body: dict[str, Any]) -> None:
            status, content = answer(self.path.partition("?")[0], body)
            data = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class SmallMlflowServer:
    """As much of MLflow's REST API as one run needs, with the limits of Azure ML's server, each call remembered."""

    def __init__(self, most_parameters: int = 200) -> None:
        self.most_parameters = most_parameters
        self.parameters: dict[str, str] = {}
        self.metrics: list[dict[str, Any]] = []
        self.sizes: list[int] = []
        self.status = "RUNNING"
        self.fails = False

    def __call__(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if self.fails:
            return 500, {"error_code": "INTERNAL_ERROR", "message": "out of order"}
        call = path.partition("/mlflow/")[2]
        run = {"info": {"run_id": "r1", "experiment_id": "1", "status": self.status, "lifecycle_stage": "active"}}
        if call == "experiments/get-by-name":
            return 200, {"experiment": {"experiment_id": "1", "name": "localft", "lifecycle_stage": "active"}}
        if call in ("runs/create", "runs/get"):
            return 200, {"run": {**run, "data": {}}}
        if call == "runs/update":
            self.status = body.get("status", self.status)
            return 200, {"run_info": {**run["info"], "status": self.status}}
        if call == "runs/log-batch":
            return self._log_batch(body)
        return 404, {"error_code": "ENDPOINT_NOT_FOUND", "message": path}

    def _log_batch(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        given = {parameter["key"]: parameter["value"] for parameter in body.get("params", [])}
        if len({**self.parameters, **given}) > self.most_parameters or any(
            len(value) > 500 for value in given.values()
        ):
            return 400, {"error_code": "INVALID_PARAMETER_VALUE", "message": "too many or too long"}
        self.parameters.update(given)
        self.metrics += body.get("metrics", [])
        self.sizes.append(len(body.get("metrics", [])))
        return 200, {}


# --- what was written


def points_of_wandb(run: Path) -> Points:
    """The history in the transaction logs of offline runs."""
    from wandb.proto.wandb_internal_pb2 import Record

    found: Points = {}
    for log in sorted((run / "wandb").glob("offline-run-*/*.wandb")):
        for data in _log_records(log.read_bytes()):
            record = Record.FromString(data)
            if not record.HasField("history"):
                continue
            items = {
                (item.key or ".".join(item.nested_key)): json.loads(item.value_json) for item in record.history.item
            }
            step = record.history.step.num
            for name, value in items.items():
                if not name.startswith("_"):
                    assert (step, name) not in found, "a step is told once"
                    found[step, name] = value
    return found


def _log_records(data: bytes, block: int = 32768) -> Iterator[bytes]:
    """Records of a log in LevelDB's format: blocks of (checksum, length, type, part), behind W&B's header of 7 bytes."""
    place, parts = 7, b""
    while place + 7 <= len(data):
        if block - place % block < 7:
            place += block - place % block
            continue
        _, length, kind = struct.unpack_from("<IHB", data, place)
        parts += data[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):  # whole, or the last part
            yield parts
            parts = b""


def points_of_tensorboard(run: Path) -> Points:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    read = EventAccumulator(str(run / "tensorboard"), size_guidance={"scalars": 0}).Reload()
    scalars = [(name, event) for name in read.Tags()["scalars"] for event in read.Scalars(name)]
    found = {(event.step, name): event.value for name, event in scalars}
    assert len(found) == len(scalars), "a step is shown once"
    return found


def points_of_mlflow(store: str, run_id: str) -> Points:
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=store)
    entries = [
        entry for name in client.get_run(run_id).data.metrics for entry in client.get_metric_history(run_id, name)
    ]
    found = {(entry.step, entry.key): entry.value for entry in entries}
    assert len(found) == len(entries), "a step has one value"
    return found
