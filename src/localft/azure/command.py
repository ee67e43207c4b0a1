"""The `localft train` in a job's command, read back as the shell on the machine would split it.

accelerate launch ... -m localft train 'my job.yaml' --n-epochs ${{inputs.n_epochs}} --output-dir "${{outputs.run}}"
-> recipe: my job.yaml, flags: (--n-epochs, ${{inputs.n_epochs}}), (--output-dir, ${{outputs.run}})
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

from localft.errors import UsageError

EXPRESSION = re.compile(r"\$\{\{\s*(inputs|outputs|search_space)\.([\w-]+)\s*\}\}")
"""What Azure puts a value in the place of: kind and name."""
_SIGNS = ";&|<>"
"""Of these is made what ends the arguments of a command, or sends its output elsewhere."""


@dataclass(frozen=True)
class TrainCommand:
    """What is given to `localft train`."""

    recipe: str | None
    flags: tuple[tuple[str, str | None], ...]
    """Each flag with its value; None where none follows."""
    stray: tuple[str, ...] = ()
    """Further words without a flag, which the command does not take."""
    from_code: bool = True
    """Whether localft is run as a module (`-m localft`), so from the code folder."""


def read_command(command: str) -> TrainCommand | None:
    """The training that the command starts; None where it starts none. UsageError where quotes are not in pairs."""
    words = words_of(command)
    starts = [place for place in range(len(words) - 1) if words[place : place + 2] == ["localft", "train"]]
    if not starts:
        return None
    start = starts[0]
    arguments = words[start + 2 :]
    end = next((place for place, word in enumerate(arguments) if set(word) <= set(_SIGNS)), len(arguments))
    flags, plain = _told_apart(arguments[:end])
    return TrainCommand(
        plain[0] if plain else None, tuple(flags), tuple(plain[1:]), from_code=start > 0 and words[start - 1] == "-m"
    )


def words_of(command: str) -> list[str]:
    """The command as the shell on the machine splits it. UsageError where quotes are not in pairs."""
    tight = EXPRESSION.sub(r"${{\1.\2}}", command).replace("\\\n", " ").replace("\n", " ; ")
    lexer = shlex.shlex(tight, posix=True, punctuation_chars=_SIGNS)
    lexer.whitespace_split, lexer.commenters = True, ""
    try:
        return list(lexer)
    except ValueError:
        raise UsageError("expected quotes in pairs, found one that is not closed; close it.") from None


def _told_apart(arguments: list[str]) -> tuple[list[tuple[str, str | None]], list[str]]:
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
