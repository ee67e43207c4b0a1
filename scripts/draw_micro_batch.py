"""Draws docs/images/micro-batch.svg: one packed, prefix-shared micro-batch, of rows of the bundled sample.

    python scripts/draw_micro_batch.py

Nothing in the picture is made up: the rows go through tokenizer and collator as in a training. A test fails while the
picture is not what this script draws.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import accumulate
from pathlib import Path

from localft.data.examples import ChatExample
from localft.data.reading import read_examples
from localft.tokenization.examples import TokenizedExample
from localft.tokenization.render import render_example
from localft.tokenization.tokenizer import ChatTokenizer
from localft.training.collator import PackedRows, pack_rows

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "docs" / "images" / "micro-batch.svg"
SAMPLE = ROOT / "src" / "localft" / "samples" / "sarcastic_assistant.jsonl"
TOKENIZER = ROOT / "src" / "localft" / "tiny"
LINES = (27, 7, 3, 22)
"""Rows of the sample: one without its system message, three with it."""

COLOURS = ("#8ecae6", "#f4b942", "#5cc2a1", "#d9a0c7", "#c9c9c9")
"""One a segment, told apart by colour-blind readers too; letters say the same."""
INK, SOFT, EMPTY = "#1f2933", "#52606d", "#f3f5f7"
WIDTH, HEIGHT, MARGIN = 1000, 532, 28
LEFT_WIDTH, MATRIX = 560, 316
BAR, GAP = 28, 12
SMALL, NORMAL, LARGE = 12.5, 13, 15
CHARACTER = 7.7
"""Width of a character of normal size in the widest of the fonts."""


@dataclass(frozen=True)
class Drawn:
    """The rows that are drawn, and what the collator made of them."""

    chats: tuple[ChatExample, ...]
    rows: tuple[TokenizedExample, ...]
    batch: PackedRows

    @property
    def tokens(self) -> int:
        return sum(len(row.input_ids) for row in self.rows)

    @property
    def begins(self) -> list[int]:
        """Where each segment begins in the flattened row."""
        return list(accumulate(self.batch.segments.lengths, initial=0))[:-1]


def picture() -> str:
    """The whole SVG."""
    drawn = _collated()
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        "font-family=\"-apple-system, 'Segoe UI', Helvetica, Arial, 'DejaVu Sans', sans-serif\">",
        f"<title>{_title(drawn)}</title>",
        _rectangle(0, 0, WIDTH, HEIGHT, "#ffffff"),
        *_examples(drawn, top=36),
        *_flattened(drawn, top=302),
        *_attention(drawn, left=WIDTH - MARGIN - MATRIX, top=96),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _title(drawn: Drawn) -> str:
    computed = drawn.batch.segments.tokens
    return f"{len(drawn.rows)} examples of {drawn.tokens} tokens in a micro-batch that computes {computed}"


def _collated() -> Drawn:
    tokenizer = ChatTokenizer.from_directory(TOKENIZER)
    chats = {chat.line: chat for chat in read_examples(SAMPLE)}
    chosen = tuple(chats[line] for line in LINES)
    rows = tuple(render_example(chat, tokenizer) for chat in chosen)
    return Drawn(chosen, rows, pack_rows(rows, share=True))


# --- the three parts of the picture


def _examples(drawn: Drawn, top: float) -> Iterator[str]:
    """The rows of the file, one below the other, each in the colours of its segments."""
    yield _text(MARGIN, top, f"{len(drawn.rows)} examples, {drawn.tokens} tokens", size=LARGE, bold=True)
    yield _text(
        MARGIN, top + 20, "Three begin with the same system message. Underlined: tokens that carry loss.", size=SMALL
    )
    scale = (LEFT_WIDTH - 58) / max(len(row.input_ids) for row in drawn.rows)
    for index, (chat, row) in enumerate(zip(drawn.chats, drawn.rows, strict=True)):
        y = top + 40 + index * (BAR + GAP + 6)
        yield _text(MARGIN, y + BAR / 2, f"line {row.line}", middle=True, size=SMALL, colour=SOFT)
        for segment, begin, end in _path(drawn, index):
            x, width = MARGIN + 58 + begin * scale, (end - begin) * scale
            yield _rectangle(x, y, width, BAR, COLOURS[segment], outlined=True)
            yield _text(
                x + 6, y + BAR / 2, _label(segment, _says(chat, shared=end < len(row.input_ids)), width), middle=True
            )
        trained = [place for place, weight in enumerate(row.loss_weights) if weight > 0]
        for begin, end in _runs(trained):
            yield _rectangle(MARGIN + 58 + begin * scale, y + BAR + 2, (end - begin) * scale, 3, INK)


def _flattened(drawn: Drawn, top: float) -> Iterator[str]:
    """The one row that the model is given, with the positions that its tokens count from."""
    segments = drawn.batch.segments
    fewer = 1 - segments.tokens / drawn.tokens
    yield _text(
        MARGIN, top, f"1 micro-batch, {segments.tokens} tokens: {fewer:.0%} fewer to compute", size=LARGE, bold=True
    )
    yield _text(MARGIN, top + 20, "What they share stands there once. No padding.", size=SMALL)
    scale, y = LEFT_WIDTH / segments.tokens, top + 86
    for segment, begin in enumerate(drawn.begins):
        length, before = segments.lengths[segment], segments.before[segment]
        x, width = MARGIN + begin * scale, length * scale
        yield _rectangle(x, y, width, BAR, COLOURS[segment], outlined=True)
        yield _text(x + width / 2, y + BAR / 2, _letter(segment), middle=True, anchor="middle", bold=True)
        yield _text(x + width / 2, y + BAR + 22, f"{before}\u2013{before + length - 1}", anchor="middle", size=SMALL)
        if (parent := segments.parents[segment]) >= 0:
            origin = MARGIN + (drawn.begins[parent] + segments.lengths[parent] / 2) * scale
            yield _arrow(origin, x + width / 2, y - 3)
    yield _text(MARGIN, y + BAR + 44, "Positions count on from the segment that the arrow comes from.", size=SMALL)
    paths = "Examples are paths: " + ", ".join(
        f"line {row.line} = {' + '.join(_letter(segment) for segment, *_ in _path(drawn, index))}"
        for index, row in enumerate(drawn.rows)
    )
    yield _text(MARGIN, y + BAR + 66, paths, size=SMALL)


def _attention(drawn: Drawn, left: float, top: float) -> Iterator[str]:
    """Which tokens of the flattened row attend to which: triangles of their own, blocks of what they continue."""
    segments = drawn.batch.segments
    scale = MATRIX / segments.tokens
    yield _text(left, 36, "Who attends to whom", size=LARGE, bold=True)
    yield _text(left, 56, "Across: the tokens that are read. Down: the", size=SMALL)
    yield _text(left, 72, "tokens that read them.", size=SMALL)
    yield _rectangle(left, top + 18, MATRIX, MATRIX, EMPTY)
    for segment, begin in enumerate(drawn.begins):
        start, size = begin * scale, segments.lengths[segment] * scale
        x, y = left + start, top + 18 + start
        yield f'<path d="M{x:.1f} {y:.1f}v{size:.1f}h{size:.1f}z" fill="{COLOURS[segment]}"/>'
        ancestor = segments.parents[segment]
        while ancestor >= 0:
            seen = left + drawn.begins[ancestor] * scale
            yield _rectangle(seen, y, segments.lengths[ancestor] * scale, size, COLOURS[ancestor])
            ancestor = segments.parents[ancestor]
        yield _text(x + size / 2, top + 9, _letter(segment), middle=True, anchor="middle", bold=True)
        yield _text(left - 14, y + size / 2, _letter(segment), middle=True, anchor="middle", bold=True)
    for end in [begin * scale for begin in drawn.begins] + [MATRIX]:
        yield _line(left, top + 18 + end, left + MATRIX, top + 18 + end)
        yield _line(left + end, top + 18, left + end, top + 18 + MATRIX)
    below = top + 18 + MATRIX + 24
    yield _text(left, below, "A triangle: each token reads those before it", size=SMALL)
    yield _text(left, below + 16, "in its own segment. A block: and all of the", size=SMALL)
    yield _text(left, below + 32, "segment that it continues. Empty: examples", size=SMALL)
    yield _text(left, below + 48, "never see one another.", size=SMALL)


# --- what is said of segments


def _path(drawn: Drawn, row: int) -> list[tuple[int, int, int]]:
    """(segment, begin, end) of an example, positions within the example."""
    segments, begins = drawn.batch.segments, drawn.begins
    ids, flat = drawn.rows[row].input_ids, drawn.batch.input_ids_1T[0].tolist()
    for leaf, (before, length) in enumerate(zip(segments.before, segments.lengths, strict=True)):
        path = [leaf]
        while segments.parents[path[0]] >= 0:
            path.insert(0, segments.parents[path[0]])
        found = [flat[place] for part in path for place in range(begins[part], begins[part] + segments.lengths[part])]
        if found == ids and before + length == len(ids):
            return [(part, segments.before[part], segments.before[part] + segments.lengths[part]) for part in path]
    raise AssertionError("every example is a path")


def _says(chat: ChatExample, *, shared: bool) -> str:
    """What stands in a segment: the system message, or question and answer."""
    return " ".join(message.text or "" for message in chat.messages if (message.role == "system") == shared)


def _letter(segment: int) -> str:
    return "ABCDEFGH"[segment]


def _label(segment: int, says: str, width: float) -> str:
    """The letter and as much of the text as fits."""
    room = int((width - 12) / CHARACTER) - 3
    shown = says if len(says) <= room else f"{says[: room - 1].rstrip()}\u2026"
    return f"{_letter(segment)}  {shown}"


def _runs(places: Sequence[int]) -> list[tuple[int, int]]:
    """Neighbouring places as (begin, end): [3, 4, 7] -> [(3, 5), (7, 8)]."""
    begins = [place for place in places if place - 1 not in places]
    ends = [place + 1 for place in places if place + 1 not in places]
    return list(zip(begins, ends, strict=True))


# --- shapes


def _rectangle(x: float, y: float, width: float, height: float, fill: str, *, outlined: bool = False) -> str:
    outline = f' stroke="{INK}" stroke-width="0.8"' if outlined else ""
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{fill}"{outline}/>'


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<path d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" stroke="{SOFT}" stroke-width="0.6"/>'


def _arrow(start: float, end: float, y: float) -> str:
    """An arc above the row that comes down on its end."""
    top = y - 18 - 0.14 * (end - start)
    arc = f"M{start:.1f} {y:.1f}C{start:.1f} {top:.1f} {end:.1f} {top:.1f} {end:.1f} {y - 5:.1f}"
    head = f"M{end - 4:.1f} {y - 7:.1f}L{end:.1f} {y:.1f}L{end + 4:.1f} {y - 7:.1f}z"
    return f'<path d="{arc}" fill="none" stroke="{INK}" stroke-width="1.2"/><path d="{head}" fill="{INK}"/>'


def _text(
    x: float,
    y: float,
    text: str,
    *,
    size: float = NORMAL,
    bold: bool = False,
    middle: bool = False,
    anchor: str = "start",
    colour: str = INK,
) -> str:
    """`middle` centres the line on y; otherwise y is the baseline."""
    weight = ' font-weight="600"' if bold else ""
    baseline = y + size * 0.35 if middle else y
    return (
        f'<text x="{x:.1f}" y="{baseline:.1f}" font-size="{size:g}" text-anchor="{anchor}" fill="{colour}"{weight}>'
        f"{escape(text)}</text>"
    )


if __name__ == "__main__":
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(picture(), encoding="utf-8")
    print(PICTURE.relative_to(ROOT))
