"""From a chat example to token ids and loss weights, proven row by row.

The ground truth is one plain render of the whole conversation by the model's own chat template: the string that a server
renders. Nothing of it is guessed:

1. Render plainly. Render again with private-use sentinels around every message's text. Without its sentinels the second
   render must equal the first; then the sentinels tell where each text stands.
2. An assistant's message begins where the generation prompt before it ends (when that prompt is a prefix of the render, as it
   is for most templates), else where its text begins. It ends with its end-of-turn token, behind its text and tool calls.
3. The plain render is tokenised once; character offsets tell which tokens lie in a span. Where user text spells a special
   token, or a token would reach over the beginning of a span, a private-use character is put between for the tokeniser and
   its own tokens are taken out again: so text stays text, and the prompt keeps the ids that a server's prompt has. This is
   done for answers of weight 0 as well: a client sends a conversation back without weights, and its ids have to be these.
4. The proof: every message stands in the render; the trained text is the message with its tool calls and its end-of-turn
   token; the trained ids decode to that text. A row that fails is refused with its line, its message and the reason.

Between the prompt's end and the text a template may write markup of its own that the server's prompt does not supply and
the model has to produce (Qwen3's empty thinking block, gpt-oss's channel header). It is inside the span, hence trained.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice, pairwise
from typing import Any

from tokenizers import Encoding

from localft.data.examples import ChatExample, Message
from localft.errors import RowRefused
from localft.tokenization.examples import TokenizedExample
from localft.tokenization.jinja import TemplateRefusal
from localft.tokenization.messages import (
    MessageForm,
    calls_of,
    escape_all,
    find_call,
    message_forms,
    spoken_text,
    template_messages,
    template_tools,
)
from localft.tokenization.tokenizer import ChatTokenizer

# Two supplementary private-use planes. The first one that does not occur in the row is used: message i is opened by
# plane + 2 i and closed by plane + 2 i + 1, and the plane's last character breaks special-token text.
_PLANES = (0xF0000, 0x100000)
_BREAK_OFFSET = 0xFFFD
_PRIVATE = re.compile(f"[{chr(_PLANES[0])}-{chr(_PLANES[1] + _BREAK_OFFSET)}]")
_MAX_MESSAGES = _BREAK_OFFSET // 2 - 1
_BATCH_ROWS = 256
# What may stand between the arguments of a call and the end of turn: tags, and the call's id, type or name as JSON.
_CALL_CLOSING = re.compile(r"<[^<>]*>|\"(?:id|type|name|index)\"\s*:\s*(?:\"[^\"]*\"|\d+)")

# When every form of the tool calls is refused, the refusal that says most is shown: the later here the better.
_EXPLAINS = (
    "template_failed",
    "render_differs",
    "message_missing",
    "start_unknown",
    "tool_call_missing",
    "template_refused",
)


def render_example(example: ChatExample, tokenizer: ChatTokenizer) -> TokenizedExample:
    """Ids and loss weights of one example. Raises RowRefused with line, message index and code where the proof fails."""
    return RenderedRows(tokenizer).one(example)


def render_examples(
    examples: Iterable[ChatExample], tokenizer: ChatTokenizer
) -> Iterator[TokenizedExample | RowRefused]:
    """As `render_example` for many, in order, tokenised in batches on all cores; a refusal is yielded, not raised."""
    rows = RenderedRows(tokenizer)
    source = iter(examples)
    while batch := list(islice(source, _BATCH_ROWS)):
        drafts = [_attempt(rows.draft, example) for example in batch]
        texts = [draft.broken_text for draft in drafts if isinstance(draft, _Draft)]
        encodings = iter(tokenizer.encode_batch(texts))
        for draft in drafts:
            yield _attempt(rows.finish, draft, next(encodings)) if isinstance(draft, _Draft) else draft


def _attempt(function: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return function(*arguments)
    except RowRefused as refusal:
        return refusal


@dataclass(slots=True)
class _Span:
    """One answer, in characters of the plain render: what of it is trained, unless its weight is 0."""

    message_index: int
    is_trained: bool
    start: int
    body_start: int
    """Where the message's own text begins: after `start` by the markup that the template puts between."""
    body_end: int
    """Where its text and tool calls end. The end-of-turn token is looked for from here, among the tokens."""
    limit: int
    """Where the next message's text begins: the end-of-turn token has to come before."""
    behind_prompt: bool
    """Whether `start` is the end of the generation prompt, so that the tokens before are the prompt's."""


