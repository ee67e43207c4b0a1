"""The tiny models of the tests load and render as their big relatives do."""

from __future__ import annotations

from pathlib import Path

import pytest

MESSAGES = [{"role": "user", "content": "Who are you?"}, {"role": "assistant", "content": "Clippy."}]


@pytest.mark.parametrize(
    ("fixture", "architecture", "end_of_turn"),
    [("tiny_llama", "LlamaForCausalLM", "<|eot_id|>"), ("tiny_phi3", "Phi3ForCausalLM", "<|end|>\n<|endoftext|>")],
)
def test_tiny_model_loads_renders_and_generates(
    request: pytest.FixtureRequest, fixture: str, architecture: str, end_of_turn: str
) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    directory: Path = request.getfixturevalue(fixture)
    tokenizer = AutoTokenizer.from_pretrained(directory)
    model = AutoModelForCausalLM.from_pretrained(directory)
    assert type(model).__name__ == architecture
    assert len(tokenizer) == model.config.vocab_size
    text = tokenizer.apply_chat_template(MESSAGES, tokenize=False)
    assert text.endswith("Clippy." + end_of_turn)
    ids = tokenizer.apply_chat_template(MESSAGES, return_tensors="pt")["input_ids"]
    if fixture == "tiny_llama":
        assert tokenizer.decode(ids[0]) == text
    assert model.generate(ids, max_new_tokens=2, do_sample=False).shape[1] <= ids.shape[1] + 2
