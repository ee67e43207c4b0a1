"""The chat engine: one base model, many LoRA adapters, all requests decoded together. It runs in a process of its own."""
