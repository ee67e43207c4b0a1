#!/usr/bin/env python3
"""Kills `localft serve` under writes, cuts uploads off, sends it the largest file, and asks it from all sides while it trains.

    scripts/soak service                    the whole trial, prints a table; half an hour on two cores
    scripts/soak service --kills 10         fewer; also --cuts, --megabytes, --clients, --requests
    scripts/soak service --only load        one of kills, cuts, memory, load
    scripts/soak service --write            writes docs/soak/service.md too

Kills: four writers upload files and make jobs without pause, and the server gets SIGKILL at a random moment. The next one on the
same home has to have everything that was acknowledged, byte for byte; the database has to pass its integrity check; a job that
was being trained has to be trained by a living process within ten seconds, or be back in the queue; and a creation that was on
its way is sent again as the official client does it, and has to make one job. Jobs are trained for real in the meantime.

Cuts: connections closed at random places of an upload. Memory: the peak of the server's resident memory before and behind one
upload. Load: clients that read, write and chat, each request behind the other, while a job is trained.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import random
import signal
import socket
import sqlite3
import ssl
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from localft.jobs.store import Store
from localft.worker import processes
from served import Served, served
from soak_checkpoints import ROOT, circumstances, conclude

PAGE = ROOT / "docs" / "soak" / "service.md"
MIB = 1024 * 1024
MODEL = "localft/tiny-llama"
WRITERS = 4
MAX_WAITING = 12
"""Jobs above this number are deleted, since the queue takes twenty."""
ORPHANS_SECONDS = 10.0
P99_SECONDS = 2.0
GROWTH_MIB = 64
CHAT = {"model": "localft/tiny-base", "messages": [{"role": "user", "content": "What is the capital of France?"}]}
JSON = {"Content-Type": "application/json"}
ROW = '{"messages": [{"role": "user", "content": "What is %d?"}, {"role": "assistant", "content": "It is %d."}]}\n'
TRIALS = ("kills", "cuts", "memory", "load")


@dataclass
class Report:
    """Lines of the page, and what did not hold."""

    lines: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def expect(self, holds: bool, what: str) -> None:
        if not holds:
            self.failures.append(what)


@dataclass
class Acknowledged:
    """What the server has said yes to, and what was on its way when it died."""

    files: dict[str, str] = field(default_factory=dict)
    """Id -> sha256."""
    jobs: dict[str, str] = field(default_factory=dict)
    """Id -> the metadata that only this wish has."""
    on_their_way: list[bytes] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


def write_until_it_dies(running: Served, known: Acknowledged, training_file: str, seed: int) -> None:
    """One writer: files of some kilobytes, and jobs on one of them."""
    dice = random.Random(seed)
    with running.at.http() as client:
        while True:
            try:
                if dice.random() < 0.7:
                    content = dice.randbytes(dice.randrange(1, 200_000))
                    form = {"purpose": "fine-tune"}
                    answer = client.post("/v1/files", data=form, files={"file": ("f.jsonl", content)})
                    if answer.status_code == 200:
                        with known.lock:
                            known.files[answer.json()["id"]] = hashlib.sha256(content).hexdigest()
                else:
                    _make_job(client, known, training_file, f"{seed}-{dice.random()}")
            except httpx.TransportError:
                return


def _make_job(client: httpx.Client, known: Acknowledged, training_file: str, wish: str) -> None:
    body = json.dumps(
        {
            "model": MODEL,
            "training_file": training_file,
            "metadata": {"wish": wish},
            "hyperparameters": {"n_epochs": 2, "batch_size": 4},
        }
    ).encode()
    try:
        answer = client.post("/v1/fine_tuning/jobs", content=body, headers={**JSON, "x-stainless-retry-count": "0"})
    except httpx.TransportError:
        with known.lock:
            known.on_their_way.append(body)
        raise
    if answer.status_code == 200:
        with known.lock:
            known.jobs[answer.json()["id"]] = wish
    else:
        time.sleep(0.05)  # the queue is full


def kills(place: Path, count: int, dice: random.Random, report: Report) -> None:
    """SIGKILL to the server, again and again on one home."""
    home, known = place / "home", Acknowledged()
    longest_settled, orphans, succeeded = 0.0, 0, 0
    training_file = ""
    for number in range(count + 1):
        running = Served(home)
        settled, found = _settled(home, report, number)
        longest_settled, orphans = max(longest_settled, settled), orphans + found
        with running.at.http() as client:
            if not training_file:
                training_file = _upload(client, "".join(ROW % (i, i) for i in range(12)).encode())
            _send_again(client, known, report)
            _check_acknowledged(client, known, report, number)
            succeeded += _make_room(client, known)
        if number == count:
            _check_files(running, known, report)
            running.stop()
            break
        writers = [
            threading.Thread(
                target=write_until_it_dies, args=(running, known, training_file, number * WRITERS + writer)
            )
            for writer in range(WRITERS)
        ]
        for writer in writers:
            writer.start()
        time.sleep(dice.uniform(0.05, 2.0))
        running.stop(signal.SIGKILL)
        for writer in writers:
            writer.join()
        _check_database(home, report, number)
    report.lines += [
        f"| SIGKILLs of the server | {count} |",
        f"| files acknowledged, all there | {len(known.files):,} |",
        f"| jobs trained to their end in the meantime | {succeeded} |",
        f"| jobs in training when the server was killed | {orphans} |",
        f"| longest time until these were settled | {longest_settled:.1f} s |",
    ]


def _settled(home: Path, report: Report, number: int) -> tuple[float, int]:
    """Seconds until each claimed job has a living process again, or none; and how many there were."""
    started, found = time.monotonic(), None
    with Store.open(home) as store:
        while True:
            claimed = store.queue.claimed()
            found = len(claimed) if found is None else found
            loose = [stored.id for stored in claimed if stored.process is None or not processes.lives(stored.process)]
            waited = time.monotonic() - started
            if not loose:
                return waited, found
            if waited > ORPHANS_SECONDS:
                report.expect(False, f"kill {number}: {loose} not settled in {ORPHANS_SECONDS:.0f} s")
                return waited, found
            time.sleep(0.05)


def _send_again(client: httpx.Client, known: Acknowledged, report: Report) -> None:
    """What was on its way is sent again, twice, as a client does that has heard nothing."""
    for body in known.on_their_way:
        wish = json.loads(body)["metadata"]["wish"]
        answers = [
            client.post("/v1/fine_tuning/jobs", content=body, headers={**JSON, "x-stainless-retry-count": str(retry)})
            for retry in (1, 2)
        ]
        made = client.get("/v1/fine_tuning/jobs", params={"metadata[wish]": wish}).json()["data"]
        if all(answer.status_code == 200 for answer in answers):
            report.expect(len(made) == 1, f"a repeated creation made {len(made)} jobs")
            known.jobs[made[0]["id"]] = wish
        else:  # a full queue: the first try may have made it all the same
            report.expect(len(made) <= 1, f"a repeated creation made {len(made)} jobs")
    known.on_their_way.clear()


def _check_acknowledged(client: httpx.Client, known: Acknowledged, report: Report, number: int) -> None:
    listed = {file["id"] for file in _every(client, "/v1/files", 10_000)}
    lost = known.files.keys() - listed
    report.expect(not lost, f"kill {number}: files lost: {sorted(lost)}")
    jobs = {job["id"]: job for job in _every(client, "/v1/fine_tuning/jobs", 100)}
    lost = known.jobs.keys() - jobs.keys()
    report.expect(not lost, f"kill {number}: jobs lost: {sorted(lost)}")
    wishes = [(job["metadata"] or {}).get("wish") for job in jobs.values()]
    report.expect(len(set(wishes)) == len(wishes), f"kill {number}: a wish made several jobs")
    failed = [(job["id"], job["error"]) for job in jobs.values() if job["status"] == "failed"]
    report.expect(not failed, f"kill {number}: jobs failed: {failed}")


def _make_room(client: httpx.Client, known: Acknowledged) -> int:
    """Deletes jobs that have ended, and the last of those that wait; says how many had succeeded."""
    succeeded, waiting = 0, []
    for job in _every(client, "/v1/fine_tuning/jobs", 100):
        if job["status"] == "succeeded":
            succeeded += 1
            _delete_job(client, known, job["id"])
        elif job["status"] in ("validating_files", "queued"):
            waiting.append(job["id"])
    for id in waiting[: max(len(waiting) - MAX_WAITING, 0)]:
        client.post(f"/v1/fine_tuning/jobs/{id}/cancel")
        _delete_job(client, known, id)
    return succeeded


def _delete_job(client: httpx.Client, known: Acknowledged, id: str) -> None:
    if client.delete(f"/v1/fine_tuning/jobs/{id}").status_code == 204:
        known.jobs.pop(id, None)


def _check_files(running: Served, known: Acknowledged, report: Report) -> None:
    """Content by content; and nothing else on the disk."""
    with running.at.http() as client:
        for id, digest in known.files.items():
            content = client.get(f"/v1/files/{id}/content").content
            report.expect(hashlib.sha256(content).hexdigest() == digest, f"{id} is not what was sent")
        listed = {file["id"] for file in _every(client, "/v1/files", 10_000) if file["purpose"] == "fine-tune"}
    kept = {path.name for path in (running.home / "files").iterdir()}
    report.expect(kept == listed, f"files without a row: {sorted(kept - listed)[:5]}")


def _check_database(home: Path, report: Report, number: int) -> None:
    connection = sqlite3.connect(home / "localft.db")
    found = [row[0] for row in connection.execute("PRAGMA integrity_check")]
    connection.close()
    report.expect(found == ["ok"], f"kill {number}: integrity_check says {found}")


def _every(client: httpx.Client, path: str, limit: int) -> Iterator[dict[str, Any]]:
    after: dict[str, str] = {}
    while True:
        page = client.get(path, params={"limit": limit, **after}).json()
        yield from page["data"]
        if not page["has_more"]:
            return
        after = {"after": page["last_id"]}


def _upload(client: httpx.Client, content: bytes) -> str:
    answer = client.post("/v1/files", data={"purpose": "fine-tune"}, files={"file": ("train.jsonl", content)})
    return str(answer.json()["id"])


# --- uploads


def _form(content_length: int) -> tuple[bytes, bytes]:
    head = (
        b'--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nfine-tune\r\n'
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="big.jsonl"\r\n\r\n'
    )
    return head, b"\r\n--b--\r\n"


def cuts(place: Path, count: int, dice: random.Random, report: Report) -> None:
    """Connections that are closed in the middle of a file."""
    with served(place / "home") as running:
        where = urlsplit(running.at.address)
        before = _files_below(running.home)
        for _ in range(count):
            size = dice.randrange(1, 8 * MIB)
            head, tail = _form(size)
            sent = head + dice.randbytes(size) + tail
            request = (
                f"POST /v1/files HTTP/1.1\r\nHost: {where.netloc}\r\nAuthorization: Bearer {running.at.token}\r\n"
                f"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: {len(sent)}\r\n\r\n"
            ).encode()
            with socket.create_connection((where.hostname or "", where.port or 0)) as connection:
                connection.sendall(request + sent[: dice.randrange(len(sent))])
                if dice.random() < 0.5:  # a reset instead of an end
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        deadline = time.monotonic() + 20
        while _files_below(running.home) != before and time.monotonic() < deadline:
            time.sleep(0.05)
        left = _files_below(running.home) - before
        with running.at.http() as client:
            listed = list(_every(client, "/v1/files", 10_000))
    report.expect(not left and not listed, f"left by cut uploads: {sorted(left)} {listed}")
    report.lines += [f"| uploads cut off | {count} |", f"| files that they left | {len(left)} |"]


def _files_below(home: Path) -> set[Path]:
    return {path for name in ("files", "uploads") for path in (home / name).rglob("*")}


def memory(place: Path, megabytes: int, report: Report) -> None:
    """The server's peak of resident memory, before and behind one large upload, which is read back too."""
    digest = hashlib.sha256()

    def body() -> Iterator[bytes]:
        head, tail = _form(0)
        yield head
        dice = random.Random(1)
        for _ in range(megabytes):
            piece = dice.randbytes(MIB)
            digest.update(piece)
            yield piece
        yield tail

    with served(place / "home") as running, running.at.http() as client:
        _upload(client, b"{}\n")
        before = _peak_mib(running)
        started = time.monotonic()
        headers = {"Content-Type": "multipart/form-data; boundary=b"}
        answer = client.post("/v1/files", content=body(), headers=headers, timeout=600)
        seconds = time.monotonic() - started
        report.expect(answer.status_code == 200, f"the upload was answered {answer.status_code}: {answer.text[:300]}")
        behind = _peak_mib(running)
        back = hashlib.sha256()
        with client.stream("GET", f"/v1/files/{answer.json()['id']}/content", timeout=600) as content:
            for piece in content.iter_bytes(MIB):
                back.update(piece)
        report.expect(back.digest() == digest.digest(), "what came back is not what was sent")
        growth = _peak_mib(running) - before
        one_too_many = client.post("/v1/files", content=_beyond(), headers=headers, timeout=600).status_code
    report.expect(growth <= GROWTH_MIB, f"memory grew by {growth} MiB")
    report.expect(one_too_many == 413, f"513 MB were answered {one_too_many}")
    report.lines += [
        f"| one upload of {megabytes} MB | {seconds:.1f} s |",
        f"| peak of the server's memory before, behind it, behind the download | {before}, {behind}, {before + growth} MiB |",
        f"| one of 513 MB | {one_too_many} |",
    ]