@dataclass(slots=True)
class _Draft:
    """A row rendered and proven as text, not tokenised yet."""

    example: ChatExample
    text: str
    breaks: list[int]
    """Positions in `text` before which the tokeniser must see a break, rising."""
    plane: int
    spans: list[_Span]
    """The answers in order: all trained ones, and those of weight 0 whose place is proven too."""

    @property
    def trained_spans(self) -> list[_Span]:
        return [span for span in self.spans if span.is_trained]

    @property
    def broken_text(self) -> str:
        if not self.breaks:
            return self.text
        character = chr(self.plane + _BREAK_OFFSET)
        edges = [0, *self.breaks, len(self.text)]
        return character.join(self.text[a:b] for a, b in pairwise(edges))


@dataclass(slots=True)
class _Marked:
    """What the render with sentinels told: the plain text again, where breaks belong, where each message's text stands."""

    text: str
    breaks: list[int]
    starts: dict[int, list[int]]
    ends: dict[int, list[int]]

    def places(self) -> Iterator[tuple[int, int]]:
        """(message, position) of every mark."""
        for marks in (self.starts, self.ends):
            yield from ((index, at) for index, positions in marks.items() for at in positions)

    def limit(self, index: int, start: int) -> int:
        """Where the text of a later message begins behind `start`: what belongs to message `index` ends before."""
        return min((at for later, at in self.places() if later > index and at >= start), default=len(self.text))


