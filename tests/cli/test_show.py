"""`localft show`, on the tiny Llama."""

from __future__ import annotations

import json
import shutil
from importlib import resources

import jsonschema
import pytest
import typer
from typer.testing import CliRunner

from localft.cli.show import show
from localft.errors import DataError, ModelError, UsageError
from localft.tokenization.tokenizer import ChatTokenizer

app = typer.Typer(pretty_exceptions_enable=False)
app.command()(show)


def rows(path, *conversations: list[tuple[str, str]]):
    lines = [json.dumps({"messages": [{"role": r, "content": c} for r, c in turns]}) for turns in conversations]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def data_file(tmp_path):
    return rows(
        tmp_path / "rows.jsonl",
        [("system", "Be brief."), ("user", "Capital of France?"), ("assistant", "Paris.")],
        [("user", "Capital of Italy?"), ("assistant", "Rome.")],
        [("user", "Say <|eot_id|>"), ("assistant", "No.")],
        [("user", "\U000f0000\U00100000"), ("assistant", "No.")],
    )


def run(*arguments, code: int = 0):
    result = CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=True)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result.stdout


def test_json_has_ids_weights_and_tokens_of_every_row(data_file, tiny_llama):
    output = run(data_file, "--model", tiny_llama, "--format", "json", code=1)
    shown = [json.loads(line) for line in output.splitlines()]
    assert [row["line"] for row in shown] == [1, 2, 3, 4]
    tokenizer = ChatTokenizer.from_directory(tiny_llama)
    for row in shown[:3]:
        assert set(row) == {"line", "input_ids", "loss_weights", "tokens", "cut", "refused"} and row["refused"] is None
        assert len(row["input_ids"]) == len(row["loss_weights"]) == len(row["tokens"])
        assert [tokenizer.backend.token_to_id(token) for token in row["tokens"]] == row["input_ids"]
    trained = [id for id, weight in zip(shown[0]["input_ids"], shown[0]["loss_weights"], strict=True) if weight == 1.0]
    assert tokenizer.decode(trained) == "Paris.<|eot_id|>"


def test_json_of_a_refused_row_says_why(data_file, tiny_llama):
    output = run(data_file, "--model", tiny_llama, "--format", "json", "--line", 4, code=1)
    refused = json.loads(output)
    assert refused["line"] == 4 and set(refused) == {"line", "refused"}
    assert set(refused["refused"]) == {"message_index", "code", "message"}
    assert refused["refused"]["code"] == "private_use_characters"


def test_text_marks_what_is_trained(data_file, tiny_llama):
    output = run(data_file, "--model", tiny_llama, "--line", 2)
    assert "⟦Rome.<|eot_id|>⟧" in output and "line 2: " in output
    assert f"Next: localft plan --model {tiny_llama} --training-file {data_file}" in output


def test_text_shows_a_few_rows_and_says_how_to_see_more(data_file, tiny_llama):
    output = run(data_file, "--model", tiny_llama)
    assert "line 3: " in output and "line 4: " not in output and "--rows N" in output
    assert "refused (private_use_characters)" in run(data_file, "--model", tiny_llama, "--rows", 4, code=1)


def test_line_that_is_not_there_is_said(data_file, tiny_llama, tmp_path):
    with pytest.raises(UsageError, match=r"--line 9: .*rows\.jsonl ends at line 4"):
        run(data_file, "--model", tiny_llama, "--line", 9)
    blank = tmp_path / "blank.jsonl"
    blank.write_text("\n" + data_file.read_text())
    with pytest.raises(UsageError, match=r"blank\.jsonl:1: expected a row, found a blank line"):
        run(blank, "--model", tiny_llama, "--line", 1)


def test_invalid_line_is_said_with_its_place(tmp_path, tiny_llama):
    bad = rows(tmp_path / "bad.jsonl", [("user", "A?"), ("bot", "b")])
    with pytest.raises(DataError, match=r"bad\.jsonl:1: messages\[1\]\.role"):
        run(bad, "--model", tiny_llama)


def test_template_file_takes_the_place_of_the_models_own(data_file, tiny_llama, tmp_path):
    template = tmp_path / "own.jinja"
    template.write_text(
        "{% for m in messages %}[{{ m.role }}] {{ m.content }}{% if m.role == 'assistant' %}<|eot_id|>{% endif %}"
        "{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}"
    )
    output = run(data_file, "--model", tiny_llama, "--line", 2, "--chat-template", template)
    assert "[user] Capital of Italy?[assistant]⟦ Rome.<|eot_id|>⟧" in output
    with pytest.raises(UsageError, match="chat_template: cannot read"):
        run(data_file, "--model", tiny_llama, "--chat-template", tmp_path / "gone.jinja")


