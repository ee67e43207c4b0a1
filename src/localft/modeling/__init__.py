"""Base models and adapters.

peft imports bitsandbytes, which on some CPUs looks for an inference kernel on the hub while it is imported and warns
that it found none. localft never uses that kernel (see `nf4.keep_nf4_exact`), so that one sentence is dropped, here,
because it has to happen before the first import.
"""

import logging


def _is_worth_showing(record: logging.LogRecord) -> bool:
    return not record.getMessage().startswith("Failed to load CPU gemm_4bit_forward")


logging.getLogger("bitsandbytes.backends.cpu.ops").addFilter(_is_worth_showing)