class RenderedRows:
    """Renders rows with one tokenizer. What it learns of the template (form of tool calls, end-of-turn tokens) it keeps."""

    def __init__(self, tokenizer: ChatTokenizer) -> None:
        self.tokenizer = tokenizer
        self.developer_role = tokenizer.knows_developer
        self.form: MessageForm | None = None

    def one(self, example: ChatExample) -> TokenizedExample:
        draft = self.draft(example)
        return self.finish(draft, self.tokenizer.encode(draft.broken_text))

    def prompt(self, history: ChatExample) -> list[int]:
        """Ids of a conversation up to where the next answer begins: those that a row with this history begins with.

        The ids do not depend on weights, which a chat's history has not. An answer that could not be trained (the template
        takes the thinking part out of earlier answers) has the ids of one of weight 0. Raises RowRefused as `one` does.
        """
        try:
            return self._prompt(history)
        except RowRefused:
            untrained = tuple(replace(m, weight=0) if m.is_trained else m for m in history.messages)
            return self._prompt(replace(history, messages=untrained))

    def _prompt(self, history: ChatExample) -> list[int]:
        draft = self.draft(history, as_prompt=True)
        tokens = self._cut(draft, self.tokenizer.encode(draft.broken_text))
        self._end_prompt(draft, tokens, len(draft.text))
        return tokens.ids

    # --- text

    def draft(self, example: ChatExample, *, as_prompt: bool = False) -> _Draft:
        """The row as text with its spans, proven; the first form of its tool calls for which the proof holds.

        A form for which it holds for the answers of weight 0 as well comes before one for which it does not, so that the
        form does not depend on weights. `as_prompt` lets the beginning of the next answer follow.
        """
        forms = message_forms(example)
        if self.form in forms:
            forms = [self.form, *(form for form in forms if form != self.form)]
        # Arguments as JSON in any form come before a template's own way to write them.
        has_calls = len(forms) > 1
        tries = [(form, True) for form in forms]
        tries += [(form, False) for form in forms if has_calls and form.arguments == "mapping"]
        has_untrained = any(message.role == "assistant" and not message.is_trained for message in example.messages)
        refusals: list[RowRefused] = []
        for proves_all in (True, False) if has_untrained else (True,):
            refusals.clear()
            for form, as_json in tries:
                try:
                    draft = self._draft(example, form, as_json, as_prompt, proves_all)
                except RowRefused as refusal:
                    refusals.append(refusal)
                else:
                    self.form = form
                    return draft
        raise max(
            refusals, key=lambda refusal: _EXPLAINS.index(refusal.code) if refusal.code in _EXPLAINS else len(_EXPLAINS)
        )

    def _draft(
        self, example: ChatExample, form: MessageForm, as_json: bool, as_prompt: bool, proves_all: bool
    ) -> _Draft:
        """`proves_all` refuses the row for an answer of weight 0 too; else one whose proof fails just has no span."""
        plain_messages = template_messages(example, form, developer_role=self.developer_role)
        tools = template_tools(example)
        text = self._render(example, plain_messages, tools, as_prompt)
        plane = _free_plane(example, text)
        marked = self._marked(example, form, text, plane, as_prompt)
        self._check_all_present(example, marked)
        spans: list[_Span] = []
        cursor = 0
        for index, message in enumerate(example.messages):
            if message.role != "assistant":
                continue
            try:
                span = self._span(example, index, plain_messages, tools, marked, cursor)
                span.body_end = self._end_of_calls(example, index, marked, span.body_end, as_json)
                self._check_text(example, span, marked)
            except RowRefused:
                if proves_all or message.is_trained:
                    raise
                cursor = max([cursor, *marked.ends.get(index, ())])
                cursor = self._end_of_calls(example, index, marked, cursor, as_json)
            else:
                spans.append(span)
                cursor = span.body_end
        return _Draft(example, text, marked.breaks, plane, spans)

    def _render(
        self,
        example: ChatExample,
        messages: Sequence[Mapping[str, Any]],
        tools: Sequence[Mapping[str, Any]] | None,
        add_generation_prompt: bool = False,
    ) -> str:
        try:
            return self.tokenizer.render(messages, tools, add_generation_prompt)
        except TemplateRefusal as refusal:
            raise _refused(
                example, None, "template_refused", f'the chat template refuses the conversation: "{refusal}"'
            ) from None
        except Exception as error:  # a template is a program of somebody else's: anything may go wrong in it
            reason = f"the chat template breaks on the conversation: {error or type(error).__name__}"
            raise _refused(example, None, "template_failed", reason) from None

    def _marked(self, example: ChatExample, form: MessageForm, text: str, plane: int, as_prompt: bool) -> _Marked:
        """Renders with sentinels and breaks; refuses where the render differs from the plain one.

        Templates that look into an assistant text (for a thinking block) may be misled by a sentinel before it, so there are
        three tries: both ends of all texts, both ends but for assistants, and nothing but the ends.
        """
        broken = chr(plane + _BREAK_OFFSET)

        def escape(value: str, pattern: re.Pattern[str] | None = self.tokenizer.special_pattern) -> str:
            if pattern is None:
                return value
            # Again until nothing matches: a break may join what was apart ("<</s>s>").
            while pattern.search(value):
                value = pattern.sub(lambda match: match[0][:1] + broken + match[0][1:], value)
            return value

        def marker(both_ends: Callable[[Message], bool]) -> Callable[[int, str], str]:
            def mark(index: int, value: str) -> str:
                core = value.strip()
                if not core:
                    return value
                message = example.messages[index]
                lead = value[: len(value) - len(value.lstrip())]
                opening = chr(plane + 2 * index) if both_ends(message) else ""
                # An assistant may think in <think>; for everybody else that is text.
                pattern = (
                    self.tokenizer.special_pattern if message.role == "assistant" else self.tokenizer.markup_pattern
                )
                closing = chr(plane + 2 * index + 1)
                return lead + opening + escape(core, pattern) + closing + value[len(lead) + len(core) :]

            return mark

        tools = escape_all(template_tools(example), lambda value: escape(value, self.tokenizer.markup_pattern))
        for both_ends in (lambda m: True, lambda m: m.role != "assistant", lambda m: False):
            messages = template_messages(
                example, form, developer_role=self.developer_role, mark=marker(both_ends), escape=escape
            )
            try:
                marked = _read_marks(self._render(example, messages, tools, as_prompt), plane)
            except RowRefused:
                continue
            if marked.text == text:
                return marked
        raise _refused(
            example,
            None,
            "render_differs",
            "the render changes when the messages' texts are marked, so their places cannot be proven",
        )

    def _check_all_present(self, example: ChatExample, marked: _Marked) -> None:
        for index, message in enumerate(example.messages):
            text = spoken_text(message)
            if text is None or not text.strip():
                continue
            found = len(marked.ends.get(index, ()))
            if found == 0:
                raise _refused(
                    example, index, "message_missing", f"the chat template leaves this {message.role} message out"
                )
            if found > 1 and message.role == "assistant":
                raise _refused(
                    example, index, "message_repeated", "the chat template writes this message more than once"
                )
        for tool in template_tools(example) or ():
            name = tool["function"]["name"]
            if name not in marked.text:
                raise _refused(example, None, "tools_missing", f'the chat template leaves the tool "{name}" out')

    def _span(
        self,
        example: ChatExample,
        index: int,
        messages: Sequence[Mapping[str, Any]],
        tools: Sequence[Mapping[str, Any]] | None,
        marked: _Marked,
        cursor: int,
    ) -> _Span:
        """Where the assistant's message `index` begins and where its text ends; its calls are not looked for yet."""
        text = marked.text
        own_start = marked.starts.get(index, [None])[0]
        own_end = marked.ends.get(index, [None])[0]
        prompt_end = None
        if index > 0:
            try:
                prompt = self._render(example, messages[:index], tools, add_generation_prompt=True)
            except RowRefused:
                prompt = ""  # some templates cannot render the beginning of a conversation alone
            if prompt and text.startswith(prompt):
                prompt_end = len(prompt)
        start = prompt_end if prompt_end is not None else own_start
        if start is None or start < cursor or (own_end is not None and start > own_end):
            raise _refused(
                example,
                index,
                "start_unknown",
                "the generation prompt is no prefix of the render, so it is not certain which token this message begins with",
            )
        body_start = own_start if own_start is not None else start
        strange = [i for i, at in marked.places() if i != index and start < at <= body_start]
        if strange:
            reason = f"the chat template writes text of messages[{strange[0]}] between the prompt and this message"
            raise _refused(example, index, "text_before_message", reason)
        end = own_end if own_end is not None else start
        limit = marked.limit(index, start)
        is_trained = example.messages[index].is_trained
        return _Span(index, is_trained, start, body_start, end, limit, prompt_end is not None)

    def _end_of_calls(self, example: ChatExample, index: int, marked: _Marked, start: int, as_json: bool) -> int:
        """Where the last call of a message ends, searched from `start`; `start` where it has none."""
        end, region = start, marked.text[: marked.limit(index, start)]
        for call in calls_of(example.messages[index]):
            found = find_call(call, region, end, as_json=as_json)
            if found is None:
                raise _refused(
                    example,
                    index,
                    "tool_call_missing",
                    f'the call of "{call.name}" does not stand in the render with its arguments; '
                    "this chat template has no form for it",
                )
            end = found
        return end

    def _check_text(self, example: ChatExample, span: _Span, marked: _Marked) -> None:
        """Refuses where the span's text is not the message's text, such as a thinking part that the template took out."""
        message = example.messages[span.message_index]
        expected = spoken_text(message) or ""
        if not expected.strip():
            return
        end = marked.ends[span.message_index][0]
        if span.message_index in marked.starts:
            same = marked.text[span.body_start : end].strip() == expected.strip()
        else:
            # A template that moves a thinking part rewrites the white space around it, and the generation prompt may
            # supply its opening tag: the message must stand before `end`, and the span must be its end or all of it.
            written = _squeezed(expected)
            same = written.endswith(_squeezed(marked.text[span.start : end])) and _squeezed(marked.text[:end]).endswith(
                written
            )
        if not same:
            raise _refused(
                example,
                span.message_index,
                "text_differs",
                "the chat template renders this message other than it is written, such as without its thinking part; "
                "set weight 0 on it, or make it the last message of a row of its own",
            )

    # --- tokens

    def finish(self, draft: _Draft, encoding: Encoding) -> TokenizedExample:
        """Ids and weights of a draft whose `broken_text` gave `encoding`. Raises RowRefused where the proof fails."""
        tokens = self._cut(draft, encoding)
        weights = [0.0] * len(tokens.ids)
        for span in draft.trained_spans:
            first, stop = self._token_range(draft, span, tokens)
            for position in range(first, stop):
                weights[position] = 1.0
        if weights:
            weights[0] = 0.0
        if not any(weights):
            raise _refused(draft.example, None, "nothing_trained", "no token of this row is trained")
        return TokenizedExample(draft.example.line, tokens.ids, weights)

    def _cut(self, draft: _Draft, encoding: Encoding) -> _Tokens:
        """The tokens of a draft, each answer apart from the prompt before it, whatever its weight.

        Where the tokeniser cannot keep an answer of weight 0 apart, the trained ones alone are.
        """
        try:
            return self._cut_before(draft.spans, draft, encoding)
        except RowRefused:
            trained = draft.trained_spans
            if len(trained) == len(draft.spans):
                raise
            return self._cut_before(trained, draft, encoding)

    def _cut_before(self, spans: Sequence[_Span], draft: _Draft, encoding: Encoding) -> _Tokens:
        tokens = _Tokens.from_encoding(draft, encoding)
        straddled = [span.start for span in spans if tokens.straddles(span.start)]
        cut = replace(draft, breaks=sorted({*draft.breaks, *straddled}))
        if straddled:  # a token reaches over the end of the prompt: cut there, as a server's prompt ends there
            tokens = _Tokens.from_encoding(cut, self.tokenizer.encode(cut.broken_text))
        for span in spans:
            if span.behind_prompt:
                self._end_prompt(cut, tokens, span.start)
        draft.breaks = cut.breaks
        return tokens

    def _end_prompt(self, draft: _Draft, tokens: _Tokens, end: int) -> None:
        """Gives the prompt that ends at character `end` the ids that it has when nothing follows, as a server encodes it.

        What follows decides how some pre-tokenisers split white space: GPT-2's keeps the two line ends of a header together
        at the end of a text and splits them before a word. Only what stands behind the last special token can change.
        """
        stop = tokens.at_or_after(end)
        first = next((at for at in range(stop - 1, -1, -1) if tokens.ids[at] in self._special_texts), 0)
        if first == stop:
            return
        start = tokens.starts[first]
        inner = [at - start for at in draft.breaks if start < at < end]
        piece = _Draft(draft.example, draft.text[start:end], inner, draft.plane, [])
        alone = _Tokens.from_encoding(piece, self.tokenizer.encode(piece.broken_text))
        if alone.ids != tokens.ids[first:stop]:
            tokens.ids[first:stop] = alone.ids
            tokens.starts[first:stop] = [at + start for at in alone.starts]
            tokens.ends[first:stop] = [at + start for at in alone.ends]

    def _token_range(self, draft: _Draft, span: _Span, tokens: _Tokens) -> tuple[int, int]:
        """First and one past the last token of a span, end-of-turn token included; proven by decoding."""
        example, index = draft.example, span.message_index
        candidates = []
        for position in range(tokens.at_or_after(span.body_end), tokens.at_or_after(span.limit)):
            special = self._special_texts.get(tokens.ids[position])
            if special is not None:  # its own characters: some special tokens swallow the white space around them
                at = draft.text.find(special, tokens.starts[position])
                candidates.append(_Special(position, at, at + len(special), tokens.ids[position]))
        end_of_turn = _end_of_turn(candidates, self.stop_ids, self.tokenizer.special_tokens.stop_ids)
        end_position = None if end_of_turn is None else end_of_turn.position
        if end_position is None:
            raise _refused(
                example,
                index,
                "no_end_of_turn",
                "the chat template writes no end-of-turn token behind this message, so the model would not learn to stop",
            )
        first, stop = tokens.at_or_after(span.start), end_position + 1
        between = draft.text[span.body_end : tokens.starts[end_position]]
        if not self._is_closing(between, behind_call=bool(calls_of(example.messages[index]))):
            raise _refused(
                example, index, "text_behind_message", f"the chat template writes text behind this message: {between!r}"
            )
        written = draft.text[span.start : tokens.ends[end_position]]
        decoded = self.tokenizer.decode(tokens.ids[first:stop])
        if _squeezed(decoded) != _squeezed(written):
            raise _refused(
                example,
                index,
                "tokens_differ",
                f"the tokens of this message decode to {_shortened(decoded)}, but it reads {_shortened(written)}; "
                "the tokenizer does not keep this text",
            )
        return first, stop

    @cached_property
    def _special_texts(self) -> dict[int, str]:
        return {id: text for text, id in self.tokenizer.special_tokens.texts.items()}

    def _is_closing(self, text: str, *, behind_call: bool) -> bool:
        """Whether a text between a message and its end-of-turn token belongs there.

        Behind a text: white space, or what the template writes behind every answer. Behind a call: besides the tags,
        brackets and ids that close it.
        """
        if not text.strip() or "".join(text.split()) in self._probed.closings:
            return True
        if not behind_call:
            return False
        rest = self.tokenizer.special_pattern.sub("", text) if self.tokenizer.special_pattern else text
        return not any(character.isalnum() for character in _CALL_CLOSING.sub("", rest))

    @cached_property
    def stop_ids(self) -> frozenset[int]:
        """End-of-turn tokens: where a server stops, and what this template itself writes behind an assistant's turn."""
        return self.tokenizer.special_tokens.stop_ids | self._probed.stop_ids

    @cached_property
    def _probed(self) -> _Closings:
        """Renders made-up conversations and looks at what stands behind the last word of the assistant.

        Only at conversations that end there: behind an answer in the middle a template that closes none would show the
        header of the next message.
        """
        word = "answerword"
        question = {"role": "user", "content": "questionword"}
        calling = {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"id": "call00000", "type": "function", "function": {"name": word, "arguments": {}}}],
        }
        tools = [
            {
                "type": "function",
                "function": {"name": word, "description": "", "parameters": {"type": "object", "properties": {}}},
            }
        ]
        alone, tail = self._behind([question, {"role": "assistant", "content": word}], None, word)
        if not alone:
            return _Closings(frozenset(), frozenset())  # a template that does not close the last turn closes none
        closing = _end_of_turn(alone, frozenset({alone[0].id}), self.tokenizer.special_tokens.stop_ids)
        assert closing is not None
        stops = {closing.id}
        behind_call, _ = self._behind([question, calling], tools, word)
        if behind_call:
            stops.add(behind_call[-1].id)
        between = tail[: closing.start]
        assert self.tokenizer.special_pattern is not None
        is_markup = not self.tokenizer.special_pattern.sub("", between).strip()
        return _Closings(frozenset(stops), frozenset({"".join(between.split())} if is_markup else ()))

    def _behind(
        self, messages: list[dict[str, Any]], tools: list[dict[str, Any]] | None, word: str
    ) -> tuple[list[_Special], str]:
        """The special tokens behind the last `word` of the answer, and all the text behind it."""
        try:
            text = self.tokenizer.render(messages, tools)
        except Exception:  # a template may refuse a made-up conversation for any reason; then it tells nothing
            return [], ""
        at = text.rfind(word)
        pattern = self.tokenizer.special_pattern
        if at < 0 or at < text.rfind("questionword") or pattern is None:
            return [], ""
        tail = text[at + len(word) :]
        texts = self.tokenizer.special_tokens.texts
        return [_Special(-1, m.start(), m.end(), texts[m[0]]) for m in pattern.finditer(tail)], tail