def test_model_that_is_not_on_this_machine_is_said(data_file):
    with pytest.raises(ModelError, match=r"its tokenizer is not on this machine; fetch it first: hf download"):
        run(data_file, "--model", "llama-3.2-1b")


def test_missing_file_is_said(tiny_llama, tmp_path):
    with pytest.raises(UsageError, match=r"gone\.jsonl"):
        run(tmp_path / "gone.jsonl", "--model", tiny_llama)


def test_text_that_spells_a_control_token_is_told_apart_from_one(data_file, tiny_llama):
    output = run(data_file, "--model", tiny_llama, "--line", 3)
    assert "Say \\<|eot_id|><|eot_id|>" in output and "text that spells a control token" in output
    assert "spells a control token" not in run(data_file, "--model", tiny_llama, "--line", 2)


def test_characters_that_act_on_a_terminal_are_made_visible(tmp_path, tiny_llama):
    odd = rows(tmp_path / "odd.jsonl", [("user", "a\u202eb\u200bc\x1b[31m"), ("assistant", "ok")])
    output = run(odd, "--model", tiny_llama, "--line", 1)
    assert "a\\u{202e}b\\u{200b}c\\u{1b}[31m" in output


def test_row_longer_than_the_model_takes_is_refused_as_everywhere(tmp_path, tiny_llama):
    long = rows(tmp_path / "long.jsonl", [("user", "why " * 3000), ("assistant", "ok")])
    refused = json.loads(run(long, "--model", tiny_llama, "--format", "json", code=1))["refused"]
    assert refused["code"] == "too_long"
    run(long, "--model", tiny_llama, "--format", "json", "--max-length", 30000)


@pytest.fixture
def long_file(tmp_path):
    """A row that is longer than 120 tokens by its answer, one by its question, and a short one."""
    questions = [("Say it.", "why " * 100), ("why " * 100, "ok"), ("Short?", "Yes.")]
    return rows(tmp_path / "long rows.jsonl", *([("user", asked), ("assistant", said)] for asked, said in questions))


def test_a_cut_row_is_shown_as_it_is_trained(long_file, tiny_llama):
    flags = ("--model", tiny_llama, "--max-length", 120, "--overlong", "truncate")
    output = run(long_file, *flags)
    cut, dropped, short = (json.loads(line) for line in run(long_file, *flags, "--format", "json").splitlines())
    whole = json.loads(run(long_file, "--model", tiny_llama, "--line", 1, "--format", "json"))
    assert cut["input_ids"] == whole["input_ids"][:120] and cut["loss_weights"] == whole["loss_weights"][:120]
    assert (cut["cut"], short["cut"]) == (len(whole["input_ids"]) - 120, 0)
    assert f"line 1: 120 tokens (cut from {len(whole['input_ids'])}), " in output
    assert f"line 2: dropped, since {dropped['dropped']}" in output and "nothing trained is left" in dropped["dropped"]
    assert f"--training-file '{long_file}' --max-length 120 --overlong truncate\n" in output
    schema = json.loads(resources.files("localft").joinpath("schemas/show.schema.json").read_text("utf-8"))
    for row in (cut, dropped, short):
        jsonschema.validate(row, schema, cls=jsonschema.Draft202012Validator)


def test_a_long_row_is_dropped_where_that_is_asked(long_file, tiny_llama):
    output = run(long_file, "--model", tiny_llama, "--max-length", 120, "--overlong", "drop")
    assert output.count(": dropped, since ") == 2 and "line 3: " in output


def test_json_rows_follow_the_published_schema(data_file, tiny_llama):
    schema = json.loads(resources.files("localft").joinpath("schemas/show.schema.json").read_text("utf-8"))
    for line in run(data_file, "--model", tiny_llama, "--format", "json", code=1).splitlines():
        jsonschema.validate(json.loads(line), schema, cls=jsonschema.Draft202012Validator)


def test_model_directory_without_a_tokenizer_is_said(data_file, tiny_llama, tmp_path):
    directory = shutil.copytree(tiny_llama, tmp_path / "model")
    (directory / "tokenizer.json").unlink()
    with pytest.raises(ModelError, match=r"expected the tokenizer's tokenizer\.json in it, found none"):
        run(data_file, "--model", directory)
