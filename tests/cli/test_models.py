"""`localft models`: the catalogue for people and for programs."""

from __future__ import annotations

import json

import pytest
import typer
from typer.testing import CliRunner

from localft.catalog import entries
from localft.cli.models import models

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
    assert "localft plan --model ID" in text


def test_ids_stay_whole_on_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    text = CliRunner().invoke(app, []).stdout
    for entry in entries():
        (line,) = [line for line in text.splitlines() if line.split()[:1] == [entry.id]]
        assert entry.hub_id is None or entry.hub_id in line
