"""Liger's kernels for what a layer does between its matrix products: norm, rotary positions, gated activation.

Liger (https://github.com/linkedin/Liger-Kernel) fuses each of these into one pass over memory. It is used where it is
installed, on CUDA, for the architectures it knows; Triton, which it is written in, comes with PyTorch's CUDA builds. Its
losses are left out: the head on trained positions (`head`) does their work.

Numbers stay what they are up to the last bits: its RMSNorm of Llama and Phi-3 takes the mean of squares in float32 and
multiplies by the weight in the precision of the states (`casting_mode` "llama", `ops/rms_norm.py`), its SwiGLU takes the
sigmoid in float32 (`ops/swiglu.py`); its rotation (`ops/rope.py`) is in the precision of cosine and sine, the one of the
states, and rounds once where three operations round thrice. The weights of norms are in no precision but their own, and
projections stay the modules they are, quantised or with adapters.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import torch
from transformers import PreTrainedModel

from localft.progress import Notice, Report

TRIED_TOKENS = 12
TOLERANCE = 5e-2
"""Relative error of a trial's logits and gradients that rounding in bfloat16 may explain; a wrong kernel is far off."""
_ROTATION = "apply_rotary_pos_emb"


def apply_layer_kernels(model: PreTrainedModel, device: torch.device, tell: Report) -> str | None:
    """Gives the model's layers Liger's kernels; returns what was applied, None where layers stay plain.

    Called before adapters are put on. A trial compares logits and gradients with those of the plain layers. Where it fails, in
    whatever way, the layers are plain again and a notice says so.
    """
    if device.type != "cuda" or importlib.util.find_spec("liger_kernel") is None:
        return None
    module_names = vars(sys.modules[type(model).__module__])
    plain_names = dict(module_names)
    plain_attributes = {module: set(vars(module)) for module in model.modules()}
    try:
        patch = _liger_patch(model.config.model_type)
        if patch is None:
            return None
        plain = _trial(model)
        patch(model=model, cross_entropy=False, fused_linear_cross_entropy=False)
        _keep_to_this_model(module_names, plain_names)
        _assert_close(_trial(model), plain)
        applied = f"liger-kernel {version('liger-kernel')}"
    except Exception as error:  # another version of Liger, of Triton or of the driver: none of them is worth a job
        module_names.update(plain_names)
        for module, names in plain_attributes.items():
            for name in set(vars(module)) - names:
                del vars(module)[name]
        reason = (str(error).strip().splitlines() or [""])[0]
        tell(Notice(f"Liger's kernels are not used: {type(error).__name__}: {reason}", level="warn"))
        return None
    tell(Notice(f"Norms, rotary positions and gated activations are computed by {applied}."))
    return applied


def _liger_patch(model_type: str) -> Callable[..., None] | None:
    """Liger's function for an architecture; it binds kernels to the modules of an instance, and renames classes."""
    from liger_kernel.transformers import monkey_patch

    patches: dict[str, Callable[..., None]] = monkey_patch.MODEL_TYPE_TO_APPLY_LIGER_FN
    return patches.get(model_type)


def _keep_to_this_model(module_names: dict[str, Any], plain_names: dict[str, Any]) -> None:
    """Takes back what Liger changed for models yet to be made: names in the module of the model's class.

    The rotation is looked up there by every layer, so it stays, for tensors on CUDA.
    """
    liger, plain = module_names.get(_ROTATION), plain_names.get(_ROTATION)
    module_names.update(plain_names)
    if liger is None or plain is None or liger is plain:
        return

    def rotate(q: torch.Tensor, *args: Any, **kwargs: Any) -> tuple[torch.Tensor, torch.Tensor]:
        return (liger if q.is_cuda else plain)(q, *args, **kwargs)  # type: ignore[no-any-return]

    module_names[_ROTATION] = rotate


def _trial(model: PreTrainedModel) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits of a few tokens, and the gradient of their squares by the tokens' embeddings: backward kernels are tried too."""
    vocabulary = model.get_input_embeddings().weight.shape[0]
    ids = (torch.arange(TRIED_TOKENS) * 7 + 3).remainder(vocabulary).to(model.device)[None]
    with torch.enable_grad():
        states = model.get_input_embeddings()(ids).detach().requires_grad_()
        logits_TV = model(inputs_embeds=states, use_cache=False).logits[0].float()
        (gradient_TC,) = torch.autograd.grad(logits_TV.square().mean(), states)
    return logits_TV.detach(), gradient_TC[0].float()


def _assert_close(found: tuple[torch.Tensor, ...], expected: tuple[torch.Tensor, ...]) -> None:
    for what, ours, plain in zip(("logits", "gradients"), found, expected, strict=True):
        error = float((ours - plain).norm() / plain.norm())
        if not error <= TOLERANCE:
            raise ValueError(f"their {what} differ from those of the plain layers by {error:.1%}")
