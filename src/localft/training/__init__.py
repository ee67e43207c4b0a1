"""From tokenized examples to a trained model: the optimizer steps of a plan, carried out."""

import localft.modeling  # noqa: F401  before trl imports bitsandbytes; see there
