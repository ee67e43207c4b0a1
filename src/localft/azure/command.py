"""A job's command as the shell on the machine would take it apart: its simple commands, and the trainings among them.

set -e; accelerate launch --multi_gpu -m localft train 'my job.yaml' --seed ${{inputs.seed}} 2>&1 | tee log.txt
-> three simple commands; the second is a training: recipe: my job.yaml, flags: (--seed, ${{inputs.seed}})

What is understood is checked strictly: quotes, operators, redirections, comments, here-documents, `bash -c '...'`, `eval`,
`$(...)` and `cd`. What is not is left alone, never refused, and a note says what was not looked into: a word with a variable
or a pattern, what an unknown program does, a file that the command makes itself, a directory that cannot be followed.
`localft train RECIPE` is a training whatever runs it.
"""

from __future__ import annotations

import difflib
import itertools
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

EXPRESSION = re.compile(r"\$\{\{\s*(inputs|outputs|search_space)\.([\w-]+)\s*\}\}")
"""What Azure puts a value in the place of: kind and name."""
ANY_EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")

_TOKEN = re.compile(
    r"""(?P<blank>[ \t\r]+|\\\r?\n|\#[^\n]*)
    |(?P<redirection>(?:\d*(?:<<<|<<-?|<>|<&|<|>>|>&|>\||>)|&>>?)[ \t]*)
    |(?P<operator>&&|\|\|?&?|;;?|&|\n|[()])
    |(?P<word>(?:[A-Za-z_]\w*\+?=\((?:\$\([^()]*\)|"[^"]*"|'[^']*'|[^()"'])*\)|\$\{\{.*?\}\}|\$\{[^{}]*\}|\$\(\(.*?\)\)|\$\((?:[^()]|\([^()]*\))*\)|`[^`]*`|\$'(?:\\.|[^'\\])*'|\\[^\r\n]|'[^']*'
        |"(?:\\.|\$\([^()]*\)|[^"\\])*"|[^\s;&|<>()'"\\])+)""",
    re.VERBOSE | re.DOTALL,
)
_HERE_DOCUMENT = re.compile(r"((?<!<)<<-?[ \t]*(['\"\\]?)(\w+)['\"]?[^\n]*\n)(?:[^\n]*\n)*?[ \t]*\3[ \t]*(?=\n|$)")
_QUOTED = re.compile(r"""\\(.)|'([^']*)'|"((?:\\.|[^"\\])*)\"""", re.DOTALL)

_KEYWORD = re.compile(r"if|then|elif|else|while|until|do|[!{}]|[A-Za-z_]\w*\+?=.*", re.DOTALL)
"""What may stand before a command: of the shell's grammar, and variables for the command."""
_INNER = re.compile(r"\$\((?!\()([^()]*)\)|`([^`]*)`")
_SHELL = re.compile(r"(?:\S*/)?(?:ba|da|z)?sh")
_PYTHON = re.compile(r"(?:\S*/)?python[\d.]*")
_LOCALFT = re.compile(r"(?:-m|\S*/)?localft")
_AS_MODULE = re.compile(r"-\w*m|--module")
_GLOBAL_FLAGS = ("--debug",)
"""Flags of localft's that stand before `train`."""
_ELSEWHERE = re.compile(r"-C|--(?:chdir|cwd|directory)(?:=.*)?", re.DOTALL)
"""By which a program runs another one in another directory."""
_LAUNCHER = re.compile(
    r"(?:^|(?<!\0-n)\0)(?:[^\0]*/)?(?:"
    r"(?P<accelerate>accelerate\0launch|accelerate-launch|-m\0accelerate\.commands\.(?:accelerate_cli\0)?launch)"
    r"|(?P<torchrun>torchrun|-m\0torch\.distributed\.(?:run|launch))|(?P<other>deepspeed|mpirun|mpiexec))(?=\0|$)"
)
"""What starts processes by itself, in the words of a simple command with a NUL between them."""


def is_known(word: str) -> bool:
    """Whether a word means what it says: no variable, no pattern, no home directory."""
    return re.search(r"[$`*?]|^~", word) is None


