"""Reads a recipe: YAML, and the flags that override it, into a `TrainingRequest`.

All problems are reported together, each with its file and line or its flag; an unknown key is an error that names the nearest
one. Paths are relative to the current directory, in recipes as in flags.

Scalars are read by the rules of YAML 1.2, not by the older ones that PyYAML follows: `no`, `on` and `1:30` are text, `010`
is ten, `1e3` is a number, and a date is text. A recipe means what it looks like.
"""

from __future__ import annotations

import difflib
import json
import math
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from localft.errors import UsageError
from localft.hyperparameters import spelled
from localft.plan import TrainingPlan, TrainingRequest
from localft.plan.integrations import TrackerName

Key = tuple[str, ...]
"""A recipe key by its path: ("method", "supervised", "hyperparameters", "batch_size"); a place in a list is its number."""

_TEXT_KEYS = {"model", "training_file", "validation_file", "suffix", "chat_template", "output_dir"}
"""Keys whose value is text whatever it looks like when a flag gives it: `--suffix 2026` is no number."""
_UNION_TAGS = {"lora-settings", "lora-none", *(f"integration-{name}" for name in get_args(TrackerName))}
"""What pydantic puts into the place of a problem to say which form of `lora` or of a tracker it tried."""


def read_recipe(
    path: str | os.PathLike[str] | None,
    overrides: Mapping[str, object] | None = None,
    *,
    said_as: Callable[[str], str] | None = None,
) -> TrainingRequest:
    """The request of a recipe file with `overrides` (dotted recipe key -> value) put over it; either may be missing.

    Text in `overrides` is read as the same text in a recipe would be: "4" is the number 4. UsageError holds all problems;
    `said_as` tells it how an overridden key was given, where that was not by its flag.
    """
    draft = _Draft(said_as=said_as or _flag)
    if path is not None:
        _read_file(Path(path), draft)
    _override(draft, overrides or {})
    return _request(draft)


def read_recipe_or_plan(
    path: str | os.PathLike[str] | None, overrides: Mapping[str, object] | None = None
) -> TrainingRequest | TrainingPlan:
    """As `read_recipe`; a JSON file with the key `localft_version` is the plan of an earlier run, which is taken as it stands.

    Of a plan only the output directory may be overridden: everything else in it is resolved, and a changed knob would leave
    values behind that follow from the old one.
    """
    if path is None or not _is_plan(Path(path)):
        return read_recipe(path, overrides)
    given = dict(overrides or {})
    output_dir = given.pop("output_dir", None)
    if given:
        raise UsageError(
            f"{path}: a plan repeats its run, so {_listing(map(_flag, given), 'and')} cannot change it; give the recipe in "
            "place of the plan.",
            param=next(iter(given)),
        )
    plan = TrainingPlan.from_json(_read_text(Path(path)), where=str(path))
    return plan if output_dir is None else plan.model_copy(update={"output_dir": os.path.abspath(str(output_dir))})


def _is_plan(path: Path) -> bool:
    """Whether the file is a plan, by what is in it: a recipe may be written as JSON, which is YAML too."""
    if path.suffix != ".json":
        return False
    try:
        content = json.loads(_read_text(path))
    except (ValueError, RecursionError):
        return path.name == "plan.json"
    return not isinstance(content, dict) or "localft_version" in content


def request_from(values: Mapping[str, Any]) -> TrainingRequest:
    """The request of a mapping shaped like a recipe; UsageError holds all problems, each with its key as `params`."""
    try:
        return TrainingRequest.model_validate(dict(values))
    except ValidationError as error:
        found = [dict(problem) for problem in error.errors(include_url=False)]
    problems = tuple(_sentence(problem, _Draft()) for problem in found)
    params = tuple(_dotted(_key_of(problem)) for problem in found)
    raise UsageError("\n".join(problems), problems=problems, params=params, code="invalid_request")


