"""Puts trainable weights on a base model: a new LoRA adapter, one from a finished run, or the model itself.

Trainable weights are float32 always, over bfloat16 and NF4 too. Gradients of several micro-batches are summed in the
weights' precision, so bfloat16 adapters would make the result depend on how a step is cut.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, TypeAlias

import torch
from peft import LoraConfig, PeftConfig, PeftModel, get_peft_model, set_peft_model_state_dict
from peft.tuners.lora.layer import LoraLayer, LoraVariant
from peft.utils import SAFETENSORS_WEIGHTS_NAME
from safetensors import SafetensorError
from safetensors.torch import load_file
from transformers import PreTrainedModel, set_seed

from localft.errors import ModelError
from localft.plan import LoraSettings, TrainingPlan

Trainable: TypeAlias = PreTrainedModel | PeftModel


def make_trainable(base: PreTrainedModel, plan: TrainingPlan) -> Trainable:
    """Returns the model with the weights that the plan trains, drawn by the plan's seed where they are new."""
    if plan.lora is None:
        base.requires_grad_(True)
        return base
    if plan.model.adapter_path is not None:
        model = _continue_adapter(base, Path(plan.model.adapter_path), plan.lora)
    else:
        model = _new_adapter(base, plan.lora, seed=int(plan.hyperparameters.seed.value))
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.to(torch.float32)
    model.peft_config["default"].base_model_name_or_path = plan.model.public_base
    if plan.execution.precision == "bfloat16" and plan.lora.dropout == 0:
        _take_inputs_as_they_are(model)
    return model


def lora_config(lora: LoraSettings) -> LoraConfig:
    """LoRA on all linear layers; "all-linear" leaves the output head out, as it must be for the fused head."""
    return LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules="all-linear",
        bias="none",
        task_type="CAUSAL_LM",
    )


def trainable_parameters(model: Trainable) -> int:
    """Counts the numbers that the optimizer changes."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)


def _new_adapter(base: PreTrainedModel, lora: LoraSettings, *, seed: int) -> PeftModel:
    set_seed(seed)
    return _with_adapter(base, lora_config(lora))


def _continue_adapter(base: PreTrainedModel, directory: Path, lora: LoraSettings) -> PeftModel:
    try:
        config = PeftConfig.from_pretrained(str(directory))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{directory}: expected an adapter, found no readable adapter_config.json.") from error
    if not isinstance(config, LoraConfig):
        raise ModelError(f"{directory}: expected a LoRA adapter, found {config.peft_type}.", param="model")
    if (config.r, config.lora_alpha) != (lora.rank, lora.alpha):
        raise ModelError(
            f"{directory}: the adapter has rank {config.r} and alpha {config.lora_alpha}, the plan says rank "
            f"{lora.rank} and alpha {lora.alpha}. To go on training it, set "
            f"`lora: {{rank: {config.r}, alpha: {config.lora_alpha}}}`.",
            param="lora",
        )
    config.lora_dropout = lora.dropout
    config.inference_mode = False
    config.base_model_name_or_path = base.name_or_path
    try:
        model = _with_adapter(base, config)
        read_adapter(model, directory)
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise ModelError(
            f"{directory}: the adapter does not fit the base model: {str(error).splitlines()[0]}", param="model"
        ) from error
    return model


def read_adapter(model: PeftModel, directory: Path) -> None:
    """Copies saved adapter weights into the ones in place, which keep their precision. ValueError where they differ.

    peft's own loading takes the weights that match and leaves the others as they were drawn, with a warning at most.
    """
    result = set_peft_model_state_dict(model, load_file(str(directory / SAFETENSORS_WEIGHTS_NAME)))
    trained = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    missing = [name for name in result.missing_keys if name in trained]
    if missing:
        raise ValueError(f"it has no weights for {missing[0]}")
    if result.unexpected_keys:
        raise ValueError(f"it has weights for {result.unexpected_keys[0]}, which the model has not")


def _take_inputs_as_they_are(model: PeftModel) -> None:
    """Leaves out peft's float32 copy of each layer's input. Only for what runs under autocast, without dropout.

    peft casts the input to the adapter's precision, and autocast casts it back for the product: the same bits, after two
    more passes over memory and a float32 tensor. Dropout in between would round its factor in the input's precision.
    """
    for module in model.modules():
        if isinstance(module, LoraLayer):
            module.cast_input_dtype_enabled = False


class _AddedInOnePass(LoraVariant):  # type: ignore[misc]
    """LoRA as it is, its last product, scaling and sum in one operation.

    peft writes the adapter's output, writes it scaled and writes the sum: three passes over what a layer puts out. Products
    and sums are those of peft; they are rounded once in place of thrice.
    """

    @staticmethod
    def forward(
        module: LoraLayer, active_adapter: str, x: torch.Tensor, result: torch.Tensor, **kwargs: Any
    ) -> torch.Tensor:
        low = module.lora_A[active_adapter](module.lora_dropout[active_adapter](x))
        up, scaling = module.lora_B[active_adapter], module.scaling[active_adapter]
        if low.dtype != result.dtype:  # a base in half precision outside of autocast
            return result + up(low) * scaling
        added = torch.addmm(result.flatten(0, -2), low.flatten(0, -2), up.weight.T, alpha=scaling)
        return added.view_as(result)


def _with_adapter(base: PreTrainedModel, config: LoraConfig) -> PeftModel:
    with warnings.catch_warnings():
        # peft 0.21 asks transformers 5 by the property's old name
        warnings.filterwarnings("ignore", message="`is_gradient_checkpointing` is deprecated", category=FutureWarning)
        model = get_peft_model(base, config)
    for module in model.modules():
        if isinstance(module, LoraLayer) and isinstance(module.get_base_layer(), torch.nn.Linear):
            for name in module.lora_A:
                module.lora_variant.setdefault(name, _AddedInOnePass)
    return model


def assert_float32(model: Trainable) -> None:
    trainable = [p for p in model.parameters() if p.requires_grad]
    assert trainable, "something must be trainable"
    assert all(p.dtype is torch.float32 for p in trainable), "trainable weights are float32"
