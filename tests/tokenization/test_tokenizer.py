"""Reading a model's tokenizer and chat template from its files."""

from __future__ import annotations

import json
import shutil
from datetime import datetime
from pathlib import Path

import pytest

from localft.errors import ModelError
from localft.tokenization.jinja import TemplateRefusal, render_template
from localft.tokenization.tokenizer import ChatTokenizer, read_template, template_names
from trl_templates import template_names as trl_template_names
from trl_templates import template_text

MESSAGES = [
    {"role": "user", "content": "Grüße <b>& 'x'</b> {{ y }}"},
    {"role": "assistant", "content": "ok"},
]


@pytest.fixture
def copied(tiny_llama, tmp_path) -> Path:
    return shutil.copytree(tiny_llama, tmp_path / "model")


def edit(path: Path, **changes) -> None:
    stored = json.loads(path.read_text())
    stored.update(changes)
    path.write_text(json.dumps({key: value for key, value in stored.items() if value is not None}))


def test_missing_tokenizer_file_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"expected the tokenizer's tokenizer\.json, found none"):
        ChatTokenizer.from_directory(tmp_path)


def test_unreadable_tokenizer_file_is_named(copied):
    (copied / "tokenizer.json").write_text("{")
    with pytest.raises(ModelError, match=r"tokenizer\.json: not a readable tokenizer"):
        ChatTokenizer.from_directory(copied)


def test_model_without_template_says_how_to_give_one(copied):
    (copied / "chat_template.jinja").unlink()
    with pytest.raises(ModelError, match="--chat-template FILE") as caught:
        ChatTokenizer.from_directory(copied)
    assert caught.value.code == "no_chat_template"
    assert all(name in caught.value.message for name in template_names())


def test_fallback_template_serves_a_model_that_has_none(copied):
    (copied / "chat_template.jinja").unlink()
    tokenizer = ChatTokenizer.from_directory(copied, fallback_template="llama-3")
    assert tokenizer.chat_template == read_template("llama-3")


def test_fallback_template_gives_way_to_the_models_own(tiny_llama):
    tokenizer = ChatTokenizer.from_directory(tiny_llama, fallback_template="phi-2")
    assert tokenizer.chat_template == template_text("llama3_1")


def test_unknown_fallback_template_is_refused(copied):
    (copied / "chat_template.jinja").unlink()
    with pytest.raises(ModelError, match='no template is named "nope"'):
        ChatTokenizer.from_directory(copied, fallback_template="nope")


def test_template_that_does_not_parse_is_refused_with_its_line(tiny_llama):
    with pytest.raises(ModelError, match=r"does not parse: line 2"):
        ChatTokenizer.from_directory(tiny_llama, chat_template="{{ bos_token }}\n{% if %}")


def test_template_may_stand_in_the_tokenizer_config(copied):
    (copied / "chat_template.jinja").unlink()
    edit(copied / "tokenizer_config.json", chat_template="{{ messages[0]['content'] }}")
    assert ChatTokenizer.from_directory(copied).render(MESSAGES) == MESSAGES[0]["content"]


def test_conversation_with_tools_takes_the_tool_template_of_a_named_list(copied):
    (copied / "chat_template.jinja").unlink()
    named = [{"name": "default", "template": "plain"}, {"name": "tool_use", "template": "tools"}]
    edit(copied / "tokenizer_config.json", chat_template=named)
    tokenizer = ChatTokenizer.from_directory(copied)
    assert (tokenizer.render(MESSAGES), tokenizer.render(MESSAGES, [{"type": "function"}])) == ("plain", "tools")


def test_stop_tokens_come_from_all_three_files(tiny_phi3):
    tokenizer = ChatTokenizer.from_directory(tiny_phi3)
    texts = tokenizer.special_tokens.texts
    assert tokenizer.special_tokens.stop_ids == {texts["<|endoftext|>"], texts["<|end|>"]}


def test_special_token_known_only_to_the_config_becomes_special(copied):
    edit(copied / "tokenizer_config.json", additional_special_tokens=["<|extra|>"])
    tokenizer = ChatTokenizer.from_directory(copied)
    assert len(tokenizer.encode("a<|extra|>b").ids) == 3


def test_fingerprint_changes_with_template_and_tokenizer_and_with_a_printed_date_only(tiny_llama, tiny_phi3):
    def fingerprint(directory, **options) -> str:
        return ChatTokenizer.from_directory(directory, **options).fingerprint

    plain = fingerprint(tiny_llama, date="2026-01-01")
    assert plain == fingerprint(tiny_llama, date="2026-01-02")  # Llama 3.1 prints a date of its own
    assert plain != fingerprint(tiny_phi3, date="2026-01-01")
    assert plain != fingerprint(tiny_llama, chat_template=read_template("llama-3"))
    dated = template_text("llama3_2")
    first = fingerprint(tiny_llama, chat_template=dated, date="2026-01-01")
    assert first != fingerprint(tiny_llama, chat_template=dated, date="2026-01-02")


def test_template_that_prints_today_prints_the_jobs_date(tiny_llama):
    dated = template_text("llama3_2")
    assert "strftime_now" in dated
    tokenizer = ChatTokenizer.from_directory(tiny_llama, chat_template=dated, date="2025-02-03")
    assert "Today Date: 03 Feb 2025" in tokenizer.render(MESSAGES)


def test_template_cannot_reach_out_of_its_sandbox():
    with pytest.raises(Exception, match=r"unsafe|undefined"):
        _render("{{ ''.__class__.__mro__[1].__subclasses__() }}")


def test_templates_own_exception_keeps_its_words():
    with pytest.raises(TemplateRefusal, match="only users"):
        _render("{{ raise_exception('only users') }}")


def _render(source: str, **options) -> str:
    settings = {"tools": None, "add_generation_prompt": False, "special_tokens": {}, "date": "2026-11-21", **options}
    return render_template(source, MESSAGES, **settings)


@pytest.mark.parametrize("name", trl_template_names())
def test_render_equals_that_of_transformers(name):
    from transformers.utils.chat_template_utils import render_jinja_template

    source = template_text(name)
    specials = {"bos_token": "<s>", "eos_token": "</s>"}
    tools = [{"type": "function", "function": {"name": "f", "description": "<d>", "parameters": {"type": "object"}}}]
    today = datetime.now().date().isoformat()
    for given, prompt in ((None, False), (None, True), (tools, True)):
        options = {"tools": given, "add_generation_prompt": prompt}
        try:
            expected = render_jinja_template([MESSAGES], chat_template=source, **options, **specials)[0][0]
        except Exception as error:
            with pytest.raises(Exception, match=r".*") as caught:
                _render(source, **options, special_tokens=specials, date=today)
            assert str(caught.value) == str(error)
        else:
            assert _render(source, **options, special_tokens=specials, date=today) == expected