def find_key(name: str) -> str:
    """The recipe key, dotted, that a name means: the key itself, its flag without the dashes in front, or its last word.

    n_epochs -> method.supervised.hyperparameters.n_epochs, lora_rank -> lora.rank. UsageError names the nearest key.
    """
    meant: dict[str, str] = {}
    for key in _known_keys():
        dotted = ".".join(key)
        for word in (dotted, flag_name(dotted), key[-1]):
            meant.setdefault(word, dotted)
    word = name.strip().replace("-", "_").lower()
    if word in meant:
        return meant[word]
    near = difflib.get_close_matches(word, list(meant), n=1)
    hint = f"Did you mean {near[0]}?" if near else f"Expected a key of recipes, such as {_listing(_keys_of(()), 'or')}."
    raise UsageError(f"{name.strip() or 'nothing'} is not a key. {hint}", param=name)


def flag_name(dotted: str) -> str:
    """A key's flag as a name: lora.rank -> lora_rank."""
    return _flag(dotted).removeprefix("--").replace("-", "_")


def recipe_schema() -> dict[str, Any]:
    """JSON Schema of recipes, for editors."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **TrainingRequest.model_json_schema(),
        "title": "Recipe of a localft training",
    }


@dataclass
class _Draft:
    """A recipe on its way: values, where each came from, and what was wrong so far."""

    values: dict[str, Any] = field(default_factory=dict)
    file: str | None = None
    lines: dict[Key, int] = field(default_factory=dict)
    flags: set[Key] = field(default_factory=set)
    said_as: Callable[[str], str] = field(default_factory=lambda: _flag)
    problems: list[str] = field(default_factory=list)

    def problems_in_order(self) -> tuple[str, ...]:
        """The problems by line, those without one last."""
        prefix = re.compile(rf"{re.escape(self.file or '')}:(\d+):")
        lines = [int(match[1]) if (match := prefix.match(problem)) else math.inf for problem in self.problems]
        return tuple(problem for _, problem in sorted(zip(lines, self.problems, strict=True), key=lambda pair: pair[0]))

    def where(self, key: Key) -> str:
        """Prefix that says where `key` was set: its flag, its line, or the nearest line above it."""
        for length in range(len(key), 0, -1):
            if key[:length] in self.flags:
                return f"{self.said_as('.'.join(key[:length]))}: "
            if key[:length] in self.lines:
                return f"{self.file}:{self.lines[key[:length]]}: "
        return f"{self.file}: " if self.file else ""


# --- YAML -------------------------------------------------------------------------------------------------------------


class _Loader(yaml.SafeLoader):
    """SafeLoader with the scalars of YAML 1.2 and without aliases."""

    yaml_implicit_resolvers = {}  # noqa: RUF012  (PyYAML's own way; typed in its stubs)

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(
                problem="an alias (*name), which recipes do not have", problem_mark=event.start_mark
            )
        return super().compose_node(parent, index)


def _is_scalar(tag: str, pattern: str, first: str) -> None:
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(pattern), list(first))


_is_scalar("null", r"^(?:~|null|Null|NULL|)$", "~nN\0")
_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^$"), [""])
_is_scalar("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF")
_is_scalar("int", r"^[-+]?[0-9]+$", "-+0123456789")
_is_scalar("float", r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$", "-+.0123456789")
_is_scalar("float", r"^(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$", "-+.")
_Loader.add_constructor("tag:yaml.org,2002:int", lambda loader, node: int(str(node.value)))


def _read_text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"{path}: expected a recipe, found: {error.strerror}.", code="file_not_found") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: expected UTF-8 text, found a byte that is not at offset {error.start}.") from None


def _fault(error: yaml.MarkedYAMLError) -> str:
    """PyYAML's sentence as what was found: its own may begin with what was expected."""
    said = error.problem or error.context or "something else"
    wanted, but_found, found = said.partition(", but found ")
    if not but_found:
        return said.removeprefix("found ")
    named = {"'<stream end>'": "the end of the file"}.get(found, found)
    return f"{named} in the place of {wanted.removeprefix('expected ').replace('the node content', 'a value')}"


def _read_file(path: Path, draft: _Draft) -> None:
    draft.file = str(path)
    try:
        loader = _Loader(_read_text(path))
        try:
            node = loader.get_single_node()
            if isinstance(node, yaml.MappingNode):
                draft.values = _mapping(loader, node, (), draft)
                return
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}" if mark else ""
        raise UsageError(f"{path}{line}: expected YAML, found {_fault(error)}.") from None
    except yaml.YAMLError as error:  # a character that YAML does not allow
        raise UsageError(f"{path}: expected YAML, found {str(error).splitlines()[0]}.") from None
    except RecursionError:
        raise UsageError(f"{path}: expected a recipe, found YAML that is nested too deeply.") from None
    found = "nothing" if node is None else "a list" if isinstance(node, yaml.SequenceNode) else "a single value"
    raise UsageError(f"{path}: expected keys such as model: and training_file:, found {found}.")


