"""`localft models`: the catalogue for people and for programs."""

from __future__ import annotations

import json

import pytest
import typer
from typer.testing import CliRunner

from localft.catalog import entries
from localft.cli.models import _memory_gib, models

app = typer.Typer()
app.command()(models)


def test_the_json_has_every_entry_with_its_facts() -> None:
    result = CliRunner().invoke(app, ["--format", "json"])
    listed = {entry["id"]: entry for entry in json.loads(result.stdout)}
    assert list(listed) == [entry.id for entry in entries()]
    llama = listed["llama-3.1-8b-instruct"]
    assert llama["hub_id"] == "meta-llama/Llama-3.1-8B-Instruct"
    assert (llama["licence"], llama["gated"], llama["context_length"]) == ("llama3.1", True, 131072)
    assert llama["base_learning_rate"] == 3e-4 and "2407.21783" in llama["base_learning_rate_source"]
    assert llama["memory_gib"]["qlora"] < llama["memory_gib"]["lora"]


def test_the_text_has_one_line_a_model_and_says_what_to_do_next() -> None:
    text = CliRunner().invoke(app, []).stdout
    for entry in entries():
        (line,) = [line for line in text.splitlines() if line.split()[:1] == [entry.id]]
        assert entry.licence in line and str(entry.context_length) in line
        assert (entry.hub_id or entry.id).split("/")[0] in line
    assert "localft plan --model ID" in text


@pytest.mark.parametrize("columns", ["40", "100", "300"])
def test_a_row_stays_whole_and_fits_a_hundred_columns(monkeypatch: pytest.MonkeyPatch, columns: str) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    text = CliRunner().invoke(app, []).stdout
    for entry in entries():
        (line,) = [line for line in text.splitlines() if line.split()[:1] == [entry.id]]
        assert len(line) <= 100 and "…" not in line
        assert line.split()[-1] == f"{_memory_gib(entry, 'nf4'):.1f}"


def test_a_rate_by_the_formula_is_told_from_one_of_a_pretraining() -> None:
    text = CliRunner().invoke(app, []).stdout
    for id, rate in (("localft/tiny-base", "0.002"), ("llama-3.1-8b", "0.0003"), ("llama-3.2-1b", "~0.00049")):
        (line,) = [line for line in text.splitlines() if line.split()[:1] == [id]]
        assert rate in line.split()
