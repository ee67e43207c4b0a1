"""Renders chat templates as transformers and vLLM do, without importing either.

The environment (trimmed blocks, sandbox, `tojson` that keeps HTML and non-ASCII characters, `raise_exception`, `strftime_now`,
loop controls, an inert `generation` block) follows transformers 5.23 `utils/chat_template_utils.py`; a test renders the same
conversations with both. One difference is meant: `strftime_now` gives the job's fixed date, so that a template that prints
today's date renders the same tomorrow.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment


class TemplateRefusal(Exception):
    """The template itself called `raise_exception`; the message is the template's own."""


class _GenerationBlock(Extension):
    """Lets `{% generation %}` through as a plain block: spans are found by sentinels, never by this tag."""

    tags = {"generation"}  # noqa: RUF012 (jinja reads it from the class)

    def parse(self, parser: Parser) -> nodes.Node | list[nodes.Node]:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.Scope(body, lineno=line)


def _to_json(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def _raise_exception(message: str) -> None:
    raise TemplateRefusal(str(message))


@lru_cache(maxsize=32)
def _compile(source: str) -> jinja2.Template:
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_GenerationBlock, loopcontrols]
    )
    environment.filters["tojson"] = _to_json
    environment.globals["raise_exception"] = _raise_exception
    return environment.from_string(source)


def check_template(source: str) -> None:
    """Raises `jinja2.TemplateSyntaxError` for a template that does not parse."""
    _compile(source)


def uses_date(source: str) -> bool:
    """Whether the template prints today's date, so that its render depends on the job's date."""
    return "strftime_now" in source


def render_template(
    source: str,
    messages: Sequence[Mapping[str, Any]],
    *,
    tools: Sequence[Mapping[str, Any]] | None,
    add_generation_prompt: bool,
    special_tokens: Mapping[str, str],
    date: str,
) -> str:
    """One conversation as the string that a server renders. `date` is an ISO date.

    Raises TemplateRefusal with the template's own message, or a jinja2/Python error where the template breaks.
    """
    moment = datetime.fromisoformat(date)
    return _compile(source).render(
        messages=messages,
        tools=tools,
        documents=None,
        add_generation_prompt=add_generation_prompt,
        strftime_now=moment.strftime,
        **special_tokens,
    )
