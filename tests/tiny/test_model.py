"""The embedded model appears whole, is the same everywhere, mends itself, and loads as any other model does."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from localft.errors import ModelError
from localft.manifest import MANIFEST_FILE
from localft.tiny.model import SHIPPED_FILES, WEIGHTS_FILE, materialize

WEIGHTS_SHA256 = "a0616fa34c521c54a6c564b88afd55d3f7481c74aa658f13c275dba82a874d09"
"""Changes only together with the fingerprint in the directory's name; then say so in the CHANGELOG."""

TOOLS = [{"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}]


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return materialize(tmp_path_factory.mktemp("home"))


def render(directory: Path, messages: list[dict[str, object]], **arguments: object) -> str:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(directory)
    text = tokenizer.apply_chat_template(messages, tokenize=False, **arguments)
    assert isinstance(text, str)
    return text


def test_directory_holds_all_files_and_nothing_else(directory: Path) -> None:
    assert {path.name for path in directory.iterdir()} == {*SHIPPED_FILES, WEIGHTS_FILE, MANIFEST_FILE}
    assert [path.name for path in directory.parent.iterdir()] == [directory.name], "no staging directory is left"


def test_weights_are_the_same_on_every_machine(directory: Path) -> None:
    assert hashlib.sha256((directory / WEIGHTS_FILE).read_bytes()).hexdigest() == WEIGHTS_SHA256


def test_second_call_writes_nothing(tmp_path: Path) -> None:
    first = materialize(tmp_path)
    before = {path.name: path.stat().st_mtime_ns for path in first.iterdir()}
    assert materialize(tmp_path) == first
    assert {path.name: path.stat().st_mtime_ns for path in first.iterdir()} == before


@pytest.mark.parametrize("damage", ["truncate", "change", "remove", "manifest", "empty"])
def test_damaged_directory_is_rebuilt(tmp_path: Path, damage: str) -> None:
    directory = materialize(tmp_path)
    weights = directory / WEIGHTS_FILE
    original = weights.read_bytes()
    if damage == "truncate":
        weights.write_bytes(original[:-4])
    elif damage == "change":
        weights.write_bytes(original[:-4] + b"\0\0\x80?")
    elif damage == "remove":
        (directory / "config.json").unlink()
    elif damage == "manifest":
        (directory / MANIFEST_FILE).write_text("[]")
    else:
        for path in directory.iterdir():
            path.unlink()
    assert materialize(tmp_path) == directory
    assert weights.read_bytes() == original
    assert {path.name for path in directory.iterdir()} == {*SHIPPED_FILES, WEIGHTS_FILE, MANIFEST_FILE}
    assert [path.name for path in directory.parent.iterdir()] == [directory.name]


def test_processes_that_write_at_the_same_time_end_with_one_whole_directory(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        directories = set(pool.map(materialize, [tmp_path] * 8))
    (directory,) = directories
    assert [path.name for path in directory.parent.iterdir()] == [directory.name]
    assert materialize(tmp_path) == directory


@pytest.mark.skipif(os.name == "nt", reason="POSIX paths")
def test_unwritable_home_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(ModelError, match=r"set LOCALFT_HOME") as caught:
        materialize(blocked)
    assert str(blocked) in caught.value.message


def test_making_the_model_imports_no_gpu_package(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from localft.tiny.model import materialize\n"
        f"materialize(Path({str(tmp_path)!r}))\n"
        "print([name for name in ('torch', 'transformers', 'numpy', 'safetensors') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_transformers_loads_it_without_missing_or_unknown_weights(directory: Path) -> None:
    from transformers import AutoModelForCausalLM

    model, report = AutoModelForCausalLM.from_pretrained(directory, output_loading_info=True)
    assert not report["missing_keys"] and not report["unexpected_keys"] and not report["mismatched_keys"]
    assert type(model).__name__ == "LlamaForCausalLM"
    assert 900_000 < model.num_parameters() < 1_100_000
    assert model.config.tie_word_embeddings


def test_generation_ends_at_the_end_of_a_turn(directory: Path) -> None:
    from transformers import AutoTokenizer, GenerationConfig

    tokenizer = AutoTokenizer.from_pretrained(directory)
    generation = GenerationConfig.from_pretrained(directory)
    assert tokenizer.eos_token == "<|eot_id|>"
    assert tokenizer.eos_token_id in generation.eos_token_id
    assert generation.pad_token_id == tokenizer.pad_token_id == 6
    config = json.loads((directory / "config.json").read_text())
    assert config["vocab_size"] == len(tokenizer)


def test_any_text_survives_the_tokenizer(directory: Path) -> None:
    tokenizer = Tokenizer.from_file(str(directory / "tokenizer.json"))
    for text in ["", " ", "a", "  two  blanks\n\n\ttab", "naïve Zürich 東京 🦔", "12345.67", "\u0000\ue000", "don't"]:
        assert tokenizer.decode(tokenizer.encode(text, add_special_tokens=False).ids) == text


def test_template_renders_headers_contents_and_generation_prompt_exactly(directory: Path) -> None:
    text = render(
        directory,
        [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": " Hi \n"},
            {"role": "assistant", "content": "No."},
            {"role": "user", "content": "Why?"},
        ],
        add_generation_prompt=True,
    )
    assert text == (
        "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|>"
        "<|start_header_id|>user<|end_header_id|>\n\n Hi \n<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\nNo.<|eot_id|>"
        "<|start_header_id|>user<|end_header_id|>\n\nWhy?<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\n"
    )


@pytest.mark.parametrize("arguments", ['{"town": "Bergen"}', {"town": "Bergen"}])
def test_template_renders_calls_alike_whether_arguments_are_a_string_or_an_object(
    directory: Path, arguments: object
) -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": arguments}}
    text = render(
        directory,
        [
            {"role": "user", "content": "Rain?"},
            {"role": "assistant", "content": None, "tool_calls": [call, call]},
            {"role": "tool", "tool_call_id": "call_1", "content": "yes"},
        ],
        tools=TOOLS,
    )
    once = '<|tool_call|>{"name": "get_weather", "arguments": {"town": "Bergen"}}'
    assert text == (
        "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\n"
        'Functions you may call, one a line:\n{"name": "get_weather", "parameters": {"type": "object"}}<|eot_id|>'
        "<|start_header_id|>user<|end_header_id|>\n\nRain?<|eot_id|>"
        f"<|start_header_id|>assistant<|end_header_id|>\n\n{once}{once}<|eot_id|>"
        "<|start_header_id|>tool<|end_header_id|>\n\nyes<|eot_id|>"
    )


def test_functions_close_the_system_message_where_there_is_one(directory: Path) -> None:
    text = render(
        directory, [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": "Hi"}], tools=TOOLS
    )
    assert "system<|end_header_id|>\n\nBe brief.\n\nFunctions you may call, one a line:\n{" in text
    assert text.count("Functions you may call") == text.count("system<|end_header_id|>") == 1


def test_text_parts_are_joined_as_the_example_joins_them(directory: Path) -> None:
    parts = [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
    assert "\n\none\ntwo<|eot_id|>" in render(directory, [{"role": "user", "content": parts}])


def test_unknown_role_is_refused_by_the_template(directory: Path) -> None:
    with pytest.raises(Exception, match='has the role "bot"'):
        render(directory, [{"role": "bot", "content": "Hi"}])


def test_shipped_tokenizer_is_what_the_maintainer_script_makes() -> None:
    script = Path(__file__).parents[2] / "scripts" / "make_tiny_tokenizer.py"
    done = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
