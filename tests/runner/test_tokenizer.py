"""When transformers is asked how it would tokenise, and when that is known without it."""

from __future__ import annotations

import json
import shutil

import pytest

from localft.modeling import tokenizer as of_transformers
from localft.runner.tokenizer import as_trained
from localft.tokenization.tokenizer import ChatTokenizer


@pytest.mark.parametrize(
    ("class_name", "asked"),
    [("PreTrainedTokenizerFast", False), ("TokenizersBackend", False), ("LlamaTokenizer", True), (None, True)],
)
def test_transformers_is_asked_where_its_class_may_rebuild_the_tokenizer(
    class_name, asked, tiny_llama, tmp_path, monkeypatch
):
    directory = shutil.copytree(tiny_llama, tmp_path / "model")
    config = json.loads((directory / "tokenizer_config.json").read_text())
    config["tokenizer_class"] = class_name
    (directory / "tokenizer_config.json").write_text(json.dumps(config))
    light = ChatTokenizer.from_directory(directory)
    other = object()
    monkeypatch.setattr(of_transformers, "agreed_tokenizer", lambda tokenizer: other)
    assert as_trained(light) is (other if asked else light)