def _beyond() -> Iterator[bytes]:
    head, tail = _form(0)
    yield head
    for _ in range(513):
        yield bytes(MIB)
    yield tail


def _peak_mib(running: Served) -> int:
    status = Path(f"/proc/{running.process.pid}/status").read_text()
    [peak] = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")]
    return int(peak) // 1024


# --- many clients


def load(place: Path, clients: int, requests: int, report: Report) -> None:
    """Clients that read, and every fourth time write and every fourth time chat, while a job is trained."""
    with served(place / "home") as running, running.at.http() as client:
        file = _upload(client, "".join(ROW % (i, i) for i in range(2000)).encode())
        body = {"model": MODEL, "training_file": file, "hyperparameters": {"n_epochs": 50, "batch_size": 4}}
        job = client.post("/v1/fine_tuning/jobs", json=body).json()["id"]
        _wait(lambda: client.get(f"/v1/fine_tuning/jobs/{job}").json()["status"] == "running")
        client.post("/v1/chat/completions", json=CHAT).raise_for_status()  # loads the model
        seconds = asyncio.run(_all_clients(running, clients, requests, job, report))
        still = client.get(f"/v1/fine_tuning/jobs/{job}").json()["status"]
        report.expect(still == "running", f"the job was {still} at the end of the load")
        client.post(f"/v1/fine_tuning/jobs/{job}/cancel")
    everything = [each for measured in seconds.values() for each in measured]
    missing = clients * requests - len(everything)
    report.expect(missing == 0, f"{missing} requests failed")
    report.lines.append(f"| {clients} clients, {requests} requests each, while a job trains | {missing} errors |")
    for name, measured in (("all", everything), *seconds.items()):
        slowest = _share(measured, 0.99)
        report.expect(slowest <= P99_SECONDS, f"{name}: p99 was {slowest:.2f} s")
        numbers = ", ".join(f"{_share(measured, share):.2f} s" for share in (0.5, 0.99, 1.0))
        report.lines.append(f"| {name}: median, p99, longest answer | {numbers} |")