@dataclass(frozen=True)
class Place:
    """Where a simple command runs, and what was said before it."""

    directory: str | None = "."
    """Seen from the code folder, by the `cd` before; None where that cannot be followed."""
    before: str = ""

    def names(self, file: str) -> bool:
        """Whether an earlier word or redirection names a file or its directory, so that the command itself may make it."""
        parts = [part for part in PurePosixPath(file).parts if part not in ("/", "..")]
        return any(re.search(rf"(?<![\w-]){re.escape(part)}(?![\w-])", self.before) for part in parts)

    def lacks(self, code: Path | None, file: str) -> bool:
        """Whether a file is surely not there on the machine, which has the code folder and what the command makes."""
        if not is_known(file) or self.names(file):
            return False
        if self.directory is None or os.path.isabs(file):
            return os.path.isabs(file)
        found = os.path.normpath(os.path.join(self.directory, file))
        if code is None or found.startswith(".."):
            return True
        return os.path.isdir(code / self.directory) and not os.path.isfile(code / found)

    def after(self, cd: tuple[str, ...], previous: str | None) -> str | None:
        """The directory behind `cd WORDS`."""
        (to,) = [word for word in cd if not re.fullmatch(r"-[LPe]|--", word)][:1] or ["~"]
        if to in ("-", "$OLDPWD"):
            return previous
        if self.directory is None or not is_known(to) or os.path.isabs(to):
            return None
        found = os.path.normpath(os.path.join(self.directory, to))
        return None if found.startswith("..") else found


@dataclass(frozen=True)
class TrainCommand:
    """What is given to `localft train`."""

    recipe: str | None
    flags: tuple[tuple[str, str | None], ...]
    """Each flag with its value; None where none follows."""
    place: Place
    stray: tuple[str, ...] = ()
    """Further words without a flag, which the command does not take."""
    unknown: tuple[str, ...] = ()
    """Words such as `$EXTRA` that may stand for flags, so that none can be missed."""
    from_code: bool = True
    """Whether localft is run as a module (`-m localft`), so from the code folder."""


@dataclass(frozen=True)
class SimpleCommand:
    """One program with its arguments, without keywords and variables before it."""

    words: tuple[str, ...]
    typed: tuple[str, ...]
    """The same with their quotes."""
    place: Place
    background: bool = False
    """Whether the shell goes on without waiting for it."""
    training: TrainCommand | None = None

    @property
    def start(self) -> tuple[str, ...]:
        """What stands before `localft train`, as typed; everything where there is none."""
        return self.typed if self.training is None else self.typed[: _train_at(self.words)[0]]

    @property
    def launcher(self) -> tuple[re.Match[str], tuple[str, ...]] | None:
        """What starts its processes, and the words of `start` behind that."""
        text = "\0".join(self.start)
        found = _LAUNCHER.match(text) if self.training is None else _LAUNCHER.search(text)
        return None if found is None else (found, self.start[text[: found.end()].count("\0") + 1 :])


@dataclass(frozen=True)
class Command:
    """A job's command, read once."""

    text: str
    simple: tuple[SimpleCommand, ...] = ()
    problem: str | None = None
    """Why it cannot be read."""

    @property
    def trainings(self) -> tuple[TrainCommand, ...]:
        return tuple(each.training for each in self.simple if each.training is not None)


def read_command(text: str) -> Command:
    """The simple commands of a text, those in `bash -c '...'` and `$(...)` in their place."""
    tight = ANY_EXPRESSION.sub(r"${{\1}}", text)
    try:
        return Command(text, tuple(_simple(tight)))
    except ValueError as error:
        return Command(text, problem=str(error))


def _simple(text: str, place: Place = Place()) -> Iterator[SimpleCommand]:
    directory, previous, before = place.directory, place.directory, place.before
    outside: list[tuple[str | None, str | None]] = []
    for typed, named, end in _typed(_HERE_DOCUMENT.sub(r"\1", text)):
        place = Place(directory, before)
        for word in typed:
            for match in () if word.startswith("'") else _INNER.finditer(word):
                yield from _simple(match[1] or match[2] or "", place)
        program = tuple(itertools.dropwhile(_KEYWORD.fullmatch, typed))
        words = tuple(map(_unquoted, program))
        place = Place(directory, " ".join([before, *typed[: len(typed) - len(program)]]))
        inner, training = _inner_command(words), _training(words, place)
        if inner is not None:
            yield from _simple(inner, place)
        elif words:
            yield SimpleCommand(words, program, place, end == "&", training)
        if words and words[0] == "cd":
            directory, previous = place.after(words[1:], previous), directory
        elif words and words[0] in ("pushd", "popd"):
            directory = None
        made = [*typed, *named] if training is None else named
        before = " ".join([before, *map(_unquoted, made)])
        if end == "(":
            outside.append((directory, previous))
        elif end == ")" and outside:
            directory, previous = outside.pop()


