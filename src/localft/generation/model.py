"""One base model and the LoRA adapters that requests ask for, which are loaded when they are first asked for."""

from __future__ import annotations

import inspect
from collections import OrderedDict
from collections.abc import Collection, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftConfig, PeftModel
from safetensors import SafetensorError
from transformers import PreTrainedModel
from transformers.cache_utils import Cache

from localft.errors import ModelError
from localft.modeling.load import load_to_write, rotary_switch
from localft.modeling.quiet import quiet_libraries

_BASE = "__base__"
"""peft's word for rows that no adapter takes part in."""
_ATTENTIONS = {"full_attention", "sliding_attention"}


class ServedModel:
    """Computes the next token's scores. Rows of a batch may have different adapters."""

    def __init__(self, base: Path, *, device: str, nf4: bool, most_adapters: int) -> None:
        quiet_libraries()
        self.device = torch.device(device)
        self._model: PreTrainedModel | PeftModel = load_to_write(base, device=device, nf4=nf4).eval()
        config = self._model.config.get_text_config()
        _check_layers(config, base)
        self.context = int(config.max_position_embeddings)
        self.rotary_switch = rotary_switch(self._model.config)
        """Length above which a row's keys are others than below, so that rows on both sides are not decoded together."""
        self.vocabulary = int(self._model.get_output_embeddings().weight.shape[0])
        self._last_only = "logits_to_keep" in inspect.signature(self._model.forward).parameters
        self._most_adapters = most_adapters
        self._adapters: OrderedDict[str, str] = OrderedDict()
        self._active: str | None = None
        self._loaded = 0

    @property
    def bytes_per_token(self) -> int:
        """Memory of one token's keys and values in all layers."""
        config = self._model.config.get_text_config()
        width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
        return int(2 * config.num_hidden_layers * heads * width * (4 if self.device.type == "cpu" else 2))

    def use(self, adapter: str, in_use: Collection[str]) -> None:
        """Loads an adapter's directory where it is not loaded; the longest unused one not `in_use` may go for it."""
        if adapter in self._adapters:
            self._adapters.move_to_end(adapter)
            return
        self._loaded += 1
        name = f"adapter{self._loaded}"
        _check_adapter(adapter)
        try:
            if isinstance(self._model, PeftModel):
                self._model.load_adapter(adapter, adapter_name=name, is_trainable=False)
            else:
                self._model = PeftModel.from_pretrained(self._model, adapter, adapter_name=name, is_trainable=False)
        except (OSError, ValueError, RuntimeError, KeyError, TypeError, SafetensorError) as error:
            if isinstance(error, torch.OutOfMemoryError):
                raise
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise ModelError(
                f"the adapter does not fit the base model: {reason.replace(adapter, 'its directory')}", param="model"
            ) from error
        self._model.eval()
        self._active = None
        self._adapters[adapter] = name
        for old in [old for old in self._adapters if old not in in_use and old != adapter]:
            if len(self._adapters) <= self._most_adapters:
                break
            self._model.delete_adapter(self._adapters.pop(old))

    def scores(
        self,
        input_ids_BT: torch.Tensor,
        mask_BC: torch.Tensor,
        positions_BT: torch.Tensor,
        cache: Cache,
        adapters: Sequence[str | None],
    ) -> torch.Tensor:
        """Scores (B, V) behind the last token of each row. What the rows add to the cache is added."""
        arguments: dict[str, Any] = {"logits_to_keep": 1} if self._last_only else {}
        asked = set(adapters)
        off: Any = nullcontext()
        if isinstance(self._model, PeftModel):
            if len(asked) > 1:
                arguments["adapter_names"] = [
                    _BASE if adapter is None else self._adapters[adapter] for adapter in adapters
                ]
            elif asked == {None}:
                off = self._model.disable_adapter()
            else:
                self._activate(self._adapters[str(adapters[0])])
        with torch.inference_mode(), off:
            output = self._model(
                input_ids=input_ids_BT.to(self.device),
                attention_mask=mask_BC.to(self.device),
                position_ids=positions_BT.to(self.device),
                past_key_values=cache,
                use_cache=True,
                **arguments,
            )
            return output.logits[:, -1].float()

    def _activate(self, name: str) -> None:
        if self._active != name:
            assert isinstance(self._model, PeftModel)
            self._model.set_adapter(name, inference_mode=True)
            self._active = name


def _check_layers(config: Any, base: Path) -> None:
    strange = set(getattr(config, "layer_types", None) or ()) - _ATTENTIONS
    if strange:
        raise ModelError(
            f"{base.name}: expected a model whose layers attend, found layers of the kind {', '.join(sorted(strange))}; "
            "serve it with --engine vllm.",
            code="model_not_servable",
            param="model",
        )


def _check_adapter(directory: str) -> None:
    try:
        config = PeftConfig.from_pretrained(directory)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            "the model: expected an adapter, found no readable adapter_config.json.", param="model"
        ) from error
    if not isinstance(config, LoraConfig) or config.use_dora or config.modules_to_save:
        raise ModelError(
            f"the model: expected a plain LoRA adapter, found {_kind(config)}; merge it into its base to serve it.",
            code="model_not_servable",
            param="model",
        )
    if not (Path(directory) / "adapter_model.safetensors").is_file():
        raise ModelError("the model: expected adapter_model.safetensors, found none.", param="model")


def _kind(config: PeftConfig) -> str:
    if not isinstance(config, LoraConfig):
        return str(config.peft_type)
    return "DoRA" if config.use_dora else f"one that replaces {', '.join(config.modules_to_save or ())}"
