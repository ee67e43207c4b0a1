"""A model's tokenizer and chat template, read from its files with `tokenizers` and Jinja alone.

No torch, no transformers: `localft validate --model` stays light, and the token ids are the ones that transformers gives
(tests compare both; before a training `modeling.tokenizer` compares them again on the job's own rows).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date as calendar_date
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
from tokenizers import AddedToken, Encoding, Tokenizer

from localft.errors import ModelError
from localft.tokenization.jinja import check_template, render_template, uses_date

# Added tokens that a tokenizer does not mark as special but that control a conversation all the same: Phi-3's </s>.
_CONTROL = re.compile(
    r"<[|｜].*[|｜]>|</?(?:s|unk|pad|bos|eos|mask|sep|cls)>|\[/?(?:INST|SYS|CLS|SEP|PAD|MASK|UNK|[A-Z_]+)\]|<(?:start|end)_of_\w+>",
    re.DOTALL,
)
_BRACKETED = re.compile(r"<.+>|\[.+\]", re.DOTALL)
_SPECIAL_KEYS = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
_BYTE_TOKEN = re.compile(r"<0x([0-9A-F]{2})>")


def _byte_alphabet() -> dict[str, int]:
    """GPT-2's characters for bytes: those that are printable stand for themselves, the others follow behind 255."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(256 + at): byte for at, byte in enumerate(others)}


_BYTE_OF = _byte_alphabet()


@dataclass(frozen=True)
class SpecialTokens:
    """The tokens that control a conversation. `named` goes to the template (`bos_token`, ...).

    `texts` maps text to id for all of them: those marked special, those that spell a control token without being marked, and
    those at which a server stops.
    """

    named: Mapping[str, str]
    texts: Mapping[str, int]
    stop_ids: frozenset[int]
    """Tokens at which a server stops: `eos_token` and the `eos_token_id`s of generation_config.json and config.json."""