@dataclass(frozen=True, slots=True)
class _Closings:
    """How a template closes an assistant's turn."""

    stop_ids: frozenset[int]
    closings: frozenset[str]
    """Special tokens that it writes between the answer and its end-of-turn token, without white space."""


@dataclass(slots=True)
class _Tokens:
    """Ids with the characters of the plain render that each stands for; the tokens of breaks are taken out."""

    ids: list[int]
    starts: list[int]
    ends: list[int]

    @classmethod
    def from_encoding(cls, draft: _Draft, encoding: Encoding) -> _Tokens:
        ids, offsets = encoding.ids, encoding.offsets
        if not draft.breaks:
            return cls(ids, [start for start, _ in offsets], [end for _, end in offsets])
        # Break number k stands at breaks[k] + k of the broken text; behind it, characters are shifted by k + 1.
        places = [at + shift for shift, at in enumerate(draft.breaks)]
        kept = cls([], [], [])
        passed = 0
        for id, (start, end) in zip(ids, offsets, strict=True):
            while passed < len(places) and places[passed] < start:
                passed += 1
            inside = passed < len(places) and start <= places[passed] < end
            if inside and end - start == 1:
                continue
            if inside:
                raise _refused(
                    draft.example, None, "special_text", "text that spells a special token cannot be kept apart here"
                )
            kept.ids.append(id)
            kept.starts.append(start - passed)
            kept.ends.append(end - passed)
        return kept

    def at_or_after(self, character: int) -> int:
        """The first token that begins at or after a character."""
        low, high = 0, len(self.starts)
        while low < high:
            middle = (low + high) // 2
            if self.starts[middle] < character:
                low = middle + 1
            else:
                high = middle
        return low

    def straddles(self, character: int) -> bool:
        """Whether a token begins before a character and ends behind it."""
        before = self.at_or_after(character) - 1
        return before >= 0 and self.ends[before] > character


