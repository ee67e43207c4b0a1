"""Runs the contenders in turn, each in a process of its own, and writes what came out."""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import date
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

from .row_sets import LEAST_ROWS, LLAMA_8B, QUICK, ROW_SETS, RowSet

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[2]
PAGES = ROOT / "docs" / "benchmarks"
PACKAGES = ("torch", "transformers", "trl", "peft", "accelerate")
QUICK_CONTENDERS = ["TRL tuned", "bare loop", "localft"]
QUICK_ROWS, QUICK_BATCH = 12, 4


class Children:
    """Calls functions in fresh processes. On a CPU these are forks of a server that has imported the libraries already."""

    def __init__(self, device: str) -> None:
        self._context = get_context("spawn" if device == "cuda" else "forkserver")  # CUDA does not survive a fork
        self._context.set_forkserver_preload(["benchmarks.contenders"])

    def call(self, function: Callable[..., T], *arguments: Any) -> T:
        with ProcessPoolExecutor(1, mp_context=self._context) as pool:
            return pool.submit(function, *arguments).result()


def run(options: argparse.Namespace, place: Path) -> dict[str, Any]:
    """All sets and contenders that were asked for; returns what `page.as_json` makes of them."""
    load = os.getloadavg()[0]
    os.environ.update(_environment(options, place / "home"))
    from . import contenders, page, preparing, workspace  # with the environment in place, as they import torch

    names = _chosen(options.contenders, options.quick, options.device)
    children = Children(options.device)
    facts, measured = {}, {}
    for name in options.sets:
        row_set = _for_run(ROW_SETS[name], options)
        directory = place / name
        settings = workspace.Settings(
            device=options.device,
            quantization=options.quantization,
            threads=options.threads,
            rows=row_set.rows,
            batch_size=row_set.batch_size,
        )
        children.call(preparing.prepare, directory, place / "models", name, row_set.shape, settings)
        facts[name] = children.call(preparing.describe, directory, row_set.what)
        measured[name] = {who: page.Contender() for who in names}
        for turn in range(options.repeat):
            for who, runs in measured[name].items():
                if turn and who in contenders.ONCE:
                    continue
                result = children.call(contenders.measure, who, directory)
                runs.add(result.steps, result.peak_bytes, result.held_out_loss)
                rate = runs.rates("trained_tokens")[-1]
                print(f"{name}, {who}, run {turn + 1}: {rate:,.0f} trained tokens/s", file=sys.stderr, flush=True)
    about = {
        "date": date.today().isoformat(),
        "commit": _commit(),
        "device": options.device,
        "quantization": options.quantization,
        "repeat": options.repeat,
        "machine": {**_machine(options), "load_before": load},
        "versions": {"Python": platform.python_version(), **{name: version(name) for name in PACKAGES}},
    }
    return page.as_json(about, facts, measured)


def _for_run(row_set: RowSet, options: argparse.Namespace) -> RowSet:
    """The set in the size and with the model of this run."""
    if options.quick:
        row_set = replace(row_set, rows=QUICK_ROWS, batch_size=QUICK_BATCH, shape=QUICK)
    elif options.device == "cuda":
        row_set = replace(row_set, shape=LLAMA_8B)
    return replace(row_set, rows=options.rows or row_set.rows)


def _environment(options: argparse.Namespace, home: Path) -> dict[str, str]:
    first_gpu = os.environ.get("CUDA_VISIBLE_DEVICES", "0").partition(",")[0]
    return {
        "CUDA_VISIBLE_DEVICES": first_gpu if options.device == "cuda" else "",
        "LOCALFT_HOME": str(home),
        "OMP_NUM_THREADS": str(options.threads),
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }


def _machine(options: argparse.Namespace) -> dict[str, Any]:
    names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    processor = names[0].partition(": ")[2] if names else platform.machine()
    if options.device == "cuda":
        import torch

        processor = torch.cuda.get_device_name(0)
    return {"processor": processor, "cores": os.cpu_count(), "threads": options.threads}


def _commit() -> str:
    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", "-C", ROOT, *arguments], capture_output=True, text=True, check=True
        ).stdout.strip()

    return git("rev-parse", "--short=12", "HEAD") + (" with changes" if git("status", "--porcelain") else "")


def _chosen(asked: list[str] | None, quick: bool, device: str) -> list[str]:
    from .contenders import CONTENDERS, ONLY_IF_ASKED, ONLY_ON_CPU

    names = asked or (QUICK_CONTENDERS if quick else [name for name in CONTENDERS if name not in ONLY_IF_ASKED])
    if unknown := [name for name in names if name not in CONTENDERS]:
        raise SystemExit(f"--contenders {unknown[0]!r}: expected one of {', '.join(map(repr, CONTENDERS))}")
    return [name for name in names if device == "cpu" or name not in ONLY_ON_CPU]


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/bench", description="Measures localft beside plain TRL. Linux only.")
    parser.add_argument("sets", nargs="*", metavar="SET", help=f"of {', '.join(ROW_SETS)}; all by default")
    parser.add_argument(
        "--contenders",
        nargs="+",
        metavar="NAME",
        help="a table's first column; by default all but the padded one and TRL's defaults in float32",
    )
    parser.add_argument("--rows", type=int, help=f"training rows of each set, at least {LEAST_ROWS}")
    parser.add_argument("--repeat", type=int, default=1, help="trainings of each contender, in turn")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--quantization", choices=["none", "nf4"], default="none")
    parser.add_argument(
        "--quick", action="store_true", help="a few rows and a smaller model: shows that all of it runs"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    parser.add_argument("--page", type=Path, metavar="FILE", help="write the page there")
    parser.add_argument("--write", action="store_true", help=f"write both to {PAGES.relative_to(ROOT)}")
    return parser


def main() -> None:
    options = parser().parse_args()
    options.sets = options.sets or (["skewed"] if options.quick else list(ROW_SETS))
    if unknown := [name for name in options.sets if name not in ROW_SETS]:
        raise SystemExit(f"{unknown[0]}: expected one of the sets {', '.join(ROW_SETS)}")
    if options.rows is not None and options.rows < LEAST_ROWS:
        raise SystemExit(f"--rows {options.rows}: expected at least {LEAST_ROWS}")
    if options.write:
        name = "cpu" if options.device == "cpu" else "gpu" if options.quantization == "none" else "gpu-nf4"
        options.page, options.json = PAGES / f"{name}.md", PAGES / f"{name}.json"
    with tempfile.TemporaryDirectory(prefix="localft-bench-") as place:
        figures = run(options, Path(place))
    from . import page

    command = " ".join(["scripts/bench", *sys.argv[1:]])
    on_gpu = options.device == "cuda"
    text = page.as_page(figures, command=command, gpu_figures=on_gpu or (PAGES / "gpu.md").exists())
    print(text)
    for file, content in ((options.page, text), (options.json, page.to_text(figures))):
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main()