class ChatTokenizer:
    """Text to ids and conversation to text, for one model.

    `date` is the ISO date that templates which print today's date are given; today by default.
    """

    def __init__(
        self,
        backend: Tokenizer,
        *,
        chat_template: str,
        tool_template: str | None = None,
        special_tokens: SpecialTokens,
        date: str | None = None,
        source: str = "",
    ) -> None:
        # Decoding and ids are all that is used, never the template of bos/eos that a post-processor adds; a ByteLevel
        # post-processor would besides cut the leading space out of a token's offsets and hide where a token begins.
        backend.post_processor = None
        backend.no_truncation()
        backend.no_padding()
        self.backend = backend
        self.chat_template = chat_template
        self.tool_template = tool_template
        self.special_tokens = special_tokens
        self.date = date or calendar_date.today().isoformat()
        self.source = source
        for template in filter(None, (chat_template, tool_template)):
            try:
                check_template(template)
            except jinja2.TemplateSyntaxError as error:
                raise ModelError(
                    f"{source}: the chat template does not parse: line {error.lineno}: {error.message}",
                    code="invalid_chat_template",
                    param="chat_template",
                ) from None

    @classmethod
    def from_directory(
        cls,
        directory: str | Path,
        *,
        chat_template: str | None = None,
        fallback_template: str | None = None,
        date: str | None = None,
    ) -> ChatTokenizer:
        """Reads tokenizer.json, tokenizer_config.json, the chat template and generation_config.json of a saved model.

        `chat_template` (text) takes the place of the model's own; `fallback_template` names one of localft's for a model that
        has none. Raises ModelError where a file is missing or unreadable, or no template is found.
        """
        directory = Path(directory)
        file = directory / "tokenizer.json"
        if not file.is_file():
            raise ModelError(
                f"{directory}: expected the tokenizer's tokenizer.json, found none; save it with "
                "transformers.AutoTokenizer.from_pretrained(...).save_pretrained(...)",
                code="no_tokenizer",
                param="model",
            )
        try:
            backend = Tokenizer.from_file(str(file))
        except Exception as error:  # tokenizers raises plain Exception
            raise ModelError(
                f"{file}: not a readable tokenizer: {error}", code="invalid_tokenizer", param="model"
            ) from None
        config = _read_json(directory / "tokenizer_config.json")
        named = _named_special_tokens(config, _read_json(directory / "special_tokens_map.json"))
        _add_missing(backend, named, config)
        own, tool_template = _read_chat_template(directory, config)
        if chat_template is not None:
            own, tool_template = chat_template, None
        if own is None and fallback_template is not None:
            own = read_template(fallback_template)
        if own is None:
            raise ModelError(
                f"{directory}: the model has no chat template; give one as chat_template: FILE in the recipe or "
                "--chat-template FILE (a Jinja file, such as one of localft's: " + ", ".join(template_names()) + ")",
                code="no_chat_template",
                param="chat_template",
            )
        stop_ids = _stop_ids(directory, backend, named)
        special = SpecialTokens(named, special_texts(backend, stop_ids), stop_ids)
        return cls(
            backend,
            chat_template=own,
            tool_template=tool_template,
            special_tokens=special,
            date=date,
            source=str(directory),
        )

    # --- text -> ids

    def encode(self, text: str) -> Encoding:
        """Ids and character offsets of one text; nothing is added to it."""
        return self.backend.encode(text, add_special_tokens=False)

    def encode_batch(self, texts: Sequence[str]) -> list[Encoding]:
        """As `encode`, on all cores."""
        return self.backend.encode_batch(list(texts), add_special_tokens=False)

    def decode(self, ids: Sequence[int]) -> str:
        """The text of some ids, special tokens included."""
        return self.backend.decode(list(ids), skip_special_tokens=False)

    def bytes_of(self, id: int) -> bytes:
        """The bytes that one token stands for; they may be a part of a character."""
        token = self.backend.id_to_token(id) or ""
        if id in self._added:
            return token.encode()
        if self._is_byte_level:
            return bytes(_BYTE_OF[character] for character in token if character in _BYTE_OF)
        if byte := _BYTE_TOKEN.fullmatch(token):
            return bytes([int(byte[1], 16)])
        return token.replace("▁", " ").encode()

    @cached_property
    def _added(self) -> frozenset[int]:
        return frozenset(self.backend.get_added_tokens_decoder())

    @cached_property
    def _is_byte_level(self) -> bool:
        return '"ByteLevel"' in json.dumps(json.loads(self.backend.to_str())["decoder"])

    @cached_property
    def special_pattern(self) -> re.Pattern[str] | None:
        """Matches the text of any special token, the longest first; None where there is none."""
        return _any_of(self.special_tokens.texts)

    @cached_property
    def markup_pattern(self) -> re.Pattern[str] | None:
        """As `special_pattern`, and any other added token in brackets (`<tool_call>`, `<think>`), which an assistant may use."""
        added = {token.content for token in self.backend.get_added_tokens_decoder().values()}
        return _any_of({*self.special_tokens.texts, *filter(_BRACKETED.fullmatch, added)})

    # --- conversation -> text

    @property
    def knows_developer(self) -> bool:
        """Whether the chat template has a developer role; else it is given such messages as system messages."""
        return "developer" in self.chat_template

    def render(
        self,
        messages: Sequence[Mapping[str, Any]],
        tools: Sequence[Mapping[str, Any]] | None = None,
        add_generation_prompt: bool = False,
    ) -> str:
        """The string that a server renders for these messages with the model's own chat template."""
        template = self.tool_template if tools and self.tool_template else self.chat_template
        return render_template(
            template,
            messages,
            tools=tools,
            add_generation_prompt=add_generation_prompt,
            special_tokens=self.special_tokens.named,
            date=self.date,
        )

    @cached_property
    def fingerprint(self) -> str:
        """sha256 of all that decides the ids of a conversation: tokenizer, template, special tokens, and the date if printed."""
        dated = any(uses_date(t) for t in (self.chat_template, self.tool_template) if t)
        parts = [
            self.backend.to_str(),
            self.chat_template,
            self.tool_template,
            sorted(self.special_tokens.named.items()),
            sorted(self.special_tokens.stop_ids),
            self.date if dated else None,
        ]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def template_names() -> list[str]:
    """Names of the chat templates that come with localft, for base models that have none."""
    folder = resources.files("localft.tokenization") / "chat_templates"
    return sorted(entry.name.removesuffix(".jinja") for entry in folder.iterdir() if entry.name.endswith(".jinja"))


