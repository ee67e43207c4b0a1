"""Decodes all requests together, one token of each a step. Requests join and leave between any two steps.

A request's prompt is computed first, alone or with others that wait, and a very long one piece by piece between the steps of
the others. Then its choices are rows of a lane. A model with two sets of rotary frequencies has two lanes: a row that outgrows
the first set is computed again with the second, as transformers does it. Where memory for the keys runs out, the newest rows
wait and are computed again later.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from transformers.cache_utils import DynamicCache

from localft.errors import ModelError
from localft.generation.answer import Answer
from localft.generation.calls import CallReader
from localft.generation.lane import SPARE_COLUMNS, Lane
from localft.generation.model import ServedModel
from localft.generation.sampling import Chooser, Likelihood, choose, likelihoods
from localft.generation.speaking import Prompt
from localft.wire.engine import Completion, Ended, FromEngine, Refused, Started, Task

MOST_ROWS = 128
"""Choices decoded at a time; what is beyond waits."""
PROMPT_TOKENS = {"cpu": 1024, "cuda": 8192}
"""Tokens of prompts that are computed between two steps, padding included."""


class Row:
    """One choice of a request."""

    def __init__(self, task: Task | Completion, choice: int, prompt: Prompt, limit: int) -> None:
        self.task, self.choice = task, choice
        self.ids = list(prompt.ids)
        self.chooser = Chooser(task.sampling, choice)
        self.gone = False
        """Whether nobody waits for it any more."""
        self._prompt_length, self._limit = len(prompt.ids), limit
        self._stop_ids = prompt.speaker.stop_ids
        reader = None
        if prompt.form is not None and isinstance(task, Task):
            reader = CallReader(prompt.form, prompt.names, parallel=task.parallel_tool_calls)
        self._answer = Answer(prompt.speaker.tokenizer, task.stop, reader)

    def accept(self, id: int, likelihood: Likelihood | None) -> Iterable[FromEngine]:
        """Takes the next token; what is to be told of it. `gone` is set behind the last one."""
        self.ids.append(id)
        reason: Literal["stop", "length", "tool_calls"] | None = "stop" if id in self._stop_ids else None
        if reason is None:
            self._answer.feed(id, likelihood)
            if self._answer.is_complete:
                reason = "stop"
            elif len(self.ids) - self._prompt_length >= self._limit:
                reason = "length"
        if reason is not None:
            self._answer.end()
            self.gone = True
        if reason is not None or self.task.stream:
            delta = self._answer.take(self.task.id, self.choice)
            if delta is not None:
                yield delta
        if reason is not None:
            if reason == "stop" and self._answer.has_calls:
                reason = "tool_calls"
            yield Ended(self.task.id, self.choice, reason, len(self.ids) - self._prompt_length)


@dataclass
class _Waiting:
    """Ids whose keys are to be computed, and the choices that go on from there."""

    ids: list[int]
    rows: list[Row]

    @property
    def adapter(self) -> str | None:
        return self.rows[0].task.adapter


class _Long:
    """A prompt that is computed piece by piece."""

    def __init__(self, waiting: _Waiting) -> None:
        self.waiting, self.cache, self.done = waiting, DynamicCache(), 0


class Engine:
    """The requests in flight. `tell` is called with what their askers are to know."""

    def __init__(self, model: ServedModel, tell: Callable[[FromEngine], None], *, key_bytes: int) -> None:
        self._model, self._tell = model, tell
        self.key_bytes = key_bytes
        self._budget = max(1, key_bytes // model.bytes_per_token)
        self._waiting: deque[_Waiting] = deque()
        self._long: _Long | None = None
        self._lanes: dict[bool, tuple[Lane, list[Row]]] = {beyond: (Lane(), []) for beyond in (False, True)}
        self._prompt_tokens = PROMPT_TOKENS[model.device.type]

    @property
    def context(self) -> int:
        """Tokens of a prompt with its answer: the model's, or fewer where memory does not suffice."""
        return min(self._model.context, self._budget)

    @property
    def is_busy(self) -> bool:
        return bool(self._waiting or self._long or any(rows for _, rows in self._lanes.values()))

    def ask(self, task: Task | Completion, prompt: Prompt) -> None:
        """Lets a request join."""
        strange = next((id for id in task.sampling.logit_bias if id >= self._model.vocabulary), None)
        if strange is not None:
            message = f"logit_bias: expected ids of the model's {self._model.vocabulary} tokens, found {strange}."
            self._tell(Refused(task.id, message, "invalid_value", "logit_bias"))
            return
        if task.adapter is not None:
            try:
                self._model.use(task.adapter, self._adapters_in_use())
            except ModelError as error:
                self._tell(Refused(task.id, str(error), error.code, "model"))
                return
        room = self.context - len(prompt.ids)
        limit = room if task.max_tokens is None else min(room, task.max_tokens)
        rows = [Row(task, choice, prompt, limit) for choice in range(task.n)]
        self._tell(Started(task.id, len(prompt.ids)))
        self._waiting.append(_Waiting(list(prompt.ids), rows))

    def refuse(self, refusal: Refused) -> None:
        """Passes on, in its turn, that a request cannot be."""
        self._tell(refusal)

    def cancel(self, id: str) -> None:
        """Lets a request leave before its end."""
        for row in self._rows():
            if row.task.id == id:
                row.gone = True

    def step(self) -> None:
        """One token for every row, and the prompts that there is time for."""
        self._drop_gone()
        self._start_prompts()
        self._go_on_with_long_prompt()
        for beyond in self._lanes:
            self._make_memory(beyond)
            self._decode(beyond)

    # --- who is there

    def _rows(self) -> list[Row]:
        rows = [row for waiting in self._waiting for row in waiting.rows]
        rows += self._long.waiting.rows if self._long else []
        return rows + [row for _, lane_rows in self._lanes.values() for row in lane_rows]

    def _adapters_in_use(self) -> set[str]:
        return {row.task.adapter for row in self._rows() if row.task.adapter is not None}

    def _drop_gone(self) -> None:
        for waiting in [*self._waiting, *([self._long.waiting] if self._long else [])]:
            waiting.rows = [row for row in waiting.rows if not row.gone]
        self._waiting = deque(waiting for waiting in self._waiting if waiting.rows)
        if self._long and not self._long.waiting.rows:
            self._long = None
        for lane, rows in self._lanes.values():
            for index in reversed(range(len(rows))):
                if rows[index].gone:
                    _leave(lane, rows, index)

    def _is_beyond(self, length: int) -> bool:
        return self._model.rotary_switch is not None and length > self._model.rotary_switch

    # --- prompts

    def _start_prompts(self) -> None:
        """Computes prompts that wait, the oldest first, as many as fit between two steps."""
        chosen: list[_Waiting] = []
        rows, longest = sum(len(rows) for _, rows in self._lanes.values()), 0
        for waiting in list(self._waiting):
            length = len(waiting.ids)
            if rows + len(waiting.rows) > MOST_ROWS and rows:
                break
            if not self._has_memory(self._is_beyond(length), waiting, chosen):
                break
            if length > self._prompt_tokens and not self._is_beyond(length):
                if self._long is None:
                    self._long = _Long(waiting)
                    self._waiting.remove(waiting)
                continue
            longest = max(longest, length)
            if chosen and (
                longest * (len(chosen) + 1) > self._prompt_tokens
                or self._is_beyond(length) != self._is_beyond(len(chosen[0].ids))
            ):
                break
            chosen.append(waiting)
            rows += len(waiting.rows)
            self._waiting.remove(waiting)
        if chosen:
            self._compute(chosen)

    def _has_memory(self, beyond: bool, waiting: _Waiting, chosen: Sequence[_Waiting]) -> bool:
        """Whether the keys of these prompts fit beside those of the lanes; a prompt alone always does."""
        coming = [*chosen, waiting]
        lane, other = self._lanes[beyond][0], self._lanes[not beyond][0]
        rows = len(lane) + sum(len(prompt.rows) for prompt in coming)
        longest = max(lane.extent.longest, *(len(prompt.ids) for prompt in coming))
        alone = rows == len(waiting.rows) and not len(other)
        return alone or rows * (longest + SPARE_COLUMNS) + len(other) * other.extent.longest <= self._budget

    def _compute(self, prompts: Sequence[_Waiting]) -> None:
        longest = max(len(prompt.ids) for prompt in prompts)
        padding = [longest - len(prompt.ids) for prompt in prompts]
        ids = torch.tensor([[0] * pad + prompt.ids for pad, prompt in zip(padding, prompts, strict=True)])
        columns = torch.arange(longest)[None] - torch.tensor(padding)[:, None]
        cache = DynamicCache()
        logits = self._model.scores(
            ids, (columns >= 0).long(), columns.clamp(min=0), cache, [prompt.adapter for prompt in prompts]
        )
        self._join(prompts, cache, logits)

    def _go_on_with_long_prompt(self) -> None:
        if self._long is None:
            return
        long = self._long
        piece = long.waiting.ids[long.done : long.done + self._prompt_tokens]
        end = long.done + len(piece)
        logits = self._model.scores(
            torch.tensor([piece]),
            torch.ones(1, end, dtype=torch.long),
            torch.arange(long.done, end)[None],
            long.cache,
            [long.waiting.adapter],
        )
        long.done = end
        if end == len(long.waiting.ids):
            self._long = None
            self._join([long.waiting], long.cache, logits)

    def _join(self, prompts: Sequence[_Waiting], cache: DynamicCache, logits_BV: torch.Tensor) -> None:
        """Chooses the first token behind each prompt and lets the rows into the lane with the keys that were computed."""
        sources = [at for at, prompt in enumerate(prompts) for _ in prompt.rows]
        rows = [row for prompt in prompts for row in prompt.rows]
        lengths = [len(prompts[at].ids) for at in sources]
        beyond = self._is_beyond(lengths[0])
        self._advance(rows, logits_BV[sources])
        staying = [at for at, row in enumerate(rows) if not row.gone and self._is_beyond(len(row.ids)) == beyond]
        self._compute_again(row for row in rows if not row.gone and self._is_beyond(len(row.ids)) != beyond)
        if staying:
            lane, lane_rows = self._lanes[beyond]
            lane.join(cache, [sources[at] for at in staying], [lengths[at] for at in staying])
            lane_rows.extend(rows[at] for at in staying)

    def _compute_again(self, rows: Iterable[Row]) -> None:
        """Rows that lost their keys, or need others, come first when prompts are computed."""
        self._waiting.extendleft(_Waiting(list(row.ids), [row]) for row in rows)

    # --- steps

    def _make_memory(self, beyond: bool) -> None:
        lane, rows = self._lanes[beyond]
        while len(rows) > 1 and len(rows) * (lane.extent.longest + 1) > self._budget:
            last = len(rows) - 1
            self._compute_again([rows[last]])
            _leave(lane, rows, last)

    def _decode(self, beyond: bool) -> None:
        lane, rows = self._lanes[beyond]
        if not rows:
            return
        mask = lane.before_step()
        assert lane.cache is not None
        logits = self._model.scores(
            torch.tensor([[row.ids[-1]] for row in rows]),
            mask,
            torch.tensor(lane.lengths)[:, None],
            lane.cache,
            [row.task.adapter for row in rows],
        )
        lane.after_step()
        self._advance(rows, logits)
        for index in reversed(range(len(rows))):
            row = rows[index]
            moves = not row.gone and self._is_beyond(len(row.ids)) != beyond
            if moves:
                self._compute_again([row])
            if moves or row.gone:
                _leave(lane, rows, index)

    def _advance(self, rows: Sequence[Row], logits_BV: torch.Tensor) -> None:
        ids = choose(logits_BV, [row.chooser for row in rows])
        told = likelihoods(logits_BV, ids, [row.task.logprobs for row in rows])
        for row, id, likelihood in zip(rows, ids, told, strict=True):
            for event in row.accept(id, likelihood):
                self._tell(event)


def _leave(lane: Lane, rows: list[Row], index: int) -> None:
    """Takes a row out of its lane, where the last one gets its place."""
    lane.leave(index)
    rows[index] = rows[-1]
    rows.pop()
