"""The two shapes of the embedded base model: one size, as Llama and as Phi-3."""

from __future__ import annotations

from typing import Any, Literal

import torch
from transformers import (
    AttentionInterface,
    AttentionMaskInterface,
    LlamaConfig,
    LlamaForCausalLM,
    Phi3Config,
    Phi3ForCausalLM,
    PreTrainedModel,
)
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from tiny_base.tokenizer import BEGIN, END_OF_TURN, PAD, SPECIAL_TOKENS, VOCABULARY

Family = Literal["llama", "phi"]
CONTEXT_LENGTH = 1024

_SHAPE = {
    "vocab_size": VOCABULARY,
    "hidden_size": 256,
    "intermediate_size": 640,
    "num_hidden_layers": 5,
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
    "max_position_embeddings": CONTEXT_LENGTH,
    "tie_word_embeddings": True,
    "bos_token_id": SPECIAL_TOKENS.index(BEGIN),
    "eos_token_id": SPECIAL_TOKENS.index(END_OF_TURN),
    "pad_token_id": SPECIAL_TOKENS.index(PAD),
}


FLOAT32_ATTENTION = "sdpa_float32"


def _float32_attention(
    module: torch.nn.Module, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, *args: Any, **kwargs: Any
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """torch's attention outside of autocast: its backward pass in bfloat16 takes a CPU nine times as long (measured)."""
    with torch.autocast("cpu", enabled=False):
        output, weights = sdpa_attention_forward(module, query.float(), key.float(), value.float(), *args, **kwargs)
    return output.to(query.dtype), weights


AttentionInterface.register(FLOAT32_ATTENTION, _float32_attention)
AttentionMaskInterface.register(FLOAT32_ATTENTION, sdpa_mask)


def new_model(family: Family, seed: int) -> PreTrainedModel:
    """A model of random weights in float32, 4.5 million of them."""
    torch.manual_seed(seed)
    if family == "phi":
        model = Phi3ForCausalLM(Phi3Config(**_SHAPE, original_max_position_embeddings=CONTEXT_LENGTH))
    else:
        model = LlamaForCausalLM(LlamaConfig(**_SHAPE))
    model.set_attn_implementation(FLOAT32_ATTENTION)
    return model