def _mapping(loader: _Loader, node: yaml.MappingNode, parent: Key, draft: _Draft) -> dict[str, Any]:
    """The mapping as a dict; notes the line of each key, and keys that are no text or stand twice."""
    values: dict[str, Any] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        name = loader.construct_object(key_node, deep=True) if isinstance(key_node, yaml.ScalarNode) else None
        if not isinstance(name, str):
            found = (
                str(key_node.value) if isinstance(key_node, yaml.ScalarNode) else f"a {key_node.tag.rpartition(':')[2]}"
            )
            draft.problems.append(f"{draft.file}:{line}: expected a word as key, found {found}.")
            continue
        key = (*parent, name)
        if name in values:
            draft.problems.append(
                f"{draft.file}:{line}: {_dotted(key)} stands twice, first in line {draft.lines[key]}."
            )
            continue
        draft.lines[key] = line
        values[name] = _value(loader, value_node, key, draft)
    return values


def _value(loader: _Loader, node: yaml.Node, key: Key, draft: _Draft) -> Any:
    if isinstance(node, yaml.MappingNode):
        return _mapping(loader, node, key, draft)
    if isinstance(node, yaml.SequenceNode):
        return [_item(loader, item, (*key, str(place)), draft) for place, item in enumerate(node.value)]
    return loader.construct_object(node, deep=True)


def _item(loader: _Loader, node: yaml.Node, key: Key, draft: _Draft) -> Any:
    draft.lines[key] = node.start_mark.line + 1
    return _value(loader, node, key, draft)


def _scalar(text: str) -> Any:
    """A flag's text, read as the same text in a recipe."""
    loader = _Loader("")
    try:
        tag = loader.resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]
        return loader.construct_object(yaml.ScalarNode(tag, text))
    finally:
        loader.dispose()


# --- flags ------------------------------------------------------------------------------------------------------------


def _flag(dotted: str) -> str:
    """method.supervised.hyperparameters.batch_size -> --batch-size, lora.rank -> --lora-rank."""
    if dotted == "method.type":
        return "--method"
    parts = dotted.split(".")
    name = "_".join(parts) if parts[0] == "lora" else parts[-1]
    return f"--{name.replace('_', '-')}"


def _override(draft: _Draft, overrides: Mapping[str, object]) -> None:
    for dotted, given in sorted(overrides.items(), key=lambda override: override[0].count(".")):
        key = tuple(dotted.split("."))
        value = _scalar(given) if isinstance(given, str) and dotted not in _TEXT_KEYS else given
        if any(key[:length] in draft.flags for length in range(1, len(key))):
            upper = next(key[:length] for length in range(1, len(key)) if key[:length] in draft.flags)
            draft.problems.append(
                f"{draft.said_as('.'.join(upper))} and {draft.said_as(dotted)} contradict each other; give one of them."
            )
            continue
        target = draft.values
        for name in key[:-1]:
            inner = target.get(name)
            target[name] = dict(inner) if isinstance(inner, Mapping) else {}
            target = target[name]
        target[key[-1]] = value
        draft.flags.add(key)


# --- problems ---------------------------------------------------------------------------------------------------------


def _request(draft: _Draft) -> TrainingRequest:
    request = None
    try:
        request = TrainingRequest.model_validate(draft.values)
    except ValidationError as error:
        draft.problems += [_sentence(dict(problem), draft) for problem in error.errors(include_url=False)]
    if draft.problems or request is None:
        problems = draft.problems_in_order()
        raise UsageError("\n".join(problems), problems=problems, code="invalid_request")
    return request


