"""Our light tokenizer held against the one that transformers builds from the same files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tokenizers import Tokenizer, decoders, models, normalizers, trainers

from chat import assistant, row, user
from localft.errors import ModelError
from localft.modeling.tokenizer import agreed_tokenizer, transformers_backend
from localft.tiny.model import materialize
from localft.tokenization.render import render_example
from localft.tokenization.tokenizer import ChatTokenizer, read_template

LLAMA_2 = "<s>[INST] What is the capital of France? [/INST] Paris, of course. </s><s>[INST] And 漢? [/INST] No. </s>"


@pytest.fixture(scope="module")
def llama_2(tmp_path_factory) -> Path:
    """A tokenizer in the form of Llama 2's: SentencePiece-like BPE with byte fallback, its class LlamaTokenizer."""
    directory = tmp_path_factory.mktemp("llama-2")
    backend = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    backend.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    bytes_ = [f"<0x{value:02X}>" for value in range(256)]
    trainer = trainers.BpeTrainer(vocab_size=500, special_tokens=["<unk>", "<s>", "</s>", *bytes_], show_progress=False)
    backend.train_from_iterator([LLAMA_2] * 4, trainer)
    stored = json.loads(backend.to_str())
    stored["added_tokens"] = [token for token in stored["added_tokens"] if token["id"] < 3]
    backend = Tokenizer.from_str(json.dumps(stored))
    backend.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    backend.save(str(directory / "tokenizer.json"))
    config = {"tokenizer_class": "LlamaTokenizer", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    (directory / "tokenizer_config.json").write_text(json.dumps(config))
    (directory / "config.json").write_text(json.dumps({"model_type": "llama"}))
    return directory


@pytest.mark.parametrize("family", ["tiny_llama", "tiny_phi3"])
def test_light_tokenizer_is_kept_where_transformers_builds_the_same(family, request):
    light = ChatTokenizer.from_directory(request.getfixturevalue(family))
    assert agreed_tokenizer(light) is light


def test_embedded_model_is_tokenised_as_transformers_does(tmp_path):
    light = ChatTokenizer.from_directory(materialize(tmp_path))
    assert agreed_tokenizer(light) is light


def test_transformers_pipeline_is_taken_where_it_differs(llama_2):
    """transformers 5 rebuilds Llama 2's tokenizer and drops the space that tokenizer.json puts behind special tokens."""
    light = ChatTokenizer.from_directory(llama_2, chat_template=read_template("llama-2"))
    agreed = agreed_tokenizer(light)
    assert agreed is not light
    assert agreed.encode(LLAMA_2).ids != light.encode(LLAMA_2).ids
    assert agreed.encode(LLAMA_2).ids == transformers_backend(llama_2).encode(LLAMA_2, add_special_tokens=False).ids
    assert agreed.fingerprint != light.fingerprint


def test_rows_are_proven_with_either_of_the_two(llama_2):
    light = ChatTokenizer.from_directory(llama_2, chat_template=read_template("llama-2"))
    agreed = agreed_tokenizer(light)
    example = row(user("What </s> is?"), assistant("漢 Paris\n  now"), user("And?"), assistant("No </s> no."))
    for tokenizer in (light, agreed):
        rendered = render_example(example, tokenizer)
        trained = [id for id, weight in zip(rendered.input_ids, rendered.loss_weights, strict=True) if weight]
        assert "".join(tokenizer.decode(trained).split()) == "漢Parisnow</s>No</s>no.</s>"
        assert rendered.input_ids.count(tokenizer.special_tokens.texts["</s>"]) == 2


def test_directory_without_a_tokenizer_is_refused(tmp_path):
    with pytest.raises(ModelError, match="cannot load the tokenizer"):
        transformers_backend(tmp_path)
