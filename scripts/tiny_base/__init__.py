"""Makes localft/tiny-base: the facts, the text, the tokenizer, the training and the files of the embedded chat model."""
