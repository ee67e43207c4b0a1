#!/usr/bin/env python3
"""Kills writers of the store (-9) while they write, and looks what is left.

    scripts/soak store                  100 kills, prints a table; some minutes on two cores
    scripts/soak store --kills 5        fewer
    scripts/soak store --write          writes docs/soak/store.md too

Two processes at a time write files whole and in parts, make jobs, cancel and delete them, and delete files. Each says what it is
about to do and what was acknowledged. Both are killed at a random moment.

Then the database has to be whole; all that was acknowledged has to be there, byte for byte, and all that was deleted gone; a
job whose making was cut has to be made once by the same request again; and once leftovers are removed, the directories hold the
files of the database and nothing else.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from localft.errors import NotFound
from localft.jobs.store import Idempotency, JobRequest, Store
from soak_checkpoints import ROOT, circumstances, conclude

PAGE = ROOT / "docs" / "soak" / "store.md"
WRITERS = 2
LONGEST_SECONDS = 0.6
MODEL = "localft/tiny-llama"
FRESH_EVERY = 25
"""Kills on one store, before a new one is begun: the checks look at all of it each time."""


@dataclass
class Said:
    """What writers said, over all of their lives."""

    files: dict[str, str] = field(default_factory=dict)
    """Id -> sha256 of those acknowledged and not deleted."""
    doubtful: set[str] = field(default_factory=set)
    """Files and jobs whose deletion was begun and not acknowledged."""
    deleted: set[str] = field(default_factory=set)
    jobs: dict[str, str] = field(default_factory=dict)
    """Id -> status that was acknowledged."""
    creating: dict[str, str] = field(default_factory=dict)
    """Key -> file of jobs whose making was begun and not acknowledged."""

    def hear(self, line: str) -> None:
        verb, id, *more = line.split()
        match verb:
            case "file":
                self.files[id] = more[0]
            case "deleting":
                self.doubtful.add(id)
            case "deleted":
                self.doubtful.discard(id)
                self.deleted.add(id)
                self.files.pop(id, None)
                self.jobs.pop(id, None)
            case "creating":
                self.creating[id] = more[0]
            case "created":
                self.creating.pop(more[0])
                self.jobs[id] = "validating_files"
            case "cancelling":
                self.jobs[id] = "?"
            case "cancelled":
                self.jobs[id] = "cancelled"


# --- a writer


def write(home: Path, pipe: int, seed: int) -> None:
    """Writes until it is killed."""
    dice = random.Random(seed)

    def say(*words: str) -> None:
        os.write(pipe, (" ".join(words) + "\n").encode())

    with Store.open(home) as store:
        number = 0
        while True:
            number += 1
            id, digest = _upload(store, dice) if dice.random() < 0.3 else _file(store, dice)
            say("file", id, digest)
            job = _job(store, id, f"{seed}-{number}", say)
            say("cancelling", job)
            store.jobs.cancel(job)
            say("cancelled", job)
            if dice.random() < 0.5:
                for what, delete in ((job, store.jobs.delete), (id, store.files.delete)):
                    say("deleting", what)
                    delete(what)
                    say("deleted", what)


def _file(store: Store, dice: random.Random) -> tuple[str, str]:
    content = dice.randbytes(dice.randrange(200_000))
    with store.files.writer("data.jsonl", "fine-tune") as writer:
        for start in range(0, len(content), 16_384):
            writer.write(content[start : start + 16_384])
        return writer.commit().id, hashlib.sha256(content).hexdigest()


def _upload(store: Store, dice: random.Random) -> tuple[str, str]:
    pieces = [dice.randbytes(dice.randrange(1, 50_000)) for _ in range(3)]
    upload = store.uploads.create("data.jsonl", "fine-tune", sum(map(len, pieces)), "text/jsonl")
    parts = []
    for piece in pieces:
        with store.uploads.part_writer(upload.id) as part:
            part.write(piece)
            parts.append(part.commit().id)
    file = store.uploads.complete(upload.id, parts).file
    assert file is not None, "a completed upload has a file"
    return file.id, hashlib.sha256(b"".join(pieces)).hexdigest()


def _job(store: Store, file: str, key: str, say: object) -> str:
    assert callable(say)
    say("creating", key, file)
    job = create(store, file, key)
    say("created", job, key)
    return job


def create(store: Store, file: str, key: str) -> str:
    """Asks for the job of a key; the same one, however often."""
    wish = Idempotency("soak", key.encode(), key=key)
    return store.jobs.create(JobRequest(MODEL, file, metadata={"key": key}), idempotency=wish).id


# --- who kills and looks


@dataclass
class Writer:
    """A forked writer, and what it says."""

    pid: int
    pipe: int
    heard: bytes = b""

    @classmethod
    def start(cls, home: Path, seed: int) -> Writer:
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reading)
            try:
                write(home, writing, seed)
            finally:
                os._exit(70)
        os.close(writing)
        os.set_blocking(reading, False)
        return cls(pid, reading)

    def listen(self) -> None:
        while True:
            try:
                more = os.read(self.pipe, 65_536)
            except BlockingIOError:
                return
            if not more:
                return
            self.heard += more

    def kill(self) -> bool:
        """Says whether it was still writing."""
        os.kill(self.pid, signal.SIGKILL)
        _, status = os.waitpid(self.pid, 0)
        self.listen()
        os.close(self.pipe)
        return os.waitstatus_to_exitcode(status) == -signal.SIGKILL

    def lines(self) -> list[str]:
        """A line is written whole, or not at all."""
        return self.heard.decode().splitlines()


def look(home: Path, said: Said) -> Iterator[str]:
    """What is not as it has to be."""
    with Store.open(home) as store:
        found = store.database.connection().execute("PRAGMA integrity_check").fetchone()[0]
        if found != "ok":
            yield f"integrity_check: {found}"
        for key, file in list(said.creating.items()):
            yield from _make_again(store, key, file, said)
        for id, digest in said.files.items():
            if id not in said.doubtful:
                yield from _file_is_whole(store, id, digest)
        for id, status in said.jobs.items():
            if id not in said.doubtful and (is_now := store.jobs.get(id).job.status) != status and status != "?":
                yield f"{id} is {is_now}; {status} was acknowledged"
        jobs = {stored.id for stored in store.jobs.page(limit=100_000).items}
        files = {file.id for file in store.files.page(limit=100_000).items}
        yield from (f"{id} was deleted and is there" for id in said.deleted & (jobs | files))
        for id in jobs - set(said.jobs):
            store.jobs.delete(id)  # made again above; its file would stay in use
        store.queue.tidy()
        store.uploads.remove_leftovers()
        lying = {path.name for path in (home / "files").iterdir()}
        if lying != files:
            yield f"files/ holds {sorted(lying ^ files)[:5]}, which the database does not know, or the other way"
        parts = {row[0] for row in store.database.connection().execute("SELECT id FROM parts")}
        if lying := {path.name for path in (home / "uploads").iterdir()} ^ parts:
            yield f"uploads/ holds {sorted(lying)[:5]}, which the database does not know, or the other way"


def _make_again(store: Store, key: str, file: str, said: Said) -> Iterator[str]:
    id = create(store, file, key)
    made = store.jobs.page(metadata={"key": key}).items
    if [stored.id for stored in made] != [id]:
        yield f"the request {key}, repeated, made {len(made)} jobs"
    store.jobs.delete(id)
    del said.creating[key]


def _file_is_whole(store: Store, id: str, digest: str) -> Iterator[str]:
    try:
        with store.files.open(id) as content:
            if hashlib.file_digest(content, "sha256").hexdigest() != digest:
                yield f"{id} is not as it was acknowledged"
    except NotFound:
        yield f"{id} was acknowledged and is gone"


def soak(kills: int, seed: int) -> tuple[str, list[str]]:
    """Returns the table and what did not hold."""
    dice, failures = random.Random(seed), []
    said, done, files, jobs, cut = Said(), 0, 0, 0, 0
    with tempfile.TemporaryDirectory(prefix="localft-soak-") as directory:
        home = Path(directory) / "home"
        while done < kills:
            if done and done % FRESH_EVERY == 0:
                shutil.rmtree(home)
                said = Said()
            before = (len(said.files), len(said.jobs))
            writers = [Writer.start(home, dice.getrandbits(60)) for _ in range(WRITERS)]
            deadline = time.monotonic() + dice.uniform(0.05, LONGEST_SECONDS)
            while time.monotonic() < deadline:
                for writer in writers:
                    writer.listen()
                time.sleep(0.005)
            killed = [writer.kill() for writer in writers]
            if not all(killed):
                failures.append("a writer ended before it was killed")
            for line in [line for writer in writers for line in writer.lines()]:
                said.hear(line)
            done += 1
            files, jobs = files + len(said.files) - before[0], jobs + len(said.jobs) - before[1]
            cut += len(said.creating) + len(said.doubtful)
            failures += look(home, said)
            _forget_doubtful(said)
    lines = [
        "| kills | writers each time | files kept | jobs kept | cut inside of making or deleting | failed |",
        "|---" * 6 + "|",
        f"| {done} | {WRITERS} | {files} | {jobs} | {cut} | {len(failures)} |",
    ]
    return "\n".join(lines), failures


def _forget_doubtful(said: Said) -> None:
    """What was being deleted may be there or not; from now on it is nobody's concern."""
    for id in said.doubtful:
        said.files.pop(id, None)
        said.jobs.pop(id, None)
    said.doubtful.clear()


def page(table: str, failures: list[str], seconds: float) -> str:
    outcome = "\n".join(f"- {failure}" for failure in failures) or "Nothing failed."
    return f"""# The store under fire

Written by `scripts/soak store --write`; what is done stands in the first lines of `scripts/soak_store.py`.

{circumstances(seconds)}

{table}

{outcome}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(ROOT)}")
    options = parser.parse_args()
    started = time.monotonic()
    table, failures = soak(options.kills, options.seed)
    conclude(page(table, failures, time.monotonic() - started), failures, PAGE if options.write else None)


if __name__ == "__main__":
    main()