@dataclass(frozen=True, slots=True)
class _Special:
    """A special token in a render: its position among the tokens, its characters, its id."""

    position: int
    start: int
    end: int
    id: int


def _end_of_turn(
    specials: Sequence[_Special], stop_ids: frozenset[int], server_stop_ids: frozenset[int]
) -> _Special | None:
    """The end-of-turn token among special tokens in order, or None: the first one that is a stop.

    Where a server would not stop there but special tokens follow without a gap up to one at which it does (the two closing
    tokens of Cohere's format), that one, since the model has to learn to write both.
    """
    first = next((at for at, special in enumerate(specials) if special.id in stop_ids), None)
    if first is None:
        return None
    chosen = last = specials[first]
    for special in specials[first + 1 :]:
        if last.id in server_stop_ids or special.start != last.end:
            break
        last = special
    return last if last.id in server_stop_ids else chosen


def _read_marks(text: str, plane: int) -> _Marked:
    """Takes sentinels and breaks out of a render and notes where they stood."""
    pattern = re.compile(f"[{chr(plane)}-{chr(plane + _BREAK_OFFSET)}]")
    marked = _Marked(pattern.sub("", text), [], {}, {})
    for shift, match in enumerate(pattern.finditer(text)):
        at, code = match.start() - shift, ord(match[0]) - plane
        if code == _BREAK_OFFSET:
            marked.breaks.append(at)
        elif code % 2 == 0:
            marked.starts.setdefault(code // 2, []).append(at)
        else:
            marked.ends.setdefault(code // 2, []).append(at)
    return marked


def _free_plane(example: ChatExample, text: str) -> int:
    if len(example.messages) > _MAX_MESSAGES:
        raise _refused(example, None, "too_many_messages", f"expected at most {_MAX_MESSAGES} messages")
    if not _PRIVATE.search(text):
        return _PLANES[0]
    for plane in _PLANES:
        if not any(plane <= ord(character) <= plane + _BREAK_OFFSET for character in text):
            return plane
    raise _refused(
        example, None, "private_use_characters", "the row uses characters of both supplementary private-use planes"
    )


def _squeezed(text: str) -> str:
    """The text without white space, in composed Unicode form: tokenizers compose (Qwen) and trim at edges (SentencePiece)."""
    return "".join(unicodedata.normalize("NFC", text).split())


def _shortened(text: str, length: int = 60) -> str:
    return repr(text if len(text) <= length else f"{text[: length // 2]} … {text[-length // 2 :]}")


def _refused(example: ChatExample, index: int | None, code: str, reason: str) -> RowRefused:
    where = f"{example.file}:{example.line}: " + ("" if index is None else f"messages[{index}]: ")
    return RowRefused(where + reason, line=example.line, message_index=index, code=code)