def _share(seconds: list[float], share: float) -> float:
    """What so large a share of the requests took at most."""
    return sorted(seconds)[min(int(len(seconds) * share), len(seconds) - 1)]


async def _all_clients(
    running: Served, clients: int, requests: int, job: str, report: Report
) -> dict[str, list[float]]:
    """Seconds of each request that was answered as it should be: the reads, the writes, the chats."""
    seconds: dict[str, list[float]] = {"read": [], "write": [], "chat": []}
    reads = ("/v1/fine_tuning/jobs", f"/v1/fine_tuning/jobs/{job}", f"/v1/fine_tuning/jobs/{job}/events", "/v1/files")

    headers = {"Authorization": f"Bearer {running.at.token}"}
    no_tls = ssl.create_default_context()  # made once: fifty of them would take longer than the requests

    async def one(number: int) -> None:
        async with httpx.AsyncClient(verify=no_tls, base_url=running.at.address, headers=headers, timeout=60) as client:
            for turn in range(requests):
                kind = {3: "write", 1: "chat"}.get(turn % 4, "read")
                started = time.monotonic()
                try:
                    if kind == "write":
                        form = {"purpose": "fine-tune"}
                        content = {"file": ("small.jsonl", ROW.encode())}
                        answer = await client.post("/v1/files", data=form, files=content)
                    elif kind == "chat":
                        answer = await client.post("/v1/chat/completions", json=CHAT)
                    else:
                        answer = await client.get(reads[(number + turn) % len(reads)])
                except httpx.HTTPError as error:
                    report.failures.append(f"client {number}: {error!r}")
                    continue
                if answer.status_code == 200:
                    seconds[kind].append(time.monotonic() - started)
                else:
                    report.failures.append(f"client {number}: {answer.status_code} {answer.text[:200]}")

    await asyncio.gather(*(one(number) for number in range(clients)))
    return seconds