def _sentence(problem: dict[str, Any], draft: _Draft) -> str:
    """One of pydantic's problems as: where, which key, what was found, what was expected, what to do."""
    key = _key_of(problem)
    where, name, kind, found = draft.where(key), _dotted(key), problem["type"], problem.get("input")
    context = problem.get("ctx", {})
    if kind == "missing":
        return f"{draft.where(())}{name} is missing; add {name}: to a recipe, or give {_flag(name)}."
    if kind == "extra_forbidden":
        return f"{where}{_unknown_key(key)}"
    if kind in ("knob", "combination"):
        return f"{where}{problem['msg']}"
    if kind == "setting":
        hint = " Put it in quotes." if name in _TEXT_KEYS and isinstance(found, int | float) else ""
        return f"{where}{name} is {spelled(found)}; {problem['msg']}.{hint}"
    if kind == "literal_error":
        choices = _choices(key)
        near = difflib.get_close_matches(str(found).lower(), choices, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        return f"{where}{name} is {spelled(found)}; expected {_listing(choices, 'or')}.{hint}"
    if kind in ("string_type", "string_too_short", "too_short"):
        hint = " Put it in quotes." if isinstance(found, int | float) else ""
        return f"{where}{name} is {spelled(found)}; expected text.{hint}"
    if kind == "tuple_type":
        return f"{where}{name} is {spelled(found)}; expected a list."
    if kind in ("model_type", "dict_type", "model_attributes_type"):
        return f"{where}{name} is {spelled(found)}; expected the keys {_listing(_keys_of(key), 'and')} under it."
    if kind in ("int_type", "float_type", "int_from_float"):
        return f"{where}{name} is {spelled(found)}; expected {'an integer' if kind.startswith('int') else 'a number'}."
    bounds = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
    for bound, words in bounds.items():
        if bound in context:
            return f"{where}{name} is {spelled(found)}; expected {words} {context[bound]:g}."
    return f"{where}{name} is {spelled(found)}; {problem['msg']}."


def _key_of(problem: Mapping[str, Any]) -> Key:
    return tuple(str(part) for part in problem["loc"] if part not in _UNION_TAGS)


def _dotted(key: Key) -> str:
    """("integrations", "0", "wandb") -> integrations[0].wandb"""
    return re.sub(r"\.(\d+)(?=\.|$)", r"[\1]", ".".join(key))


def _unknown_key(key: Key) -> str:
    parent, name = key[:-1], key[-1]
    here = f" under {_dotted(parent)}" if parent else ""
    elsewhere = [".".join(known[:-1]) for known in _known_keys() if known[-1] == name]
    if parent and parent[-1].isdecimal() and ".".join(part for part in parent if not part.isdecimal()) in elsewhere:
        return f"{name} is not a key{here}; it belongs to an entry of another type."
    if elsewhere:
        places = [f"under {place}" if place else "at the top level" for place in elsewhere]
        return f"{name} is not a key{here}; it belongs {_listing(places, 'or')}."
    near = difflib.get_close_matches(name.replace("-", "_").lower(), _keys_of(parent), n=1, cutoff=0.6)
    if not near:
        words = {known[-1]: ".".join(known) for known in _known_keys()}
        near = [words[word] for word in difflib.get_close_matches(name.replace("-", "_").lower(), list(words), n=1)]
    if near:
        return f"{name} is not a key{here}. Did you mean {near[0]}?"
    return f"{name} is not a key{here}; expected one of {_listing(_keys_of(parent), 'or')}."


def _known_keys() -> list[Key]:
    """Each key once; what stands in a list stands under the list's own key."""
    return list(dict.fromkeys(_walk(TrainingRequest, ())))


def _walk(model: type[BaseModel], parent: Key) -> Iterator[Key]:
    for name, described in model.model_fields.items():
        yield (*parent, name)
        for inner in _models_in(described.annotation):
            yield from _walk(inner, (*parent, name))


def _keys_of(parent: Key) -> list[str]:
    above = tuple(part for part in parent if not part.isdecimal())
    return [key[-1] for key in _known_keys() if key[:-1] == above]


def _choices(key: Key) -> list[str]:
    model: type[BaseModel] = TrainingRequest
    for name in key[:-1]:
        model = _models_in(model.model_fields[name].annotation)[0]
    return [str(choice) for choice in get_args(model.model_fields[key[-1]].annotation)]


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    """The models among the forms that a field may take: LoraSettings of `LoraSettings | "none"`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for argument in get_args(annotation) for found in _models_in(argument)]


def _listing(words: Any, conjunction: str) -> str:
    *first, last = list(words)
    return f"{', '.join(first)} {conjunction} {last}" if first else last
