"""NF4 by bitsandbytes: kept exact, and for a model that is to be sharded packed late, one block at a time.

transformers packs while it loads, so that every process would hold the whole packed model. Where the model is to be
sharded, linear layers keep their weights as they are on disk, which takes no memory of a process (see
`load.load_base_model`), until `pack` is called for them on the device that computes. The packed bytes are then a
uint8 parameter, which FSDP 2 cuts into slices as any other; the scales (an eighth of a bit for each weight) stay whole on
every process.
"""

from __future__ import annotations

from typing import Any

import torch
from transformers import PreTrainedModel


def keep_nf4_exact(model: PreTrainedModel) -> None:
    """Forbids bitsandbytes to repack NF4 weights on CPUs with AVX512-BF16.

    It repacks them in place at the first forward of a model in evaluation mode. From then on the layer computes in
    bfloat16 and passes no gradient, so one validation would end the training.
    """
    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False


def pack_later(model: PreTrainedModel, compute: torch.dtype) -> None:
    """Puts bitsandbytes' layers in the place of all linear layers but the output head, as transformers does; none is packed.

    Until then a layer has no weight to compute with. What stands in its place is of the packed type, so that adapters
    are made as for a packed layer.
    """
    from bitsandbytes.nn import Linear4bit, Params4bit

    head = model.get_output_embeddings()
    for name, linear in list(model.named_modules()):
        if type(linear) is not torch.nn.Linear or linear is head:
            continue
        with torch.device("meta"):
            layer: Any = Linear4bit(
                linear.in_features, linear.out_features, linear.bias is not None, compute, quant_type="nf4"
            )
        nothing = torch.empty(0, 1, dtype=torch.uint8)
        layer.weight = Params4bit(nothing, quant_type="nf4", bnb_quantized=True)
        layer.bias = linear.bias
        layer.unpacked = linear.weight.data
        layer.requires_grad_(False)
        model.set_submodule(name, layer)
    model.is_loaded_in_4bit = True  # which peft asks for
    keep_nf4_exact(model)


def pack(module: torch.nn.Module, device: torch.device) -> None:
    """Packs what `pack_later` left below a module, on the device."""
    from bitsandbytes.nn import Linear4bit, Params4bit

    for layer in module.modules():
        if not isinstance(layer, Linear4bit) or not hasattr(layer, "unpacked"):
            continue
        weight = layer.unpacked.to(layer.compute_dtype)
        packed = Params4bit(weight, quant_type="nf4", module=layer).to(device)  # leaves the scales with the layer
        layer.weight = torch.nn.Parameter(packed.data, requires_grad=False)
        del layer.unpacked
