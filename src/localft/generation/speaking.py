"""From a conversation to the ids that a model is asked with: the same render that made its training rows."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import date as calendar_date
from functools import cached_property
from pathlib import Path
from typing import Any

from localft.catalog import resolve_model
from localft.data.building import build_example
from localft.errors import ModelError, RowRefused
from localft.generation.transcript import mark
from localft.modeling.tokenizer import agreed_tokenizer
from localft.tokenization.call_form import CallForm, learn_call_form
from localft.tokenization.loading import load_chat_tokenizer
from localft.tokenization.render import RenderedRows
from localft.wire.engine import Completion, Task

_WIDEST_TOKEN = 64
"""Characters of a token that are believed: a text of more than this a token of the context is not even tokenised."""


class TaskRefused(Exception):
    """A task that its asker has to mend."""

    def __init__(self, message: str, code: str, param: str | None) -> None:
        super().__init__(message)
        self.message, self.code, self.param = message, code, param


@dataclass(frozen=True)
class Prompt:
    """What a task asks, as ids."""

    ids: list[int]
    speaker: Speaker
    form: CallForm | None = None
    """How calls are written, where functions are offered."""
    names: frozenset[str] = frozenset()
    """Of these functions."""


class Speaker:
    """One fine-tuned model's way to be asked: its tokenizer, chat template and, where it was trained by a job, its date."""

    def __init__(self, directory: str, context: int) -> None:
        trained = _trained_with(Path(directory))
        self._is_dated = trained.date is not None
        self.context = context
        self.tokenizer = agreed_tokenizer(
            load_chat_tokenizer(resolve_model(directory), chat_template=trained.chat_template, date=trained.date)
        )
        self._rows = RenderedRows(self.tokenizer)

    @property
    def stop_ids(self) -> frozenset[int]:
        return self._rows.stop_ids

    def prompt(self, task: Task) -> Prompt:
        self._keep_date()
        example = build_example(task.row, "", 1)
        characters = sum(len(text) for message in example.messages if (text := message.text))
        self._check_characters(characters, "messages")
        form, names = None, frozenset[str]()
        if example.tools:
            form = self._call_form
            names = frozenset(tool["function"]["name"] for tool in example.tools)
        try:
            ids = self._rows.prompt(example)
        except RowRefused as refusal:
            param = "messages" if refusal.message_index is None else f"messages[{refusal.message_index}]"
            if refusal.code == "tools_missing":
                param = "tools"
            raise TaskRefused(refusal.message.removeprefix(":1: "), "prompt_refused", param) from None
        if example.tools and form is None:
            raise TaskRefused(
                "tools: this model's chat template writes no tool calls, or none with JSON arguments; ask without tools.",
                "tools_not_supported",
                "tools",
            )
        self._check_tokens(len(ids), "messages")
        return Prompt(ids, self, form, names)

    def completion(self, task: Completion) -> Prompt:
        self._check_characters(len(task.text), "prompt")
        ids = self.tokenizer.encode(self._opening + task.text).ids
        if not ids:
            raise TaskRefused("prompt: expected text to go on with, found none.", "invalid_value", "prompt")
        self._check_tokens(len(ids), "prompt")
        return Prompt(ids, self)

    def _keep_date(self) -> None:
        """A model without a job's date is asked with today's, also by an engine that runs for days."""
        if not self._is_dated:
            self.tokenizer.date = calendar_date.today().isoformat()

    @cached_property
    def _call_form(self) -> CallForm | None:
        form = learn_call_form(self._rows)
        if form is None:
            return None
        before, middle = mark(form.before, self.tokenizer), mark(form.middle, self.tokenizer)
        between = None if form.between is None else mark(form.between, self.tokenizer)
        return replace(form, before=before, middle=middle, between=between)

    @cached_property
    def _opening(self) -> str:
        """The begin-of-text token, for models whose template writes it in front."""
        begin = self.tokenizer.special_tokens.named.get("bos_token", "")
        try:
            rendered = self.tokenizer.render([{"role": "user", "content": "Hi"}], None, True)
        except Exception:  # a template is a program of somebody else's
            return ""
        return begin if begin and rendered.startswith(begin) else ""

    def _check_characters(self, characters: int, param: str) -> None:
        if characters > self.context * _WIDEST_TOKEN:
            raise TaskRefused(
                f"{param}: the model reads at most {self.context} tokens, and the text has {characters} characters; shorten it.",
                "context_length_exceeded",
                param,
            )

    def _check_tokens(self, tokens: int, param: str) -> None:
        if tokens >= self.context:
            raise TaskRefused(
                f"{param}: this model's maximum context length is {self.context} tokens, and the prompt has {tokens}, which "
                "leaves no room for an answer; shorten it.",
                "context_length_exceeded",
                param,
            )


@dataclass(frozen=True)
class _Trained:
    date: str | None
    chat_template: str | None


def _trained_with(directory: Path) -> _Trained:
    """Date and template of the job whose run a model or checkpoint lies in; none where it lies elsewhere."""
    path = directory.parent / "plan.json"
    if not path.is_file():
        return _Trained(None, None)
    try:
        plan: Any = json.loads(path.read_text("utf-8"))
        return _Trained(plan["date"], plan["chat_template"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path.name}: expected the plan of the model's job, found {error}.", param="model") from None
