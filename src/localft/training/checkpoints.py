"""Checkpoints that are whole or not there.

A checkpoint is staged in a hidden directory, every file of it is listed with its sha256 in `manifest.json` and flushed
to the disk, and only then the directory gets its name, `checkpoint-<step>`. So what has a name was whole when it was
written, and `newest_valid` proves that it still is. This room moves files; what is in them is the trainer's.

Mounted blob stores rename a directory file by file, so that a machine that goes in between leaves half of one under its name.
The proof finds that, too: there the manifest is what counts, and nothing has to be staged elsewhere and copied.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from localft.errors import CheckpointError

MANIFEST = "manifest.json"
STATE = "state.json"
KEPT_EPOCHS = 3
FORMAT = 1
_STAGING = ".staging-"
_REPLACED = ".replaced-"
_NAME = re.compile(r"checkpoint-(\d+)")
_Listing = dict[str, dict[str, str | int]]
"""sha256 and bytes of each file, by its name from the checkpoint's directory."""


@dataclass(frozen=True)
class CheckpointState:
    """What a checkpoint says of itself, in `state.json`."""

    step: int
    """Optimizer steps done; training goes on with the next."""
    epoch: int
    """1-based epoch of that step."""
    epoch_end: bool
    """False for one saved because of a signal."""
    seed: int
    meaning_fingerprint: str
    """Of the plan. Another plan is another job and does not continue this one."""
    trainable_dtype: str
    """Precision of the weights that are trained, such as "float32"."""
    trained_tokens: int
    """Tokens of all examples passed so far."""
    ranks: int
    model_files: dict[str, str] = field(default_factory=dict)
    """Digests of the base model's files, and of the adapter's that is trained further. Others are another model."""
    format: int = FORMAT


def checkpoint_path(run_directory: Path, step: int) -> Path:
    return run_directory / f"checkpoint-{step}"


@contextmanager
def staged(target: Path) -> Iterator[Path]:
    """Yields an empty directory beside the target and makes it the target, whole and flushed, when the block ends well.

    On an exception the target stays as it was. Only one process may do this for a target.
    """
    staging = staging_path(target)
    discard(staging)
    staging.mkdir(parents=True)
    try:
        yield staging
        commit(staging, target)
    except BaseException:
        discard(staging)
        raise


def staging_path(target: Path) -> Path:
    return target.with_name(_STAGING + target.name)


def commit(staging: Path, target: Path) -> None:
    """Lists the staged files with their sums, flushes everything, and renames the directory to its target."""
    files: _Listing = {
        name: {"sha256": _sha256(path), "bytes": path.stat().st_size} for name, path in _entries(staging)
    }
    (staging / MANIFEST).write_text(_manifest(files), encoding="utf-8")
    for path in staging.rglob("*"):
        _flush(path)
    _flush(staging)
    replaced = target.with_name(_REPLACED + target.name)
    discard(replaced)
    if target.exists():
        os.replace(target, replaced)
    os.replace(staging, target)
    _flush(target.parent)
    discard(replaced)


def discard(entry: Path) -> None:
    """Removes a directory or file of ours, if it is there."""
    if entry.is_dir() and not entry.is_symlink():
        shutil.rmtree(entry)
    else:
        entry.unlink(missing_ok=True)


def remove_leftovers(run_directory: Path) -> None:
    """Removes what saves that were cut off left behind, of checkpoints and of the model; nothing of it can be used."""
    for leftover in [*run_directory.glob(f"{_STAGING}*"), *run_directory.glob(f"{_REPLACED}*")]:
        discard(leftover)


def write_state(directory: Path, state: CheckpointState) -> None:
    (directory / STATE).write_text(json.dumps(asdict(state), indent=2) + "\n", encoding="utf-8")