def _wait(holds: Callable[[], bool], seconds: float = 300.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            sys.exit(f"waited {seconds} s in vain")
        time.sleep(0.2)


def page(report: Report, seconds: float) -> str:
    """The report."""
    lines = [
        "# The service under kills, cuts and load",
        "",
        "Written by `scripts/soak service --write`; what is done stands in the first lines of `scripts/soak_service.py`.",
        "",
        circumstances(seconds),
        "",
        "| | |",
        "|---|---|",
        *report.lines,
        "",
        *([f"- {failure}" for failure in report.failures] or ["Nothing failed."]),
    ]
    return "\n".join(lines) + "\n"


@contextmanager
def _place() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="localft-soak-") as place:
        yield Path(place)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=TRIALS, action="append", help="one of the trials; repeatable")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--cuts", type=int, default=100)
    parser.add_argument("--megabytes", type=int, default=512)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--requests", type=int, default=20)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(ROOT)}")
    given = parser.parse_args()
    started, report, dice = time.monotonic(), Report(), random.Random(given.seed)
    trials: dict[str, Callable[[Path], None]] = {
        "kills": lambda place: kills(place, given.kills, dice, report),
        "cuts": lambda place: cuts(place, given.cuts, dice, report),
        "memory": lambda place: memory(place, given.megabytes, report),
        "load": lambda place: load(place, given.clients, given.requests, report),
    }
    for name in given.only or TRIALS:
        with _place() as place:
            trials[name](place)
    conclude(page(report, time.monotonic() - started), report.failures, PAGE if given.write else None)


if __name__ == "__main__":
    main()