def _typed(text: str) -> Iterator[tuple[list[str], list[str], str]]:
    """Each simple command's words with their quotes, its files of redirections, and the operator that ends it.

    ValueError where quotes are not in pairs.
    """
    words: list[str] = []
    named: list[str] = []
    place, redirected = 0, False
    while place < len(text):
        token = _TOKEN.match(text, place)
        if token is None:
            raise ValueError("expected quotes in pairs, found one that is not closed; close it.")
        if re.match(r"\\[ \t]", token[0]):
            raise ValueError(
                "expected `\\` as the last character of its line, found a blank behind it; remove the blank, or in a command "
                "that begins with `>-` each `\\`."
            )
        place = token.end()
        if token["word"]:
            (named if redirected else words).append(token["word"])
            redirected = False
        elif token["redirection"]:
            redirected = True
        elif token["operator"]:
            yield words, named, token[0]
            words, named, redirected = [], [], False
    yield words, named, ""


def _inner_command(words: tuple[str, ...]) -> str | None:
    """What `bash -euo pipefail -c '...'` or `eval '...'` is given to run, whatever runs it."""
    if words[:1] == ("eval",):
        return " ".join(words[1:])
    rest = itertools.dropwhile(lambda word: not _SHELL.fullmatch(word), words)
    next(rest, None)
    asked = False
    for word in rest:
        if not re.match(r"[-+]\S", word):
            return word if asked else None
        if not word.startswith("--"):
            asked = asked or "c" in word
            if "o" in word.lower():  # -o pipefail, -O extglob
                next(rest, None)
    return None


def _unquoted(typed: str) -> str:
    def inner(match: re.Match[str]) -> str:
        return match[1] or match[2] or re.sub(r'\\(["\\$`\n])', r"\1", match[3] or "")

    return _QUOTED.sub(inner, typed)


# --- trainings --------------------------------------------------------------------------------------------------------


def _train_at(words: tuple[str, ...]) -> tuple[int, int]:
    """Where `localft` and its `train` stand; (-1, -1) where they do not."""
    for place, word in enumerate(words):
        if _LOCALFT.fullmatch(word):
            train = next((at for at in range(place + 1, len(words)) if words[at] not in _GLOBAL_FLAGS), -1)
            if train > 0 and words[train] == "train":
                return place, train
    return -1, -1


def _training(words: tuple[str, ...], place: Place) -> TrainCommand | None:
    at, train = _train_at(words)
    if train < 0 or _runs_nothing(words[:at], words[at]):
        return None
    flags, plain = _told_apart(words[train + 1 :])
    known = [word for word in plain if is_known(word)]
    recipe = next(iter(known or plain), None)
    unknown = [word for word in plain if word not in known and (word != recipe or not EXPRESSION.fullmatch(word))]
    if any(_ELSEWHERE.fullmatch(word) for word in words[:at]):
        place = Place(None, place.before)
    from_code = words[at].startswith("-m") or (at > 0 and _AS_MODULE.fullmatch(words[at - 1]) is not None)
    return TrainCommand(recipe, tuple(flags), place, tuple(known[1:]), tuple(unknown), from_code)


def _runs_nothing(before: tuple[str, ...], localft: str) -> bool:
    """Whether the words before `localft train` surely do not run it: echo, a misspelled program, a folder for a module."""
    if before[:1] in (("echo",), ("printf",)) or (before[:1] == ("accelerate",) and before[1:2] != ("launch",)):
        return True
    program = before[-2] if len(before) > 1 and before[-1] == "-m" else ""
    near = difflib.get_close_matches(program, ["python"], cutoff=0.8)
    if near and "python" not in program:
        return True
    return localft in ("localft", "./localft") and bool(before) and _PYTHON.fullmatch(before[-1]) is not None


def _told_apart(arguments: tuple[str, ...]) -> tuple[list[tuple[str, str | None]], list[str]]:
    """Flags with their values, and the words that stand by themselves; each flag of `localft train` takes a value."""
    flags: list[tuple[str, str | None]] = []
    plain: list[str] = []
    rest = iter(arguments)
    for word in rest:
        if not word.startswith("--"):
            plain.append(word)
            continue
        name, equals, value = word.partition("=")
        flags.append((name, value if equals else next(rest, None)))
    return flags, plain