def read_state(checkpoint: Path) -> CheckpointState:
    """Reads `state.json`; a CheckpointError says what is wrong with it."""
    try:
        fields = json.loads((checkpoint / STATE).read_text(encoding="utf-8"))
        found = fields.get("format")
        if found != FORMAT:
            raise CheckpointError(f"{checkpoint / STATE}: expected format {FORMAT}, found {found}.")
        return CheckpointState(**fields)
    except (OSError, ValueError, TypeError, AttributeError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(f"{checkpoint / STATE}: expected the checkpoint's state, found none to read.") from error


def verify(checkpoint: Path) -> None:
    """Raises a CheckpointError naming the first file that is missing, too much, or not what the manifest says."""
    try:
        _verify(checkpoint)
    except OSError as error:
        what = f"{error.strerror or error} ({error.filename or checkpoint})"
        raise CheckpointError(f"{checkpoint}: expected to read all of it, found: {what}.") from error


def _verify(checkpoint: Path) -> None:
    files = _listed(checkpoint)
    present = {name for name, _ in _entries(checkpoint)} - {MANIFEST}
    for name, entry in files.items():
        path = checkpoint / name
        if name not in present:
            raise CheckpointError(f"{checkpoint}: {name} is missing; the checkpoint is not whole.")
        found = path.stat().st_size
        if found != entry["bytes"]:
            raise CheckpointError(
                f"{checkpoint}: {name} has {found} bytes, expected {entry['bytes']}; it was cut short or written to."
            )
        if _sha256(path) != entry["sha256"]:
            raise CheckpointError(f"{checkpoint}: {name} does not match its sha256; its content has changed.")
    for name in sorted(present - set(files)):
        raise CheckpointError(f"{checkpoint}: {name} is no part of the checkpoint; without it, it can be used.")
    step = read_state(checkpoint).step
    if _NAME.fullmatch(checkpoint.name) and checkpoint.name != checkpoint_path(checkpoint, step).name:
        raise CheckpointError(f"{checkpoint}: {STATE} is of step {step}; the directory has another step's name.")


def _listed(checkpoint: Path) -> _Listing:
    """The files that the manifest lists, with sum and size each. It has to be, byte for byte, one that we wrote."""
    try:
        text = (checkpoint / MANIFEST).read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        raise CheckpointError(f"{checkpoint}: {MANIFEST} is missing; the checkpoint is not whole.") from None
    except UnicodeDecodeError:
        text = ""
    try:
        files: _Listing = {
            str(name): {"sha256": str(entry["sha256"]), "bytes": int(entry["bytes"])}
            for name, entry in json.loads(text)["files"].items()
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        files = {}
    if not files or text != _manifest(files):
        raise CheckpointError(f"{checkpoint}: {MANIFEST} is not as it was written; its content has changed.")
    return files


def _manifest(files: _Listing) -> str:
    """The list with a sum of its own, so that damage to it is not taken for damage to what it lists."""
    own = hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()
    return json.dumps({"format": FORMAT, "files": files, "sha256": own}, indent=2) + "\n"


def _entries(directory: Path) -> list[tuple[str, Path]]:
    """All that is no directory below a directory, with its name from there, in order."""
    paths = [path for path in directory.rglob("*") if path.is_symlink() or not path.is_dir()]
    return sorted((path.relative_to(directory).as_posix(), path) for path in paths)


def all_steps(run_directory: Path) -> list[int]:
    """Returns the steps of all directories that are named as checkpoints, rising; they may be torn."""
    if not run_directory.is_dir():
        return []
    matches = ((path, _NAME.fullmatch(path.name)) for path in run_directory.iterdir())
    return sorted(int(match[1]) for path, match in matches if match and path.is_dir())


def newest_valid(run_directory: Path, on_skip: Callable[[str], None]) -> Path | None:
    """Returns the newest checkpoint that is provably whole; tells of each newer one that is not, in a sentence."""
    for step in reversed(all_steps(run_directory)):
        checkpoint = checkpoint_path(run_directory, step)
        try:
            verify(checkpoint)
        except CheckpointError as error:
            on_skip(f"Skipped {checkpoint.name}: {error.message}")
        else:
            return checkpoint
    return None


def prune(run_directory: Path, newest_step: int) -> None:
    """Keeps the newest checkpoint and the last three of an epoch's end, removes the others and what a crash left.

    Checkpoints beyond `newest_step` go too: they belong to a future that this run, continued from before it, replaces.
    """
    remove_leftovers(run_directory)
    ends: list[int] = []
    for step in reversed(all_steps(run_directory)):
        checkpoint = checkpoint_path(run_directory, step)
        if step <= newest_step and len(ends) < KEPT_EPOCHS and _is_epoch_end(checkpoint):
            ends.append(step)
        elif step != newest_step:
            discard(checkpoint)


def _is_epoch_end(checkpoint: Path) -> bool:
    try:
        return read_state(checkpoint).epoch_end
    except CheckpointError:
        return False


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
