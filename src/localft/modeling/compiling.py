"""torch.compile over the parts of a model's layers.

The unit is a part of a decoder layer: a norm, the attention block, the feed-forward block. Layers are alike, so a few
compiled parts serve all of them, and gradient checkpointing, which wraps whole layers, stays outside. Attention by
segments stays outside too: it loops over the examples of a row, and each new row would be compiled anew. Numbers of
tokens are symbols in what is compiled, so micro-batches of all lengths share it.

Names of weights do not change, nor does what is saved.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from transformers import AttentionInterface
from transformers.modeling_layers import GradientCheckpointingLayer

from localft.modeling.attention import SEGMENTED, segmented_attention
from localft.progress import Notice, Report

BACKEND = "inductor"


def compile_layers(model: nn.Module, try_out: Callable[[], None], tell: Report) -> bool:
    """Compiles the parts of the model's layers; False, with a notice, where this machine cannot.

    `try_out` runs the model forward and backward: compiling happens there, and fails there where no compiler is found.
    What fails to compile later runs as it is (`suppress_errors`); torch logs it.
    """
    parts = [
        part for layer in model.modules() if isinstance(layer, GradientCheckpointingLayer) for part in layer.children()
    ]
    if not parts:
        tell(Notice("Nothing is compiled: the model has no layers of the usual form.", level="warn"))
        return False
    AttentionInterface.register(SEGMENTED, torch.compiler.disable(segmented_attention))
    for part in parts:
        part.compile(dynamic=True, backend=BACKEND)
    torch._dynamo.config.suppress_errors = False
    try:
        try_out()
    except Exception as error:  # compilers fail in many ways, and none is worth a job
        for part in parts:
            part._compiled_call_impl = None
        reason = " ".join(str(error).strip().splitlines()[:2])  # torch's own line, then the compiler's
        tell(Notice(f"Nothing is compiled, since a trial failed: {type(error).__name__}: {reason}", level="warn"))
        return False
    torch._dynamo.config.suppress_errors = True
    tell(Notice(f"{len(parts)} parts of layers are compiled; the first steps take longer."))
    return True
