"""A short form of `scripts/bench`: TRL, the bare loop and localft on a few rows, and the formula that speed is held against."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from runs import environment

SCRIPTS = Path(__file__).parent.parent / "scripts"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str]:
    """Figures and page of a quick run."""
    place = tmp_path_factory.mktemp("bench")
    surroundings = environment(place)
    surroundings["PYTHONPATH"] = os.pathsep.join([str(SCRIPTS), surroundings["PYTHONPATH"]])
    files = ["--json", str(place / "cpu.json"), "--page", str(place / "cpu.md")]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "shared", "--quick", "--threads", "1", *files],
        env=surroundings,
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads((place / "cpu.json").read_text()), (place / "cpu.md").read_text()


@pytest.mark.slow
def test_all_contenders_train_the_same_tokens_to_the_same_loss(written: tuple[dict[str, Any], str]) -> None:
    shared = written[0]["sets"]["shared"]
    trl, bare, ours = (shared["contenders"][name] for name in ("TRL tuned", "bare loop", "localft"))
    for contender in (trl, bare, ours):
        assert sum(step["tokens"] for step in contender["steps"]) == shared["tokens"]
        assert sum(step["trained_tokens"] for step in contender["steps"]) == shared["trained_tokens"]
        assert contender["peak_over_weights_bytes"] > 0
    losses = [[step["loss"] for step in contender["steps"]] for contender in (ours, bare)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    assert ours["held_out_loss"] == pytest.approx(bare["held_out_loss"], rel=1e-5)
    assert ours["held_out_loss"] == pytest.approx(trl["held_out_loss"], rel=0.02)
    assert ours["held_out_loss"] < shared["untrained_loss"] - 0.05


@pytest.mark.slow
def test_padding_and_shared_beginnings_are_counted_as_computed(written: tuple[dict[str, Any], str]) -> None:
    shared = written[0]["sets"]["shared"]
    ratios = {name: contender["padding_ratio"] for name, contender in shared["contenders"].items()}
    assert ratios["TRL tuned"] > 1
    once = shared["positions_once"] / shared["tokens"]
    assert once <= ratios["localft"] < 0.75
    assert once <= ratios["bare loop"] < 0.75


@pytest.mark.slow
def test_page_names_every_contender_and_what_is_claimed(written: tuple[dict[str, Any], str]) -> None:
    figures, page = written
    for name in figures["sets"]["shared"]["contenders"]:
        assert f"\n| {name} | " in page
    assert len(figures["claims"]) >= 4
    for claim in figures["claims"]:
        assert f"\n| {claim['what']} | " in page
        met = claim["found"] >= claim["wanted"] if claim["at_least"] else claim["found"] <= claim["wanted"]
        assert claim["holds"] == met


def test_work_counts_a_shared_beginning_once_and_its_attention_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    from benchmarks.measuring import Work

    step = [([1, 2, 3, 4], [0.0, 0.0, 1.0, 1.0]), ([1, 2, 5], [0.0, 0.0, 1.0])]
    plain, shared = Work.of([step], shared=False), Work.of([step], shared=True)
    assert (plain.positions, plain.attended, plain.trained) == (7, 10 + 6, 3)
    assert (shared.positions, shared.attended, shared.trained) == (5, 10 + 3, 3)
    assert Work.of([step[:1], step[1:]], shared=True) == plain, "only rows of one step can share"


def test_formula_gives_the_34_gflops_a_token_of_llama_8b_at_4096_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    from benchmarks.measuring import Work
    from benchmarks.row_sets import LLAMA_8B
    from localft.catalog import ModelShape

    row = ([*range(4096)], [1.0] * 4096)
    flops = Work.of([[row]], shared=False).flops(ModelShape.from_config(LLAMA_8B, "here"), rank=16)
    assert flops / 4096 == pytest.approx(34.0e9, rel=2e-3)
