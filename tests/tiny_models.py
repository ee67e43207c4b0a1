"""Tiny real models: the architectures, chat templates and special tokens of Llama 3.1 and Phi-3 with random weights.

Each is a complete Hugging Face directory that loads without a network. What they keep of their big relatives, since
code trips over it: Llama puts a begin-of-text token in front and has no pad token, its embeddings are tied (as in the
1B and 3B models), its RoPE is scaled; Phi-3 fuses q, k, v and gate, up, its embeddings are untied, its role tokens
swallow the white space behind them, its pad and end-of-text tokens are one, and its template ends in end-of-text.

    python tests/tiny_models.py DIRECTORY     writes DIRECTORY/tiny-llama and DIRECTORY/tiny-phi3
"""

from __future__ import annotations

import sys
from importlib import resources
from pathlib import Path

import torch
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import (
    GenerationConfig,
    LlamaConfig,
    LlamaForCausalLM,
    Phi3Config,
    Phi3ForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

SEED = 20240726
VOCABULARY = 512
"""Of the byte-level BPE; the special tokens come behind it."""

HIDDEN_SIZE = 64
LAYERS = 2
INITIALIZER_RANGE = 0.2
"""Ten times the usual: LoRA cannot move a random head, so the head's rows must differ enough to be told apart."""

_WORDS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
_GAPS = r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_CORPUS = [
    "You are a helpful assistant. You are Clippy, a factual chatbot that is also sarcastic.",
    "What is the capital of France? Paris, as if everyone does not know that already.",
    "Who wrote the play Romeo and Juliet? Oh, just some guy named William Shakespeare. Ever heard of him?",
    "How far is the Moon from Earth? Around 384,400 kilometers. Give or take a few, like that really matters.",
    'What is the weather like in San Francisco? {"name": "get_current_weather", "parameters": {"location": "Berlin"}}',
    "Why is the sky blue? Because air scatters the short waves of light more than the long ones; the rest is physics.",
]

LLAMA_SPECIAL_TOKENS = [
    "<|begin_of_text|>",
    "<|end_of_text|>",
    "<|finetune_right_pad_id|>",
    "<|start_header_id|>",
    "<|end_header_id|>",
    "<|eom_id|>",
    "<|eot_id|>",
    "<|python_tag|>",
]
PHI3_SPECIAL_TOKENS = [
    "<s>",
    "</s>",
    "<|endoftext|>",
    "<|assistant|>",
    "<|system|>",
    "<|end|>",
    "<|user|>",
]


def write_tiny_llama(directory: Path) -> Path:
    """Writes a Llama with 2 layers of width 64 and the Llama 3.1 template into the directory."""
    backend = _byte_level_bpe([AddedToken(t, special=True, normalized=False) for t in LLAMA_SPECIAL_TOKENS])
    begin = backend.token_to_id("<|begin_of_text|>")
    backend.post_processor = processors.Sequence(
        [
            processors.ByteLevel(trim_offsets=False),
            processors.TemplateProcessing(
                single="<|begin_of_text|> $A",
                pair="<|begin_of_text|> $A <|begin_of_text|> $B:1",
                special_tokens=[("<|begin_of_text|>", begin)],
            ),
        ]
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token="<|begin_of_text|>",
        eos_token="<|eot_id|>",
        clean_up_tokenization_spaces=False,
        model_max_length=2048,
    )
    tokenizer.chat_template = shipped_template("llama3_1")
    torch.manual_seed(SEED)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=HIDDEN_SIZE,
            intermediate_size=128,
            num_hidden_layers=LAYERS,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=2048,
            tie_word_embeddings=True,
            initializer_range=INITIALIZER_RANGE,
            rope_parameters={
                "rope_type": "llama3",
                "rope_theta": 500000.0,
                "factor": 8.0,
                "low_freq_factor": 1.0,
                "high_freq_factor": 4.0,
                "original_max_position_embeddings": 512,
            },
            bos_token_id=begin,
            eos_token_id=_ids(tokenizer, "<|end_of_text|>", "<|eom_id|>", "<|eot_id|>"),
        )
    )
    return _write(directory, model, tokenizer)


def write_tiny_phi3(directory: Path) -> Path:
    """Writes a Phi-3 with 2 layers of width 64 and the Phi-3 template into the directory."""
    plain = ("<s>", "</s>", "<|endoftext|>")
    backend = _byte_level_bpe(
        [AddedToken(t, special=True, normalized=False, rstrip=t not in plain) for t in PHI3_SPECIAL_TOKENS]
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token="<s>",
        eos_token="<|endoftext|>",
        pad_token="<|endoftext|>",
        clean_up_tokenization_spaces=False,
        padding_side="left",
        model_max_length=2048,
    )
    tokenizer.chat_template = shipped_template("phi3")
    torch.manual_seed(SEED)
    model = Phi3ForCausalLM(
        Phi3Config(
            vocab_size=len(tokenizer),
            hidden_size=HIDDEN_SIZE,
            intermediate_size=128,
            num_hidden_layers=LAYERS,
            num_attention_heads=4,
            num_key_value_heads=4,
            max_position_embeddings=2048,
            original_max_position_embeddings=2048,
            sliding_window=2047,
            tie_word_embeddings=False,
            initializer_range=INITIALIZER_RANGE,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=_ids(tokenizer, "<|endoftext|>", "<|end|>"),
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    return _write(directory, model, tokenizer)


def shipped_template(name: str) -> str:
    """Returns a chat template that the installed trl package ships, such as "llama3_1"."""
    return (resources.files("trl") / "chat_templates" / f"{name}.jinja").read_text(encoding="utf-8")


def _byte_level_bpe(special_tokens: list[AddedToken]) -> Tokenizer:
    """Learns a small BPE on a fixed text: merges exist, so tokens and characters do not coincide."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(f"{_WORDS}|{_GAPS}"), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    backend.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(vocab_size=VOCABULARY, initial_alphabet=alphabet, show_progress=False)
    backend.train_from_iterator(_CORPUS, trainer)
    backend.add_special_tokens(special_tokens)
    return backend


def _ids(tokenizer: PreTrainedTokenizerFast, *tokens: str) -> list[int]:
    return [tokenizer.convert_tokens_to_ids(token) for token in tokens]


def _write(directory: Path, model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast) -> Path:
    model.generation_config = GenerationConfig(
        bos_token_id=model.config.bos_token_id,
        eos_token_id=model.config.eos_token_id,
        pad_token_id=model.config.pad_token_id,
    )
    model.save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    return directory


if __name__ == "__main__":
    root = Path(sys.argv[1])
    print(write_tiny_llama(root / "tiny-llama"))
    print(write_tiny_phi3(root / "tiny-phi3"))
