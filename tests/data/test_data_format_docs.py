"""docs/data-format.md says what the rules say. `python tests/data/test_data_format_docs.py` rewrites its tables."""

import re
from pathlib import Path

import pytest

from localft.data.problems import RULES
from localft.data.rules import MESSAGE_KEYS

PAGE = Path(__file__).parents[2] / "docs" / "data-format.md"

REQUIRED = {
    "system": {"content"},
    "developer": {"content"},
    "user": {"content"},
    "assistant": set(),
    "tool": {"content", "tool_call_id"},
    "function": {"content", "name"},
}


def roles_table():
    lines = ["| role | required | optional |", "|---|---|---|"]
    for role, keys in MESSAGE_KEYS.items():
        required = [key for key in keys if key in REQUIRED[role]]
        optional = [key for key in keys if key not in REQUIRED[role] and key != "role"]
        cells = (", ".join(f"`{key}`" for key in part) for part in (required, optional))
        lines.append(f"| `{role}` | {' | '.join(cells)} |")
    return lines


def escaped(text):
    """A vertical bar ends a cell of a table, even inside code."""
    return text.replace("|", "\\|")


def codes_table():
    lines = []
    for severity in ("error", "warning"):
        lines += [f"| {severity} | when | what to do |", "|---|---|---|"]
        for code, rule in RULES.items():
            if rule.severity == severity:
                lines.append(f"| `{code}` | {escaped(rule.meaning)} | {escaped(rule.remedy)} |")
        lines.append("")
    return lines[:-1]


TABLES = {"roles": roles_table, "codes": codes_table}


def with_table(page, name):
    body = "\n".join(TABLES[name]())
    pattern = rf"(<!-- {name}: begin -->\n).*?(<!-- {name}: end -->)"
    replaced, count = re.subn(pattern, lambda match: f"{match[1]}{body}\n{match[2]}", page, flags=re.DOTALL)
    assert count == 1, f"{PAGE} has no place for the table of {name}"
    return replaced


@pytest.mark.parametrize("name", TABLES)
def test_the_table_on_the_page_is_the_one_of_the_rules(name):
    page = PAGE.read_text("utf-8")
    assert page == with_table(page, name)


if __name__ == "__main__":
    page = PAGE.read_text("utf-8")
    for name in TABLES:
        page = with_table(page, name)
    PAGE.write_text(page, "utf-8")