def read_template(name: str) -> str:
    """Text of one of localft's own chat templates. Raises ModelError naming the ones there are."""
    if name not in template_names():
        raise ModelError(
            f'chat_template: no template is named "{name}"; expected one of {", ".join(template_names())}',
            code="unknown_chat_template",
            param="chat_template",
        )
    return (resources.files("localft.tokenization") / "chat_templates" / f"{name}.jinja").read_text("utf-8")


def _read_json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path}: expected JSON: {error}", code="invalid_tokenizer", param="model") from None
    return content if isinstance(content, dict) else {}


def _text_of(token: Any) -> str | None:
    """A special token is written as a string or as {"content": ...}."""
    if isinstance(token, dict):
        token = token.get("content")
    return token if isinstance(token, str) else None


def _named_special_tokens(config: dict[str, Any], special_map: dict[str, Any]) -> dict[str, str]:
    named = {}
    for key in _SPECIAL_KEYS:
        text = _text_of(config.get(key)) or _text_of(special_map.get(key))
        if text is not None:
            named[key] = text
    return named


def _add_missing(backend: Tokenizer, named: Mapping[str, str], config: dict[str, Any]) -> None:
    """Special tokens that only tokenizer_config.json knows become special here too, as transformers makes them."""
    known = {token.content for token in backend.get_added_tokens_decoder().values() if token.special}
    listed = [t for t in map(_text_of, config.get("additional_special_tokens") or ()) if t]
    extra = config.get("extra_special_tokens") or ()
    listed += [t for t in map(_text_of, extra.values() if isinstance(extra, dict) else extra) if t]
    missing = [text for text in dict.fromkeys([*named.values(), *listed]) if text not in known]
    if missing:
        backend.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in missing])


def special_texts(backend: Tokenizer, stop_ids: frozenset[int]) -> dict[str, int]:
    """Text -> id of the added tokens that control a conversation; see `SpecialTokens.texts`."""
    return {
        token.content: id
        for id, token in backend.get_added_tokens_decoder().items()
        if token.special or id in stop_ids or _CONTROL.fullmatch(token.content)
    }


def _any_of(texts: Iterable[str]) -> re.Pattern[str] | None:
    longest_first = sorted(texts, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first))) if longest_first else None


def _stop_ids(directory: Path, backend: Tokenizer, named: Mapping[str, str]) -> frozenset[int]:
    stops: set[int] = set()
    if "eos_token" in named:
        eos = backend.token_to_id(named["eos_token"])
        if eos is not None:
            stops.add(eos)
    for name in ("generation_config.json", "config.json"):
        value = _read_json(directory / name).get("eos_token_id")
        stops.update(v for v in (value if isinstance(value, list) else [value]) if isinstance(v, int))
    return frozenset(stops)


def _read_chat_template(directory: Path, config: dict[str, Any]) -> tuple[str | None, str | None]:
    """(template, template for conversations with tools or None): chat_template.jinja first, then tokenizer_config.json."""
    file = directory / "chat_template.jinja"
    if file.is_file():
        tool_file = directory / "additional_chat_templates" / "tool_use.jinja"
        return file.read_text("utf-8"), tool_file.read_text("utf-8") if tool_file.is_file() else None
    stored = config.get("chat_template") or _read_json(directory / "chat_template.json").get("chat_template")
    if isinstance(stored, list):  # several named templates; the service's jobs use the default and the one for tools
        by_name = {entry["name"]: entry["template"] for entry in stored if isinstance(entry, dict)}
        return by_name.get("default"), by_name.get("tool_use")
    return (stored, None) if isinstance(stored, str) else (None, None)
